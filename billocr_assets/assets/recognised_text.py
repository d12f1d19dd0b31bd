import time
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import cv2
import dagster as dg
import numpy as np

from billocr_assets.assets.line_segments import fingerprint
from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.checks import TEXT, confidence, text_found
from billocr_assets.io import BillValues, Failed
from billocr_assets.ocr.document import Document, Page
from billocr_assets.ocr.pipeline import assemble_pages, pool_is_full, recognise_bills
from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.stages import LineSegment, PreparedPage, ReadSegment
from billocr_assets.resources import ModelsResource, StoreResource
from billocr_assets.thumbnails import confidence_colour, thumbnail

_PREVIEW = 600


@bill_stage(kinds={"python", "onnx"}, code_version="1", checks=TEXT, deps=["promoted_models"])
def recognised_text(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    models: ModelsResource,
    preprocessed_page: BillValues,
    text_lines: BillValues,
    line_segments: BillValues,
) -> Iterator[Any]:
    """What the segments say: the bill's text with a box and a confidence for every word, on the upload's pixels."""
    recogniser = models.load().line_recogniser
    pooled = PooledReads(line_segments, context.partition_keys, recogniser)

    def work(bill: str, earlier: Earlier) -> Finding:
        pages, lines, segments = earlier.values
        if segments["of_lines"] != fingerprint(lines):
            raise RuntimeError("the lines were found anew since their segments were cut; run line_segments first")
        reads, seconds = pooled.take(bill)
        document = Document(
            assemble_pages(pages, lines, segments["pages"], reads, recogniser.calibration),
            models={**earlier.models, "line_recogniser": recogniser.version},
            seconds=earlier.seconds,
        )
        words = document.words
        mean = sum(word.confidence for word in words) / len(words) if words else None
        return Finding(
            document,
            {
                "lines": len(document.lines),
                "words": len(words),
                "characters": sum(len(word.text) for word in words),
                "mean_confidence": round(mean, 3) if mean is not None else None,
                "text": dg.MetadataValue.text(document.text[:_PREVIEW]),
            },
            _thumbnail(pages[0], document.pages[0]),
            {"text_found": text_found(document), "confidence": confidence(document)},
            seconds,
        )

    used = {"line_recogniser": recogniser.version}
    yield from each_bill(context, store.open(), work, preprocessed_page, text_lines, line_segments, models=used)


class PooledReads:
    """What the segments of a run's bills say: those of several bills are recognised together.

    Args:
        line_segments: of the bills.
        bills: in the order in which they will be asked for.
    """

    def __init__(self, line_segments: BillValues, bills: Sequence[str], recogniser: LineRecogniser) -> None:
        self._line_segments, self._bills, self._recogniser = line_segments, list(bills), recogniser
        self._reads: dict[str, tuple[list[ReadSegment] | Exception, float]] = {}

    def take(self, bill: str) -> tuple[list[ReadSegment], float]:
        """The reads of all segments of a bill, page by page, and the seconds that it cost beyond those of the caller.

        Raises:
            Exception: what the recognition of this bill failed with.
        """
        began = time.perf_counter()
        own = 0.0
        if bill not in self._reads:
            self._read_from(bill)
            own = time.perf_counter() - began
        read, seconds = self._reads.pop(bill)
        if isinstance(read, Exception):
            raise read
        return read, seconds - own

    def _read_from(self, first: str) -> None:
        pool: dict[str, list[LineSegment]] = {}
        columns: list[int] = []
        for bill in self._bills[self._bills.index(first) :]:
            try:
                value = self._line_segments[bill]
                segments = [] if isinstance(value, Failed) else list(chain(*value["value"]["pages"]))
            except Exception:
                if bill == first:
                    raise
                continue  # it fails when its turn comes
            pool[bill] = segments
            columns.append(sum(segment.crop.shape[1] for segment in segments))
            if pool_is_full(columns):
                break
        began = time.perf_counter()
        reads = recognise_bills(list(pool.values()), self._recogniser)
        column = (time.perf_counter() - began) / max(1, sum(columns))
        self._reads = {bill: (read, column * width) for bill, read, width in zip(pool, reads, columns, strict=True)}


def _thumbnail(prepared: PreparedPage, page: Page) -> str:
    height, width = prepared.image.shape
    to_prepared = np.linalg.inv(prepared.to_upload)
    words = [word for line in page.lines for word in line.words]
    boxes = [
        (cv2.perspectiveTransform(np.array([word.polygon], np.float64), to_prepared)[0], word.confidence)
        for word in words
    ]
    return thumbnail((width, height), prepared.image, [(box, confidence_colour(sure)) for box, sure in boxes])
