"""Raw files in their true formats, made here, so that no test needs `data/` to be pulled."""

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support import raw_files
from tests.support.raw_files import flip

from pixelrnn.data import SPLITS, digits, patch_corners, photo_patches
from pixelrnn.data.sources.digits import EMBEDDED
from pixelrnn.errors import InputError
from pixelrnn.files import md5

RAW = Path(__file__).parents[2] / "data"
needs_data = pytest.mark.skipif(
    not (RAW / "patches").is_dir(), reason="data/ is not here: run `dvc pull data.dvc`"
)

SIZES = [
    (427, 640, 32, 8),
    (40, 90, 4, 1),
    (64, 641, 16, 5),
    (33, 320, 32, 7),
]  # height, width, size, stride


DIGITS = {"train": 1297, "val": 200, "test": 300}


def write_digits(file: Path, n: int = 40, **arrays: np.ndarray) -> Path:
    """All images differ: the first two pixels count."""
    images = np.random.RandomState(1).randint(0, 17, (n, 8, 8)).astype(np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(n) // 17, np.arange(n) % 17
    np.savez_compressed(file, **{"images": images, "labels": np.zeros(n, np.uint8)} | arrays)
    return file


def write_photos(folder: Path, height: int = 40, width: int = 90) -> dict[str, np.ndarray]:
    """Noise as JPEG; what it decodes to."""
    folder.mkdir(exist_ok=True)
    photos = {}
    for i, name in enumerate(("china.jpg", "flower.jpg")):
        noise = np.random.RandomState(i).randint(0, 256, (height, width, 3)).astype(np.uint8)
        Image.fromarray(noise).save(folder / name, quality=95)
        photos[name] = np.asarray(Image.open(folder / name).convert("RGB"))
    return photos


# Digits


def test_digit_splits_are_disjoint_and_together_the_whole(tmp_path: Path) -> None:
    """Fault: `order[val:]` as the training split, so that it keeps the test images."""
    file = write_digits(tmp_path / "digits.npz")
    splits = digits(file, val=5, test=7)
    assert {name: splits[name].shape for name in SPLITS} == {
        "train": (28, 1, 8, 8),
        "val": (5, 1, 8, 8),
        "test": (7, 1, 8, 8),
    }
    dealt = [image.tobytes() for split in SPLITS for image in splits[split]]
    assert sorted(dealt) == sorted(image.tobytes() for image in np.load(file)["images"])


def test_digit_splits_follow_the_seed_and_nothing_else(tmp_path: Path) -> None:
    """Fault: the global generator deals, so that a second call gives other splits."""
    file = write_digits(tmp_path / "digits.npz")
    first, again, other = (digits(file, seed, val=5, test=7) for seed in (0, 0, 1))
    assert all(np.array_equal(first[split], again[split]) for split in SPLITS)
    assert not np.array_equal(first["test"], other["test"])


def test_the_seeded_order_is_the_one_that_results_were_measured_on(tmp_path: Path) -> None:
    """Fault: another generator, or val and test dealt in another order: every number ever
    published would change.
    """
    images = np.zeros((1797, 8, 8), np.uint8)
    for k in range(3):  # the index in base 16, lowest digit first
        images[:, 0, k] = np.arange(1797) // 16**k % 16
    labels = np.zeros(1797, np.uint8)
    splits = digits(write_digits(tmp_path / "digits.npz", images=images, labels=labels))
    assert (splits["test"][:4, 0, 0, :3] @ np.array([1, 16, 256])).tolist() == [847, 1029, 326, 520]
    assert (splits["val"][:4, 0, 0, :3] @ np.array([1, 16, 256])).tolist() == [1081, 1707, 927, 713]


def test_the_real_digits() -> None:
    splits = digits(EMBEDDED)
    assert {name: len(splits[name]) for name in SPLITS} == DIGITS
    everything = np.concatenate([splits[name] for name in SPLITS])
    assert everything.max() == 16
    assert (
        len({image.tobytes() for image in everything}) == 1797
    )  # no image twice: nothing leaks by a duplicate


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((40, 8, 8), np.float32), "float32"),
        (np.zeros((40, 64), np.uint8), r"\(40, 64\)"),
        (np.zeros((40, 9, 9), np.uint8), r"\(40, 9, 9\)"),
        (np.full((40, 8, 8), 17, np.uint8), "level 17"),
        (np.zeros((0, 8, 8), np.uint8), "0 images"),
        (np.zeros((12, 8, 8), np.uint8), "12 images"),
        (np.array(["pickled", None]), "damaged"),
        (
            np.zeros(
                1, [("a name too long for numpy, which says so in two lines" * 999, np.uint8)]
            ),
            "damaged",
        ),
    ],
)
def test_digits_of_another_kind(tmp_path: Path, images: np.ndarray, says: str) -> None:
    """Faults: each check left out; the second line of numpy's message kept."""
    with pytest.raises(InputError, match=says) as caught:
        digits(write_digits(tmp_path / "digits.npz", images=images), val=5, test=7)
    assert "\n" not in str(caught.value)


def test_digits_that_are_no_archive(tmp_path: Path) -> None:
    """Fault: a bare array opens well and then isn't what `with` needs."""
    np.save(tmp_path / "digits.npy", np.zeros((40, 8, 8), np.uint8))
    with pytest.raises(InputError, match="damaged or not the expected npz"):
        digits((tmp_path / "digits.npy").rename(tmp_path / "digits.npz"))


@pytest.mark.parametrize(("val", "test"), [(0, 7), (5, 0), (-1, 7), (20, 20)])
def test_digits_split_that_is_none(tmp_path: Path, val: int, test: int) -> None:
    with pytest.raises(InputError, match="can't give"):
        digits(write_digits(tmp_path / "digits.npz"), val=val, test=test)


def test_home_folders_are_expanded(tmp_path: Path, monkeypatch) -> None:
    """Fault: a folder called ~."""
    monkeypatch.setenv("HOME", str(tmp_path))
    write_digits(tmp_path / "digits.npz")
    write_photos(tmp_path)
    assert len(digits("~/digits.npz", val=5, test=7)["val"]) == 5
    assert photo_patches("~", size=4)["val"].shape[1:] == (3, 4, 4)
    for call, key in ((digits, "file"), (photo_patches, "folder")):
        with pytest.raises(InputError, match=rf"data\.source\.{key}=2024 must be text"):
            call(2024)


# Photographs


@pytest.mark.parametrize(("height", "width", "size", "stride"), SIZES)
def test_no_pixel_is_shared_between_splits(height: int, width: int, size: int, stride: int) -> None:
    """Faults: one more `left` at the end of a band (the patch crosses the boundary); bands that
    overlap.
    """
    seen = {}
    for split, corners in patch_corners(height, width, size, stride).items():
        counts = np.zeros((height, width), int)
        for top, left in corners:
            assert 0 <= top <= height - size
            assert 0 <= left <= width - size
            counts[top : top + size, left : left + size] += 1
        seen[split] = counts
    for one, other in itertools.combinations(SPLITS, 2):
        assert not (seen[one] * seen[other]).any()
    assert seen["test"].max() == 1  # test patches don't overlap
    rows, columns = height // size * size, width // (10 * size) * 10 * size
    covered = sum(counts > 0 for counts in seen.values())[:rows, :columns]
    assert covered[:size].any(axis=0).all() or stride > 1  # no column is wasted
    assert seen["test"].sum() == rows * columns * 4 // 10  # the test bands are used whole


def test_bands_as_a_picture() -> None:
    """Fault: val before train."""
    row = [" "] * 13
    for split, corners in patch_corners(1, 13, size=1, stride=1, train=3, val=1, test=2).items():
        for _, left in corners:
            row[left] = split[0].upper() if split == "train" else split[0]
    assert "".join(row) == "TTTvttTTTvtt "


def test_patches_are_pieces_of_the_photographs(tmp_path: Path) -> None:
    """Faults: rows and columns swapped; colors last; the second photograph left out; one
    photograph twice.
    """
    photos = write_photos(tmp_path)
    splits = photo_patches(tmp_path, size=4, stride=2)
    corners = patch_corners(40, 90, size=4, stride=2)
    for split in SPLITS:
        expected = [p[t : t + 4, s : s + 4] for p in photos.values() for t, s in corners[split]]
        assert splits[split].dtype == np.uint8
        assert splits[split].shape == (2 * len(corners[split]), 3, 4, 4)
        np.testing.assert_array_equal(splits[split], np.moveaxis(np.stack(expected), -1, 1))


def test_no_piece_of_noise_is_in_two_splits(tmp_path: Path) -> None:
    """The law again, on the arrays: in noise a 2x2 window occurs once.

    Fault: `top` and `left` swapped when cutting.
    """
    write_photos(tmp_path)
    splits = photo_patches(tmp_path, size=4, stride=1)
    windows = {
        name: {
            x[:, i : i + 2, j : j + 2].tobytes()
            for x in images
            for i, j in itertools.product(range(3), repeat=2)
        }
        for name, images in splits.items()
    }
    assert all(windows.values())
    assert not any(
        windows[one] & windows[other] for one, other in itertools.combinations(SPLITS, 2)
    )


def test_patches_are_the_same_twice(tmp_path: Path) -> None:
    write_photos(tmp_path)
    first, again = (photo_patches(tmp_path, size=4) for _ in range(2))
    assert all(np.array_equal(first[split], again[split]) for split in SPLITS)


def test_a_gray_photograph_becomes_three_colors(tmp_path: Path) -> None:
    Image.new("L", (90, 40), 7).save(tmp_path / "gray.jpg")
    assert photo_patches(tmp_path, names=["gray.jpg"], size=4)["val"].shape[1:] == (3, 4, 4)


@needs_data
def test_the_real_photographs() -> None:
    splits = photo_patches(RAW / "patches")
    assert {name: x.shape for name, x in splits.items()} == {
        "train": (3400, 3, 32, 32),
        "val": (200, 3, 32, 32),
        "test": (208, 3, 32, 32),
    }
    assert all((x.min(), x.max()) == (0, 255) for x in (splits["train"], splits["test"]))


@pytest.mark.parametrize("size", [10, 41])
def test_photographs_too_small(tmp_path: Path, size: int) -> None:
    write_photos(tmp_path, height=40, width=90 if size == 10 else 900)
    with pytest.raises(InputError, match=r"china\.jpg.*pixels"):
        photo_patches(tmp_path, size=size)


@pytest.mark.parametrize("name", ["size", "stride", "train", "val", "test"])
def test_band_of_nothing(tmp_path: Path, name: str) -> None:
    write_photos(tmp_path)
    with pytest.raises(InputError, match=f"{name}=0 must be a whole number of at least 1"):
        photo_patches(tmp_path, **{"size": 4, name: 0})


def test_no_photographs_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names is empty"):
        photo_patches(tmp_path, names=[])


# Missing and damaged files, both kinds

SOURCES = [
    pytest.param(
        lambda folder: partial(digits, folder / "digits.npz", val=5, test=7),
        "digits.npz",
        id="digits",
    ),
    pytest.param(lambda folder: partial(photo_patches, folder, size=4), "flower.jpg", id="photos"),
]


def test_missing_photograph(tmp_path: Path) -> None:
    """Fault: only the first photograph is looked for."""
    write_photos(tmp_path)
    photo_patches(tmp_path, size=4)
    (tmp_path / "flower.jpg").unlink()
    with pytest.raises(InputError, match=r"flower\.jpg is missing: run `dvc pull data\.dvc`"):
        photo_patches(tmp_path, size=4)


def test_the_package_carries_the_digits(tmp_path: Path, monkeypatch, capsys) -> None:
    """Their file is the one that results were measured on.

    Faults: another one in silence; the digits in place of a file that somebody mistyped.
    """
    monkeypatch.chdir(tmp_path)
    carried = digits("data/digits/digits.npz")
    assert {name: len(carried[name]) for name in SPLITS} == DIGITS
    line = "data/digits/digits.npz is missing: the digits that pixelrnn carries are read\n"
    assert capsys.readouterr().out == line
    assert md5(EMBEDDED) == "35fa292850aefdac88ea117403394609"
    with pytest.raises(InputError, match=r"data/digit/digits\.npz is missing"):
        digits("data/digit/digits.npz")


# These files have no checksum: in the middle, a changed pixel is as good as another.
DAMAGE = {name: spoil for name, spoil in raw_files.DAMAGE.items() if name != "middle"}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("source", "name"), SOURCES)
def test_damaged_raw_file(tmp_path: Path, source, name: str, damage: str) -> None:
    """Faults: an exception of zipfile or Pillow let through; a truncated JPEG read as gray."""
    write_digits(tmp_path / "digits.npz")
    write_photos(tmp_path)
    file = tmp_path / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(InputError, match=rf"delete {file}") as caught:
        source(tmp_path)()
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "start", [60, 1000]
)  # where the first array's compressed bytes begin, and amid them
def test_damaged_compressed_images(tmp_path: Path, start: int) -> None:
    """Fault: zlib.error let through, which is neither an OSError nor a ValueError."""
    file = write_digits(tmp_path / "digits.npz")
    file.write_bytes(flip(file.read_bytes(), start))
    with pytest.raises(InputError, match=rf"damaged.*delete {file}"):
        digits(file, val=5, test=7)


@pytest.mark.parametrize(("source", "name"), SOURCES)
def test_a_folder_is_no_raw_file(tmp_path: Path, source, name: str) -> None:
    write_digits(tmp_path / "digits.npz")
    write_photos(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=rf"{name} is .*damaged|{name} is missing"):
        source(tmp_path)()
