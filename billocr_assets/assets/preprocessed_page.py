from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import cv2
import dagster as dg
import numpy as np

from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.checks import PAGE_QUALITY, page_quality
from billocr_assets.io import BillValues
from billocr_assets.ocr.pipeline import upright_page
from billocr_assets.ocr.stages import PreparedPage
from billocr_assets.resources import ModelsResource, StoreResource
from billocr_assets.thumbnails import FOUND, thumbnail


@bill_stage(kinds={"python", "opencv"}, code_version="1", checks=PAGE_QUALITY, deps=["promoted_models"])
def preprocessed_page(
    context: dg.AssetExecutionContext, store: StoreResource, models: ModelsResource, bill_image: BillValues
) -> Iterator[Any]:
    """The paper cut out, rectified, turned upright, straightened and evenly lit, with the way back to the upload."""
    loaded = models.load()

    def work(_: str, earlier: Earlier) -> Finding:
        (pages,) = earlier.values
        prepared = [upright_page(page, loaded) for page in pages]
        first = prepared[0]
        return Finding(
            prepared,
            asdict(first.quality),
            thumbnail(first.upload_size, pages[0], [(_outline(first), FOUND)]),
            {"page_quality": page_quality([page.quality for page in prepared])},
        )

    used = {"line_detector": loaded.line_detector.version}
    yield from each_bill(context, store.open(), work, bill_image, models=used)


def _outline(page: PreparedPage) -> np.ndarray:
    """(4, 2) corners of the prepared page on the upload."""
    height, width = page.image.shape
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    return cv2.perspectiveTransform(corners, page.to_upload)[0]
