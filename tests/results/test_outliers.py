"""Scores of unusual images: ranks, chances and coders against what they are defined to be."""

import math

import numpy as np
import pytest

from pixelrnn.results.baselines import encodings
from pixelrnn.results.outliers import auroc, auroc_interval, coder_nats, typical_p

DRAW = np.random.default_rng(0)


def test_typical_p_is_a_p_value():
    """Of images of the known kind a share p has p or less. Faults: one-sided; the image itself not counted."""
    known, more = DRAW.normal(size=99), DRAW.normal(size=100_000)
    shares = [(typical_p(more, DRAW.normal(size=99)) <= 0.1).mean() for _ in range(200)]
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)
    assert typical_p(np.array([-9.0, 9.0]), known) == pytest.approx([0.02, 0.02])
    assert typical_p(np.median(known, keepdims=True), known) == pytest.approx([1.0])


def test_typical_p_written_out():
    """Ties count on both sides."""
    known = np.array([1.0, 2.0, 2.0, 3.0])
    assert typical_p(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), known) == pytest.approx(
        [min(1, 2 * min(low, high) / 5) for low, high in ((1, 5), (2, 5), (4, 4), (5, 2), (5, 1))]
    )
    assert typical_p(np.array([5.0]), np.empty(0)) == [1.0]


def test_auroc_counts_pairs():
    """Faults: own and others exchanged; ties counted whole."""
    own, others = DRAW.integers(0, 6, 40), DRAW.integers(2, 9, 30)
    pairs = (others[:, None] > own).mean() + (others[:, None] == own).mean() / 2
    assert auroc(own, others) == pytest.approx(pairs)
    assert auroc(others, own) == pytest.approx(1 - pairs)
    assert auroc(np.zeros(5), np.zeros(7)) == 0.5


def test_intervals_cover():
    """Of 95 % in nearly as many of 200 draws. Fault: only one of the two samples is drawn anew."""
    true = 0.5 * math.erfc(-1 / 2)  # P(N(1, 1) > N(0, 1))
    hits = 0
    for seed in range(200):
        low, high = auroc_interval(
            DRAW.normal(size=40), DRAW.normal(1, size=40), times=200, seed=seed
        )
        hits += low <= true <= high
    assert 0.88 < hits / 200 < 0.99


def test_coder_nats_are_those_of_the_smallest_file():
    images = DRAW.integers(0, 17, (3, 1, 8, 8), dtype=np.uint8)
    images[1] = 0
    nats = coder_nats(images, 17)
    smallest = min(map(len, encodings(images[2].transpose(1, 2, 0), 17).values()))
    assert nats[2] == pytest.approx(8 * smallest * math.log(2))
    assert nats[1] < nats[0]
