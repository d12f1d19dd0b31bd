"""Where a newer machine layer and a corrected document differ, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from billocr_assets.store.editing import Plain, Point, Quad, insertion

# Two lines are the same print where they share this much of the smaller one's area.
_SAME = 0.5


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a reading says something else than the corrected bill.

    Attributes:
        line: id of the corrected line; where there is none, the id that the machine's line would get.
        ours, machine: the line on either side; None where that side has none.
    """

    line: str
    page: int
    ours: Plain | None
    machine: Plain | None

    def to_dict(self) -> Plain:
        """``checked``: whether a person has written or accepted our line."""
        either = self.ours or self.machine
        assert either is not None
        return {
            "line": self.line,
            "page": self.page,
            "ours": self.ours["text"] if self.ours else None,
            "machine": self.machine["text"] if self.machine else None,
            "checked": bool(self.ours and self.ours["checked"]),
            "polygon": either["polygon"],
        }


def differences(ours: Plain, machine: Plain, result: int) -> list[Difference]:
    """All differences, down the pages; lines are matched by where they stand.

    Args:
        ours: the corrected document, with ids.
        machine: the document of the layer ``result``, without.
    """
    theirs = {page["number"]: page["lines"] for page in machine["pages"]}
    found = []
    for page in ours["pages"]:
        number, lines, read = page["number"], page["lines"], theirs.get(page["number"], [])
        match = _matched([line["polygon"] for line in lines], [line["polygon"] for line in read])
        of_read = {j: i for i, j in match.items()}
        for i, line in enumerate(lines):
            other = read[match[i]] if i in match else None
            if other is None or other["text"].split() != line["text"].split():
                found.append(Difference(line["id"], number, line, other))
        for j, line in enumerate(read):
            if j not in of_read and line["text"].strip():
                found.append(Difference(f"r{result}p{number}l{j}", number, None, line))
    return found


def adoption(difference: Difference, page: Plain) -> Plain:
    """The step that takes the machine's side of a difference on a page."""
    ours, machine = difference.ours, difference.machine
    if machine is None:
        return {"do": "remove", "line": difference.line}
    line = {**machine, "id": difference.line, "checked": False}
    return {"do": "put", "line": line} if ours else insertion(page, line)


def _matched(ours: list[Quad], theirs: list[Quad]) -> dict[int, int]:
    """Which of ours is which of theirs, each once, those that cover each other best first."""
    boxes = [_box(polygon) for polygon in theirs]
    pairs = []
    for i, polygon in enumerate(ours):
        x0, y0, x1, y1 = _box(polygon)
        for j, (u0, v0, u1, v1) in enumerate(boxes):
            if x0 < u1 and u0 < x1 and y0 < v1 and v0 < y1:
                shared = _area(_common(polygon, theirs[j]))
                sizes = _area(polygon), _area(theirs[j])
                if shared > 0 and shared >= _SAME * min(sizes):
                    pairs.append((shared / (sum(sizes) - shared), i, j))
    found: dict[int, int] = {}
    for _, i, j in sorted(pairs, reverse=True):
        if i not in found and j not in found.values():
            found[i] = j
    return found


def _common(polygon: Quad, window: Quad) -> list[Point]:
    """What two convex areas share (Sutherland and Hodgman, 1974)."""
    points = list(polygon)
    for k in range(4):
        a, b = window[k - 1], window[k]
        inside = [(b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) for x, y in points]
        kept: list[Point] = []
        for i, point in enumerate(points):
            before, now = inside[i - 1], inside[i]
            if (before < 0) != (now < 0):
                share = before / (before - now)
                kept.append([p + (q - p) * share for p, q in zip(points[i - 1], point, strict=True)])
            if now >= 0:
                kept.append(point)
        points = kept
    return points


def _area(points: Quad) -> float:
    return sum(points[i - 1][0] * y - x * points[i - 1][1] for i, (x, y) in enumerate(points)) / 2


def _box(polygon: Quad) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
    return min(xs), min(ys), max(xs), max(ys)
