from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from billocr_assets.ocr.models import SHIPPED
from billocr_assets.ocr.recognition import LineRecogniser, decode

ALPHABET = ["a", "b", " "]
TEXTS = ["TOTAL", "1 x Orange juice 0.3 l", "23.40", "Thank you for your visit", "VAT 20 %", "Subtotal", "12", "GmbH"]


def frames(*classes: int, probability: float = 0.9) -> np.ndarray:
    """(1, T, 4) log-probabilities whose best path is ``classes``."""
    p = np.full((1, len(classes), 4), (1 - probability) / 3)
    p[0, np.arange(len(classes)), classes] = probability
    return np.log(p)


def line(text: str, size: int = 24) -> np.ndarray:
    font = ImageFont.load_default(size)
    x0, y0, x1, y1 = font.getbbox(text)
    image = Image.new("L", (round(x1 - x0) + 12, 32), 245)
    ImageDraw.Draw(image).text((6 - x0, (32 - (y1 - y0)) / 2 - y0), text, 20, font)
    return np.array(image)


@pytest.fixture(scope="module")
def recogniser() -> LineRecogniser:
    return LineRecogniser(SHIPPED / "line_recogniser" / "model.onnx")


def test_repeats_are_one_character_unless_a_blank_class_parts_them() -> None:
    assert decode(frames(1, 1, 2, 2), ALPHABET)[0].text == "ab"
    assert decode(frames(1, 0, 1, 0, 2), ALPHABET)[0].text == "aab"


def test_a_character_stands_where_its_frames_are_and_is_as_sure_as_its_best_one() -> None:
    log_probs = frames(0, 1, 1, 1, 0, 2)
    log_probs[0, 2] = np.log([0.01, 0.97, 0.01, 0.01])
    read = decode(log_probs, ALPHABET)[0]
    assert read.positions == pytest.approx([2.5 * 4, 5.5 * 4], abs=0.1)
    assert read.confidences == pytest.approx([0.97, 0.9], abs=1e-3)


def test_blanks_around_and_doubled_blanks_are_dropped_with_their_places() -> None:
    read = decode(frames(3, 1, 3, 0, 3, 2, 3), ALPHABET)[0]
    assert read.text == "a b"
    assert len(read.positions) == len(read.confidences) == 3
    assert read.positions[2] == pytest.approx(5.5 * 4)


def test_lines_of_a_batch_do_not_run_into_each_other() -> None:
    both = np.concatenate([frames(0, 1, 1), frames(1, 1, 2)])
    assert [read.text for read in decode(both, ALPHABET)] == ["a", "ab"]


def test_only_the_blank_class_reads_as_nothing() -> None:
    read = decode(frames(0, 0, 0), ALPHABET)[0]
    assert (read.text, len(read.positions), len(read.confidences)) == ("", 0, 0)


def test_clean_print_in_an_unseen_font_is_read(recogniser: LineRecogniser) -> None:
    read = [segment.text for segment in recogniser.recognise([line(text) for text in TEXTS])]
    assert sum(Levenshtein.distance(truth, text) for truth, text in zip(TEXTS, read, strict=True)) <= 2
    # A blank may be lost in narrow print; a digit, a point or a letter beside a number may not.
    numbers = [text.replace(" ", "") for text in read if any(c.isdigit() for c in text)]
    assert numbers == ["1xOrangejuice0.3l", "23.40", "VAT20%", "12"]


def test_characters_stand_from_left_to_right_within_the_crop(recogniser: LineRecogniser) -> None:
    crop = line("Orange juice")
    read = recogniser.recognise([crop])[0]
    assert len(read.positions) == len(read.text)
    assert (np.diff(read.positions) > 0).all()
    assert read.positions[0] > 0
    assert read.positions[-1] < crop.shape[1]
    assert ((read.confidences > 0) & (read.confidences <= 1)).all()


def test_pooled_lines_read_the_same_as_one_by_one(recogniser: LineRecogniser) -> None:
    crops = [line(text) for text in TEXTS * 3]
    alone = [recogniser.recognise([crop])[0].text for crop in crops]
    assert [read.text for read in recogniser.recognise(crops)] == alone


def test_blank_paper_reads_as_nothing(recogniser: LineRecogniser) -> None:
    assert recogniser.recognise([np.full((32, 200), 240, np.uint8)])[0].text == ""


def test_no_lines_read_as_no_lines(recogniser: LineRecogniser) -> None:
    assert recogniser.recognise([]) == []


def test_a_comma_that_print_has_nearly_lost_is_read_as_the_other_amounts_of_the_bill_have_it(
    recogniser: LineRecogniser,
) -> None:
    clear = [line(text) for text in ("23,40", "12,95", "8,70")]
    comma, point = line("14,50"), line("14.50")
    width = min(comma.shape[1], point.shape[1])
    faint = [
        (share * comma[:, :width] + (1 - share) * point[:, :width]).astype(np.uint8) for share in np.linspace(1, 0, 51)
    ]
    read = [each.text for each in recogniser.recognise(faint)]
    lost = read.index("14.50")
    assert read[lost - 1] == "14,50"
    bill = [*clear, faint[lost]]
    # The next bill has points.
    other = [line(text) for text in ("23.40", "12.95", "8.70")]
    again = [each.text for each in recogniser.recognise(bill + other, bills=[len(bill), len(other)])]
    assert again == ["23,40", "12,95", "8,70", "14,50", "23.40", "12.95", "8.70"]
