"""MNIST in two levels: drawn from gray, and as Larochelle & Murray binarized it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.support.raw_files import (
    DAMAGE,
    checksums,
    noise,
    write_amat,
    write_binarized_mnist,
)

from pixelrnn.data import binarized_mnist, drawn_from_gray
from pixelrnn.data.sources.binarized_mnist import CHECKSUMS, FILES
from pixelrnn.data.splits import Noted
from pixelrnn.errors import InputError

HOME = "http://127.0.0.1:1/"

# Drawn


def gray():
    """A stream, in pieces."""
    for seed, split in enumerate(["train", "test", "train", "val"]):
        yield split, noise(5, 1, 9, 9, seed=seed)


def test_notes_of_the_gray_source_go_along() -> None:
    """Fault: what was left out of a folder is not told."""
    drawn = drawn_from_gray(lambda: Noted(gray(), lambda: ["left out: 1"]))
    assert drawn.notes() == ["left out: 1"]
    splits, plain = dict(drawn), drawn_from_gray(gray)
    assert list(splits) == list(plain)
    assert all(np.array_equal(splits[split], plain[split]) for split in plain)


def test_drawn_once_is_always_the_same_and_follows_the_gray() -> None:
    """Faults: the global generator; ink where the paper is white; gray of other images."""
    splits, again, other = drawn_from_gray(gray), drawn_from_gray(gray), drawn_from_gray(gray, 1)
    whole = {"train": np.concatenate([noise(5, 1, 9, 9, seed=s) for s in (0, 2)])}
    whole |= {"val": noise(5, 1, 9, 9, seed=3), "test": noise(5, 1, 9, 9, seed=1)}
    np.testing.assert_array_equal(splits["train_gray"], whole["train"])
    for split, values in whole.items():
        np.testing.assert_array_equal(splits[split], again[split])
        assert not np.array_equal(splits[split], other[split])
        assert (splits[split].dtype, set(np.unique(splits[split]))) == (np.uint8, {0, 1})
        assert not splits[split][values == 0].any()
        assert splits[split][values == 255].all()
    black, white = (np.full((20, 1, 9, 9), level, np.uint8) for level in (0, 255))
    sure = drawn_from_gray(lambda: {"train": white, "val": black, "test": white})
    assert sure["train"].all()
    assert sure["test"].all()
    assert not sure["val"].any()
    for low in (32, 96, 160, 224):  # as often as the gray says
        near = abs(whole["train"].astype(int) - low) < 32
        assert abs(splits["train"][near].mean() - low / 255) < 0.1


def test_the_drawing_is_the_one_that_results_were_measured_on() -> None:
    """Fault: another generator, or another order of the splits: other images for every run."""
    constant = {split: np.full((1, 1, 2, 8), 128, np.uint8) for split in ("test", "train", "val")}
    drawn = drawn_from_gray(lambda: constant)
    ink = {split: "".join(map(str, x.ravel())) for split, x in drawn.items() if "gray" not in split}
    random = np.random.RandomState(0)
    for split in ("train", "val", "test"):
        expected = random.randint(0, 255, (1, 1, 2, 8), np.uint8) < 128
        assert ink[split] == "".join(map(str, expected.astype(int).ravel()))


def test_colors_are_not_drawn() -> None:
    with pytest.raises(InputError, match="images of 3 colors can't be drawn"):
        drawn_from_gray(lambda: {split: noise(2, 3, 2, 2) for split in ("train", "val", "test")})


# Binarized


read = partial(binarized_mnist, home=HOME)


def test_binarized_is_read_in_file_order(tmp_path: Path) -> None:
    """Faults: valid and test swapped; images transposed."""
    expected = write_binarized_mnist(tmp_path)
    splits = read(tmp_path, checksums=checksums(tmp_path))
    for split, official in {"train": "train", "val": "valid", "test": "test"}.items():
        np.testing.assert_array_equal(splits[split], expected[official][:, None])


def test_binarized_needs_the_official_checksums(tmp_path: Path) -> None:
    write_binarized_mnist(tmp_path)
    with pytest.raises(
        InputError, match=f"its md5 is .*, expected {CHECKSUMS[FILES['train']][4:]}"
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "0 1 0 2\n",  # a level too many
        "0 1 0 1\n0 1 0 -\n",
        "0,1,0,1\n",
        "0 1 0\n",  # no square
        "0 1 0 1\n0 1 0 1 1\n",  # a longer line
        "0 1 0 1",  # cut off
        "0 1 0 1\r\n",
        "<html>not found</html>\n",
    ],
)
def test_binarized_of_another_form(tmp_path: Path, text: str) -> None:
    """Faults: each check left out; a level of '-' taken for 253."""
    for split in ("train", "valid", "test"):
        write_amat(tmp_path / f"binarized_mnist_{split}.amat", noise(2, 2, 2, levels=2))
    file = tmp_path / "binarized_mnist_valid.amat"
    file.write_text(text, newline="")
    with pytest.raises(InputError, match="damaged or not a text file of zeros and ones") as caught:
        read(tmp_path, checksums=checksums(tmp_path))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_differ_from_their_checksum(tmp_path: Path, damage: str) -> None:
    write_binarized_mnist(tmp_path)
    official, file = checksums(tmp_path), tmp_path / FILES["valid"]
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(InputError, match=r"is damaged or another file .its md5 is .*, expected"):
        read(tmp_path, checksums=official)


def test_all_missing_files_are_named(tmp_path: Path) -> None:
    """Faults: only the first, so that one comes back as often as there are files; half a file."""
    write_binarized_mnist(tmp_path)
    official = checksums(tmp_path)
    for split in ("valid", "test"):
        (tmp_path / FILES[split]).unlink()
    says = (
        f"no network>.: put {FILES['valid']}, {FILES['test']} from {HOME} into {tmp_path} yourself"
    )
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, checksums=official)
    assert "\n" not in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == [FILES["train"]]


@pytest.mark.parametrize("right", [True, False])
def test_a_download_is_whole_and_right_or_not_there(tmp_path: Path, monkeypatch, right) -> None:
    """Faults: another file kept under its name; one that is there fetched again."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    write_binarized_mnist(home)
    official = checksums(home)
    if not right:
        (home / FILES["test"]).write_text("not found")

    def urlretrieve(url, file, *rest):
        Path(file).write_bytes((home / url.rpartition("/")[2]).read_bytes())

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", urlretrieve)
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", lambda url, **_: url)
    if right:
        assert {split: len(x) for split, x in read(folder, checksums=official).items()} == {
            "train": 5,
            "val": 3,
            "test": 2,
        }
        monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", pytest.fail)
        read(folder, checksums=official)
        return
    with pytest.raises(InputError, match=f"{FILES['test']} can't be downloaded"):
        read(folder, checksums=official)
    assert sorted(file.name for file in folder.iterdir()) == [FILES["train"], FILES["valid"]]
