import numpy as np
import pytest
from PIL import Image

from pixelrnn.errors import InputError
from pixelrnn.results.pictures import ACROSS, HEIGHT, side_by_side


def _save(folder, name, size, color):
    path = folder / f"{name}.png"
    Image.new("RGB", size, color).save(path)
    return name, path


def _extent(page, color):
    """left, top, width, height of all pixels of one color, which must form a full rectangle."""
    where = (np.asarray(page) == color).all(axis=2)
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    assert where.sum() == len(rows) * len(columns)
    return columns[0], rows[0], len(columns), len(rows)


def test_grids_of_different_sizes_stand_side_by_side_enlarged_by_whole_factors(tmp_path):
    """Faults: one pasted over the other; pixels smoothed; the aspect changed."""
    small = _save(tmp_path, "small", (41, 20), (255, 0, 0))
    with Image.open(small[1]) as picture:
        picture.putpixel((40, 0), (0, 255, 0))
        picture.crop((0, 0, 41, 1)).resize((41, 20), Image.Resampling.NEAREST).save(
            small[1]
        )  # the last column is green
    large = _save(tmp_path, "large", (500, 400), (0, 0, 255))
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


def test_titles_are_written_above_their_grids(tmp_path):
    blank = _save(tmp_path, "a long title that needs more than the grid's own width", (4, 320), (255, 255, 255))
    ink = np.asarray(side_by_side([blank])).min(axis=2) < 128
    assert ink.any()
    assert not ink[60:].any()
    assert ink.shape[1] > 300  # not cut off at the right
    assert np.asarray(side_by_side([("", blank[1])])).min() == 255


def test_many_grids_wrap(tmp_path):
    colors = [(10 * i + 5, 0, 200) for i in range(ACROSS + 1)]
    page = side_by_side([_save(tmp_path, str(i), (320, 320), color) for i, color in enumerate(colors)])
    first, *_, last = [_extent(page, color) for color in colors]
    assert last[0] == first[0]
    assert last[1] >= first[1] + first[3]


@pytest.mark.parametrize("length", [0, 20, 80])
def test_a_damaged_picture_names_its_file(tmp_path, length):
    path = tmp_path / "samples.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"samples\.png isn't a picture"):
        side_by_side([("a", path)])
