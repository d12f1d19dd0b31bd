import csv
import json
from io import BytesIO
from urllib.parse import quote

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from billocr_assets.exports import FORMATS
from billocr_assets.store.schema import User, new_id
from billocr_ui import identity
from billocr_ui.routes import routes
from billocr_ui.security import SecurityHeaders
from tests.ui.conftest import LINES


@pytest.fixture
def client(database_url):
    return TestClient(Starlette(routes=routes(), middleware=[Middleware(SecurityHeaders)]))


def test_the_owner_sees_the_page_and_no_shared_cache_keeps_it(client, uploaded):
    answer = client.get(f"/pictures/{uploaded().id}/1?size=160")
    assert Image.open(BytesIO(answer.content)).size == (96, 160)
    assert answer.headers["content-type"] == "image/jpeg"
    assert "private" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/pictures/{id}/2", "/pictures/{id}/0", "/pictures/unknown/1", "/downloads/unknown/text"]
)
def test_what_is_not_there_is_not_found(client, uploaded, path):
    answer = client.get(path.format(id=uploaded().id))
    assert answer.status_code == 404
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["/pictures/{id}/1", "/downloads/{id}/original", "/downloads/{id}/json", "/downloads/bills?format=csv&bill={id}"],
)
def test_somebody_elses_bill_is_not_found(client, store, read, monkeypatch, path):
    bill = read()
    with store.database.session() as session:
        session.add(other := User(name="other"))
    monkeypatch.setattr("billocr_ui.routes.request_user", lambda request: other)
    theirs, nobodys = client.get(path.format(id=bill.id)), client.get(path.format(id=new_id()))
    assert (theirs.status_code, theirs.content) == (404, nobodys.content)


def test_a_size_that_is_no_number_is_refused(client, uploaded):
    assert client.get(f"/pictures/{uploaded().id}/1?size=big").status_code == 400


def test_text_json_and_original_come_as_files(client, uploaded, read):
    bill = read('my "bill"\n.png')
    text = client.get(f"/downloads/{bill.id}/text")
    assert text.text.splitlines() == list(LINES)
    assert text.headers["content-disposition"] == "attachment; filename*=UTF-8''my%20_bill_.txt"
    data = json.loads(client.get(f"/downloads/{bill.id}/json").content)
    assert (data["width"], data["values"]["total"]["value"]) == (120, "2.40")
    original = client.get(f"/downloads/{bill.id}/original")
    assert Image.open(BytesIO(original.content)).size == (120, 200)


@pytest.mark.parametrize("format", FORMATS)
def test_a_bill_is_downloaded_in_every_format(client, read, format):
    answer = client.get(f"/downloads/{read().id}/{format}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, FORMATS[format].media_type)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].endswith(quote(f"bill{FORMATS[format].suffix}"))


def test_several_bills_are_one_download(client, read, uploaded):
    ids = [read().id, uploaded().id]
    answer = client.get("/downloads/bills", params={"format": "csv", "bill": ids})
    rows = list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))
    assert [(row["bill"], row["total"]) for row in rows] == [(ids[0], "2.40"), (ids[1], "")]


def test_what_cannot_be_exported_is_said_in_a_sentence(client, uploaded):
    unread = client.get(f"/downloads/{uploaded().id}/text")
    assert (unread.status_code, unread.text[:36]) == (409, "This bill has not been read yet. Ple")
    unknown = client.get(f"/downloads/{uploaded().id}/docx")
    assert (unknown.status_code, unknown.text[:24]) == (409, "There is no such format.")


def test_every_answer_carries_the_security_headers(client):
    for path in ("/api/v1/health/live", "/pictures/none/1"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_store_is_opened_once_a_process(database_url):
    assert identity.the_store() is identity.the_store()
