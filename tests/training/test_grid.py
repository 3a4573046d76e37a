import numpy as np
import torch
from PIL import Image

from pixelrnn.data.quantize import stretch
from pixelrnn.training.grid import GAP, GRAY, ORANGE, completion_grid, image_grid, save_grid

ROWS = torch.arange(4)[:, None].expand(4, 4) < 2


def test_a_row_is_an_image_and_its_completions():
    """Read back from the picture, pixel by pixel: 2 images, 3 completions of each, 16 pixels a pixel."""
    completions = np.random.default_rng(0).integers(0, 3, (2, 4, 1, 4, 4)).astype(np.uint8)
    picture = completion_grid(completions, ROWS, levels=3, side=64)
    cell = 64 + GAP
    assert picture.shape == (3, 2 * cell + GAP, 4 * cell + 2 * GAP)
    for i in range(2):
        for k in range(4):
            top, left = GAP + i * cell, GAP + k * cell + (GAP if k else 0)
            tile = picture[:, top : top + 64, left : left + 64]
            assert (tile[:, 8::16, 8::16].numpy() == stretch(completions[i, k], 3)).all()
    assert (
        picture[:, :, cell : cell + 2 * GAP] == GRAY
    ).all()  # the images stand apart from their completions


def test_a_line_runs_between_known_and_unknown():
    picture = completion_grid(np.zeros((1, 2, 3, 4, 4), np.uint8), ROWS, levels=256, side=64)
    orange = (picture == torch.tensor(ORANGE)[:, None, None]).all(0)
    assert orange.sum() == 2 * 2 * 64  # in both images, a pixel on each side, all along
    assert orange[GAP + 31 : GAP + 33, GAP : GAP + 64].all()
    corner = torch.zeros(4, 4, dtype=torch.bool)
    corner[0, 0] = True
    around = completion_grid(np.zeros((1, 2, 3, 4, 4), np.uint8), corner, levels=256, side=64)
    assert (around == torch.tensor(ORANGE)[:, None, None]).all(0).sum() == 2 * (
        4 * 16 - 1
    )  # the corner is shared


def test_large_images_are_still_enlarged_for_the_line():
    assert (
        completion_grid(np.zeros((1, 2, 1, 40, 40), np.uint8), torch.ones(40, 40) > 0, 2).shape[1]
        == 160 + 2 * GAP
    )


def test_pictures_are_lossless(tmp_path):
    """Levels are stretched over the bytes, and read back exactly."""
    save_grid(torch.arange(17).view(17, 1, 1, 1), 17, tmp_path / "a.png", columns=17, side=1)
    row = np.asarray(Image.open(tmp_path / "a.png"))[GAP, GAP :: 1 + GAP, 0]
    assert (row.astype(int) * 17 // 256 == np.arange(17)).all()
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_columns_and_size():
    assert image_grid(torch.zeros(6, 1, 8, 8, dtype=torch.long), 2, columns=3, side=16).shape[
        1:
    ] == (44, 64)
