import base64
import io

import numpy as np
import pytest
from PIL import Image

from pixelrnn.pictures.grids import (
    ACROSS,
    GRAY,
    HEIGHT,
    ORANGE,
    embed,
    side_by_side,
    small_completions,
    small_grid,
)


def _picture(name, size, color):
    return name, Image.new("RGB", size, color)


def _extent(page, color):
    """left, top, width, height of all pixels of one color, which must form a full rectangle."""
    where = (np.asarray(page) == color).all(axis=2)
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    assert where.sum() == len(rows) * len(columns)
    return columns[0], rows[0], len(columns), len(rows)


def test_grids_of_different_sizes_stand_side_by_side_enlarged_by_whole_factors():
    """Faults: one pasted over the other; pixels smoothed; the aspect changed."""
    small = _picture("small", (41, 20), (255, 0, 0))
    small[1].paste((0, 255, 0), (40, 0, 41, 20))  # the last column is green
    large = _picture("large", (500, 400), (0, 0, 255))
    page = side_by_side([small, large])
    left, top, width, height = _extent(page, (255, 0, 0))
    assert (width, height) == (40 * HEIGHT // 20, HEIGHT)
    assert top > 20  # the title's line
    assert _extent(page, (0, 255, 0)) == (left + width, top, HEIGHT // 20, HEIGHT)
    other = _extent(page, (0, 0, 255))
    assert other[2:] == (500, 400)
    assert other[0] >= left + width + HEIGHT // 20
    assert page.width >= other[0] + other[2]
    assert page.height >= other[1] + other[3]


def test_titles_are_written_above_their_grids():
    blank = _picture(
        "a long title that needs more than the grid's own width", (4, 320), (255, 255, 255)
    )
    ink = np.asarray(side_by_side([blank])).min(axis=2) < 128
    assert ink.any()
    assert not ink[60:].any()
    assert ink.shape[1] > 300  # not cut off at the right
    assert np.asarray(side_by_side([("", blank[1])])).min() == 255


def test_many_grids_wrap():
    colors = [(10 * i + 5, 0, 200) for i in range(ACROSS + 1)]
    page = side_by_side([_picture(str(i), (320, 320), color) for i, color in enumerate(colors)])
    first, *_, last = [_extent(page, color) for color in colors]
    assert last[0] == first[0]
    assert last[1] >= first[1] + first[3]


@pytest.mark.parametrize(("colors", "mode"), [(1, "L"), (3, "RGB")])
def test_a_grid_has_one_pixel_a_pixel(colors, mode):
    """Faults: rows and columns mixed up; levels not stretched; the last, uneven row lost."""
    images = np.random.default_rng(0).integers(0, 5, (7, colors, 2, 3), dtype=np.uint8)
    picture = small_grid(images, 5, columns=3)
    assert (picture.mode, picture.size) == (mode, (3 * 4 - 1, 3 * 3 - 1))
    pixels = np.asarray(picture).reshape(8, 11, colors)
    for k, image in enumerate(images):
        i, j = 3 * (k // 3), 4 * (k % 3)
        np.testing.assert_array_equal(
            pixels[i : i + 2, j : j + 3], np.ceil(63.75 * image.transpose(1, 2, 0))
        )
    assert (pixels[2] == GRAY).all()
    assert (pixels[6:, 4:] == GRAY).all()


def _opened(uri):
    kind, _, text = uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def test_an_embedded_grid_is_lossless_and_leaves_out_rows_to_fit():
    """Faults: a limit in bytes, not characters; rows cut in two; no end if none can meet it."""
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)

    def draw(part):
        return small_grid(part, 256)

    uri, size, shown = embed(images, draw, 8, 10**6)
    assert (size, shown) == ((71, 44), 40)
    np.testing.assert_array_equal(_opened(uri), np.asarray(small_grid(images, 256)))
    small, size, shown = embed(images, draw, 8, len(uri) - 1)
    assert len(small) < len(uri)
    assert shown in (8, 16, 24, 32)
    np.testing.assert_array_equal(_opened(small), np.asarray(small_grid(images[:shown], 256)))
    assert embed(images, draw, 8, 10)[2] == 8


@pytest.mark.parametrize("colors", [1, 3])
def test_small_completions_cover_no_pixel(colors):
    """Faults: a line over what it parts; one at another row; images that lose a column."""
    levels = np.random.default_rng(0).integers(0, 256, (2, 3, colors, 4, 5), dtype=np.uint8)
    page = np.asarray(small_completions(levels, 2, 256))
    assert page.shape == (2 * 5 + 1, 3 * 5 + 2 + 2, 3)
    assert (page[2, :5] == ORANGE).all()
    assert (page[:, 5:8] == GRAY).all()  # the image itself stands apart
    last = np.concatenate([page[6:8, -5:], page[9:, -5:]])
    np.testing.assert_array_equal(last.transpose(2, 0, 1), levels[1, 2].repeat(3 // colors, 0))
