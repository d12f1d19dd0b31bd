"""Sends webhooks while the UI's process lives.

Here and not in Dagster's daemon: a slow receiver would hold up the sensors that start readings, and the machinery that
reads bills needs no way out to the internet. With several UI processes each delivery is still sent by one of them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from billocr_assets.store import Store
from billocr_assets.store.webhooks import deliver_due, forget_old

log = logging.getLogger(__name__)

WORKERS = 2
_IDLE, _TIDY = 1.0, 3600.0


@contextmanager
def delivering(open_store: Callable[[], Store]) -> Iterator[None]:
    """Deliver what is due in threads of their own until the block ends; what is cut off then is sent again later."""
    stop = threading.Event()

    def work() -> None:
        tidied = 0.0
        while not stop.is_set():
            busy = 0
            try:
                busy = deliver_due(open_store(), limit=1)
                if time.monotonic() - tidied > _TIDY:
                    forget_old(open_store())
                    tidied = time.monotonic()
            except Exception:  # the database is away for a while, say
                log.exception("webhooks are not delivered")
            if not busy:
                stop.wait(_IDLE)

    # Daemons: a receiver that takes its time does not keep the process from ending.
    threads = [threading.Thread(target=work, name=f"webhooks-{n}", daemon=True) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(_IDLE)
