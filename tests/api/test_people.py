"""Sharing, review, exports, account and administration as a program meets them; who may do it is another test's."""

import csv
import io
import json
import zipfile

import pytest
from sqlalchemy import select

from billocr_assets.store import review, sharing
from billocr_assets.store.accounts import invitations, passwords, sessions, tokens
from billocr_assets.store.reading import begin_reading, record_failure, sync_shipped_models
from billocr_assets.store.schema import AuditEvent, new_id
from billocr_assets.store.trash import delete_bill
from tests import files
from tests.store.people import add_user


@pytest.fixture
def mia(store):
    return add_user(store, "mia")


def test_a_bill_is_shared_with_a_person_and_taken_back(client, read, mia):
    url = f"/bills/{read().id}/shares"
    made = client.post(url, json={"email": "MIA@example.org", "level": "edit"})
    assert (made.status_code, made.json()["name"], made.json()["level"]) == (201, "mia", "edit")
    assert client.get(url).json() == [made.json()]
    assert client.delete(f"{url}/{made.json()['id']}").status_code == 204
    assert client.get(url).json() == []


@pytest.mark.parametrize(
    "body", [{}, {"email": "mia@example.org", "group_id": 1}, {"email": "mia@example.org", "level": "own"}]
)
def test_a_share_names_one_receiver_and_a_level(client, read, mia, body):
    assert client.post(f"/bills/{read().id}/shares", json=body).status_code == 422


def test_sharing_with_nobody_here_says_so(client, read):
    answer = client.post(f"/bills/{read().id}/shares", json={"email": "nobody@example.org"})
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:billocr:person_not_found")


def test_a_group_is_made_filled_shared_with_and_ended(client, read, mia):
    url = f"/groups/{client.post('/groups', json={'name': 'Family'}).json()['id']}"
    assert client.post(f"{url}/members", json={"email": "mia@example.org"}).status_code == 204
    assert client.patch(url, json={"name": "The family"}).status_code == 204
    (group,) = client.get("/groups").json()
    assert (group["name"], {member["name"] for member in group["members"]}) == ("The family", {"local", "mia"})
    shares = f"/bills/{read().id}/shares"
    assert client.post(shares, json={"group_id": group["id"]}).json()["name"] == "The family"
    assert client.delete(f"{url}/members/{mia.id}").status_code == 204
    assert client.delete(url).status_code == 204
    assert client.get(shares).json() == []


def test_the_queue_gives_the_bill_that_is_worth_most_and_ends(client, read):
    sure, unsure = read(confidence=0.99), read(confidence=0.5)
    assert [entry["bill"]["id"] for entry in client.get("/review").json()["entries"]] == [unsure.id, sure.id]
    assert client.post("/review/next", json={}).json()["bill"]["id"] == unsure.id
    assert client.post("/review/next", json={"skip": [unsure.id]}).json()["bill"]["id"] == sure.id
    assert client.delete(f"/bills/{sure.id}/claim").status_code == 204
    for bill in (sure, unsure):
        assert client.put(f"/bills/{bill.id}/review", json={"reviewed": True}).json()["review"] == "reviewed"
    assert client.post("/review/next", json={}).json()["bill"] is None
    assert client.get("/review").json()["counts"]["reviewed"] == 2
    assert client.put(f"/bills/{sure.id}/review", json={"reviewed": False}).json()["review"] == "unreviewed"
    assert client.post(f"/bills/{sure.id}/claim").json()["review"] == "in_review"


def test_a_bill_that_somebody_reviews_is_not_claimed_twice(client, read, store, user):
    bill, mia = read(), add_user(store, "mia")
    sharing.share_with_person(store, user, bill.id, "mia@example.org", "edit")
    review.claim(store, mia, bill.id)
    answer = client.post(f"/bills/{bill.id}/claim")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:billocr:being_reviewed")


def test_an_export_has_what_was_corrected(client, read):
    bill = read("lunch.png")
    client.put(f"/bills/{bill.id}/fields/company", json={"value": "Huber KG"})
    answer = client.get(f"/bills/{bill.id}/export?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''lunch.csv"
    assert "Huber KG" in answer.text
    unknown = client.get(f"/bills/{bill.id}/export?format=docx")
    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:billocr:unknown_format")


def test_many_bills_come_as_one_table_or_one_archive(client, read):
    one, two, other = read("one.png"), read("two.png"), read("other.png")
    rows = csv.reader(io.StringIO(client.get("/exports?format=csv").content.decode("utf-8-sig")))
    assert len(list(rows)) == 4
    chosen = client.get("/exports", params={"format": "text", "id": [one.id, two.id]})
    assert chosen.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(chosen.content)).namelist() == ["one.txt", "two.txt"]
    filtered = client.get("/exports?format=text&search=other.png")
    assert "Brezel" in filtered.text
    missing = client.get("/exports", params={"format": "text", "id": [other.id, new_id()]})
    assert missing.status_code == 404


def test_usage_says_how_much_is_used_of_what(client, uploaded):
    bill = uploaded()
    usage = client.get("/usage").json()
    assert usage["bills_per_month"]["used"] == 1
    assert usage["storage_bytes"]["used"] == bill.bytes
    assert usage["max_file_bytes"]["limit"] == 25 * 2**20


def test_a_quota_that_is_reached_says_what_how_much_and_when_it_renews(client, uploaded, user):
    limits = {"plan": None, "limits": {"bills_per_month": 1}}
    assert client.put(f"/admin/users/{user.id}/plan", json=limits).status_code == 204
    uploaded()
    answer = client.post("/bills", files={"file": ("a.png", files.encode(files.page(seed=99), "PNG"))})
    said = answer.json()
    assert (answer.status_code, said["type"], said["used"], said["limit"]) == (429, "urn:billocr:quota_exceeded", 1, 1)
    assert said["resets_at"]


def test_a_token_is_shown_once_and_works_until_it_is_revoked(client, store):
    made = client.post("/tokens", json={"name": "scanner", "scopes": ["bills:write"], "days": 3}).json()
    (listed,) = client.get("/tokens").json()
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert tokens.login_by_token(store, made["token"])
    assert client.delete(f"/tokens/{made['id']}").status_code == 204
    assert tokens.login_by_token(store, made["token"]) is None
    assert client.delete(f"/tokens/{made['id']}").status_code == 404


def test_logins_are_listed_and_ended(client, store, user):
    tokens = [sessions.open_session(store, user, "192.0.2.1", "Firefox") for _ in range(3)]
    listed = client.get("/login-sessions").json()
    assert {each["agent"] for each in listed} == {"Firefox"}
    assert client.delete(f"/login-sessions/{listed[0]['id']}").status_code == 204
    assert len(client.get("/login-sessions").json()) == 2
    assert client.delete("/login-sessions").status_code == 204
    assert [sessions.login_by_cookie(store, token) for token in tokens] == [None] * 3


def test_a_refusal_is_said_in_the_language_that_is_asked_for(client):
    answer = client.get(f"/bills/{new_id()}", headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert answer.json()["detail"] == "Diesen Beleg gibt es nicht. Vielleicht wurde er gelöscht."
    assert (answer.status_code, answer.headers["content-language"]) == (404, "de")
    assert client.get(f"/bills/{new_id()}").json()["detail"].startswith("There is no such bill")


def test_a_search_is_kept_under_a_name_replaced_and_forgotten(client):
    wanted = {"search": "milk", "billed_from": "2026-01-01", "total_to": "12.50"}
    made = client.post("/searches", json={"name": "Winter 2025/26", "filter": wanted})
    assert made.status_code == 201
    again = client.post("/searches", json={"name": "Winter 2025/26", "filter": {"search": "butter"}}).json()
    (listed,) = client.get("/searches").json()
    assert listed == again
    assert (listed["id"], listed["name"]) == (made.json()["id"], "Winter 2025/26")
    assert {name: made.json()["filter"][name] for name in wanted} == wanted
    assert (listed["filter"]["search"], listed["filter"]["billed_from"]) == ("butter", None)
    assert client.delete(f"/searches/{listed['id']}").status_code == 204
    assert client.get("/searches").json() == []
    assert client.delete(f"/searches/{listed['id']}").status_code == 404


def test_everything_of_ones_own_comes_as_one_archive(client, read, uploaded, store, user):
    bill, gone = read("one.png"), uploaded("two.png")
    client.put(f"/bills/{bill.id}/fields/company", json={"value": "Huber KG"})
    delete_bill(store, user, gone.id)
    answer = client.get("/me/export")
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert {"account.json", "bills/one/original.png", "trash/two/original.png"} <= set(archive.namelist())
    corrected = json.loads(archive.read("bills/one/corrections.json"))
    assert corrected["fields"]["company"]["value"] == "Huber KG"


def test_the_one_user_of_a_machine_cannot_be_deleted(client):
    answer = client.request("DELETE", "/me", json={})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:billocr:not_allowed")


def test_models_say_how_many_of_ones_bills_they_have_read(client, read, store):
    sync_shipped_models(store)
    version = next(each["version"] for each in client.get("/models").json() if each["network"] == "line_recogniser")
    read()
    models = {each["network"]: each for each in client.get("/models").json() if each["state"] == "promoted"}
    assert set(models) == {"line_detector", "line_segmenter", "line_recogniser"}
    assert models["line_recogniser"]["bills"] == (1 if version == "1.0.0" else 0)
    assert models["line_recogniser"]["origin"] == "shipped"


def test_an_admin_makes_an_account_gives_it_a_plan_and_keeps_it_out(client, store):
    password = "correct horse battery staple"
    new = {"email": "leo@example.org", "name": "Leo", "password": password}
    made = client.post("/admin/users", json=new)
    assert made.status_code == 201
    assert password not in made.text
    url = f"/admin/users/{made.json()['id']}"
    assert client.put("/admin/plans/small", json={"bills_per_month": 5}).json()["max_pages"] is None
    assert client.put(f"{url}/plan", json={"plan": "small", "limits": {"max_pages": 2}}).status_code == 204
    entry = next(each for each in client.get("/admin/users").json() if each["name"] == "Leo")
    assert (entry["plan"], entry["limits"], entry["status"]) == ("small", {"max_pages": 2}, "active")
    assert "small" in [plan["name"] for plan in client.get("/admin/plans").json()]
    session = passwords.log_in(store, "leo@example.org", password, None, None)
    assert client.patch(url, json={"status": "disabled"}).status_code == 204
    assert sessions.login_by_cookie(store, session) is None
    assert client.put(f"{url}/plan", json={"plan": "none"}).status_code == 404


def test_an_admin_invites_somebody(client, store):
    made = client.post("/admin/invitations", json={"email": "leo@example.org"}).json()
    assert invitations.invited_email(store, made["invitation"]) == (True, "leo@example.org")


def test_a_bill_that_failed_is_found_without_its_text_and_tried_again(client, read, store):
    bill = read()
    (attempt,) = begin_reading(store, [bill.id], new_id(), "backfill").values()
    record_failure(store, attempt, "text_lines", "The picture is black.")
    (failed,) = client.get("/admin/failed-bills").json()
    assert (failed["id"], failed["stage"], failed["why"]) == (bill.id, "text_lines", "The picture is black.")
    assert client.post(f"/admin/failed-bills/{bill.id}/retry").status_code == 204
    assert client.get("/admin/failed-bills").json() == []
    assert client.get(f"/bills/{bill.id}").json()["status"] == "received"


def test_the_audit_trail_is_read_slice_by_slice(client, uploaded, store):
    for _ in range(3):
        uploaded()
    seen, before = [], None
    while True:
        page = client.get("/admin/audit", params={"limit": 2, **({"before": before} if before else {})}).json()
        seen += [event["id"] for event in page["events"]]
        if (before := page["next_before"]) is None:
            break
    with store.database.reading() as session:
        assert seen == list(session.scalars(select(AuditEvent.id).order_by(AuditEvent.id.desc())))
