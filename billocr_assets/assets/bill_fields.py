from collections.abc import Iterator
from typing import Any

import dagster as dg

from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.fields.extract import extract_fields
from billocr_assets.io import BillValues
from billocr_assets.resources import StoreResource


@bill_stage(kinds={"python"}, code_version="1")
def bill_fields(context: dg.AssetExecutionContext, store: StoreResource, recognised_text: BillValues) -> Iterator[Any]:
    """Merchant, date, amounts, currency and items, by rules and arithmetic over the text."""

    def work(_: str, earlier: Earlier) -> Finding:
        (document,) = earlier.values
        fields = extract_fields(document)
        printed = {name: value for name, value in fields.printed().items() if value is not None}
        return Finding(fields.to_dict(), {**printed, "items": len(fields.items), "consistency": fields.consistency})

    yield from each_bill(context, store.open(), work, recognised_text)
