"""Single text lines as a detector would crop them, with the place of every character."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from training.data.fonts import FontFace, Split
from training.data.synthetic import effects
from training.data.synthetic.phrases import line_text
from training.data.synthetic.raster import Typeface, choose_face, draw, pen_positions, typeface

# Few sizes, so that glyphs are rendered once; the final warp gives every size in between.
_CAPS = (12, 16, 16, 22)


@dataclass(frozen=True, slots=True)
class LineSample:
    """A line crop.

    Attributes:
        image: (h, w) uint8 grey, h about 9..70; text upright.
        text: of the alphabet, single blanks.
        glyphs: (len(text), 2) float32, x0 and x1 of each character's ink in crop px; a blank's run from the ink before
            it to the ink after it. May reach a little beyond the crop.
        top, baseline: y of the capitals' top and of the baseline at the crop's middle, px.
        tops, baselines: (len(text),) float32, the same under each character: they show slope and curve.
    """

    image: np.ndarray
    text: str
    glyphs: np.ndarray
    top: float
    baseline: float
    tops: np.ndarray
    baselines: np.ndarray


def synthesise_line(rng: np.random.Generator, fonts: Split = "train") -> LineSample:
    """One random line; the same for the same state of ``rng`` and the same installed fonts.

    Raises:
        NoFontsError: no usable font is installed.
    """
    r = random.Random(int(rng.integers(2**62)))
    face, text = choose_face(r, line_text(r), fonts)
    ink, boxes, baseline, cap = _print(r, rng, face, text)
    return _photograph(r, rng, ink, text, boxes, baseline, cap)


def _print(
    r: random.Random, rng: np.random.Generator, face: FontFace, text: str
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Ink at printer resolution with neighbours around, glyph boxes (n, 4), baseline and capitals' height."""
    thermal = r.random() < (0.75 if face.kind == "bitmap" else 0.45 if face.monospaced else 0.2)
    stretch = r.choice((0.7, 0.8, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.2)) if r.random() < 0.6 else 1.0
    cap = r.choice(_CAPS)
    if r.random() < 0.06:
        stretch *= 2  # double width
    elif face.monospaced and r.random() < 0.08:
        stretch, cap = stretch * 0.55, 22  # double height
    of = typeface(face, cap)
    cell = of.cell * r.choice((0.92, 0.97, 1.0, 1.0, 1.0, 1.08, 1.15)) if face.monospaced else None
    blank = 1.0 if face.monospaced else r.uniform(0.8, 1.7)
    if r.random() < 0.1:
        blank *= r.uniform(1.2, 2.2)
    tracking = 0.0 if cell or r.random() < 0.7 else r.uniform(-0.04, 0.2) * cap
    pens = pen_positions(text, of, cell, blank, tracking)
    margin = round(1.2 * cap)
    canvas: np.ndarray = np.zeros((round(4.2 * cap), int(pens[-1]) + 2 * margin), np.uint8)
    baseline = round(2.4 * cap)
    boxes = draw(canvas, text, of, margin, baseline, pens)
    if r.random() < 0.45:
        _neighbours(r, canvas, of, cell, baseline, round(r.uniform(1.5, 2.2) * cap))
    if stretch != 1:
        canvas = cv2.resize(canvas, None, fx=stretch, fy=1, interpolation=cv2.INTER_LINEAR)
        boxes[:, ::2] *= stretch
    if thermal:
        canvas = cv2.threshold(canvas, r.choice((90, 128, 128, 150)), 255, cv2.THRESH_BINARY)[1]
    if r.random() < 0.04:
        y = baseline + round(0.2 * cap) + r.randint(0, 3)
        canvas[y : y + r.choice((1, 1, 2)), margin // 2 : -margin // 2] = 255
    if thermal and face.kind == "bitmap" and cap <= 16 and r.random() < 0.3:
        pitch = 3
        canvas = effects.dots(canvas, pitch, r.uniform(0.42, 0.62))
        return canvas, boxes * pitch, baseline * pitch, cap * pitch
    wear = r.random()
    if wear < 0.07:
        canvas = effects.bleed(canvas, 1)
    elif wear < 0.1 and cap >= 18 and (face.bold or face.kind == "bitmap"):
        canvas = effects.bleed(canvas, -1)
    elif wear < 0.2:
        canvas = effects.speckle(rng, canvas, r.uniform(0.3, 1.0))
    if thermal and r.random() < 0.1:
        effects.head_wear(rng, canvas, max(1, canvas.shape[1] // 150))
    return canvas, boxes, baseline, cap


def _neighbours(
    r: random.Random, canvas: np.ndarray, of: Typeface, cell: float | None, baseline: int, pitch: int
) -> None:
    for y in r.choice(((-pitch,), (pitch,), (-pitch, pitch))):
        text = "".join(c for c in line_text(r) if c in of.face.characters) or "0"
        pens = pen_positions(text, of, cell)
        draw(canvas, text, of, r.uniform(-0.5, 0.9) * canvas.shape[1], baseline + y, pens)


def _photograph(
    r: random.Random,
    rng: np.random.Generator,
    ink: np.ndarray,
    text: str,
    boxes: np.ndarray,
    baseline: float,
    cap: float,
) -> LineSample:
    printed = boxes[boxes[:, 3] > boxes[:, 1]]
    y0, y1 = float(printed[:, 1].min()), float(printed[:, 3].max())
    # A lone dash or dot still gets a box of text height.
    if y1 - y0 < 0.7 * cap:
        y0, y1 = min(y0, baseline - cap), max(y1, baseline)
    x0, x1 = float(boxes[0, 0]), float(boxes[-1, 2])
    h = y1 - y0
    top_margin, bottom_margin = (min(max(r.gauss(0.11, 0.07), -0.02), 0.35) * h for _ in range(2))
    left_margin, right_margin = (r.uniform(-0.03, 0.6) * h for _ in range(2))
    x0, x1, y0, y1 = x0 - left_margin, x1 + right_margin, y0 - top_margin, y1 + bottom_margin

    height = min(max(round(np.exp(r.gauss(3.35, 0.33))), 12), 64)
    scale = height / (y1 - y0)
    aspect = r.uniform(0.85, 1.18) if r.random() < 0.3 else 1.0
    width = max(6, round((x1 - x0) * scale * aspect))
    # Rotation lifts one end of the crop by at most a fifth of its height.
    slope = r.gauss(0, 0.3) * min(0.03, 0.2 * height / width) if r.random() < 0.5 else 0.0
    shear = r.gauss(0, 0.03) if r.random() < 0.4 else 0.0
    a = np.array([[scale * aspect, shear * scale, 0], [slope * scale, scale, 0]])
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    a[:, 2] = np.array([width, height]) / 2 - a[:, :2] @ middle
    if scale < 0.6:
        ink = cv2.blur(ink, (round(0.7 / scale),) * 2)
    low = r.uniform(9, 15) / height * (1.3 if h > 1.3 * cap else 1.0) if r.random() < 0.12 else 1.0
    if low < 0.9:  # scanned coarsely, enlarged later
        small = cv2.warpAffine(
            ink, a * low, (max(4, round(width * low)), max(4, round(height * low))), flags=cv2.INTER_AREA
        )
        coverage = cv2.resize(small, (width, height), interpolation=r.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
    else:
        coverage = cv2.warpAffine(ink, a, (width, height), flags=cv2.INTER_LINEAR)

    middle_y = (boxes[:, 1] + boxes[:, 3]) / 2
    glyphs = np.stack([a[0, 0] * boxes[:, i] + a[0, 1] * middle_y + a[0, 2] for i in (0, 2)], 1).astype(np.float32)
    centres = (boxes[:, 0] + boxes[:, 2]) / 2
    baselines = (a[1, 0] * centres + a[1, 1] * baseline + a[1, 2]).astype(np.float32)
    tops = (baselines - a[1, 1] * cap).astype(np.float32)
    mid_baseline = float(a[1, 0] * middle[0] + a[1, 1] * baseline + a[1, 2])
    if r.random() < 0.1 and width > 3 * height:
        coverage, bend = _curl(r, coverage)
        at = np.clip(glyphs.mean(1), 0, width - 1)
        tops, baselines = tops + bend(at), baselines + bend(at)
        mid_baseline += float(bend(np.array(width / 2)))
    image = _develop(r, rng, coverage)
    return LineSample(image, text, glyphs, mid_baseline - a[1, 1] * cap, mid_baseline, tops, baselines)


def _curl(r: random.Random, coverage: np.ndarray) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    height, width = coverage.shape
    amplitude, phase, turns = r.uniform(-0.1, 0.1) * height, r.uniform(0, 6.3), r.uniform(0.3, 1.2) * 6.3 / width

    def bend(x: np.ndarray) -> np.ndarray:
        return (amplitude * np.sin(turns * x + phase)).astype(np.float32)

    x = np.arange(width, dtype=np.float32)
    map_x = np.broadcast_to(x, (height, width)).astype(np.float32)
    map_y = np.arange(height, dtype=np.float32)[:, None] - bend(x)
    return cv2.remap(coverage, map_x, map_y.astype(np.float32), cv2.INTER_LINEAR), bend


def _develop(r: random.Random, rng: np.random.Generator, coverage: np.ndarray) -> np.ndarray:
    """Ink coverage (uint8) to a grey picture."""
    height, width = coverage.shape
    if r.random() < 0.35:
        sigma = r.uniform(0.3, 1.3) * max(0.6, height / 32)
        coverage = cv2.GaussianBlur(coverage, (0, 0), sigma)
    elif r.random() < 0.07:
        coverage = cv2.filter2D(coverage, -1, effects.motion_kernel(r.choice((3, 3, 5)), r.uniform(0, 180)))
    style = r.random()
    if style < 0.5:  # clean scan
        paper, contrast = r.uniform(225, 255), r.uniform(0.75, 1.0)
    elif style < 0.8:
        paper, contrast = r.uniform(150, 250), r.uniform(0.5, 0.95)
    else:  # faded, or blue-grey paper
        paper, contrast = r.uniform(120, 250), r.uniform(0.2, 0.5)
    depth: np.ndarray | float = paper * contrast
    if r.random() < 0.18:  # density varies along the line
        depth = depth * effects.field(rng, 1, width, (1, r.randint(2, 5)), r.uniform(0.3, 0.8), 1.0)
    image = coverage.astype(np.float32)
    image *= depth / -255.0
    if r.random() < 0.35:  # shadow, crumple
        image += effects.field(rng, height, width, (r.randint(1, 2), r.randint(2, 4)), paper - r.uniform(5, 50), paper)
    else:
        image += paper
    if r.random() < 0.05:
        x, y, w = r.randrange(width), r.randrange(height), r.randrange(10, 4 * height)
        end = (x + w, y + r.randint(-height, height) // 2)
        cv2.line(image, (x, y), end, r.uniform(20, 150), max(1, height // r.randint(12, 24)), cv2.LINE_AA)
    if r.random() < 0.5:
        image += effects.noise(rng, height, width) * r.choice((1.5, 3, 3, 6, 6, 12))
    if r.random() < 0.02:
        image = 255 - image
    if r.random() < 0.15:  # office scanners clean up paper by steep contrast
        steep, middle = r.uniform(4, 11) / 255, paper * (1 - contrast / 2) + r.uniform(-10, 30)
        image = 255 / (1 + np.exp((middle - image) * steep))
    grey = np.clip(image, 0, 255).astype(np.uint8)
    if r.random() < 0.3:
        grey = effects.jpeg(grey, r.randint(25, 90))
    return grey
