"""Addresses that are told when a bill was read or corrected."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from billocr_assets.store import webhooks
from billocr_assets.store.schema import BillStatus, DeliveryState
from billocr_ui.api.problems import responses
from billocr_ui.api.requests import BILL_ID, Person, TheStore

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

WebhookId = Annotated[str, Path(pattern=BILL_ID)]
Url = Annotated[str, Field(max_length=2000, examples=["https://example.org/bills"])]


class NewWebhook(BaseModel):
    url: Url
    events: Annotated[list[webhooks.Event], Field(min_length=1)]


class WebhookChange(BaseModel):
    """What is left out or null stays as it is."""

    url: Url | None = None
    events: Annotated[list[webhooks.Event], Field(min_length=1)] | None = None
    active: bool | None = None


class WebhookOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    url: str
    events: list[webhooks.Event]
    active: bool
    created_at: datetime


class WebhookMade(WebhookOut):
    secret: str = Field(description="Signs the deliveries; shown this one time.", examples=["whsec_…"])


class Delivery(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    event: str
    state: DeliveryState
    tries: int
    next_at: datetime = Field(description="While it waits: when it is tried next.")
    status: int | None = Field(description="HTTP status of the last answer.")
    error: str | None
    created_at: datetime


class ToldBill(BaseModel):
    bill_id: str
    name: str
    status: BillStatus
    revision: int = Field(description="Number of the newest correction; events may overtake one another.")


class Told(BaseModel):
    """What a webhook gets. Ask the API for the rest."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "bill.read",
                    "timestamp": "2026-11-26T08:00:00+00:00",
                    "data": {
                        "bill_id": "0198f0d5a3c97d3e8b1c2f4a5d6e7f80",
                        "name": "lunch.jpg",
                        "status": "read",
                        "revision": 0,
                    },
                }
            ]
        }
    )

    type: webhooks.Event
    timestamp: datetime
    data: ToldBill


told = APIRouter(tags=["webhooks"], responses={"default": {"description": "It comes again later."}})
_HEADERS = "Its headers are `webhook-id`, `webhook-timestamp` and `webhook-signature`, see `create_webhook`."


@told.post(
    "bill.read", status_code=204, operation_id="bill_read", description=f"A bill of yours has been read. {_HEADERS}"
)
@told.post(
    "bill.corrected",
    status_code=204,
    operation_id="bill_corrected",
    description=f"Somebody has corrected a bill of yours. {_HEADERS}",
)
def bill_told(body: Told) -> None: ...


@router.get("")
def list_webhooks(store: TheStore, user: Person) -> list[WebhookOut]:
    """Your webhooks, oldest first."""
    return [WebhookOut.model_validate(each) for each in webhooks.list_webhooks(store, user)]


@router.post("", status_code=201)
def create_webhook(store: TheStore, user: Person, body: NewWebhook) -> WebhookMade:
    """Have an address told by POST when a bill of yours was read or corrected.

    Deliveries follow the Standard Webhooks specification. The headers are `webhook-id`, `webhook-timestamp` (Unix
    seconds) and `webhook-signature`: `v1,` and the base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`, under the
    secret without its `whsec_`, decoded from base64. Whatever is not answered with 2xx within seconds comes again, ever
    later, for some 27 hours. A delivery may come twice, with the same id, and out of order.
    """
    return WebhookMade.model_validate(webhooks.create_webhook(store, user, body.url, body.events))


@router.patch("/{webhook_id}", responses=responses(404))
def change_webhook(store: TheStore, user: Person, webhook_id: WebhookId, body: WebhookChange) -> WebhookOut:
    """Change the address or the events, or switch the webhook off and on."""
    return WebhookOut.model_validate(
        webhooks.change_webhook(store, user, webhook_id, body.url, body.events, body.active)
    )


@router.delete("/{webhook_id}", status_code=204, responses=responses(404))
def delete_webhook(store: TheStore, user: Person, webhook_id: WebhookId) -> None:
    """Delete the webhook, and what is still on its way there."""
    webhooks.delete_webhook(store, user, webhook_id)


@router.get("/{webhook_id}/deliveries", responses=responses(404))
def list_deliveries(
    store: TheStore, user: Person, webhook_id: WebhookId, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[Delivery]:
    """The newest deliveries and how they went; kept for 30 days."""
    return [Delivery.model_validate(each) for each in webhooks.deliveries(store, user, webhook_id, limit)]
