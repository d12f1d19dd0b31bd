from collections.abc import Iterator
from typing import Any

import dagster as dg

from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.ocr.pages import load_pages
from billocr_assets.resources import StoreResource
from billocr_assets.store.reading import bill_bytes
from billocr_assets.thumbnails import thumbnail


@bill_stage(kinds={"python", "pillow"}, code_version="1")
def bill_image(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[Any]:
    """The upload's pages as grey pictures, upright as the camera says; a PDF is rendered."""
    opened = store.open()
    limits = opened.settings

    def work(bill: str, _: Earlier) -> Finding:
        data = bill_bytes(opened, bill)
        pages = load_pages(data, grey=True, max_pixels=limits.max_megapixels * 1_000_000, max_pages=limits.max_pages)
        height, width = pages[0].shape
        return Finding(
            pages,
            {"pages": len(pages), "width": width, "height": height, "bytes": len(data)},
            thumbnail((width, height), pages[0]),
        )

    yield from each_bill(context, opened, work)
