from __future__ import annotations

import numpy as np
import pytest

from billocr_assets.ocr.grouping import FEATURES, gap_features, parted
from billocr_assets.ocr.stages import TextLine

HEIGHT, LETTER = 20.0, 10.0

Row = list[tuple[str, float]]


def page(*rows: list[Row]) -> tuple[list[str], np.ndarray, list[int], list[TextLine]]:
    """What :func:`parted` takes, of rows of detected lines of (word, where it begins)."""
    texts: list[str] = []
    spans: list[tuple[float, float]] = []
    of_line: list[int] = []
    lines: list[TextLine] = []
    for row, found in enumerate(rows):
        for words in found:
            ends = [(x, x + LETTER * len(text)) for text, x in words]
            (x0, _), (_, x1), y = ends[0], ends[-1], 2 * HEIGHT * row
            corners = [[x0, y], [x1, y], [x1, y + HEIGHT], [x0, y + HEIGHT]]
            texts += [text for text, _ in words]
            spans += ends
            of_line += [len(lines)] * len(words)
            lines.append(TextLine(np.array(corners, np.float32), 0.9, row))
    return texts, np.array(spans), of_line, lines


def said(*rows: list[Row]) -> list[str]:
    texts, spans, of_line, lines = page(*rows)
    found, line = [], []
    for text, ends in zip(texts, parted(texts, spans, of_line, lines), strict=True):
        line.append(text)
        if ends:
            found.append(" ".join(line))
            line = []
    assert line == []
    return found


ITEMS: list[list[Row]] = [
    [[("NASI", 0), ("LEMAK", 50)], [("2", 200)], [("7.00", 300)]],
    [[("TEH", 0), ("O", 40), ("AIS", 60)], [("1", 200)], [("2.20", 300)]],
    [[("ROTI", 0), ("CANAI", 50)], [("3", 200)], [("4.50", 300)]],
]


def test_a_quantity_that_the_detector_ran_into_its_amount_is_a_line_of_its_own_where_columns_say_so() -> None:
    together: list[Row] = [[("MILO", 0), ("AIS", 50)], [("2", 200), ("5.00", 300)]]
    assert said(*ITEMS, together)[-3:] == ["MILO AIS", "2", "5.00"]


def test_words_of_a_name_stay_together_though_the_detector_took_them_apart() -> None:
    apart: list[Row] = [[("SYARIKAT", 0)], [("PERNIAGAAN", 86)], [("BERJAYA", 192)]]
    assert said(apart, *ITEMS)[0] == "SYARIKAT PERNIAGAAN BERJAYA"


def test_what_stands_far_apart_or_in_another_row_is_never_one_line() -> None:
    assert said([[("TOTAL", 0)], [("13.70", 50 + 4 * HEIGHT)]]) == ["TOTAL", "13.70"]
    assert said([[("THANK", 0)]], [[("YOU", 60)]]) == ["THANK", "YOU"]


@pytest.mark.parametrize("rows", [[], [[[("TOTAL", 0)]]]])
def test_a_page_without_a_blank_has_nothing_to_part(rows: list[list[Row]]) -> None:
    texts, spans, of_line, lines = page(*rows)
    assert gap_features(texts, spans, of_line, lines)[0].shape == (0, len(FEATURES))
    assert parted(texts, spans, of_line, lines).tolist() == [True] * len(texts)


def test_the_same_page_twice_as_large_is_grouped_alike() -> None:
    texts, spans, of_line, lines = page(*ITEMS)
    larger = [TextLine(line.polygon * 2, line.score, line.row) for line in lines]
    once, twice = gap_features(texts, spans, of_line, lines)[0], gap_features(texts, 2 * spans, of_line, larger)[0]
    assert once.shape == twice.shape
    assert np.isfinite(once).all()
    assert np.abs(once - twice).max() < 1e-6


def test_words_that_overlap_or_have_no_width_are_no_failure() -> None:
    texts, spans, of_line, lines = page([[("A", 0), ("B", 4)], [("C", 2)]])
    spans[1] = (5, 5)
    assert np.isfinite(gap_features(texts, spans, of_line, lines)[0]).all()
