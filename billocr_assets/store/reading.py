"""The life of a reading, for the machinery that reads: ids come from the server, so no user is asked for.

An attempt is open from the wish to the end. Runs come and go (crashes, retries, two at once); only the first end of an
attempt counts, so every wish is fulfilled exactly once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from billocr_assets.ocr.document import Document
from billocr_assets.ocr.engine import Engine
from billocr_assets.store import quotas
from billocr_assets.store.bills import open_attempt, summarise, upload_key
from billocr_assets.store.review import review_value
from billocr_assets.store.schema import Attempt, AttemptOrigin, Bill, MachineResult, ModelVersion, now
from billocr_assets.store.store import Store
from billocr_assets.store.webhooks import announce

# In the order of the road; each is an asset.
STAGES = (
    "bill_image",
    "preprocessed_page",
    "text_lines",
    "line_segments",
    "recognised_text",
    "bill_fields",
    "bill_result",
)
NETWORKS = ("line_detector", "line_segmenter", "line_recogniser")


def open_attempts_after(store: Store, cursor: int, limit: int) -> list[Attempt]:
    """Attempts that no run has taken, in order of their ids, which are the cursor."""
    query = select(Attempt).where(Attempt.id > cursor, Attempt.state == "open", Attempt.run_id.is_(None))
    with store.database.reading() as session:
        return list(session.scalars(query.order_by(Attempt.id).limit(limit)))


def orphans(store: Store, older_than: timedelta) -> list[Attempt]:
    """Open attempts that nothing has happened to for that long; the caller knows whether ``run_id`` still lives."""
    query = select(Attempt).where(
        Attempt.state == "open", func.coalesce(Attempt.started_at, Attempt.created_at) < now() - older_than
    )
    with store.database.reading() as session:
        return list(session.scalars(query.order_by(Attempt.id)))


def begin_reading(store: Store, bill_ids: Sequence[str], run_id: str, origin: AttemptOrigin) -> dict[str, int]:
    """Give this run the bills' open attempts; the same call again gives the same answer.

    Args:
        run_id: one name for a run and its retries (Dagster's root run).
        origin: ``backfill`` opens an attempt for a bill without one, once a run; otherwise only wishes are read.

    Returns:
        Bill id to attempt id, in the order given, without the bills that have nothing left to read for this run.
    """
    taken: dict[str, int] = {}
    with store.database.session() as session:
        store.database.in_order(session)
        bills = {bill.id: bill for bill in _lock_bills(session, Bill.id.in_(bill_ids))}
        for bill in (bills[bill_id] for bill_id in bill_ids if bill_id in bills):
            attempt = session.scalar(select(Attempt).where(Attempt.bill_id == bill.id, Attempt.state == "open"))
            if attempt is None and origin == "backfill" and not _has_attempt_of(session, bill.id, run_id):
                attempt = open_attempt(session, bill, origin)
            if attempt is None:
                continue
            if attempt.run_id != run_id:
                attempt.run_id, attempt.started_at, attempt.stage = run_id, now(), None
            bill.status = "reading"
            taken[bill.id] = attempt.id
    return taken


def attempts_of(store: Store, bill_ids: Sequence[str], run_id: str) -> dict[str, int]:
    """Bill id to attempt id, for those of the bills that this run has begun, still owns and has not published."""
    query = select(Attempt.bill_id, Attempt.id).where(
        Attempt.bill_id.in_(bill_ids), Attempt.run_id == run_id, Attempt.state != "done"
    )
    with store.database.reading() as session:
        return {row.bill_id: row.id for row in session.execute(query)}


def _has_attempt_of(session: Session, bill_id: str, run_id: str) -> bool:
    return session.scalar(select(Attempt.id).where(Attempt.bill_id == bill_id, Attempt.run_id == run_id)) is not None


def record_stage(store: Store, attempt_ids: Iterable[int], stage: str) -> None:
    """Note the stage that open attempts have reached."""
    wanted = Attempt.id.in_(list(attempt_ids))
    with store.database.session() as session:
        _lock_bills(session, Bill.id.in_(select(Attempt.bill_id).where(wanted)))
        session.execute(update(Attempt).where(wanted, Attempt.state == "open").values(stage=stage))


def record_failure(store: Store, attempt_id: int, stage: str, why: str, run_id: str | None = None) -> bool:
    """End an open attempt as failed, and say so on its bill.

    Returns:
        False if the attempt had ended, or with ``run_id`` belongs to another run; nothing changes then.
    """
    why = why.replace("\0", "")
    with store.database.session() as session:
        bill = _close(session, attempt_id, run_id, state="failed", stage=stage, error=why)
        if bill is None:
            return False
        bill.status, bill.failed_stage, bill.failed_why = "failed", stage, why
        # Nobody pays for what could not be read: files that cannot be are refused at the door.
        quotas.settle(session, bill.id, charged=False)
        return True


def publish_result(
    store: Store, attempt_id: int, document: Document, fields: dict[str, Any], run_id: str | None = None
) -> MachineResult | None:
    """End an open attempt with its result, a new layer of the bill.

    Returns:
        The layer, or None if the attempt had ended, or with ``run_id`` belongs to another run; nothing changes then.
    """
    words = document.words
    text = document.text.replace("\0", "")
    with store.database.session() as session:
        bill = _close(session, attempt_id, run_id, state="done")
        if bill is None:
            return None
        bill.status, bill.failed_stage, bill.failed_why = "read", None, None
        plain = document.to_dict()
        if not bill.revision:  # people have said what is on it; the lists keep to that
            summarise(bill, fields, text)
            bill.review_value = review_value(plain, fields)
        result = MachineResult(
            bill_id=bill.id,
            attempt_id=attempt_id,
            document=plain,
            fields=fields,
            text=text,
            models=document.models,
            **{network: document.models[network] for network in NETWORKS},
            seconds=document.seconds,
            quality=[asdict(page.quality) for page in document.pages],
            confidence=fmean(word.confidence for word in words) if words else None,
        )
        session.add(result)
        quotas.settle(session, bill.id, charged=True)
        announce(session, bill, "bill.read")
        return result


def _close(session: Session, attempt_id: int, run_id: str | None, **values: Any) -> Bill | None:
    """Compare and set: of any number of callers, one gets the bill, locked, and all others None."""
    bills = _lock_bills(session, Bill.id.in_(select(Attempt.bill_id).where(Attempt.id == attempt_id)))
    query = update(Attempt).where(Attempt.id == attempt_id, Attempt.state == "open")
    if run_id is not None:
        query = query.where(Attempt.run_id == run_id)
    closed = session.scalar(query.values(finished_at=now(), **values).returning(Attempt.id))
    return bills[0] if closed else None


def _lock_bills(session: Session, condition: ColumnElement[bool]) -> Sequence[Bill]:
    """Bills for this transaction alone.

    Whoever changes an attempt has locked its bill, and bills are locked in one order: so nobody waits in a circle.
    """
    return session.scalars(select(Bill).where(condition).order_by(Bill.id).with_for_update()).all()


def bill_bytes(store: Store, bill_id: str) -> bytes:
    """The upload of a bill that is being read."""
    return store.objects.read(upload_key(bill_id))


def promoted_models(store: Store) -> dict[str, ModelVersion]:
    """Network to the version that reads bills now."""
    with store.database.reading() as session:
        rows = session.scalars(select(ModelVersion).where(ModelVersion.state == "promoted"))
        return {row.network: row for row in rows}


def bills_read_with(store: Store, versions: Mapping[str, str], limit: int) -> tuple[int, int, list[str]]:
    """How many bills' newest results come from exactly these versions, how many from others, and some of the latter."""
    newest = select(func.max(MachineResult.id)).group_by(MachineResult.bill_id)
    same = and_(*(getattr(MachineResult, network) == versions.get(network, "") for network in NETWORKS))
    with store.database.reading() as session:
        counts = session.execute(select(same, func.count()).where(MachineResult.id.in_(newest)).group_by(same)).all()
        total = {bool(is_same): count for is_same, count in counts}
        behind = session.scalars(
            select(MachineResult.bill_id)
            .where(MachineResult.id.in_(newest), ~same)
            .order_by(MachineResult.id.desc())
            .limit(limit)
        )
        return total.get(True, 0), total.get(False, 0), list(behind)


def model_path(store: Store, model: ModelVersion) -> Path:
    """The weights' file."""
    return store.settings.models / model.path


def sync_shipped_models(store: Store, models_dir: Path | None = None) -> dict[str, ModelVersion]:
    """Enter the weights of the folder into the registry; safe to repeat and from several processes.

    A network without a promoted version, or with one that shipped earlier, gets this one promoted. A version that was
    trained and promoted here stays.

    Returns:
        The promoted versions afterwards.
    """
    models_dir = models_dir or store.settings.models
    shipped = {}
    for path in sorted(models_dir.glob("*/model.onnx")):
        metrics = path.with_name("metrics.json")
        figures = json.loads(metrics.read_text()) if metrics.exists() else {}
        version = Engine(path).metadata["version"]
        shipped[path.parent.name] = version, hashlib.sha256(path.read_bytes()).hexdigest(), figures
    with store.database.session() as session:
        store.database.in_order(session)
        for network, (version, sha256, figures) in shipped.items():
            rows = session.scalars(select(ModelVersion).where(ModelVersion.network == network)).all()
            model = next((row for row in rows if row.version == version), None)
            if model is None:
                model = ModelVersion(network=network, version=version, origin="shipped", state="candidate")
                session.add(model)
            if model.origin == "trained":
                continue
            model.path, model.sha256, model.figures = f"{network}/model.onnx", sha256, figures
            promoted = next((row for row in rows if row.state == "promoted"), None)
            if promoted is model or (promoted and promoted.origin == "trained"):
                continue
            if promoted:
                promoted.state = "retired"
                session.flush()  # at no moment may there be two
            model.state, model.promoted_at = "promoted", now()
    return promoted_models(store)
