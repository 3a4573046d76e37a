"""Downsampled ImageNet: eleven small npz batches, zipped and not, read as a stream."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.support.raw_files import (
    DAMAGE,
    IMAGENET_BATCHES,
    checksums,
    noise,
    write_imagenet,
    zip_imagenet,
)

from pixelrnn.data import imagenet, write_arrays
from pixelrnn.data.sources import rows
from pixelrnn.data.sources.imagenet import CHECKSUMS
from pixelrnn.errors import InputError

ZIPS = [f"Imagenet64_{part}_npz.zip" for part in ("train_part1", "train_part2", "val")]


def collected(pairs) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for split, images in pairs:
        parts.setdefault(split, []).append(images)
    return {split: np.concatenate(images) for split, images in parts.items()}


@pytest.fixture(params=["zipped", "unpacked", "two folders, compressed"])
def raw(request, tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder of the batches of 64x64 images."""
    save = np.savez_compressed if "compressed" in request.param else np.savez
    batches = write_imagenet(tmp_path, size=64, n=3, save=save)
    if request.param == "zipped":
        zip_imagenet(tmp_path, 64)
    elif request.param != "unpacked":
        (tmp_path / "Imagenet64_val_npz").mkdir()
        (tmp_path / "val_data.npz").rename(tmp_path / "Imagenet64_val_npz" / "val_data.npz")
    return tmp_path, batches


def test_every_image_once_and_validation_drawn_from_the_training_images(raw) -> None:
    """Faults: the official validation images used twice; batch 10 read after batch 1; an image in
    two splits.
    """
    folder, batches = raw
    splits = collected(imagenet(folder, 64, val=10, checksums=checksums(folder)))
    assert {split: images.shape for split, images in splits.items()} == {
        "train": (20, 3, 64, 64),
        "val": (10, 3, 64, 64),
        "test": (3, 3, 64, 64),
    }
    np.testing.assert_array_equal(splits["test"], batches["val_data.npz"].reshape(3, 3, 64, 64))
    where = {
        split: [(int(x[0, 0, 0]), int(x[0, 0, 1])) for x in splits[split]]
        for split in ("train", "val")
    }
    assert sorted(where["train"] + where["val"]) == [(i, j) for i in range(10) for j in range(3)]
    assert where["train"] == sorted(where["train"])  # in the order of the batches
    assert [i for i, _ in where["val"]] == list(range(10))  # as many from each batch
    assert len({j for _, j in where["val"]}) == 3  # but not the same of each
    for i, j in where["train"]:
        image = splits["train"][where["train"].index((i, j))]
        np.testing.assert_array_equal(image.ravel(), batches[IMAGENET_BATCHES[i]][j])


def test_validation_follows_the_seed(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    first, again, other = (
        collected(imagenet(tmp_path, 2, val=20, seed=seed))["val"] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_few_images_at_a_time(tmp_path: Path, monkeypatch) -> None:
    """The stream, not the batch, bounds the memory. Fault: `np.load`, which reads all."""
    write_imagenet(tmp_path, n=50)
    monkeypatch.setattr(rows, "CHUNK", 7 * 12)
    pairs = list(imagenet(tmp_path, 2, val=20))
    assert max(len(images) for _, images in pairs) <= 7
    assert {split: len(images) for split, images in collected(pairs).items()} == {
        "train": 480,
        "val": 20,
        "test": 50,
    }


def test_zips_are_unpacked_one_batch_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    write_imagenet(tmp_path, size=64)
    zip_imagenet(tmp_path, 64)
    for _ in imagenet(tmp_path, 64, val=10, checksums=checksums(tmp_path)):
        assert len([*tmp_path.rglob("*.npz")]) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ZIPS


def test_a_size_that_is_none(tmp_path: Path) -> None:
    """Fault: nothing found, nothing missing, nothing written."""
    with pytest.raises(InputError, match="no archive of size=48: expected 32 or 64"):
        imagenet(tmp_path, 48)


@pytest.mark.parametrize("name", ZIPS)
def test_missing_zips(tmp_path: Path, name: str) -> None:
    """Fault: the batches asked for one by one, the last after an hour's work."""
    with pytest.raises(
        InputError,
        match=f"lacks {', '.join(ZIPS)}: get them at https://home .*login.* put them",
    ):
        imagenet(tmp_path, 64, home="https://home")
    write_imagenet(tmp_path)
    zip_imagenet(tmp_path, 64)
    known = checksums(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"lacks {name}: "):
        imagenet(tmp_path, 64, checksums=known)


def test_missing_batches(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    (tmp_path / "train_data_batch_7.npz").unlink()
    (tmp_path / "val_data.npz").unlink()
    with pytest.raises(
        InputError, match=r"lacks train_data_batch_7\.npz, val_data\.npz: put them beside "
    ):
        imagenet(tmp_path, 2)


@pytest.mark.parametrize("name", ZIPS)
def test_zips_need_the_official_checksums(tmp_path: Path, name: str) -> None:
    write_imagenet(tmp_path)
    zip_imagenet(tmp_path, 64)
    known = checksums(tmp_path) | {name: CHECKSUMS[name]}
    with pytest.raises(
        InputError,
        match=f"{name} is damaged or another file .its sha256 is .*expected {known[name][7:]}",
    ):
        imagenet(tmp_path, 64, checksums=known)


def prepare(folder: Path, size: int = 2, **options) -> None:
    write_arrays(
        folder.parent / "out",
        "imagenet",
        (3, size, size),
        256,
        imagenet(folder, size, val=10, **options),
    )


def refused(folder: Path, says: str, **options) -> str:
    """While it is read: nothing of what has been written before stays."""
    with pytest.raises(InputError, match=says) as caught:
        prepare(folder, **options)
    assert [file.name for file in folder.parent.iterdir()] == [folder.name]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", ["train_data_batch_10.npz", "val_data.npz"])
def test_damaged_batches(tmp_path: Path, name: str, save: Callable, damage: str) -> None:
    """Faults: zip's own checksum not reached, so that a changed byte goes unseen; nine batches
    left behind.
    """
    write_imagenet(tmp_path / "raw", size=8, n=40, save=save)
    file = tmp_path / "raw" / name
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert str(file) in refused(
        tmp_path / "raw", "is damaged or not an npz file with an array 'data'", size=8
    )


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"data": noise(5, 27)}, "'data' is 27 values an image, expected 12 for 2x2"),
        ({"data": noise(5, 2, 2, 3)}, "'data' is 2x2x3 values an image"),
        ({"data": noise(5, 12).astype(np.int64)}, "dtype is int64"),
        ({"data": np.array([{}], object)}, "pickled objects"),
        ({"x": noise(5, 12)}, "not an npz file with an array 'data'"),
    ],
)
def test_batches_of_another_form(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    write_imagenet(tmp_path / "raw")
    np.savez(tmp_path / "raw" / "train_data_batch_4.npz", **arrays)
    refused(tmp_path / "raw", says)
