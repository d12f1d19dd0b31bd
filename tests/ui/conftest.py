"""A store for the pages, and bills that have been read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from billocr_assets.fields.extract import extract_fields
from billocr_assets.ocr.document import Document, Line, Page, PageQuality, Segment, Word, as_polygon
from billocr_assets.store import Store
from billocr_assets.store.bills import register_upload
from billocr_assets.store.reading import NETWORKS, begin_reading, publish_result
from billocr_assets.store.schema import Bill, User
from billocr_ui.identity import the_store
from tests import files

LINES = ("Bäckerei Huber", "Hauptstraße 12, 80331 München", "Brezel 2,40", "Summe EUR 2,40", "24.12.2025 09:41")


@pytest.fixture(autouse=True)
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that Streamlit runs takes the place of ``__main__``, which processes started later would then run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def database_url(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One database for the test's own store and for the pages', which open theirs as in production."""
    monkeypatch.setenv("BILLOCR_DATABASE_URL", sqlite_url)
    the_store.cache_clear()
    yield sqlite_url
    the_store.cache_clear()


@pytest.fixture
def uploaded(store: Store, user: User) -> Callable[..., Bill]:
    """Uploads one more picture (or the bytes given) and returns its bill."""
    count = iter(range(1000))

    def upload(name: str = "bill.png", data: bytes | None = None) -> Bill:
        return register_upload(store, user, name, data or files.encode(files.page(seed=next(count)), "PNG"))

    return upload


@pytest.fixture
def read(store: Store, uploaded: Callable[..., Bill]) -> Callable[..., Bill]:
    """Uploads a bill and ends its reading with a document of these lines."""

    def read_bill(name: str = "bill.png", lines: tuple[str, ...] = LINES, confidence: float = 0.97) -> Bill:
        bill = uploaded(name)
        (attempt,) = begin_reading(store, [bill.id], "run", "upload").values()
        document = document_of(lines, confidence)
        publish_result(store, attempt, document, extract_fields(document).to_dict())
        return bill

    return read_bill


def document_of(lines: tuple[str, ...], confidence: float = 0.97, version: str = "1.0.0") -> Document:
    """A page of 120 x 200 pixels with these lines under one another."""

    def line(index: int, text: str) -> Line:
        words, x = [], 5.0
        for word in text.split():
            width = 2.0 * len(word)
            words.append(Word(word, _box(x, index, width), confidence))
            x += width + 2
        polygon = _box(5, index, x - 7)
        return Line(text, polygon, confidence, index, (Segment(text, polygon, confidence, tuple(words)),))

    quality = PageQuality(120.0, 150.0, 200.0, 0.0, 0, True)
    page = Page(1, 120, 200, quality, tuple(line(index, text) for index, text in enumerate(lines)))
    return Document((page,), dict.fromkeys(NETWORKS, version), {"text_lines": 0.2})


def _box(x: float, row: int, width: float):
    top = 10 + 12 * row
    return as_polygon([(x, top), (x + width, top), (x + width, top + 8), (x, top + 8)])
