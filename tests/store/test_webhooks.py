import base64
import hashlib
import hmac
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from billocr_assets.store import webhooks
from billocr_assets.store.errors import NotAllowed
from billocr_assets.store.reading import begin_reading, publish_result
from billocr_assets.store.schema import Attempt, Bill, User, WebhookDelivery, new_id, now
from billocr_assets.store.webhooks import (
    BACKOFF,
    KEPT,
    LEASE,
    WebhookNotFound,
    WebhookRefused,
    announce,
    change_webhook,
    create_webhook,
    delete_webhook,
    deliver_due,
    deliveries,
    forget_old,
    list_webhooks,
)
from tests.store.documents import document
from tests.store.receiver import receiver

BOTH = ["bill.read", "bill.corrected"]


@pytest.fixture
def hook():
    with receiver() as server:
        yield server


@pytest.fixture
def inside(store):
    """The store of an installation that lets webhooks go to its own network."""
    return replace(store, settings=store.settings.model_copy(update={"webhooks_private": True}))


@pytest.fixture
def bill(store, user):
    bill = Bill(
        id=new_id(),
        owner_id=user.id,
        sha256="0" * 64,
        name="a.png",
        media_type="image/png",
        bytes=1,
        pages=1,
        search="",
    )
    with store.database.session() as session:
        session.add(bill)
    return bill


def happen(store, bill, event="bill.read") -> None:
    with store.database.session() as session:
        announce(session, bill, event)


def make_due(store, by: timedelta) -> None:
    with store.database.session() as session:
        session.execute(update(WebhookDelivery).values(next_at=now() - by))


def states(store, user, webhook) -> list[str]:
    return [delivery.state for delivery in deliveries(store, user, webhook.id)]


def test_a_bill_that_was_read_is_told_with_a_signature_that_the_receiver_can_check(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, BOTH)
    happen(inside, bill)
    assert deliver_due(inside) == 1
    ((headers, body),) = hook.got
    told = json.loads(body)
    assert (told["type"], told["data"]["bill_id"]) == ("bill.read", bill.id)
    assert headers["path"] == "/hook?from=billocr"
    assert headers["host"] == f"127.0.0.1:{hook.port}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    # As the receiver computes it, from the documentation alone.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert states(inside, user, webhook) == ["delivered"]
    assert deliver_due(inside) == 0


def test_the_end_of_a_reading_puts_its_event_on_the_way(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, ["bill.read"])
    with inside.database.session() as session:
        session.add(Attempt(bill_id=bill.id, number=1, origin="upload"))
    (attempt,) = begin_reading(inside, [bill.id], "run", "upload").values()
    publish_result(inside, attempt, document("Total 3,20"), {})
    (delivery,) = deliveries(inside, user, webhook.id)
    assert delivery.payload["data"] == {"bill_id": bill.id, "name": "a.png", "status": "read", "revision": 0}


def test_an_event_whose_transaction_fails_was_never_told(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, BOTH)

    def fail():
        with inside.database.session() as session:
            announce(session, bill, "bill.read")
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert states(inside, user, webhook) == []


def test_only_the_owners_addresses_that_want_the_event_and_are_switched_on_are_told(inside, user, hook, bill):
    with inside.database.session() as session:
        session.add(other := User(name="other"))
    wanted = create_webhook(inside, user, hook.url, ["bill.corrected"])
    create_webhook(inside, user, hook.url, ["bill.read"])
    create_webhook(inside, other, hook.url, BOTH)
    off = create_webhook(inside, user, hook.url, BOTH)
    change_webhook(inside, user, off.id, active=False)
    happen(inside, bill, "bill.corrected")
    with inside.database.reading() as session:
        assert session.scalars(select(WebhookDelivery.webhook_id)).all() == [wanted.id]


def test_of_many_deliverers_one_sends_each_delivery(inside, user, hook, bill):
    create_webhook(inside, user, hook.url, BOTH)
    for _ in range(12):
        happen(inside, bill)
    with ThreadPoolExecutor(4) as pool:
        tried = sum(pool.map(lambda _: deliver_due(inside), range(4)))
    assert (tried, len(hook.got), len({headers["webhook-id"] for headers, _ in hook.got})) == (12, 12, 12)


def test_a_delivery_whose_deliverer_died_is_sent_by_another_after_the_lease(inside, user, hook, bill):
    create_webhook(inside, user, hook.url, BOTH)
    happen(inside, bill)
    assert webhooks._take(inside) is not None  # and dies
    assert deliver_due(inside) == 0
    make_due(inside, timedelta(seconds=1))
    assert deliver_due(inside) == 1
    with inside.database.reading() as session:
        assert session.scalar(select(WebhookDelivery.tries)) == 2
    assert timedelta(seconds=webhooks.TIMEOUT) < LEASE


def test_a_receiver_that_fails_is_tried_again_ever_later_and_then_given_up(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, BOTH)
    happen(inside, bill)
    hook.status = 500
    waits = []
    for _ in BACKOFF:
        assert deliver_due(inside) == 1
        assert deliver_due(inside) == 0, "not before its time"
        (delivery,) = deliveries(inside, user, webhook.id)
        assert (delivery.state, delivery.status, delivery.error) == ("waiting", 500, "the receiver answered 500")
        waits.append(delivery.next_at - now())
        make_due(inside, timedelta(seconds=1))
    assert waits == sorted(waits)
    assert waits[-1] > timedelta(hours=11)
    deliver_due(inside)
    assert states(inside, user, webhook) == ["given_up"]
    make_due(inside, timedelta(seconds=1))
    assert deliver_due(inside) == 0


def test_a_receiver_that_fails_does_not_hold_up_the_others(inside, user, hook, bill):
    with receiver() as dead:
        dead.status = 503
        create_webhook(inside, user, dead.url, BOTH)
        for _ in range(20):
            happen(inside, bill)
        create_webhook(inside, user, hook.url, BOTH)
        happen(inside, bill)
        deliver_due(inside)
        assert (len(dead.got), len(hook.got)) == (1, 1)


def test_a_redirect_is_not_followed(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, BOTH)
    with receiver() as elsewhere:
        hook.status, hook.location = 307, elsewhere.url
        happen(inside, bill)
        deliver_due(inside)
        assert elsewhere.got == []
    assert states(inside, user, webhook) == ["waiting"]


def test_a_receiver_that_never_answers_is_left_after_a_while(inside, user, hook, bill, monkeypatch):
    monkeypatch.setattr(webhooks, "STEP_TIMEOUT", 0.3)
    webhook = create_webhook(inside, user, hook.url, BOTH)
    hook.slow = True
    happen(inside, bill)
    assert deliver_due(inside) == 1
    (delivery,) = deliveries(inside, user, webhook.id)
    assert (delivery.state, delivery.status) == ("waiting", None)
    assert "timed out" in delivery.error


def test_a_receiver_that_answers_a_byte_at_a_time_is_left_as_well(inside, user, bill, monkeypatch):
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def drip():
            connection, _ = server.accept()
            with connection:
                try:
                    for sign in b"HTTP/1.1 200 " + b"O" * 10_000:
                        connection.sendall(bytes([sign]))
                        time.sleep(0.05)  # the drip itself, not a wait for something
                except OSError:
                    return "left"
            return "heard out"

        fate = pool.submit(drip)
        webhook = create_webhook(inside, user, f"http://127.0.0.1:{server.getsockname()[1]}/", BOTH)
        happen(inside, bill)
        deliver_due(inside)
        assert fate.result(60) == "left"
    assert states(inside, user, webhook) == ["waiting"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "2130706433",
        "0x7f.1",
    ],
)
def test_nothing_is_sent_into_the_own_network(host):
    with pytest.raises(OSError, match="within this network"):
        webhooks._address(host.strip("[]"), 80, private=False)


def test_addresses_of_the_internet_may_be_told():
    for host in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"):
        assert webhooks._is_public(host)


def test_without_the_setting_the_receiver_on_this_machine_hears_nothing(store, user, hook, bill):
    webhook = create_webhook(store, user, hook.url, BOTH)
    happen(store, bill)
    deliver_due(store)
    assert hook.got == []
    (delivery,) = deliveries(store, user, webhook.id)
    assert delivery.error == "127.0.0.1 is an address within this network"


def test_a_name_that_changes_its_address_after_the_check_is_not_followed(store, user, hook, bill, monkeypatch):
    """DNS rebinding: the first answer is public, every further one is this machine."""
    answers = iter([("93.184.215.14", hook.port)])
    asked = []

    def resolve(host, port, *_, **__):
        if host != "rebind.example":
            return real(host, port, type=socket.SOCK_STREAM)
        asked.append(host)
        address = next(answers, ("127.0.0.1", hook.port))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    connected = []

    def connect(address, *_, **__):
        connected.append(address)
        raise OSError("no way out of the test")

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    create_webhook(store, user, f"http://rebind.example:{hook.port}/", BOTH)
    happen(store, bill)
    deliver_due(store)
    assert (asked, connected) == (["rebind.example"], [("93.184.215.14", hook.port)])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://",
        "example.org/hook",
        "https://user:word@example.org/",
        "https://example.org/#part",
        "https://example.org/a b",
        "https://example.org/\r\nX-Header: 1",
        "https://example.org:99999/",
        "https://bücher.example/",
        "http://" + "a" * 70 + ".org/",
        "https://example.org/" + "a" * 2000,
    ],
)
def test_an_address_that_is_none_is_refused(store, user, url):
    with pytest.raises(WebhookRefused):
        create_webhook(store, user, url, BOTH)
    assert list_webhooks(store, user) == []


@pytest.mark.parametrize("events", [[], ["bill.burnt"]])
def test_events_that_there_are_not_are_refused(store, user, events):
    with pytest.raises(WebhookRefused):
        create_webhook(store, user, "https://example.org/", events)


def test_a_user_has_at_most_so_many_webhooks(store, user):
    for _ in range(webhooks.MOST):
        create_webhook(store, user, "https://example.org/", BOTH)
    with pytest.raises(WebhookRefused):
        create_webhook(store, user, "https://example.org/", BOTH)


def test_demo_users_have_no_webhooks(store):
    with store.database.session() as session:
        session.add(demo := User(name="demo", kind="demo"))
    with pytest.raises(NotAllowed):
        create_webhook(store, demo, "https://example.org/", BOTH)


def test_somebody_elses_webhook_is_not_found(store, user):
    webhook = create_webhook(store, user, "https://example.org/", BOTH)
    with store.database.session() as session:
        session.add(other := User(name="other"))
    for act in (change_webhook, delete_webhook, deliveries):
        with pytest.raises(WebhookNotFound):
            act(store, other, webhook.id)
    assert list_webhooks(store, other) == []
    assert [each.id for each in list_webhooks(store, user)] == [webhook.id]


def test_deleting_a_webhook_forgets_what_was_on_its_way(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, BOTH)
    happen(inside, bill)
    delete_webhook(inside, user, webhook.id)
    assert deliver_due(inside) == 0
    assert hook.got == []


def test_old_deliveries_are_forgotten(inside, user, hook, bill):
    webhook = create_webhook(inside, user, hook.url, BOTH)
    happen(inside, bill)
    deliver_due(inside)
    forget_old(inside)
    assert states(inside, user, webhook) == ["delivered"]
    with inside.database.session() as session:
        session.execute(update(WebhookDelivery).values(created_at=now() - KEPT - timedelta(seconds=1)))
    forget_old(inside)
    assert states(inside, user, webhook) == []
