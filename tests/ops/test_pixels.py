"""Levels and the numbers they become; which pixels are kept."""

import torch

from pixelrnn.ops.pixels import normalize, subsample


def test_levels_are_spread_from_minus_one_to_one():
    assert normalize(torch.tensor([0, 1, 2]), 3).tolist() == [-1, 0, 1]
    assert normalize(torch.tensor([0, 255]), 256).tolist() == [-1, 1]


def test_subsample_keeps_every_factor_th_pixel():
    x = torch.arange(16).view(1, 1, 4, 4)
    assert subsample(x, 2)[0, 0].tolist() == [[0, 2], [8, 10]]
