"""Masks against written-out matrices, checked by eye."""

import torch

from pixelrnn.ops.masks import causal_mask, color_mask, feature_colors, raster_mask


def picture(mask):
    return ["".join("x" if seen else "." for seen in row) for row in mask.tolist()]


def test_raster_mask():
    assert picture(raster_mask(4, 7)) == ["xxxxxxx", "xxxxxxx", "xxxxxxx", "xxx...."]
    assert picture(raster_mask(2, 3)) == ["xxx", "x.."]
    assert picture(raster_mask(1, 3)) == ["x.."]
    assert picture(raster_mask(1, 1)) == ["."]


def test_color_mask_orders_r_g_b():
    colors = torch.tensor([0, 1, 2])
    assert picture(color_mask("A", colors, colors)) == ["...", "x..", "xx."]
    assert picture(color_mask("B", colors, colors)) == ["x..", "xx.", "xxx"]


def test_features_are_interleaved_by_color():
    assert feature_colors(7, 3).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert feature_colors(7, 1).tolist() == [0] * 7


def test_gates_of_a_stack_stay_aligned():
    """Two gates of h = 4 count their colors anew: unit u of every gate has the same color."""
    assert feature_colors(8, 3, block=4).tolist() == [0, 1, 2, 0, 0, 1, 2, 0]
    assert picture(color_mask("B", feature_colors(8, 3, block=4), torch.arange(3))) == [
        "x..", "xx.", "xxx", "x..",
        "x..", "xx.", "xxx", "x..",
    ]  # fmt: skip


def test_causal_mask_of_one_color():
    ones = torch.zeros(1, dtype=torch.long)
    assert picture(causal_mask("A", ones, ones, 4, 7)[0, 0]) == [
        "xxxxxxx",
        "xxxxxxx",
        "xxxxxxx",
        "xxx....",
    ]
    assert picture(causal_mask("B", ones, ones, 2, 3)[0, 0]) == ["xxx", "xx."]


def test_causal_mask_of_three_colors():
    rgb = torch.arange(3)
    mask = causal_mask("B", rgb, rgb, 2, 3)
    assert picture(mask[1, 0]) == ["xxx", "xx."]  # G sees R of its own pixel,
    assert picture(mask[1, 1]) == ["xxx", "xx."]  # itself,
    assert picture(mask[1, 2]) == ["xxx", "x.."]  # but B of earlier pixels only
