from collections.abc import Iterator
from typing import Any

import dagster as dg

from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.io import BillValues
from billocr_assets.ocr.detection import find_lines
from billocr_assets.resources import ModelsResource, StoreResource
from billocr_assets.thumbnails import confidence_colour, thumbnail


@bill_stage(kinds={"python", "onnx"}, code_version="1", deps=["promoted_models"])
def text_lines(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, preprocessed_page: BillValues
) -> Iterator[Any]:
    """Every text line's box, in reading order, with those that stand side by side in one row."""
    detector = models.load().line_detector

    def work(_: str, earlier: Earlier) -> Finding:
        (pages,) = earlier.values
        lines = [find_lines(page, detector) for page in pages]
        found = [line for page in lines for line in page]
        height, width = pages[0].image.shape
        return Finding(
            lines,
            {
                "lines": len(found),
                "rows": sum(len({line.row for line in page}) for page in lines),
                "mean_score": round(sum(line.score for line in found) / len(found), 3) if found else None,
            },
            thumbnail(
                (width, height), pages[0].image, [(line.polygon, confidence_colour(line.score)) for line in lines[0]]
            ),
        )

    yield from each_bill(context, store.open(), work, preprocessed_page, models={"line_detector": detector.version})
