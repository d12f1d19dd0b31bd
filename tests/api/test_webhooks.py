import json
from dataclasses import replace

import pytest

from billocr_assets.store.webhooks import EVENTS, announce, create_webhook, deliveries, sign
from billocr_ui.api.webhooks import Told
from billocr_ui.services.deliverer import delivering
from tests.api.live import serve
from tests.store.receiver import receiver
from tests.waiting import until

NEW = {"url": "https://example.org/hook", "events": ["bill.read"]}


def test_a_secret_is_shown_once(client):
    made = client.post("/webhooks", json=NEW)
    assert (made.status_code, made.json()["secret"][:6]) == (201, "whsec_")
    (listed,) = client.get("/webhooks").json()
    assert listed == {name: value for name, value in made.json().items() if name != "secret"}


@pytest.mark.parametrize("change", [{"url": "ftp://example.org"}, {"events": []}, {"events": ["bill.burnt"]}])
def test_a_webhook_that_cannot_be_is_refused(client, change):
    assert client.post("/webhooks", json={**NEW, **change}).status_code == 422
    made = client.post("/webhooks", json=NEW).json()
    assert client.patch(f"/webhooks/{made['id']}", json=change).status_code == 422
    assert client.get("/webhooks").json()[0]["url"] == NEW["url"]


def test_a_webhook_is_changed_switched_off_and_deleted(client):
    url = f"/webhooks/{client.post('/webhooks', json=NEW).json()['id']}"
    changed = client.patch(url, json={"active": False}).json()
    assert (changed["active"], changed["url"]) == (False, NEW["url"])
    assert client.get(f"{url}/deliveries").json() == []
    assert client.delete(url).status_code == 204
    assert client.delete(url).status_code == 404


def test_while_the_process_lives_a_program_hears_of_bills_within_seconds(client, read, store):
    inside = replace(store, settings=store.settings.model_copy(update={"webhooks_private": True}))
    with receiver() as hook, delivering(lambda: inside):
        made = client.post("/webhooks", json={"url": hook.url, "events": ["bill.read"]}).json()
        bill = read()
        until(lambda: hook.got, "the webhook was told")
        headers, body = hook.got[0]
        url = f"/webhooks/{made['id']}/deliveries"
        until(lambda: client.get(url).json()[0]["state"] == "delivered", "the delivery is noted")
    assert json.loads(body)["data"]["bill_id"] == bill.id
    signature = sign(made["secret"], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == signature


def test_the_running_ui_sends_what_was_put_on_its_way(store, user, uploaded, tmp_path):
    inside = {"database_url": store.settings.database_url, "webhooks_private": True}
    with receiver() as hook, serve(tmp_path, **inside):
        create_webhook(store, user, hook.url, ["bill.corrected"])
        with store.database.session() as session:
            announce(session, uploaded(), "bill.corrected")
        until(lambda: hook.got, "the webhook was told")


def test_the_description_has_what_a_webhook_gets(client, read, store, user):
    webhook = create_webhook(store, user, "https://example.org/", ["bill.read"])
    read()
    (delivery,) = deliveries(store, user, webhook.id)
    described = client.get("/openapi.json").json()
    assert set(described["webhooks"]) == set(EVENTS)
    assert Told.model_validate(delivery.payload).model_dump(mode="json").keys() == delivery.payload.keys()
    assert delivery.payload["data"].keys() == described["components"]["schemas"]["ToldBill"]["properties"].keys()
