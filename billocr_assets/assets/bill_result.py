from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg

from billocr_assets.assets.stage import Earlier, Finding, bill_stage, each_bill
from billocr_assets.checks import READ
from billocr_assets.io import BillValues
from billocr_assets.resources import StoreResource
from billocr_assets.store.reading import publish_result


@bill_stage(kinds={"python", "json"}, code_version="1", checks=READ)
def bill_result(
    context: dg.AssetExecutionContext, store: StoreResource, recognised_text: BillValues, bill_fields: BillValues
) -> Iterator[Any]:
    """Text and fields as one document, published as the bill's newest machine layer; corrections stay on top of it."""
    opened = store.open()

    def work(_: str, earlier: Earlier) -> Finding:
        document, fields = earlier.values
        document = replace(document, seconds=earlier.seconds, models=earlier.models)
        assert earlier.attempt is not None  # this stage always reads for somebody
        layer = publish_result(opened, earlier.attempt, document, fields, earlier.run)
        published = {"layer": layer.id if layer else None}
        return Finding(
            {"document": document, "fields": fields, **published},
            {**published, "words": len(document.words), "reading_seconds": round(sum(earlier.seconds.values()), 3)},
        )

    yield from each_bill(context, opened, work, recognised_text, bill_fields)
