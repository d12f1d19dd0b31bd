import json
from io import BytesIO

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

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
    "path", ["/pictures/{id}/2", "/pictures/{id}/0", "/pictures/unknown/1", "/downloads/{id}/text"]
)
def test_what_is_not_there_is_not_found(client, uploaded, path):
    answer = client.get(path.format(id=uploaded().id))
    assert answer.status_code == 404
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/pictures/{id}/1", "/downloads/{id}/original", "/downloads/{id}/json"])
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
    assert text.headers["content-disposition"] == "attachment; filename*=UTF-8''my%20%22bill%22.txt"
    data = json.loads(client.get(f"/downloads/{bill.id}/json").content)
    assert data["document"]["pages"][0]["width"] == 120
    assert data["fields"]["total"]["value"] == "2.40"
    original = client.get(f"/downloads/{bill.id}/original")
    assert Image.open(BytesIO(original.content)).size == (120, 200)


def test_every_answer_carries_the_security_headers(client):
    for path in ("/api/v1/health/live", "/pictures/none/1"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_store_is_opened_once_a_process(database_url):
    assert identity.the_store() is identity.the_store()
