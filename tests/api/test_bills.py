from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

from billocr_assets.store.schema import new_id
from tests import files


def picture(seed: int = 0) -> bytes:
    return files.encode(files.page(seed=seed), "PNG")


def upload(client, data: bytes | None = None, key: str | None = None, **form):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/bills", files={"file": ("lunch.png", data or picture())}, data=form, headers=headers)


def test_an_uploaded_bill_is_there_under_its_location(client):
    made = upload(client)
    assert made.status_code == 201
    bill = client.get(made.headers["location"].removeprefix("/api/v1")).json()
    assert (bill["name"], bill["status"], bill["access"]) == ("lunch.png", "received", "own")


def test_a_file_that_is_no_picture_is_refused_with_a_problem(client):
    answer = upload(client, b"just text")
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert answer.json()["type"] == "urn:billocr:unknown_kind"
    assert client.get("/bills").json()["total"] == 0


def test_the_same_file_is_asked_about_and_taken_on_wish(client):
    first = upload(client).json()["id"]
    refused = upload(client)
    assert (refused.status_code, refused.json()["existing_id"]) == (409, first)
    assert upload(client, keep_duplicate="true").status_code == 201


def test_a_request_sent_again_with_its_key_gets_the_same_answer_and_makes_no_second_bill(client):
    first, again = upload(client, key="k"), upload(client, key="k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert client.get("/bills").json()["total"] == 1


def test_a_key_with_another_file_is_refused(client):
    upload(client, key="k")
    answer = upload(client, picture(1), key="k")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:billocr:idempotency_key_reused")


def test_a_refused_upload_leaves_its_key_free(client):
    assert upload(client, b"just text", key="k").status_code == 415
    assert upload(client, key="k").status_code == 201


def test_a_storm_of_the_same_request_makes_one_bill(client):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: upload(client, key="k"), range(16)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} <= {"urn:billocr:under_way"}
    assert client.get("/bills").json()["total"] == 1


def test_an_upload_that_is_too_large_is_refused_before_it_is_whole(client, store):
    sent = 0

    def endless():
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(store.settings.max_upload_mb * 8):
            sent += 2**20
            yield bytes(2**20)

    answer = client.post("/bills", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_without_a_file_has_a_smaller_limit(client):
    answer = client.post("/tokens", content=b'"' + b"a" * 2**21 + b'"', headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_slices_of_the_list_hold_every_bill_once_whatever_comes_meanwhile(client, uploaded):
    ids = [uploaded().id for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = client.get("/bills", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [bill["id"] for bill in page["bills"]]
        uploaded()
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ids[::-1]


def test_the_list_takes_the_filters_of_the_store(client, read, uploaded):
    bill = read()
    uploaded("other.png")
    for query in ("search=hauptstr", "status=read", "billed_from=2025-12-24&billed_to=2025-12-24", "total_from=2.40"):
        assert [each["id"] for each in client.get(f"/bills?{query}").json()["bills"]] == [bill.id], query
    assert client.get("/bills?whose=shared").json()["bills"] == []


@pytest.mark.parametrize(
    "query", ["cursor=zzz", "limit=0", "limit=101", "order=size", "statuz=read", "total_from=nan", "search=%00"]
)
def test_a_list_that_cannot_be_is_refused(client, query):
    answer = client.get(f"/bills?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_the_status_of_many_bills_comes_in_one_answer(client, read, uploaded):
    done, waiting, nobodys = read().id, uploaded().id, new_id()
    answer = client.get("/bills/status", params={"id": [waiting, nobodys, done]}).json()
    assert [(each["id"], each["status"]) for each in answer["bills"]] == [(waiting, "received"), (done, "read")]
    assert answer["missing"] == [nobodys]


def test_a_picture_is_sent_once_and_then_only_confirmed(client, uploaded):
    url = f"/bills/{uploaded().id}/pages/1/picture?size=160"
    first = client.get(url)
    assert Image.open(BytesIO(first.content)).size == (96, 160)
    again = client.get(url, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    for answer in (first, again):
        assert answer.headers["cache-control"] == "private, no-cache"


def test_a_thumbnail_is_the_first_page_made_small(client, uploaded):
    answer = client.get(f"/bills/{uploaded().id}/thumbnail")
    assert max(Image.open(BytesIO(answer.content)).size) <= 320


def test_a_picture_of_a_page_that_is_not_there_is_not_found(client, uploaded):
    assert client.get(f"/bills/{uploaded().id}/pages/2/picture", headers={"If-None-Match": "*"}).status_code == 404


def test_the_original_comes_as_it_was_sent_and_no_name_breaks_the_header(client):
    data = picture()
    made = client.post("/bills", files={"file": ("my; bill'ü.png", data)}).json()
    answer = client.get(f"/bills/{made['id']}/original")
    assert answer.content == data
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''my%3B%20bill%27%C3%BC.png"


def test_a_deleted_bill_is_in_the_trash_and_comes_back(client, uploaded):
    bill_id = uploaded().id
    assert client.delete(f"/bills/{bill_id}").status_code == 204
    assert client.get(f"/bills/{bill_id}").status_code == 404
    assert [bill["id"] for bill in client.get("/bills?trash=true").json()["bills"]] == [bill_id]
    assert client.post(f"/trash/{bill_id}/restore").json()["id"] == bill_id
    assert client.get(f"/bills/{bill_id}").status_code == 200


def test_what_is_removed_from_the_trash_is_gone_for_good(client, uploaded, store):
    one, two, kept = uploaded().id, uploaded().id, uploaded().id
    assert client.delete(f"/trash/{kept}").status_code == 404, "only what lies in the trash is removed"
    for bill_id in (one, two):
        client.delete(f"/bills/{bill_id}")
    assert client.delete(f"/trash/{one}").status_code == 204
    assert client.post(f"/trash/{one}/restore").status_code == 404
    assert client.delete("/trash").status_code == 204
    assert client.get("/bills?trash=true").json()["total"] == 0
    assert not store.objects.exists(f"uploads/{two}")
    assert client.get(f"/bills/{kept}").status_code == 200


def test_a_bill_is_read_again(client, read):
    bill = read()
    answer = client.post(f"/bills/{bill.id}/read-again")
    assert (answer.status_code, answer.json()["status"]) == (202, "received")


def test_no_cache_keeps_an_answer(client, uploaded):
    bill = f"/bills/{uploaded().id}"
    for path in ("/bills", bill, f"{bill}/original", "/usage", "/bills/none", "/health/live", "/nothing"):
        assert client.get(path).headers["cache-control"] == "no-store", path


def test_paths_and_methods_that_are_not_there_are_problems_too(client):
    wrong = client.delete("/bills")
    for path in ("/nothing", "/nothing%0A", "/no%0Athing"):
        missing = client.get(path)
        assert (missing.status_code, missing.json()["type"]) == (404, "urn:billocr:no_such_path"), path
    assert (wrong.status_code, wrong.json()["type"]) == (405, "urn:billocr:method_not_allowed")
    assert "POST" in wrong.headers["allow"]
