"""The images that a user hands to a trained model: pictures and arrays, in files and folders."""

import numpy as np
import pytest
from PIL import Image

from pixelrnn.data.given import find_files, find_ground, read_images
from pixelrnn.errors import InputError

GRAY, RGB = (1, 4, 6), (3, 4, 6)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, pixels):
    """Pictures in nested folders, a hidden one, something else."""
    folder = tmp_path / "folder"
    for name in ("b.png", "a/c.bmp", "a/d.PNG", ".hidden/e.png", "a/._f.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_pictures_become_levels(tmp_path, pixels):
    """As data sets are quantised, whatever the format; a gray one in RGB is gray."""
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "gray.png")
    Image.fromarray(pixels[..., [0, 0, 0]]).save(tmp_path / "gray_in_rgb.png")
    names, images = read_images(tmp_path / "a.png", RGB, 256)
    assert names == [str(tmp_path / "a.png")]
    assert (images == pixels.transpose(2, 0, 1)).all()
    for name in ("gray", "gray_in_rgb"):
        assert (
            read_images(tmp_path / f"{name}.png", GRAY, 2)[1] == (pixels[None, None, ..., 0] >= 128)
        ).all()
    assert (read_images(tmp_path / "gray.png", RGB, 256)[1] == pixels[..., 0]).all()


def test_folders_are_searched(folder, tmp_path, pixels):
    np.save(tmp_path / "own.npy", np.zeros((2, *RGB), np.uint8))
    names, images = read_images([folder, tmp_path / "own.npy"], RGB, 256)
    below = [str(folder / name) for name in ("a/c.bmp", "a/d.PNG", "b.png")]
    assert names == [*below, f"{tmp_path / 'own.npy'}[0]", f"{tmp_path / 'own.npy'}[1]"]
    assert images.shape == (5, *RGB)
    assert images.dtype == np.uint8


def test_another_size_or_color_only_on_request(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"6x4 pixels, expected 3x2: .*fit=resize"):
        read_images(tmp_path / "a.png", (3, 2, 3), 256)
    assert read_images(tmp_path / "a.png", (3, 2, 3), 256, fit="resize")[1].shape == (1, 3, 2, 3)
    with pytest.raises(InputError, match="in color, expected gray: fit=resize"):
        read_images(tmp_path / "a.png", GRAY, 256)
    assert read_images(tmp_path / "a.png", GRAY, 256, fit="crop")[1].shape == (1, *GRAY)
    with pytest.raises(InputError, match="fit=stretch: expected"):
        read_images(tmp_path / "a.png", GRAY, 256, fit="stretch")


@pytest.mark.parametrize(
    ("config", "ground"),
    [
        ({"data": {"source": {"ground": "black"}}}, "black"),
        ({"data": {"source": {"ground": 0}}}, 0),
        ({"data": {"source": {"file": "data/digits.npz"}}}, "white"),
        ({"data": {"source": None}}, "white"),
        ({}, "white"),
    ],
)
def test_the_ground_is_that_of_the_runs_data(config, ground):
    """Fault: a gray level 0 taken for none."""
    assert find_ground(config) == ground


def damaged(folder):
    (folder / "a" / "bad.png").write_bytes((folder / "b.png").read_bytes()[:60])


def test_the_first_bad_file_is_named_and_the_others_counted(folder):
    damaged(folder)
    (folder / "small.npy").write_bytes(b"not one")
    with pytest.raises(
        InputError, match=r"bad\.png .*\(and 1 more of 5 files\); skip=true"
    ) as caught:
        read_images(folder, RGB, 256)
    assert "\n" not in str(caught.value)


def test_bad_files_can_be_left_out(folder, capsys):
    damaged(folder)
    names, images = read_images(folder, RGB, 256, skip=True)
    assert len(names) == len(images) == 3
    passed_over, others, line = capsys.readouterr().err.splitlines()
    assert "hidden: 2 (" in passed_over
    assert "by the suffix: 1 (notes.txt)" in others
    assert "left out: " in line
    assert "bad.png" in line


DTYPES = [bool, np.int8, np.uint8, np.int16, ">i2", np.int32, np.int64, ">i8", np.uint64]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_numbers_of_any_kind_are_levels(tmp_path, dtype, order):
    """As numpy makes them. Faults: int64 refused; big-endian read as little-endian."""
    levels = np.random.default_rng(0).integers(0, 2, (2, *RGB))
    np.save(tmp_path / "a.npy", np.asarray(levels.astype(dtype), order=order))
    _, images = read_images(tmp_path / "a.npy", RGB, 2)
    assert images.dtype == np.uint8
    assert (images == levels).all()


@pytest.mark.parametrize(
    ("shape", "given", "count"),
    [
        (RGB, (2, 3, 4, 6), 2),
        (RGB, (3, 4, 6), 1),
        (RGB, (2, 4, 6, 3), 2),
        (RGB, (4, 6, 3), 1),
        (GRAY, (5, 1, 4, 6), 5),
        (GRAY, (5, 4, 6, 1), 5),
        (GRAY, (5, 4, 6), 5),
        (GRAY, (1, 4, 6), 1),
        (GRAY, (4, 6), 1),
        (GRAY, (4, 6, 1), 1),
        ((3, 3, 3), (3, 3, 3), 1),  # colors first where it could be either
    ],
)
def test_arrays_in_any_form_that_means_one_thing(tmp_path, shape, given, count):
    """Fault: colors last read as colors first."""
    pixels = np.arange(np.prod(given), dtype=np.uint8).reshape(given)
    np.save(tmp_path / "a.npy", pixels)
    _, images = read_images(tmp_path / "a.npy", shape, 256)
    assert images.shape == (count, *shape)
    last = given[-1] == shape[0] and given[-3:] != shape
    expected = np.moveaxis(pixels, -1, -3) if last else pixels
    assert (images.ravel() == expected.ravel()).all()


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (
            np.zeros((2, 3, 4, 5), np.uint8),
            r"uint8 \(2, 3, 4, 5\), expected shape \(n, 3, 4, 6\) or \(n, 4, 6, 3\)",
        ),
        (np.zeros((2, 4, 6), np.uint8), r"uint8 \(2, 4, 6\), expected shape \(n, 3, 4, 6\)"),
        (np.full((2, *RGB), 9.0), "values 9 to 9, expected fractions from 0 to 1: save x / 255"),
        (np.full((2, *RGB), np.nan), "144 of the values are NaN"),
        (np.zeros((2, *RGB), bool), "type is bool, which is 2 levels, not 4"),
        (np.zeros((2, *RGB), "m8[s]"), "type is timedelta64"),
        (np.full((2, *RGB), 9, np.uint8), r"whole numbers from 0 to 3: save .* \* 4 // 256"),
        (np.full((2, *RGB), 256, np.int64), "values 256 to 256"),
        (np.full((2, *RGB), -1, np.int64), "values -1 to -1"),
        (np.zeros((0, *RGB), np.uint8), "has no image"),
        (np.array(3), r"int64 \(\), expected"),
        (np.array([{}]), "a.npy holds pickled objects, which are not read"),
    ],
)
def test_arrays_are_checked(tmp_path, array, says):
    """Faults: each check left out; a level that wraps round at 256; "damaged" for what is whole."""
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=says) as caught:
        read_images(tmp_path / "a.npy", RGB, 4, skip=True)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", np.float16])
def test_fractions_are_intensities(tmp_path, dtype):
    """As `prepare` reads them. Faults: refused; cut off to zero."""
    levels = np.random.default_rng(0).integers(0, 5, (2, *RGB))
    np.save(tmp_path / "a.npy", (levels / 4).astype(dtype))
    assert (read_images(tmp_path / "a.npy", RGB, 5)[1] == levels).all()


def test_a_damaged_array(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, *RGB), np.uint8))
    file = tmp_path / "a.npy"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"a\.npy is damaged or not an npy file"):
        read_images(file, RGB, 4)


def test_a_home_folder_is_expanded(tmp_path, monkeypatch, pixels):
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_images("~/a.png", RGB, 256)[0] == [str(tmp_path / "a.png")]
    with pytest.raises(InputError, match="file=2024 must be text"):
        read_images([2024], RGB, 256)


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="no files: name"):
        find_files([])
    with pytest.raises(InputError, match="holds no pictures"):
        find_files([tmp_path])
    with pytest.raises(InputError, match=r"nope\.png is missing"):
        find_files(tmp_path / "nope.png")
