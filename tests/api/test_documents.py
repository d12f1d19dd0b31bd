from uuid import uuid4

import pytest

from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import new_id
from billocr_assets.store.webhooks import create_webhook, deliveries
from tests.ui.conftest import document_of


def edit(client, bill, *ops, base=0, client_id=None, first=1):
    numbered = [{"seq": seq, "op": op} for seq, op in enumerate(ops, first)]
    body = {"client_id": client_id or str(uuid4()), "base": base, "operations": numbered}
    return client.post(f"/bills/{bill.id}/operations", json=body)


def set_text(line, text):
    return {"kind": "set_text", "line": line, "text": text}


def lines(client, bill) -> dict[str, str]:
    document = client.get(f"/bills/{bill.id}/document").json()
    return {line["id"]: line["text"] for page in document["pages"] for line in page["lines"]}


def test_an_edit_is_acknowledged_and_stands_in_the_document(client, read):
    bill = read()
    answer = edit(client, bill, set_text("p1l0", "Bäckerei Huber & Sohn"), {"kind": "accept", "line": "p1l1"})
    assert answer.status_code == 200
    outcome = answer.json()
    assert (outcome["revision"], outcome["acknowledged"], outcome["conflicts"]) == (2, 2, [])
    assert {line["id"]: line["checked"] for line in outcome["lines"]} == {"p1l0": True, "p1l1": True}
    assert lines(client, bill)["p1l0"] == "Bäckerei Huber & Sohn"
    assert client.get(f"/bills/{bill.id}").json()["revision"] == 2


def test_an_edit_that_is_sent_again_is_acknowledged_and_not_applied_twice(client, read):
    bill = read()
    me, op = str(uuid4()), {"kind": "split", "line": "p1l2", "at": 7, "new": "n-1"}
    first = edit(client, bill, op, client_id=me)
    again = edit(client, bill, op, client_id=me)
    assert (first.json()["revision"], again.json()["revision"], again.json()["acknowledged"]) == (1, 1, 1)
    assert [text for text in lines(client, bill).values() if "Brezel" in text] == ["Brezel"]


def test_of_two_editors_of_one_line_the_second_hears_of_the_conflict_and_keeps_its_other_edits(client, read):
    bill = read()
    edit(client, bill, set_text("p1l0", "theirs"))
    outcome = edit(client, bill, set_text("p1l0", "mine"), set_text("p1l1", "mine")).json()
    (conflict,) = outcome["conflicts"]
    assert (conflict["seq"], conflict["line"], conflict["theirs"]["text"]) == (1, "p1l0", "theirs")
    assert lines(client, bill)["p1l0"] == "theirs"
    assert lines(client, bill)["p1l1"] == "mine"


@pytest.mark.parametrize(
    "op",
    [
        {"kind": "burn", "line": "p1l0"},
        {"kind": "set_text", "line": "p1l0"},
        {"kind": "set_text", "line": "p1l0", "text": "a" * 501},
        {"kind": "split", "line": "p1l0", "at": 10_000, "new": "n-1"},
        {"kind": "shape", "line": "p1l0", "polygon": [[0, 0]]},
        {"kind": "set_field", "name": "weight", "value": "1"},
        {"kind": "set_field", "name": "total", "value": "much"},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_all_that_came_with_it(client, read, op):
    bill = read()
    answer = edit(client, bill, set_text("p1l1", "good"), op)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert client.get(f"/bills/{bill.id}").json()["revision"] == 0


def test_a_document_is_sent_again_only_when_it_has_changed(client, read):
    bill = read()
    url = f"/bills/{bill.id}/document"
    tag = client.get(url).headers["etag"]
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
    edit(client, bill, set_text("p1l0", "new"))
    changed = client.get(url, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["revision"]) == (200, 1)
    assert changed.headers["etag"] != tag


def test_a_bill_that_is_not_read_yet_has_no_document(client, uploaded):
    answer = client.get(f"/bills/{uploaded().id}/document")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:billocr:not_read")


def test_a_field_is_set_as_a_whole(client, read):
    bill = read()
    answer = client.put(f"/bills/{bill.id}/fields/company", json={"value": "Huber KG"})
    assert answer.json()["fields"]["company"]["value"] == "Huber KG"
    assert client.get("/bills?search=huber kg").json()["total"] == 1
    items = [{"name": "Brezel", "amount": "2,40"}]
    answer = client.put(f"/bills/{bill.id}/fields/items", json={"value": items})
    assert [item["amount"] for item in answer.json()["fields"]["items"]] == ["2.40"]
    assert client.put(f"/bills/{bill.id}/fields/items", json={"value": 3}).status_code == 422
    assert client.put(f"/bills/{bill.id}/fields/company", json={"value": None}).json()["fields"]["company"] is None


def test_a_field_is_not_set_over_what_one_has_not_seen(client, read):
    bill = read()
    url = f"/bills/{bill.id}/fields"
    seen = client.get(url).headers["etag"]
    assert client.put(f"{url}/total", json={"value": "3"}, headers={"If-Match": seen}).status_code == 200
    late = client.put(f"{url}/total", json={"value": "4"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["type"]) == (412, "urn:billocr:changed_meanwhile")
    assert client.get(url).json()["fields"]["total"]["value"] == "3"
    assert client.get(url, headers={"If-None-Match": client.get(url).headers["etag"]}).status_code == 304


def test_the_history_says_who_did_what_and_leads_back(client, read):
    bill = read()
    for text in ("one", "two", "three"):
        edit(client, bill, set_text("p1l0", text), base=client.get(f"/bills/{bill.id}").json()["revision"])
    url = f"/bills/{bill.id}/revisions"
    page = client.get(f"{url}?limit=2").json()
    rest = client.get(f"{url}?limit=2&before={page['next_before']}").json()
    assert [entry["number"] for entry in page["revisions"] + rest["revisions"]] == [3, 2, 1]
    assert rest["next_before"] is None
    assert (page["revisions"][0]["author"], page["revisions"][0]["lines"]) == ("local", ["p1l0"])
    restored = client.post(f"{url}/1/restore").json()
    assert (restored["revision"], restored["pages"][0]["lines"][0]["text"]) == (4, "one")
    assert client.post(f"{url}/99/restore").status_code == 422


def test_a_bill_that_is_not_there_has_no_history_to_be_asked_about(client):
    for path in ("document", "fields", "revisions"):
        assert client.get(f"/bills/{new_id()}/{path}").status_code == 404


def test_a_webhook_is_told_of_a_correction_with_its_revision(client, read, store, user):
    bill = read()
    webhook = create_webhook(store, user, "https://example.org/", ["bill.corrected"])
    edit(client, bill, set_text("p1l0", "one"), set_text("p1l1", "two"))
    edit(client, bill, set_text("p1l0", "refused"))  # a conflict changes nothing and tells nothing
    (delivery,) = deliveries(store, user, webhook.id)
    assert (delivery.payload["type"], delivery.payload["data"]["revision"]) == ("bill.corrected", 2)


def test_of_a_newer_reading_the_chosen_lines_are_taken_and_the_rest_is_not_asked_about_again(client, store, read):
    bill = read()
    edit(client, bill, set_text("p1l0", "mine"))
    (attempt,) = begin_reading(store, [bill.id], "run 2", "backfill").values()
    publish_result(store, attempt, document_of(("Bäckerei Hubert", "Hauptstraße 12, 80331 München", "Brezel 2,50")), {})
    offered = client.get(f"/bills/{bill.id}/document").json()["machine_newer"]["lines"]
    assert {"p1l0", "p1l2"} <= {each["line"] for each in offered}
    answer = client.post(f"/bills/{bill.id}/machine-newer", json={"take": ["p1l2"]})
    assert (answer.status_code, answer.json()["machine_newer"]) == (200, None)
    now = lines(client, bill)
    assert (now["p1l0"], now["p1l2"]) == ("mine", "Brezel 2,50")
