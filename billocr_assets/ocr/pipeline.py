"""The whole road from an upload's bytes to its document, and the last step of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, groupby
from math import prod
from statistics import median

import cv2
import numpy as np

from billocr_assets.ocr.confidence import word_features, word_ranges
from billocr_assets.ocr.detection import find_lines
from billocr_assets.ocr.document import Document, Line, Page, Polygon, Segment, Word, as_polygon
from billocr_assets.ocr.grouping import parted
from billocr_assets.ocr.models import Models
from billocr_assets.ocr.pages import load_pages
from billocr_assets.ocr.preprocessing import ENLARGED, SMALLEST, SURE, TINY, enlarged, look_at, prepare_page
from billocr_assets.ocr.recognition import LineRecogniser
from billocr_assets.ocr.segmentation import HEIGHT, MARGIN, crop_line, segment_lines
from billocr_assets.ocr.stages import LineSegment, PreparedPage, ReadSegment, TextLine

# Where the detector cannot tell how a page stands: lines that are read, and turns that are not tried.
_TRIED = 6
_UNLIKELY = 0.1
# By how much better a bill must read mirrored: by .08 to .20 on 16 mirrored ones, and never on the same as they are.
_MIRRORED = 0.05
# Lines whose characters are less sure than this (the words' products of probabilities, on average) are drawings and
# handwriting: on 70 receipts they raise the CER from .032 to .042.
_LEGIBLE = 0.05
# So are lines of so few signs below this confidence. Of longer ones that are hardly believed much is right.
_SHORT, _LEAST = 8, 0.25
# A page whose words are all shorter, or hardly believed, has no text.
_WORD = 3
_RULE = frozenset("*-=_.~#+:|")
# How much longer at either end a line is than what was cropped, in its heights: crops do better with the blank they
# have. Without it line F is .951 instead of .953 on scans, .939 instead of .940 on photos and .936 instead of .939 on
# German scans, cover F .973 instead of .978, .958 instead of .967 and .975 instead of .983; .04 to .07 are alike.
_ENDS = 0.06
_TOP = HEIGHT * MARGIN[1] / (1 + 2 * MARGIN[1])
# Bills, and columns of their crops, that are recognised together at most: their lines fill the batches, and those of 16
# bills gain nothing more but take 20 MB.
POOL, POOL_COLUMNS = 8, 100_000
_NOTHING = np.zeros((0, 0), np.uint8)


def read_bill(data: bytes, models: Models) -> Document:
    """Reads an upload.

    Raises:
        PageError: as :func:`billocr_assets.ocr.pages.load_pages`.
    """
    return _only([_cut_upload(lambda: data, models)], models)


def read_bills(uploads: Iterable[Callable[[], bytes]], models: Models) -> Iterator[Document | Exception]:
    """Reads bills whose lines are recognised together, some bills at a time.

    Args:
        uploads: each gives an upload's bytes.

    Returns:
        For each, in their order, its document or what it failed with; a bill that fails fails alone.
    """
    # A thread that finds the lines of the next bills meanwhile takes as long as two threads within each stage (102 and
    # 99 ms a bill, bench_cost), and up to 420 MB instead of 250.
    for pool in _pools(uploads, models):
        yield from _finished(pool, models)


def read_pages(pages: Sequence[np.ndarray], models: Models) -> Document:
    """Reads the pages (H, W) uint8 grey of one bill; the lines of all pages are recognised together."""
    return _only([_cut_pages(pages, models, {})], models)


def pool_is_full(columns: Sequence[int]) -> bool:
    """Whether bills with so many columns of crops are enough to be recognised together: more would gain nothing."""
    return len(columns) >= POOL or sum(columns) >= POOL_COLUMNS


def recognise_bills(
    bills: Sequence[Sequence[LineSegment]], recogniser: LineRecogniser
) -> list[list[ReadSegment] | Exception]:
    """What the segments of each bill say, all recognised together, or what its recognition failed with."""
    try:
        crops = [segment.crop for bill in bills for segment in bill]
        reads = iter(recogniser.recognise(crops, bills=[len(bill) for bill in bills]))
        return [[next(reads) for _ in bill] for bill in bills]
    except Exception as error:
        if len(bills) == 1:
            return [error]
        return [read for bill in bills for read in recognise_bills([bill], recogniser)]


@dataclass(frozen=True, slots=True)
class _CutBill:
    """A bill as far as its lines' crops; its pages have no images any more."""

    pages: list[PreparedPage]
    lines: list[list[TextLine]]
    segments: list[list[LineSegment]]
    seconds: dict[str, float]

    @property
    def columns(self) -> int:
        return sum(segment.crop.shape[1] for page in self.segments for segment in page)


def _pools(uploads: Iterable[Callable[[], bytes]], models: Models) -> Iterator[list[_CutBill | Exception]]:
    pool: list[_CutBill | Exception] = []
    for upload in uploads:
        try:
            pool.append(_cut_upload(upload, models))
        except Exception as error:
            pool.append(error)
        if pool_is_full([bill.columns for bill in pool if isinstance(bill, _CutBill)]):
            yield pool
            pool = []
    if pool:
        yield pool


def _cut_upload(upload: Callable[[], bytes], models: Models) -> _CutBill:
    seconds: dict[str, float] = {}
    with _clock(seconds, "bill_image"):
        pages = load_pages(upload(), grey=True)
    return _cut_pages(pages, models, seconds)


def _cut_pages(pages: Sequence[np.ndarray], models: Models, seconds: dict[str, float]) -> _CutBill:
    with _clock(seconds, "preprocessed_page"):
        views = [_upright(page, models) for page in pages]
        prepared = [page for page, _ in views]
    with _clock(seconds, "text_lines"):
        lines = [find_lines(page, models.line_detector) if found is None else found for page, found in views]
    with _clock(seconds, "line_segments"):
        segments = [
            segment_lines(page, found, models.line_segmenter) for page, found in zip(prepared, lines, strict=True)
        ]
    return _CutBill([replace(page, image=_NOTHING) for page in prepared], lines, segments, seconds)


def _only(bill: Sequence[_CutBill], models: Models) -> Document:
    (document,) = _finished(bill, models)
    if isinstance(document, Exception):
        raise document
    return document


def _finished(bills: Sequence[_CutBill | Exception], models: Models) -> Iterator[Document | Exception]:
    """The documents of bills that are cut; those that failed stay what they are."""
    cut = [bill for bill in bills if isinstance(bill, _CutBill)]
    began = time.perf_counter()
    found = iter(recognise_bills([list(chain(*bill.segments)) for bill in cut], models.line_recogniser))
    column = (time.perf_counter() - began) / max(1, sum(bill.columns for bill in cut))
    for bill in bills:
        if isinstance(bill, Exception):
            yield bill
            continue
        read = next(found)
        if isinstance(read, Exception):
            yield read
            continue
        bill.seconds["recognised_text"] = round(column * bill.columns, 4)
        pages = assemble_pages(bill.pages, bill.lines, bill.segments, read, models.line_recogniser.calibration)
        yield Document(pages, models.versions, bill.seconds)


@contextmanager
def _clock(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - started, 4)


def upright_page(page: np.ndarray, models: Models) -> PreparedPage:
    """The prepared page; where the detector is not sure how it stands, a few lines are read every likely way round."""
    return _upright(page, models)[0]


def _upright(page: np.ndarray, models: Models) -> tuple[PreparedPage, list[TextLine] | None]:
    """The prepared page, and its lines where finding out how it stands took looking for them."""
    if SMALLEST <= max(page.shape) < TINY:
        height, width = page.shape
        view, lines = _upright(enlarged(page), models)
        to_page = np.array([[1, 0, (1 - ENLARGED) / 2], [0, 1, (1 - ENLARGED) / 2], [0, 0, ENLARGED]]) / ENLARGED
        return replace(view, to_upload=to_page @ view.to_upload, upload_size=(width, height)), lines
    detector = models.line_detector
    look = look_at(page, detector)
    # What is mirrored looks upside down, and far more often than a bill really is: that is read before it is believed.
    if look.orientations[0][1] >= SURE and look.orientations[0][0] != 180:
        return prepare_page(page, detector, look=look), None
    likely = dict(turn for turn in look.orientations if turn[1] >= _UNLIKELY)
    best, legible = (look.orientations[0][0], False), -1.0
    views: dict[int, tuple[PreparedPage, list[TextLine]]] = {}
    # One view tells all ways of its axis: its crops are turned upside down and mirrored for the others.
    for axis in sorted({turn % 180 for turn in likely}):
        turn = axis if axis in likely else axis + 180
        prepared = prepare_page(page, detector, turn, look)
        views[turn] = prepared, find_lines(prepared, detector)
        longest = sorted(views[turn][1], key=lambda line: -np.ptp(line.polygon[:, 0]))[:_TRIED]
        crops = [crop_line(prepared.image, line.polygon)[0] for line in longest]
        over = (turn + 180) % 360
        ways = {(turn, False): crops, (over, False): [np.rot90(crop, 2) for crop in crops]}
        score = {way: _legibility(seen, models) for way, seen in ways.items() if way[0] in likely}
        ways = {(turn, True): [crop[:, ::-1] for crop in crops], (over, True): [crop[::-1] for crop in crops]}
        score |= {way: _legibility(seen, models) - _MIRRORED for way, seen in ways.items()}
        way = max(score, key=score.__getitem__)
        if score[way] > legible:
            best, legible = way, score[way]
    turn, mirrored = best
    if turn in views and not mirrored:
        return views[turn]
    prepared = prepare_page(page, detector, turn, look)
    return (_mirror_image(prepared) if mirrored else prepared), None


def _mirror_image(page: PreparedPage) -> PreparedPage:
    flip = np.diag([-1.0, 1.0, 1.0])
    flip[0, 2] = page.image.shape[1] - 1
    return replace(page, image=np.ascontiguousarray(page.image[:, ::-1]), to_upload=page.to_upload @ flip)


def _legibility(crops: Sequence[np.ndarray], models: Models) -> float:
    """Mean probability of the characters that are read; 0 where there are none."""
    scores = [segment.confidences for segment in models.line_recogniser.recognise(crops, mend=False) if segment.text]
    return float(np.concatenate(scores).mean()) if scores else 0.0


def assemble_pages(
    pages: Sequence[PreparedPage],
    lines: Sequence[Sequence[TextLine]],
    segments: Sequence[Sequence[LineSegment]],
    reads: Sequence[ReadSegment],
    calibration: Callable[[np.ndarray], np.ndarray],
) -> tuple[Page, ...]:
    """:func:`assemble_page` of all pages of a bill; ``reads`` of all segments, page by page."""
    left = iter(reads)
    return tuple(
        assemble_page(page, found, cut, [next(left) for _ in cut], calibration, number)
        for number, (page, found, cut) in enumerate(zip(pages, lines, segments, strict=True), 1)
    )


def assemble_page(
    prepared: PreparedPage,
    lines: Sequence[TextLine],
    segments: Sequence[LineSegment],
    reads: Sequence[ReadSegment],
    calibration: Callable[[np.ndarray], np.ndarray],
    number: int = 1,
) -> Page:
    """What was read, with boxes in the upload's pixels; lines that are no text are left out.

    Args:
        segments: of ``lines``, in their order.
        reads: one for each of ``segments``.
        calibration: of the recogniser that read them: features of words to the probabilities that they are right.
        number: of the page, 1-based.
    """
    placed: list[_PlacedWord] = []
    confidences = iter(calibration(word_features(lines, segments, reads)).tolist())
    for segment, read in zip(segments, reads, strict=True):
        found = words_of(segment, read)
        quads = _quads(prepared.to_upload @ segment.to_page, [(x0, x1) for _, x0, x1, _ in found])
        spans = spans_on_page(segment, found).tolist()
        for k, ((text, _, _, product), quad, (x0, x1)) in enumerate(zip(found, quads, spans, strict=True)):
            word = Word(text, quad, round(next(confidences), 4))
            placed.append(_PlacedWord(word, segment.line, x0, x1, k == 0, k == len(found) - 1, product))
    kept = []
    for words in _lines_of(placed, lines):
        line = _line(words, lines, prepared)
        legible = np.mean([word.product for word in words]) >= _LEGIBLE
        if legible and (line.confidence >= _LEAST or len(line.text) > _SHORT) and not _is_rule(line.text):
            kept.append(line)
    # Of logos, pen strokes and patterns come signs here and there, but no word.
    if all(len(word.text) < _WORD or word.confidence < _LEAST for line in kept for word in line.words):
        kept = []
    return Page(
        number=number,
        width=prepared.upload_size[0],
        height=prepared.upload_size[1],
        quality=prepared.quality,
        lines=tuple(kept),
    )


@dataclass(frozen=True, slots=True)
class _PlacedWord:
    """A word on the prepared page.

    Attributes:
        line: the detected one that it belongs to, as whose ``first`` or ``last`` word, or both.
        x0, x1: where it begins and ends.
        product: of its characters' probabilities.
    """

    word: Word
    line: int
    x0: float
    x1: float
    first: bool
    last: bool
    product: float


def _lines_of(words: Sequence[_PlacedWord], lines: Sequence[TextLine]) -> Iterator[list[_PlacedWord]]:
    """The words line by line, in reading order."""
    if not words:
        return
    texts, spans = [placed.word.text for placed in words], np.array([(placed.x0, placed.x1) for placed in words])
    ends = parted(texts, spans, [placed.line for placed in words], lines)
    start = 0
    for end in (np.flatnonzero(ends) + 1).tolist():
        yield list(words[start:end])
        start = end


def _line(words: Sequence[_PlacedWord], lines: Sequence[TextLine], prepared: PreparedPage) -> Line:
    """One line of words that stand side by side: all, several or a part of what the detector boxed."""
    polygon = _whole(_outline(words, lines))
    segments = tuple(
        _segment([placed.word for placed in part]) for _, part in groupby(words, lambda placed: placed.line)
    )
    return Line(
        text=" ".join(segment.text for segment in segments),
        polygon=as_polygon(np.clip(_mapped(prepared.to_upload, polygon), 0, prepared.upload_size)),
        confidence=_mean(placed.word.confidence for placed in words),
        row=lines[words[0].line].row,
        segments=segments,
    )


def _outline(words: Sequence[_PlacedWord], lines: Sequence[TextLine]) -> np.ndarray:
    """(4, 2) corners on the prepared page, clockwise from the top left, of the words' lines as far as they go."""
    left, right = words[0], words[-1]
    a, b, c, d = np.asarray(lines[left.line].polygon, np.float64)
    share = 0.0 if left.first else (left.x0 - a[0]) / max(1.0, b[0] - a[0])
    start, under = a + share * (b - a), d + share * (c - d)
    a, b, c, d = np.asarray(lines[right.line].polygon, np.float64)
    share = 1.0 if right.last else (right.x1 - a[0]) / max(1.0, b[0] - a[0])
    return np.array([start, a + share * (b - a), d + share * (c - d), under])


def _segment(words: Sequence[Word]) -> Segment:
    first, last = words[0].polygon, words[-1].polygon
    text = " ".join(word.text for word in words)
    return Segment(text, (first[0], last[1], last[2], first[3]), _mean(word.confidence for word in words), tuple(words))


def _is_rule(text: str) -> bool:
    """Whether a line is a printed rule (``*****``) rather than text."""
    signs = text.replace(" ", "")
    return len(signs) >= 5 and sum(sign in _RULE for sign in signs) >= 0.9 * len(signs)


def words_of(segment: LineSegment, read: ReadSegment) -> list[tuple[str, float, float, float]]:
    """The words of a segment: text, x0 and x1 in crop pixels, and the product of its characters' probabilities.

    The recogniser says where a word's characters are, the segmenter where their ink begins and ends.
    """
    ranges = word_ranges(read.text)
    if not ranges:
        return []
    x = read.positions.tolist()
    steps = [x[i + 1] - x[i] for a, b in ranges for i in range(a, b - 1)]
    half = median(steps) / 2 if steps else HEIGHT / 4
    width = segment.crop.shape[1]
    confidences = read.confidences.tolist()
    words = []
    for k, (a, b) in enumerate(ranges):
        first, last = x[a], x[b - 1]
        # Halfway to the neighbours, unless the segmenter saw an edge on this side of it.
        low = (x[ranges[k - 1][1] - 1] + first) / 2 if k else 0.0
        high = (last + x[ranges[k + 1][0]]) / 2 if k + 1 < len(ranges) else float(width)
        left, right = max(low, first - half), min(high, last + half)
        for start, end in segment.words:
            if start - half <= first <= end + half and low - half <= start <= first + half:
                left = start
            if start - half <= last <= end + half and last - half <= end <= high + half:
                right = end
        words.append((read.text[a:b], left, max(right, left + 1.0), prod(confidences[a:b])))
    return words


def spans_on_page(segment: LineSegment, words: Sequence[tuple[str, float, float, float]]) -> np.ndarray:
    """(n, 2) where on the prepared page the words of :func:`words_of` begin and end."""
    if not words:
        return np.zeros((0, 2))
    ends = np.array([(x, HEIGHT / 2) for _, x0, x1, _ in words for x in (x0, x1)])
    return _mapped(segment.to_page, ends)[:, 0].reshape(-1, 2)


def _whole(polygon: np.ndarray) -> np.ndarray:
    """A line's (4, 2) polygon with its ends, see :data:`_ENDS`."""
    a, b, c, d = np.asarray(polygon, np.float64)
    along = b - a + c - d
    height = (np.linalg.norm(d - a) + np.linalg.norm(c - b)) / 2
    end = along / max(1e-9, np.linalg.norm(along)) * _ENDS * height
    return np.array([a - end, b + end, c + end, d - end])


def _mapped(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(np.asarray(points, np.float64)[None], homography)[0]


def _quads(homography: np.ndarray, spans: Sequence[tuple[float, float]]) -> list[Polygon]:
    """The polygons on the upload of spans (x0, x1) of a crop."""
    if not spans:
        return []
    corners = [((x0, _TOP), (x1, _TOP), (x1, HEIGHT - _TOP), (x0, HEIGHT - _TOP)) for x0, x1 in spans]
    return [as_polygon(quad) for quad in _mapped(homography, np.reshape(corners, (-1, 2))).reshape(-1, 4, 2).tolist()]


def _mean(values: Iterator[float]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 4)
