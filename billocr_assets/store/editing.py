"""A bill's document while a person edits it: plain JSON in, small reversible steps out; knows no database.

The document is ``Document.to_dict()`` whose lines carry two more keys: ``id``, by which edits name them, and
``checked``, true for a line that a person has written or accepted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from statistics import fmean
from typing import Any

Plain = dict[str, Any]
Point = Sequence[float]
Quad = Sequence[Point]

MAX_TEXT = 500
MAX_LINES = 2000
# How far a polygon may reach over the page's edge, as a share of the page's longer side; it is cut off there.
_OVERHANG = 0.05
_NEW_ID = re.compile(r"n-[A-Za-z0-9_-]{1,60}")
# A word that was put between two others has this share of the usual width a character, or the three share their room.
_TIGHT = 0.4


class Senseless(ValueError):
    """An operation that no state of the bill could make sense of; the text says why, in a sentence."""


class Gone(Exception):
    """The operation's line is not there, or in the way; ``line`` names it."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


def with_ids(document: Plain) -> Plain:
    """A machine's document with ids for its lines, ``p{page}l{index}``; changed in place."""
    for page in document["pages"]:
        for index, line in enumerate(page["lines"]):
            line["id"], line["checked"] = f"p{page['number']}l{index}", False
    return document


def clean_text(text: str) -> str:
    """One line of text as it is kept: composed letters, single blanks, nothing that steers a terminal or a database."""
    text = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs")).split())


def touched(steps: Iterable[Plain]) -> set[tuple[str, str]]:
    """What steps change, as (``line`` or ``field``, its name)."""
    return {
        ("field", step["name"])
        if step["do"] == "field"
        else ("line", step["line"] if step["do"] == "remove" else step["line"]["id"])
        for step in steps
    }


class Sheet:
    """A document with its fields, changed in place by operations.

    Attributes:
        document, fields: as in :class:`Correction`; ``fields["corrected"]`` names those that a person has set.
        changed: ids of the lines that were changed, added or moved to another row.
        removed: ids of the lines that went.
        stale: whether the fields that nobody set have to be extracted again.
    """

    def __init__(self, document: Plain, fields: Plain) -> None:
        self.document, self.fields = document, fields
        self.pages: dict[int, Plain] = {page["number"]: page for page in document["pages"]}
        self._page_of = {line["id"]: page for page in document["pages"] for line in page["lines"]}
        self.changed: set[str] = set()
        self.removed: set[str] = set()
        self.stale = False

    def line(self, line: str) -> Plain:
        """The line of this id.

        Raises:
            Gone: there is none.
        """
        page = self._page_of.get(line)
        if page is None:
            raise Gone(line)
        return page["lines"][_index(page, line)]

    def find(self, line: str) -> Plain | None:
        return self.line(line) if line in self._page_of else None

    def run(self, steps: Iterable[Plain]) -> list[Plain]:
        """Take steps, all or none.

        Returns:
            The steps that take them back, in the order to take.

        Raises:
            Gone: a line that is to be changed is not there, or one that is to be added is.
        """
        back: list[Plain] = []
        try:
            for step in steps:
                back.insert(0, self._step(step))
        except Gone:
            for step in back:
                self._step(step)
            raise
        return back

    def _step(self, step: Plain) -> Plain:
        if step["do"] == "field":
            return self._field(step)
        self.stale = True
        if step["do"] == "put":
            return self._put(step["line"])
        if step["do"] == "remove":
            return self._remove(step["line"])
        return self._insert(step)

    def _field(self, step: Plain) -> Plain:
        name, corrected = step["name"], set(self.fields.get("corrected", ()))
        back = {"do": "field", "name": name, "corrected": name in corrected}
        if name in corrected:
            back["value"] = self.fields[name]
        if step["corrected"]:
            self.fields[name] = step["value"]
            corrected.add(name)
        else:
            corrected.discard(name)
            self.stale = True
        self.fields["corrected"] = sorted(corrected)
        return back

    def _put(self, line: Plain) -> Plain:
        page = self._page_of.get(line["id"])
        if page is None:
            raise Gone(line["id"])
        index = _index(page, line["id"])
        old = page["lines"][index]
        # Rows are moved by steps of other lines as well, so a line's own step does not set it back.
        page["lines"][index] = {**line, "row": old["row"]}
        self.changed.add(line["id"])
        return {"do": "put", "line": old}

    def _remove(self, line: str) -> Plain:
        page = self._page_of.pop(line, None)
        if page is None:
            raise Gone(line)
        index = _index(page, line)
        old = page["lines"].pop(index)
        alone = all(other["row"] != old["row"] for other in page["lines"])
        if alone:
            self._shift(page, old["row"] + 1, -1)
        after = page["lines"][index - 1] if index else None
        self.changed.discard(line)
        self.removed.add(line)
        return {
            "do": "insert",
            "line": old,
            "page": page["number"],
            "after": after and after["id"],
            # Relative, so that it stays true when rows above come or go in between.
            "rows_below": old["row"] - (after["row"] if after else 0),
            "alone": alone,
        }

    def _insert(self, step: Plain) -> Plain:
        line = {**step["line"]}
        page = self.pages[step["page"]]
        if line["id"] in self._page_of:
            raise Gone(line["id"])
        after = step["after"]
        if after is None or self._page_of.get(after) is page:
            index = _index(page, after) + 1 if after else 0
            row = max(0, (page["lines"][index - 1]["row"] if after else 0) + step["rows_below"])
            alone = step["alone"]
        else:
            index, row, alone = place(page, line["polygon"])
        if alone:
            self._shift(page, row, 1)
        line["row"] = row
        page["lines"].insert(index, line)
        self._page_of[line["id"]] = page
        self.removed.discard(line["id"])
        self.changed.add(line["id"])
        return {"do": "remove", "line": line["id"]}

    def _shift(self, page: Plain, first: int, by: int) -> None:
        for line in page["lines"]:
            if line["row"] >= first:
                line["row"] += by
                self.changed.add(line["id"])

    # One method an operation: what it says as steps.

    def set_text(self, op: Plain) -> list[Plain]:
        return [_put(written(self.line(op["line"]), op["text"]))]

    def accept(self, op: Plain) -> list[Plain]:
        return [_put(accepted(self.line(op["line"])))]

    def shape(self, op: Plain) -> list[Plain]:
        line = self.line(op["line"])
        page = self._page_of[op["line"]]
        polygon = on_page(page, op["polygon"])
        moved = reshaped(line, polygon)
        if _same_row(_middle(line["polygon"]), _middle(polygon)):
            return [_put(moved)]
        rest = {"number": page["number"], "lines": [other for other in page["lines"] if other is not line]}
        return [{"do": "remove", "line": line["id"]}, self._at(rest, moved)]

    def delete(self, op: Plain) -> list[Plain]:
        return [{"do": "remove", "line": self.line(op["line"])["id"]}]

    def add(self, op: Plain) -> list[Plain]:
        page = self.pages.get(op["page"])
        if page is None:
            raise Senseless(f"The bill has no page {op['page']}.")
        self._room_for(op["line"])
        line = {"text": "", "polygon": on_page(page, op["polygon"]), "confidence": 1.0, "row": 0, "segments": []}
        line |= {"id": op["line"], "checked": True}
        step = self._at(page, written(line, op["text"]))
        after = op["after"]
        if after is not None and self._page_of.get(after) is page:
            row = step["rows_below"] + (self.line(step["after"])["row"] if step["after"] else 0)
            step |= {"after": after, "rows_below": row - self.line(after)["row"]}
        return [step]

    def split(self, op: Plain) -> list[Plain]:
        line = self.line(op["line"])
        if not 0 < op["at"] < len(line["text"]):
            raise Senseless("A line is split inside its text.")
        self._room_for(op["new"])
        left, right = cut(line, op["at"])
        right["id"] = op["new"]
        insert = {"do": "insert", "line": right, "page": self._page_of[line["id"]]["number"]}
        return [_put(left), {**insert, "after": line["id"], "rows_below": 0, "alone": False}]

    def join(self, op: Plain) -> list[Plain]:
        line, other = self.line(op["line"]), self.line(op["with"])
        page = self._page_of[line["id"]]
        if other is line or self._page_of[other["id"]] is not page:
            raise Senseless("Only two lines of one page can be joined.")
        first, second = sorted((line, other), key=lambda each: _index(page, each["id"]))
        whole = joined(first, second)
        if len(whole["text"]) > MAX_TEXT:
            raise Senseless(f"A line has at most {MAX_TEXT} characters.")
        return [{"do": "remove", "line": other["id"]}, _put({**whole, "id": line["id"]})]

    def _room_for(self, line: str) -> None:
        if line in self._page_of:
            raise Gone(line)
        if len(self._page_of) >= MAX_LINES:
            raise Senseless(f"A bill has at most {MAX_LINES} lines.")

    def _at(self, page: Plain, line: Plain) -> Plain:
        return insertion(page, line)


def insertion(page: Plain, line: Plain) -> Plain:
    """The step that adds a line where its polygon stands among the page's lines."""
    index, row, alone = place(page, line["polygon"])
    after = page["lines"][index - 1] if index else None
    return {
        "do": "insert",
        "line": line,
        "page": page["number"],
        "after": after and after["id"],
        "rows_below": row - (after["row"] if after else 0),
        "alone": alone,
    }


def place(page: Plain, polygon: Quad) -> tuple[int, int, bool]:
    """Where a line belongs: its index among the page's lines, its row, and whether the row is a new one."""
    middle = _middle(polygon)
    lines = page["lines"]
    middles = [_middle(line["polygon"]) for line in lines]
    beside = [i for i, other in enumerate(middles) if _same_row(other, middle)]
    if beside:
        row = lines[min(beside, key=lambda i: abs(middles[i][1] - middle[1]))]["row"]
        of_row = [i for i, line in enumerate(lines) if line["row"] == row]
        left = [i for i in of_row if middles[i][0] <= middle[0]]
        return (left[-1] + 1 if left else of_row[0]), row, False
    above = [i for i, other in enumerate(middles) if other[1] < middle[1]]
    if not above:
        return 0, 0, True
    row = lines[max(above, key=lambda i: middles[i][1])]["row"]
    return max(i for i, line in enumerate(lines) if line["row"] == row) + 1, row + 1, True


def on_page(page: Plain, polygon: Quad) -> list[list[float]]:
    """A polygon that a person drew, cut off at the page's edges.

    Raises:
        Senseless: it is no four-cornered area of the page, clockwise from the text's own top left.
    """
    corners = clipped(page, polygon)
    if min(_turn(corners[i], corners[i - 3], corners[i - 2]) for i in range(4)) <= 0:
        raise Senseless("A polygon's corners run clockwise from the text's top left, and none lies on another.")
    return corners


def clipped(page: Plain, polygon: Quad) -> list[list[float]]:
    """A polygon cut off at the page's edges.

    Raises:
        Senseless: it lies outside.
    """
    width, height = page["width"], page["height"]
    over = _OVERHANG * max(width, height)
    if not all(-over <= x <= width + over and -over <= y <= height + over for x, y in polygon):
        raise Senseless("The polygon lies outside the page.")
    corners = [
        [round(min(max(float(x), 0.0), width), 1), round(min(max(float(y), 0.0), height), 1)] for x, y in polygon
    ]
    if min(_turn(corners[i], corners[i - 3], corners[i - 2]) for i in range(4)) <= 0:
        raise Senseless("A polygon's corners run clockwise from the text's top left, and none lies on another.")
    return corners


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])


def written(line: Plain, text: str) -> Plain:
    """The line with another text: words that stay keep their boxes, all others share the room that is left."""
    tokens = text.split()
    old = [(word, number) for number, segment in enumerate(line["segments"]) for word in segment["words"]]
    kept = _kept([word["text"] for word, _ in old], tokens)
    while tight := _tight(line["polygon"], old, tokens, kept):
        for j in tight:
            kept[j] = None
    found: list[tuple[str, Quad, int]] = []
    for start, end, first, last in _runs(kept, len(old)):
        if kept[start] is not None:
            word, number = old[first]
            found.append((tokens[start], word["polygon"], number))
            continue
        number = old[min(first, len(old) - 1)][1] if old else 0
        room = _room(line["polygon"], old, first, last)
        found += [(word, box, number) for word, box in _shared(tokens[start:end], room)]
    segments = []
    for number in sorted({number for *_, number in found}):
        words = [{"text": word, "polygon": box, "confidence": 1.0} for word, box, of in found if of == number]
        segments.append(_segment(words))
    return {**line, "text": " ".join(tokens), "confidence": 1.0, "segments": segments, "checked": True}


def _kept(before: list[str], after: list[str]) -> list[int | None]:
    """For each word the old one whose box it keeps, where one stayed or one took the place of one."""
    kept: list[int | None] = [None] * len(after)
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and i2 - i1 == j2 - j1):
            kept[j1:j2] = range(i1, i2)
    return kept


def _runs(kept: list[int | None], count: int) -> Iterator[tuple[int, int, int, int]]:
    """Words ``start:end`` and the old words ``first:last`` whose room is theirs: one that is kept, or all new ones
    between two such."""
    start = first = 0
    while start < len(kept):
        i = kept[start]
        end = start + 1
        if i is None:
            while end < len(kept) and kept[end] is None:
                end += 1
        else:
            first = i
        following = kept[end] if i is None and end < len(kept) else None
        last = first + 1 if i is not None else count if following is None else following
        yield start, end, first, last
        start, first = end, last


def _tight(polygon: Quad, old: list[tuple[Plain, int]], tokens: list[str], kept: list[int | None]) -> list[int]:
    """The neighbours of words that were put where there is no room for them."""
    usual = _width(polygon) / max(1, len(" ".join(tokens)))
    for start, end, first, last in _runs(kept, len(old)):
        if kept[start] is None and first == last and old:
            letters = sum(map(len, tokens[start:end]))
            if _width(_room(polygon, old, first, last)) < _TIGHT * usual * letters:
                return [j for j in (start - 1, end) if 0 <= j < len(kept)]
    return []


def _room(polygon: Quad, old: list[tuple[Plain, int]], start: int, end: int) -> Quad:
    """The area of old words ``start:end``; where these are none, the gap at ``start``."""
    if not old:
        return polygon
    if start < end:
        return _span(old[start][0]["polygon"], old[end - 1][0]["polygon"])
    left = old[start - 1][0]["polygon"] if start else None
    right = old[start][0]["polygon"] if start < len(old) else None
    return [
        left[1] if left else polygon[0],
        right[0] if right else polygon[1],
        right[3] if right else polygon[2],
        left[2] if left else polygon[3],
    ]


def _width(polygon: Quad) -> float:
    """How far a polygon reaches along its upper edge's own direction; not positive where its ends have met."""
    a, b, c, d = polygon
    return ((b[0] - a[0]) + (c[0] - d[0])) / 2 if abs(b[0] - a[0]) >= abs(b[1] - a[1]) else abs(b[1] - a[1])


def _shared(words: Sequence[str], room: Quad) -> list[tuple[str, Quad]]:
    """Words side by side in an area, each as wide as it has characters, one between two."""
    total = sum(map(len, words)) + len(words) - 1
    boxes, at = [], 0
    for word in words:
        boxes.append((word, part(room, at / total, (at + len(word)) / total)))
        at += len(word) + 1
    return boxes


def accepted(line: Plain) -> Plain:
    """The line as a person found it right."""
    segments = [
        {**segment, "confidence": 1.0, "words": [{**word, "confidence": 1.0} for word in segment["words"]]}
        for segment in line["segments"]
    ]
    return {**line, "confidence": 1.0, "segments": segments, "checked": True}


def reshaped(line: Plain, polygon: Quad) -> Plain:
    """The line in another area; its words move with it."""
    moved = _mapping(line["polygon"], polygon)
    segments = []
    for segment in line["segments"]:
        words = [{**word, "polygon": moved(word["polygon"])} for word in segment["words"]]
        segments.append({**segment, "polygon": moved(segment["polygon"]), "words": words})
    return {**line, "polygon": polygon, "segments": segments}


def cut(line: Plain, at: int) -> tuple[Plain, Plain]:
    """A line as two, cut before its character ``at``."""
    sides: tuple[list[Plain], list[Plain]] = ([], [])
    position = 0
    for segment in line["segments"]:
        halves: tuple[list[Plain], list[Plain]] = ([], [])
        for word in segment["words"]:
            inside = at - position
            length = len(word["text"])
            if 0 < inside < length:
                share = inside / length
                halves[0].append({**word, "text": word["text"][:inside], "polygon": part(word["polygon"], 0, share)})
                halves[1].append({**word, "text": word["text"][inside:], "polygon": part(word["polygon"], share, 1)})
            else:
                halves[inside <= 0].append(word)
            position += length + 1
        for side, words in zip(sides, halves, strict=True):
            if words:
                side.append(_segment(words))
    polygon = line["polygon"]
    left_end, right_start = sides[0][-1]["polygon"], sides[1][0]["polygon"]
    top = _between(left_end[1], right_start[0])
    bottom = _between(left_end[2], right_start[3])
    return (
        _of_segments(line, sides[0], [polygon[0], top, bottom, polygon[3]]),
        _of_segments(line, sides[1], [top, polygon[1], polygon[2], bottom]),
    )


def joined(first: Plain, second: Plain) -> Plain:
    """Two lines as one: from left to right where they stand side by side, else in the order given."""
    origin, along, down = _frame(first["polygon"])

    def extent(polygons: Iterable[Quad], axis: Point) -> tuple[float, float]:
        values = [(x - origin[0]) * axis[0] + (y - origin[1]) * axis[1] for polygon in polygons for x, y in polygon]
        return min(values), max(values)

    (a0, a1), (b0, b1) = (extent([each["polygon"]], along) for each in (first, second))
    if b1 <= a0 + (a1 - a0) / 2 and b0 < a0:
        first, second = second, first
    (x0, x1), (y0, y1) = (extent([first["polygon"], second["polygon"]], axis) for axis in (along, down))
    corners = [
        [round(origin[0] + x * along[0] + y * down[0], 1), round(origin[1] + x * along[1] + y * down[1], 1)]
        for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    ]
    whole = _of_segments(first, [*first["segments"], *second["segments"]], corners)
    return {**whole, "checked": first["checked"] and second["checked"]}


def _of_segments(line: Plain, segments: list[Plain], polygon: Quad) -> Plain:
    words = [word for segment in segments for word in segment["words"]]
    text = " ".join(segment["text"] for segment in segments)
    return {**line, "text": text, "polygon": polygon, "confidence": _mean(words), "segments": segments}


def _segment(words: list[Plain]) -> Plain:
    return {
        "text": " ".join(word["text"] for word in words),
        "polygon": _span(words[0]["polygon"], words[-1]["polygon"]),
        "confidence": _mean(words),
        "words": words,
    }


def _mean(words: Sequence[Plain]) -> float:
    return round(fmean(word["confidence"] for word in words), 4) if words else 1.0


def _put(line: Plain) -> Plain:
    return {"do": "put", "line": line}


def _index(page: Plain, line: str) -> int:
    return next(i for i, each in enumerate(page["lines"]) if each["id"] == line)


def part(polygon: Quad, start: float, end: float) -> Quad:
    """The piece of a polygon from one share of its width to another."""
    a, b, c, d = polygon
    return [_between(a, b, start), _between(a, b, end), _between(d, c, end), _between(d, c, start)]


def _span(first: Quad, last: Quad) -> Quad:
    return [first[0], last[1], last[2], first[3]]


def _between(a: Point, b: Point, share: float = 0.5) -> list[float]:
    return [round(a[0] + (b[0] - a[0]) * share, 1), round(a[1] + (b[1] - a[1]) * share, 1)]


def _middle(polygon: Quad) -> tuple[float, float, float]:
    """Centre and height of a polygon."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = polygon
    height = ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5 / 2 + ((cx - bx) ** 2 + (cy - by) ** 2) ** 0.5 / 2
    return (ax + bx + cx + dx) / 4, (ay + by + cy + dy) / 4, height


def _same_row(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return abs(one[1] - other[1]) < min(one[2], other[2]) / 2


def _frame(polygon: Quad) -> tuple[Point, Point, Point]:
    """Top left of a polygon, and unit vectors along its text and down from it."""
    a, b, c, d = polygon
    dx, dy = (b[0] - a[0]) + (c[0] - d[0]), (b[1] - a[1]) + (c[1] - d[1])
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    return a, (dx / length, dy / length), (-dy / length, dx / length)


def _mapping(old: Quad, new: Quad) -> Callable[[Quad], list[list[float]]]:
    """How polygons inside one area move when it becomes another: shares along and down stay."""
    origin, along, down = _frame(old)
    width = max(sum((c - o) * u for c, o, u in zip(old[1], origin, along, strict=True)), 1e-6)
    height = max(sum((c - o) * u for c, o, u in zip(old[3], origin, down, strict=True)), 1e-6)

    def moved(polygon: Quad) -> list[list[float]]:
        corners = []
        for x, y in polygon:
            u = ((x - origin[0]) * along[0] + (y - origin[1]) * along[1]) / width
            v = ((x - origin[0]) * down[0] + (y - origin[1]) * down[1]) / height
            top, bottom = _between(new[0], new[1], u), _between(new[3], new[2], u)
            corners.append(_between(top, bottom, v))
        return corners

    return moved


def parse_operation(op: Any) -> Plain:
    """An operation with exactly what its kind needs, texts cleaned.

    Raises:
        Senseless: something is missing, of the wrong kind or too long.
    """
    if not isinstance(op, dict) or not isinstance(op.get("kind"), str):
        raise Senseless("An operation has a kind.")
    kind = op["kind"]
    needs = _NEEDS.get(kind)
    if needs is None:
        raise Senseless(f"There is no operation “{clean_text(kind)[:40]}”.")
    return {"kind": kind, **{name: check(op.get(name), name) for name, check in needs.items()}}


def _line_id(value: Any, name: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise Senseless(f"“{name}” names a line.")
    return value


def _new_id(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _NEW_ID.fullmatch(value):
        raise Senseless(f"“{name}” is n- and up to 60 letters, digits or dashes.")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Senseless(f"“{name}” is a text.")
    if len(value) > MAX_TEXT:
        raise Senseless(f"A line has at most {MAX_TEXT} characters.")
    return clean_text(value)


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Senseless(f"“{name}” is a whole number.")
    return value


def _after(value: Any, name: str) -> str | None:
    return None if value is None else _line_id(value, name)


def as_quad(value: Any, name: str = "polygon") -> list[list[float]]:
    """Four corners as JSON has them.

    Raises:
        Senseless: it is anything else, or a corner is no number.
    """
    if not (isinstance(value, list | tuple) and len(value) == 4 and all(map(_is_point, value))):
        raise Senseless(f"“{name}” has four corners (x, y).")
    return [[float(x), float(y)] for x, y in value]


def _is_point(point: Any) -> bool:
    return (
        isinstance(point, list | tuple)
        and len(point) == 2
        and all(isinstance(x, int | float) and not isinstance(x, bool) and abs(x) < 1e6 for x in point)
    )


def _as_is(value: Any, _: str) -> Any:
    return value


_NEEDS: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "set_text": {"line": _line_id, "text": _text},
    "accept": {"line": _line_id},
    "split": {"line": _line_id, "at": _number, "new": _new_id},
    "join": {"line": _line_id, "with": _line_id},
    "add": {"line": _new_id, "page": _number, "polygon": as_quad, "text": _text, "after": _after},
    "shape": {"line": _line_id, "polygon": as_quad},
    "delete": {"line": _line_id},
    "set_field": {"name": _as_is, "value": _as_is, "sources": _as_is},
    "set_items": {"items": _as_is},
    "undo": {"revision": _number},
    "revert": {"to": _number},
}
