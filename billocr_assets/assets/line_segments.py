import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import dagster as dg
import numpy as np

from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.io import BillValues
from billocr_assets.ocr.segmentation import HEIGHT, segment_lines
from billocr_assets.ocr.stages import LineSegment, TextLine
from billocr_assets.resources import ModelsResource, StoreResource
from billocr_assets.thumbnails import FOUND, thumbnail


@bill_stage(kinds={"python", "onnx"}, code_version="1", deps=["promoted_models"])
def line_segments(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    models: ModelsResource,
    preprocessed_page: BillValues,
    text_lines: BillValues,
) -> Iterator[Any]:
    """The lines cut out and straightened, with the words that show in them."""
    segmenter = models.load().line_segmenter

    def work(_: str, earlier: Earlier) -> Finding:
        pages, lines = earlier.values
        segments = [segment_lines(page, found, segmenter) for page, found in zip(pages, lines, strict=True)]
        height, width = pages[0].image.shape
        words = [(box, FOUND) for segment in segments[0] for box in _word_boxes(segment)]
        return Finding(
            {"of_lines": fingerprint(lines), "pages": segments},
            {
                "segments": sum(map(len, segments)),
                "words": sum(len(segment.words) for page in segments for segment in page),
            },
            thumbnail((width, height), pages[0].image, words),
        )

    used = {"line_segmenter": segmenter.version}
    yield from each_bill(context, store.open(), work, preprocessed_page, text_lines, models=used)


def fingerprint(lines: Sequence[Sequence[TextLine]]) -> int:
    """Tells whether segments, which know their lines by index, were cut from these lines."""
    return zlib.crc32(b"|".join(line.polygon.tobytes() for page in lines for line in page))


def _word_boxes(segment: LineSegment) -> list[np.ndarray]:
    boxes = [[(x0, 0), (x1, 0), (x1, HEIGHT), (x0, HEIGHT)] for x0, x1 in segment.words]
    return [cv2.perspectiveTransform(np.array([box], np.float64), segment.to_page)[0] for box in boxes]
