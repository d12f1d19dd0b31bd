from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import dagster as dg
import numpy as np

from billocr_assets.assets.line_segments import fingerprint
from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.checks import TEXT, confidence, text_found
from billocr_assets.io import BillValues
from billocr_assets.ocr.document import Document, Page
from billocr_assets.ocr.pipeline import assemble_page
from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.stages import LineSegment, PreparedPage, TextLine
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

    def work(_: str, earlier: Earlier) -> Finding:
        pages, lines, segments = earlier.values
        if segments["of_lines"] != fingerprint(lines):
            raise RuntimeError("the lines were found anew since their segments were cut; run line_segments first")
        document = read(pages, lines, segments["pages"], recogniser, earlier)
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
        )

    used = {"line_recogniser": recogniser.version}
    yield from each_bill(context, store.open(), work, preprocessed_page, text_lines, line_segments, models=used)


def read(
    pages: Sequence[PreparedPage],
    lines: Sequence[Sequence[TextLine]],
    segments: Sequence[Sequence[LineSegment]],
    recogniser: LineRecogniser,
    earlier: Earlier,
) -> Document:
    """The document of a bill; the segments of all pages are recognised together."""
    reads = iter(recogniser.recognise([segment.crop for page in segments for segment in page]))
    parts = zip(pages, lines, segments, strict=True)
    return Document(
        pages=tuple(
            assemble_page(page, found, cut, [next(reads) for _ in cut], number)
            for number, (page, found, cut) in enumerate(parts, 1)
        ),
        models={**earlier.models, "line_recogniser": recogniser.version},
        seconds=earlier.seconds,
    )


def _thumbnail(prepared: PreparedPage, page: Page) -> str:
    height, width = prepared.image.shape
    to_prepared = np.linalg.inv(prepared.to_upload)
    words = [word for line in page.lines for word in line.words]
    boxes = [
        (cv2.perspectiveTransform(np.array([word.polygon], np.float64), to_prepared)[0], word.confidence)
        for word in words
    ]
    return thumbnail((width, height), prepared.image, [(box, confidence_colour(sure)) for box, sure in boxes])
