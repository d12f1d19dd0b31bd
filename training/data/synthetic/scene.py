"""Whole bills as scanners and cameras see them, with the exact place of every line and character."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from training.data.fonts import Split
from training.data.synthetic import camera, corpus, effects, marks
from training.data.synthetic.bill import Bill, make_bill
from training.data.synthetic.corpus import LOCALES
from training.data.synthetic.geometry import Warp, random_curl, view
from training.data.synthetic.layout import Layout
from training.data.synthetic.raster import choose_face, pen_positions, typeface
from training.data.synthetic.typeset import Press, PrintedLine, printable, typeset

Mode = Literal["scan", "photo"]

_LOCALE_WEIGHTS = (5, 4, 3, 3, 3, 3, 3, 6)


@dataclass(frozen=True, slots=True)
class SceneLine:
    """A text line in the picture.

    Attributes:
        polygon: (4, 2) float32, clockwise from the text's top left; holds the ink with a small margin.
        glyphs: (len(text), 4, 2) float32, a quadrilateral of each character's ink; a blank's is flat, on the baseline.
        row: lines on one baseline share it, 0-based from the top.
        field: what it says: company, address, date, total, total_label, item, amount, ... or None.
    """

    polygon: np.ndarray
    text: str
    glyphs: np.ndarray
    row: int
    field: str | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of a bill.

    Attributes:
        image: (H, W) uint8 grey.
        image_bgr: (H, W, 3) uint8, if asked for.
        lines: from top to bottom, left to right.
        paper: (4, 2) float32 corners of the bill, clockwise from its top left; may lie outside of the picture.
        fields: company, date, address, total as printed, or None.
        bill: the content, with sums that add up.
    """

    image: np.ndarray
    image_bgr: np.ndarray | None
    lines: tuple[SceneLine, ...]
    paper: np.ndarray
    fields: dict[str, str | None]
    bill: Bill
    mode: Mode


def synthesise_bill(
    rng: np.random.Generator,
    locale: str | None = None,
    mode: Mode | None = None,
    fonts: Split = "train",
    colour: bool = False,
) -> Scene:
    """One random bill; the same for the same state of ``rng``, arguments and installed fonts.

    Args:
        locale: one of :data:`training.data.synthetic.corpus.LOCALES`, or None for any.
        mode: a flat scan or a camera picture, or None for either.

    Raises:
        KeyError: an unknown locale.
        NoFontsError: no usable font is installed.
    """
    if locale is not None and locale not in LOCALES:
        raise KeyError(f"no locale {locale!r}; there are {', '.join(LOCALES)}")
    r = random.Random(int(rng.integers(2**62)))
    drawn = r.choices(LOCALES, _LOCALE_WEIGHTS)[0]
    chosen: Mode = "scan" if r.random() < 0.6 else "photo"
    mode = mode or chosen
    bill = make_bill(r, locale or drawn)
    ink, lines, fields = print_bill(bill, r, fonts)
    pen = _scribble(r, ink, lines)
    ink = _wear(r, rng, ink)

    height, width = ink.shape
    if mode == "scan":
        scale = float(np.exp(r.gauss(0.2, 0.25)))
        matrix = view(r, width, height, 1.0, r.choice((0.3, 1.0, 2.0)), 0.3)
        curl = random_curl(r, width, height, r.uniform(0, 3)) if r.random() < 0.25 else None
    else:
        scale = float(np.exp(r.gauss(0.15, 0.25)))
        matrix = view(r, width, height, 1.0, r.choice((2.0, 4.0, 8.0)), 7.0)
        curl = random_curl(r, width, height, r.uniform(1, 8)) if r.random() < 0.7 else None
    frame = camera.frame(r, Warp(matrix, curl), lines, (width, height), mode)
    area = frame.size[0] * frame.size[1]
    cap = float(np.median([line.cap for line in lines]))
    scale = min(max(scale * frame.shrink, camera.SMALLEST_CAP / cap), (camera.LARGEST / area) ** 0.5)
    warp = Warp(np.diag([scale, scale, 1.0]) @ frame.shift @ matrix, curl)
    size = max(32, round(frame.size[0] * scale)), max(32, round(frame.size[1] * scale))
    picture = camera.expose(r, rng, warp, size, ink, pen, mode, frame, colour)
    return Scene(
        image=cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if colour else picture,
        image_bgr=picture if colour else None,
        lines=tuple(_seen(line, warp) for line in lines),
        paper=warp.points(np.array([[0, 0], [width, 0], [width, height], [0, height]])),
        fields=fields,
        bill=bill,
        mode=mode,
    )


def print_bill(
    bill: Bill, r: random.Random, fonts: Split = "train"
) -> tuple[np.ndarray, list[PrintedLine], dict[str, str | None]]:
    """Ink (height, width) uint8 of the flat bill, its lines, and the fields as printed."""
    invoice = r.random() < 0.08
    columns = r.choice((70, 80, 90)) if invoice else r.choice((32, 42, 42, 48, 48))
    width = 1150 if invoice else 384 if columns == 32 else 576
    letters = corpus.characters(bill.locale.code)
    kinds = ("sans", "serif") if invoice or r.random() < 0.25 else ("bitmap", "mono", "typewriter")
    tried = [choose_face(r, letters, fonts)[0] for _ in range(12)]
    face = next((f for f in tried if f.kind in kinds), tried[0])
    second = next((f for f in tried if f.covers(letters)), face)
    cap = round(width / columns * (r.uniform(1.3, 1.75) if face.monospaced else r.uniform(1.15, 1.5)))
    if not face.monospaced:
        columns = int(width / pen_positions("EANRTOS0123eainrst", typeface(face, cap))[-1] * 18)
    layout = Layout(bill, columns, r, invoice)
    elements, printed = layout.build()
    side = round(width * r.uniform(0.03, 0.09))
    press = Press(
        faces=(face, second),
        columns=columns,
        width=width,
        margins=(side, round(side * r.uniform(0.6, 1.4)), r.randint(15, 110), r.randint(15, 160)),
        cap=cap,
        pitch=cap * r.choice((1.45, 1.6, 1.7, 1.8, 2.0, 2.3)),
        threshold=r.choice((100, 128, 128, 150)) if face.monospaced and r.random() < 0.75 else None,
    )
    ink, lines = typeset(elements, press, r)
    if invoice and r.random() < 0.8:  # a sheet keeps its format however little is on it
        ink = np.pad(ink, ((0, max(0, round(1.414 * ink.shape[1]) - len(ink))), (0, 0)))
    faces = {"company": press.faces[layout.company_face]}
    values = {"company": printed.company, "date": printed.date, "address": printed.address, "total": printed.total}
    fields = {key: value and printable(value, faces.get(key, face)) for key, value in values.items()}
    return ink, lines, fields


def _wear(r: random.Random, rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """What a tired printer and time do to the print."""
    draw = r.random()
    if draw < 0.06:
        ink = effects.bleed(ink, 1)
    elif draw < 0.3:
        ink = effects.speckle(rng, ink, r.uniform(0.2, 0.9))
    if r.random() < 0.12:
        ink = ink.copy()
        effects.head_wear(rng, ink, r.randint(1, 4))
    if r.random() < 0.3:
        # The head fades from place to place, or the paper in streaks along its way.
        cells = (r.randint(2, 7), r.randint(1, 4)) if r.random() < 0.6 else (r.randint(1, 2), r.randint(8, 40))
        density = effects.field(rng, ink.shape[0], ink.shape[1], cells, 255 * r.uniform(0.4, 0.9), 255)
        ink = cv2.multiply(ink, density.astype(np.uint8), scale=1 / 255)
    return ink


def _scribble(r: random.Random, ink: np.ndarray, lines: list[PrintedLine]) -> np.ndarray | None:
    """Pen and stamp marks on a layer of their own, in a third of the bills. They are no text to be read."""
    if r.random() > 0.35:
        return None
    layer: np.ndarray = np.zeros_like(ink)
    height, width = ink.shape
    size = float(np.median([line.cap for line in lines]))
    for _ in range(r.choice((1, 1, 2, 3))):
        x, y = r.uniform(0.05, 0.8) * width, r.choice((r.uniform(0, 0.08), r.uniform(0, 1), r.uniform(0.9, 1))) * height
        kind = r.randrange(5)
        if kind == 0:
            marks.stamp(r, layer, x, y, size * r.uniform(2.5, 6))
        elif kind == 1:
            marks.ideographs(r, layer, x, y, size * r.uniform(1.1, 2), r.randint(2, 7))
        elif kind == 2:
            marks.handwriting(r, layer, x, y, size * r.uniform(1, 2.5), r.randint(3, 8))
        else:
            marks.pen(r, layer, x, y, size * r.uniform(1, 4))
    return layer


def _seen(line: PrintedLine, warp: Warp) -> SceneLine:
    x0, y0, x1, y1 = line.boxes.T
    corners = np.stack([np.stack(pair, 1) for pair in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], 1)
    return SceneLine(
        polygon=warp.quadrilateral(*line.rectangle),
        text=line.text,
        glyphs=warp.points(corners.reshape(-1, 2)).reshape(-1, 4, 2),
        row=line.row,
        field=line.field,
    )
