"""Addresses of people's programs that are told when a bill was read or corrected.

An event is written to ``webhook_deliveries`` in the transaction that makes it true, so neither is without the other;
:func:`deliver_due` sends it afterwards. Deliveries follow the Standard Webhooks specification: the headers
``webhook-id``, ``webhook-timestamp`` (Unix seconds) and ``webhook-signature``, which is ``v1,`` and the base64 of the
HMAC-SHA256 of ``{id}.{timestamp}.{body}`` under the secret without its ``whsec_``, decoded from base64. A delivery may
come twice (with the same id) and out of order.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args
from urllib.parse import urlsplit

from sqlalchemy import and_, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from billocr_assets.store.errors import BillError, NotAllowed
from billocr_assets.store.schema import AuditEvent, Bill, DeliveryState, User, Webhook, WebhookDelivery, new_id, now
from billocr_assets.store.store import Store

Event = Literal["bill.read", "bill.corrected"]
EVENTS: tuple[str, ...] = get_args(Event)

MOST = 10
# After the first try, and each further one; some 27 hours in all.
BACKOFF = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 18_000, 28_800, 43_200))
# Seconds for one step (connecting, a read), and for a whole delivery.
STEP_TIMEOUT, TIMEOUT = 5.0, 15.0
# A delivery whose deliverer died is taken up again after this.
LEASE = timedelta(minutes=2)
KEPT = timedelta(days=30)
_ANSWER_BYTES = 2**16


class WebhookNotFound(BillError):
    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class WebhookRefused(BillError):
    """What was given for a webhook cannot be accepted."""

    code = "webhook_refused"


def create_webhook(store: Store, user: User, url: str, events: Sequence[str]) -> Webhook:
    """Have an address of the user's told about their bills.

    Returns:
        The webhook, with the secret that signs its deliveries: the one time that it is shown.

    Raises:
        WebhookRefused: the address or an event cannot be, or the user has :data:`MOST` already.
        NotAllowed: demo users have none.
    """
    if user.kind == "demo":
        raise NotAllowed("Webhooks come with an account of your own.", "demo")
    _check(url, events)
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    with store.database.session() as session:
        store.database.in_order(session)
        if (session.scalar(select(func.count()).where(Webhook.user_id == user.id)) or 0) >= MOST:
            raise WebhookRefused(f"There are {MOST} webhooks already. Please delete one first.")
        webhook = Webhook(id=new_id(), user_id=user.id, url=url, secret=secret, events=sorted(set(events)))
        session.add(webhook)
        session.add(AuditEvent(who=user.id, what="create_webhook", detail={"webhook": webhook.id, "url": url}))
        return webhook


def list_webhooks(store: Store, user: User) -> list[Webhook]:
    """The user's webhooks, oldest first."""
    with store.database.reading() as session:
        return list(session.scalars(select(Webhook).where(Webhook.user_id == user.id).order_by(Webhook.id)))


def change_webhook(
    store: Store,
    user: User,
    webhook_id: str,
    url: str | None = None,
    events: Sequence[str] | None = None,
    active: bool | None = None,
) -> Webhook:
    """Change what is not None. What waits is sent to the new address.

    Raises:
        WebhookNotFound, WebhookRefused
    """
    with store.database.session() as session:
        webhook = _find(session, user, webhook_id, lock=True)
        webhook.url = webhook.url if url is None else url
        webhook.events = webhook.events if events is None else sorted(set(events))
        webhook.active = webhook.active if active is None else active
        _check(webhook.url, webhook.events)
        return webhook


def delete_webhook(store: Store, user: User, webhook_id: str) -> None:
    """Forget the address, and what is still on its way there.

    Raises:
        WebhookNotFound
    """
    with store.database.session() as session:
        webhook = _find(session, user, webhook_id, lock=True)
        session.add(AuditEvent(who=user.id, what="delete_webhook", detail={"webhook": webhook_id, "url": webhook.url}))
        session.execute(delete(Webhook).where(Webhook.id == webhook_id))


def deliveries(store: Store, user: User, webhook_id: str, limit: int = 50) -> list[WebhookDelivery]:
    """The newest deliveries of a webhook and how they went.

    Raises:
        WebhookNotFound
    """
    with store.database.reading() as session:
        _find(session, user, webhook_id)
        query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
        return list(session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit)))


_WANTED = select(Webhook).where(Webhook.user_id == bindparam("user"), Webhook.active)


def announce(session: Session, bill: Bill, event: Event) -> None:
    """Put the event on its way to every address of the bill's owner that wants it; part of the caller's transaction."""
    at = now()
    payload = {
        "type": event,
        "timestamp": at.isoformat(),
        "data": {"bill_id": bill.id, "name": bill.name, "status": bill.status, "revision": bill.revision},
    }
    for webhook in session.scalars(_WANTED, {"user": bill.owner_id}).all():
        if event in webhook.events:
            session.add(WebhookDelivery(webhook_id=webhook.id, event=event, payload=payload, next_at=at, created_at=at))


@dataclass(frozen=True, slots=True)
class _Due:
    id: str
    webhook_id: str
    tries: int
    url: str
    secret: str
    body: bytes


def deliver_due(store: Store, limit: int = 20) -> int:
    """Send what is due, oldest first.

    Any number of processes may do this at once; each delivery is taken by one of them. What is not answered with a
    status of 200 to 299 is tried again after :data:`BACKOFF`, and given up after the last of these.

    Returns:
        How many were tried.
    """
    tried = 0
    while tried < limit and (due := _take(store)) is not None:
        _deliver(store, due)
        tried += 1
    return tried


def forget_old(store: Store) -> None:
    """Remove deliveries that ended long ago, or wait for an address that was switched off."""
    with store.database.session() as session:
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.created_at < now() - KEPT))


def sign(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{delivery_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _take(store: Store) -> _Due | None:
    """The delivery that is due first, kept from all others for a while."""
    query = (
        select(
            WebhookDelivery.id,
            WebhookDelivery.webhook_id,
            WebhookDelivery.tries,
            WebhookDelivery.payload,
            Webhook.url,
            Webhook.secret,
        )
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.state == "waiting", WebhookDelivery.next_at <= now(), Webhook.active)
        .order_by(WebhookDelivery.next_at)
        .limit(1)
    )
    while True:
        with store.database.reading() as session:
            row = session.execute(query).first()
        if row is None:
            return None
        with store.database.session() as session:
            # Of several that have seen it, the one that counts the try has it.
            taken = session.scalar(
                update(WebhookDelivery)
                .where(
                    WebhookDelivery.id == row.id,
                    WebhookDelivery.state == "waiting",
                    WebhookDelivery.tries == row.tries,
                )
                .values(tries=row.tries + 1, next_at=now() + LEASE)
                .returning(WebhookDelivery.id)
            )
        if taken is not None:
            body = json.dumps(row.payload, ensure_ascii=False).encode()
            return _Due(row.id, row.webhook_id, row.tries + 1, row.url, row.secret, body)


def _deliver(store: Store, due: _Due) -> None:
    state: DeliveryState = "waiting"
    status = error = None
    try:
        status = _post(due, store.settings.webhooks_private)
        if 200 <= status < 300:
            state = "delivered"
        else:
            error = f"the receiver answered {status}"
    except (OSError, http.client.HTTPException, ValueError) as why:
        error = str(why) or type(why).__name__
    if state != "delivered" and due.tries > len(BACKOFF):
        state = "given_up"
    later = now() + BACKOFF[min(due.tries, len(BACKOFF)) - 1]
    with store.database.session() as session:
        mine = and_(WebhookDelivery.id == due.id, WebhookDelivery.tries == due.tries)
        values = {"state": state, "status": status, "error": error, "next_at": later}
        session.execute(update(WebhookDelivery).where(mine).values(values))
        if state != "delivered":
            # Nothing else goes there meanwhile: a slow or dead receiver must not hold up everybody else's deliveries.
            others = and_(WebhookDelivery.webhook_id == due.webhook_id, WebhookDelivery.state == "waiting")
            session.execute(
                update(WebhookDelivery).where(others, WebhookDelivery.next_at < later).values(next_at=later)
            )


def _post(due: _Due, private: bool) -> int:
    """Send, and return the status of the answer; redirects are not followed.

    Raises:
        OSError, http.client.HTTPException, ValueError: it did not come through.
    """
    url = urlsplit(due.url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port, timeout=STEP_TIMEOUT)
    # Connected here and not by its name: a name can mean another address at every question.
    sock = socket.create_connection((_address(host, port, private), port), STEP_TIMEOUT)
    # A receiver that sends a byte now and then keeps within every step's time.
    end = threading.Timer(TIMEOUT, lambda: sock.shutdown(socket.SHUT_RDWR))
    end.daemon = True
    end.start()
    try:
        if url.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            connection.default_port = 443
        connection.sock = sock
        timestamp = int(now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "billocr",
            "webhook-id": due.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(due.secret, due.id, timestamp, due.body),
        }
        connection.request("POST", f"{url.path or '/'}{f'?{url.query}' if url.query else ''}", due.body, headers)
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES)
        return answer.status
    finally:
        end.cancel()
        connection.close()
        sock.close()


def _address(host: str, port: int, private: bool) -> str:
    """An IP address of the host, which may lie within one's own network only if ``private``.

    Raises:
        OSError: it has none, or one that must not be connected to.
    """
    addresses = [entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    # Every one: a name that means an outer and an inner address is no honest one.
    if not private and not all(_is_public(str(address)) for address in addresses):
        raise OSError(f"{host} is an address within this network")
    return str(addresses[0])


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address in one of IPv6's clothes.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None and not _is_public(str(inner)):
            return False
        if ip.ipv4_mapped:
            return True
    return ip.is_global and not ip.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _check(url: str, events: Sequence[str]) -> None:
    if unknown := sorted(set(events) - set(EVENTS)):
        raise WebhookRefused(f"There is no event {', '.join(unknown)[:80]}. There are {' and '.join(EVENTS)}.")
    if not events:
        raise WebhookRefused(f"Please choose at least one event: {' or '.join(EVENTS)}.")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        parts.hostname and parts.hostname.encode("idna")
    except ValueError:
        good = False
    if not good or len(url) > 2000 or not url.isascii() or any(c <= " " or c == "\x7f" for c in url):
        raise WebhookRefused("The address must be a whole URL that begins with https:// or http://, in ASCII.")
    if parts.username or parts.password or parts.fragment:
        raise WebhookRefused("The address must hold no user name, password or fragment.")


def _find(session: Session, user: User, webhook_id: str, lock: bool = False) -> Webhook:
    query = select(Webhook).where(Webhook.id == webhook_id, Webhook.user_id == user.id)
    webhook = session.scalar(query.with_for_update() if lock else query)
    if webhook is None:
        raise WebhookNotFound
    return webhook
