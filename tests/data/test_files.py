import numpy as np
import pytest
from PIL import Image

from pixelrnn.data.files import find_files, read_images
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
    (line,) = capsys.readouterr().err.splitlines()
    assert "left out: " in line
    assert "bad.png" in line


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((2, 3, 4, 5), np.uint8), "shape is"),
        (np.zeros((2, *RGB), np.int64), "dtype is int64"),
        (np.full((2, *RGB), 9, np.uint8), "level 9 found"),
        (np.array([{}]), "damaged or not an npy file"),
    ],
)
def test_arrays_are_checked(tmp_path, array, told):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=told):
        read_images(tmp_path / "a.npy", RGB, 4, skip=True)


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="no files: name"):
        find_files([])
    with pytest.raises(InputError, match="holds no pictures"):
        find_files([tmp_path])
    with pytest.raises(InputError, match=r"nope\.png is missing"):
        find_files(tmp_path / "nope.png")
