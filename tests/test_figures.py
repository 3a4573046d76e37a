import math

import numpy as np
import pytest

from pixelrnn.figures import bits_per_dim, in_words, nats_of_one_bit, spell


def test_bits_and_nats_are_one_figure_in_two_units():
    assert bits_per_dim(64 * math.log(2), 64) == pytest.approx(1)
    assert bits_per_dim(np.array([nats_of_one_bit(3)]), 3) == pytest.approx([1])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((1.8589, 0.0141, "upper"), "≤ 1.859 ± 0.014"),
        ((1234.5, None, "exact", 1), "1,234.5"),
        ((None, None, "upper"), "–"),
        ((0.0, 0.0, None, 2), "0.00 ± 0.00"),
    ],
)
def test_a_figure_with_its_error_and_bound(arguments, text):
    """Faults: a missing figure that is a bound; an error of zero left out."""
    assert spell(*arguments) == text


def test_a_font_without_the_sign():
    assert in_words("≤ 1.9 ± 0.1") == "at most 1.9 ± 0.1"
