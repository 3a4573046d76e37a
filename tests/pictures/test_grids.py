import numpy as np
from PIL import Image

from pixelrnn.data.quantize import stretch
from pixelrnn.pictures.grids import GAP, GRAY, ORANGE, completion_grid, image_grid, save_picture

ROWS = np.arange(4)[:, None].repeat(4, 1) < 2


def test_a_row_is_an_image_and_its_completions():
    """Read back pixel by pixel: 2 images, 3 completions of each, 16 x 16 pixels for one."""
    completions = np.random.default_rng(0).integers(0, 3, (2, 4, 1, 4, 4)).astype(np.uint8)
    picture = np.asarray(completion_grid(completions, ROWS, levels=3, side=64))
    cell = 64 + GAP
    assert picture.shape == (2 * cell + GAP, 4 * cell + 2 * GAP, 3)
    for i in range(2):
        for k in range(4):
            top, left = GAP + i * cell, GAP + k * cell + (GAP if k else 0)
            tile = picture[top : top + 64, left : left + 64]
            assert (tile[8::16, 8::16, 0] == stretch(completions[i, k, 0], 3)).all()
    apart = picture[:, cell : cell + 2 * GAP]  # the images stand apart from their completions
    assert (apart == GRAY).all()


def test_a_line_runs_between_known_and_unknown():
    picture = np.asarray(
        completion_grid(np.zeros((1, 2, 3, 4, 4), np.uint8), ROWS, levels=256, side=64)
    )
    orange = (picture == ORANGE).all(-1)
    assert orange.sum() == 2 * 2 * 64  # in both images, a pixel on each side, all along
    assert orange[GAP + 31 : GAP + 33, GAP : GAP + 64].all()
    corner = np.zeros((4, 4), bool)
    corner[0, 0] = True
    around = np.asarray(
        completion_grid(np.zeros((1, 2, 3, 4, 4), np.uint8), corner, levels=256, side=64)
    )
    assert (around == ORANGE).all(-1).sum() == 2 * (4 * 16 - 1)  # the corner is shared


def test_large_images_are_still_enlarged_for_the_line():
    known = np.ones((40, 40), bool)
    picture = completion_grid(np.zeros((1, 2, 1, 40, 40), np.uint8), known, 2)
    assert picture.height == 160 + 2 * GAP


def test_pictures_are_lossless(tmp_path):
    """Levels are stretched over the bytes, and read back exactly."""
    levels = np.arange(17, dtype=np.uint8).reshape(17, 1, 1, 1)
    save_picture(image_grid(levels, 17, columns=17, side=1), tmp_path / "a.png")
    row = np.asarray(Image.open(tmp_path / "a.png"))[GAP, GAP :: 1 + GAP, 0]
    assert (row.astype(int) * 17 // 256 == np.arange(17)).all()
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_columns_and_size():
    assert image_grid(np.zeros((6, 1, 8, 8), int), 2, columns=3, side=16).size == (64, 44)
