from __future__ import annotations

import numpy as np

from training.evaluation.line_segmenter import matched_spans


def test_a_span_is_found_when_both_of_its_edges_are() -> None:
    truth = np.array([[10.0, 50.0], [60.0, 90.0], [100.0, 140.0]])
    found = np.array([[12.0, 47.0], [60.0, 120.0], [124.0, 141.0]])
    assert matched_spans(truth, found, 4.0) == 1
    assert matched_spans(truth, np.zeros((0, 2)), 4.0) == 0
