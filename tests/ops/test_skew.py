"""Skewing against written-out matrices."""

import pytest
import torch

from pixelrnn.ops.skew import shift_down, skew, unskew


def test_skew():
    x = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert skew(x).tolist() == [[1, 2, 3, 0, 0], [0, 4, 5, 6, 0], [0, 0, 7, 8, 9]]


def test_skew_of_a_wide_and_a_tall_map():
    assert skew(torch.tensor([[1.0, 2, 3], [4, 5, 6]])).tolist() == [[1, 2, 3, 0], [0, 4, 5, 6]]
    assert skew(torch.tensor([[1.0], [2], [3]])).tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 3]]


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 1, 7, 2), (4, 1, 1), (3, 1)])
def test_unskew_is_its_inverse(shape):
    x = torch.randn(shape)
    assert torch.equal(unskew(skew(x)), x)


def test_shift_down():
    assert shift_down(torch.tensor([[1.0, 2], [3, 4]])).tolist() == [[0, 0], [1, 2]]
