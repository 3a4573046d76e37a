"""MNIST, Fashion-MNIST, drawn and binarized MNIST, from small files in the official formats."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.support.raw_files import (
    DAMAGE,
    TEST,
    TRAIN,
    checksums,
    noise,
    write_amat,
    write_binarized_mnist,
    write_idx,
    write_mnist,
)

from pixelrnn.data import binarized_mnist, fashion_mnist, mnist, mnist_dynamic
from pixelrnn.data.sources.mnist import FASHION, MNIST
from pixelrnn.errors import InputError


@pytest.mark.parametrize("source", [mnist, fashion_mnist])
@pytest.mark.parametrize("place", [".", "MNIST/raw", "FashionMNIST/raw"])
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_the_last_training_images_are_for_validation(
    tmp_path: Path, source, place: str, suffix: str
) -> None:
    """Faults: the first ones; rows and columns swapped; only one of the forms found."""
    train, test = write_mnist(tmp_path / place, suffix)
    splits = source(tmp_path, val=3, checksums=checksums(tmp_path))
    np.testing.assert_array_equal(splits["train"], train[:6, None])
    np.testing.assert_array_equal(splits["val"], train[6:, None])
    np.testing.assert_array_equal(splits["test"], test[:, None])


def test_the_papers_split_and_the_official_checksums_are_the_defaults(tmp_path: Path) -> None:
    """Fault: val=5000 as other code bases have it; checksums that are not looked at unless given."""
    write_mnist(tmp_path, train=10_001)
    assert len(mnist(tmp_path, checksums={})["val"]) == 10_000
    for source, official in ((mnist, MNIST), (fashion_mnist, FASHION)):
        with pytest.raises(
            InputError, match=f"its md5 is .*, expected {official[f'{TRAIN}.gz'][4:]}"
        ):
            source(tmp_path)


@pytest.mark.parametrize("val", [0, -1, 9, 10_000])
def test_a_split_that_leaves_nothing(tmp_path: Path, val: int) -> None:
    write_mnist(tmp_path)
    with pytest.raises(InputError, match=f"val={val} images held out of 9"):
        mnist(tmp_path, val, checksums={})


# Drawn


def test_drawn_once_is_always_the_same_and_follows_the_gray(tmp_path: Path) -> None:
    """Faults: the global generator; ink where the paper is white; gray of other images than the drawn ones."""
    write_mnist(tmp_path)
    read = partial(mnist_dynamic, tmp_path, val=3, checksums={})
    splits, again, other, gray = read(), read(), read(seed=1), mnist(tmp_path, 3, checksums={})
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(splits[split], again[split])
        assert not np.array_equal(splits[split], other[split])
        assert (splits[split].dtype, set(np.unique(splits[split]))) == (np.uint8, {0, 1})
        assert not splits[split][gray[split] == 0].any()
        assert splits[split][gray[split] == 255].all()
        for low in (32, 96, 160, 224):  # as often as the gray says
            near = abs(gray[split].astype(int) - low) < 16
            assert abs(splits[split][near].mean() - low / 255) < 0.1
    np.testing.assert_array_equal(splits["train_gray"], gray["train"])


# Binarized


def test_binarized_is_read_in_file_order(tmp_path: Path) -> None:
    """Faults: valid and test swapped; images transposed."""
    expected = write_binarized_mnist(tmp_path)
    splits = binarized_mnist(tmp_path, checksums(tmp_path))
    for split, official in {"train": "train", "val": "valid", "test": "test"}.items():
        np.testing.assert_array_equal(splits[split], expected[official][:, None])


def test_binarized_needs_the_official_checksums(tmp_path: Path) -> None:
    write_binarized_mnist(tmp_path)
    with pytest.raises(InputError, match=r"its sha256 is .*, expected "):
        binarized_mnist(tmp_path)


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
        binarized_mnist(tmp_path, checksums(tmp_path))
    assert str(file) in str(caught.value)


# Missing and damaged files

SOURCES = [
    pytest.param(partial(mnist, val=3), write_mnist, f"{TEST}.gz", id="mnist"),
    pytest.param(partial(fashion_mnist, val=3), write_mnist, f"{TRAIN}.gz", id="fashion_mnist"),
    pytest.param(partial(mnist_dynamic, val=3), write_mnist, f"{TRAIN}.gz", id="mnist_dynamic"),
    pytest.param(
        binarized_mnist, write_binarized_mnist, "binarized_mnist_valid.amat", id="binarized_mnist"
    ),
]


@pytest.mark.parametrize(("source", "write", "name"), SOURCES)
def test_missing_with_no_network(tmp_path: Path, source, write, name: str) -> None:
    """Fault: a line that does not say which file to put where."""
    write(tmp_path)
    known = checksums(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(
        InputError, match=f"{name} can't be downloaded .no network.*put {name} from http.* into "
    ) as e:
        source(tmp_path, checksums=known)
    assert str(tmp_path) in str(e.value)
    assert "\n" not in str(e.value)
    assert len(list(tmp_path.iterdir())) == len(known) - 1


def test_all_missing_files_are_named(tmp_path: Path) -> None:
    """Fault: only the first, so that one comes back as often as there are files. And no folder is left."""
    with pytest.raises(InputError, match=f"put {TRAIN}.gz, {TEST}.gz from "):
        mnist(tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("source", "write", "name"), SOURCES)
def test_damaged_files_differ_from_their_checksum(
    tmp_path: Path, source, write, name: str, damage: str
) -> None:
    write(tmp_path)
    known, file = checksums(tmp_path), tmp_path / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(
        InputError, match=f"is damaged or another file .its md5 is .*, expected {known[name][4:]}"
    ) as e:
        source(tmp_path, checksums=known)
    assert str(file) in str(e.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("damage", ["empty", "half", "short", "garbage", "start"])
def test_damaged_files_without_a_known_checksum(tmp_path: Path, damage: str, suffix: str) -> None:
    """Faults: gzip's EOFError and zlib's error let through; a header that promises more images than there are."""
    write_mnist(tmp_path, suffix)
    file = tmp_path / f"{TRAIN}{suffix}"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(InputError, match="is damaged or not an IDX file of images") as caught:
        mnist(tmp_path, 3, checksums={})
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_are_no_images(tmp_path: Path) -> None:
    write_mnist(tmp_path, "")
    write_idx(tmp_path / TRAIN, noise(9))
    with pytest.raises(InputError, match=r"not an IDX file of images .it doesn't begin like one"):
        mnist(tmp_path, 3, checksums={})
