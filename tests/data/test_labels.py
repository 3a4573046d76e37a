"""Labels stay with their images, from whatever source, through splits, `dedupe` and the loader.

Wherever it can be, an image's first pixel is its label: a misalignment is a difference.
"""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tests.support.raw_files import noise, write_idx, write_mnist

from pixelrnn.data import (
    SPLITS,
    ImageData,
    digits,
    drawn_from_gray,
    image_folder,
    npy_arrays,
    npz_arrays,
    open_arrays,
    torchvision_images,
    write_arrays,
)
from pixelrnn.data.arrays import open_labels, read_description
from pixelrnn.data.labels import LABELS
from pixelrnn.data.sources.digits import EMBEDDED
from pixelrnn.errors import InputError
from pixelrnn.stages.prepare import prepare

SHAPE, LEVELS = (1, 2, 3), 7


def told(n, seed=0):
    """Images whose first pixel is their label, and the labels."""
    images = noise(n, *SHAPE, levels=LEVELS, seed=seed)
    return images, images[:, 0, 0, 0].astype(np.int64)


def collected(pairs):
    parts = {}
    for name, values in pairs.items() if isinstance(pairs, dict) else pairs:
        parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def stream(dealt=(20, 9, 11)):
    """As sources give them, in pieces."""
    for seed, (split, n) in enumerate(zip(SPLITS, dealt, strict=True)):
        images, labels = told(n, seed)
        yield split, images[:5]
        yield f"{split}_labels", labels
        yield split, images[5:]


def first_pixels(splits):
    return {split: splits[split][:, 0, 0, 0].astype(np.uint16) for split in SPLITS}


def check_aligned(found, expected):
    assert found.keys() == expected.keys()
    for split in SPLITS:
        np.testing.assert_array_equal(found[split], expected[split])


def by_split(splits):
    return {split: splits[name] for name, split in LABELS.items()}


# Prepared


def test_prepared_labels_are_those_of_their_images(tmp_path):
    write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, stream())
    images = open_arrays(tmp_path / "data", SHAPE, LEVELS)
    check_aligned(open_labels(tmp_path / "data"), first_pixels(images))
    assert read_description(tmp_path / "data")["classes"] == LEVELS


def test_images_have_the_same_checksums_with_labels_and_without(tmp_path):
    """Fault: the labels' md5 among those of the images, by which a run knows its data."""
    write_arrays(tmp_path / "with", "x", SHAPE, LEVELS, stream())
    without = [(name, values) for name, values in stream() if name in SPLITS]
    write_arrays(tmp_path / "without", "x", SHAPE, LEVELS, without)
    one, other = (json.loads((tmp_path / p / "data.json").read_text()) for p in ("with", "without"))
    assert set(one) - set(other) == {"classes", "labels_md5"}
    assert {key: one[key] for key in other} == other
    with pytest.raises(InputError, match="without has no labels"):
        open_labels(tmp_path / "without")


def test_dedupe_takes_labels_out_with_their_images(tmp_path):
    """Planted: the images that are left, with the labels of the first as many."""
    images, labels = told(40)
    pieces = {"train": slice(0, 20), "val": slice(20, 30), "test": slice(30, 40)}
    splits = {split: images[here].copy() for split, here in pieces.items()}
    splits |= {f"{split}_labels": labels[here].copy() for split, here in pieces.items()}
    for place, other in ((3, 4), (0, 2)):
        splits["train"][place] = splits["test"][other]
        splits["train_labels"][place] = splits["test_labels"][other]
    write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, splits, dedupe=True)
    left = open_arrays(tmp_path / "data", SHAPE, LEVELS)
    assert len(left["train"]) == 18
    check_aligned(open_labels(tmp_path / "data"), first_pixels(left))
    shifted = {split: values[: len(left[split])] for split, values in by_split(splits).items()}
    with pytest.raises(AssertionError):
        check_aligned(shifted, first_pixels(left))


@pytest.mark.parametrize(
    ("name", "labels", "says"),
    [
        ("val_labels", np.arange(8), "8 labels for 9 images"),
        ("val_labels", None, "0 labels for 9 images"),
        ("test_labels", np.full(11, -1), "label -1, expected 0 to 65535"),
        ("test_labels", np.full(11, 2**16), "label 65536"),
        ("test_labels", np.zeros(11), "expected whole numbers"),
    ],
)
def test_impossible_labels_are_refused(tmp_path, name, labels, says):
    splits = collected(stream())
    splits.pop(name)
    if labels is not None:
        splits[name] = labels
    with pytest.raises(InputError, match=says):
        write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, splits)
    assert not (tmp_path / "data").exists()


def test_changed_labels_are_noticed(tmp_path):
    write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, stream())
    np.save(tmp_path / "data/val_labels.npy", np.zeros(9, np.uint16))
    with pytest.raises(InputError, match=r"val_labels\.npy is not as it was prepared"):
        open_arrays(tmp_path / "data", SHAPE, LEVELS)
    np.save(tmp_path / "data/val_labels.npy", np.zeros(8, np.uint16))
    with pytest.raises(InputError, match=r"val_labels\.npy holds no labels of its images"):
        open_labels(tmp_path / "data")


@pytest.mark.parametrize("change", [{"classes": "7"}, {"labels_md5": []}, {"classes": None}])
def test_a_damaged_description_is_one_line(tmp_path, change):
    write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, stream())
    about = json.loads((tmp_path / "data/data.json").read_text())
    (tmp_path / "data/data.json").write_text(json.dumps(about | change))
    with pytest.raises(InputError, match=r"data\.json is damaged"):
        open_arrays(tmp_path / "data", SHAPE, LEVELS)


def test_prepare_counts_the_classes(tmp_path, capsys):
    prepare(source=stream, name="x", shape=SHAPE, levels=LEVELS, out=tmp_path / "data")
    counts = ", ".join(map(str, np.bincount(told(20)[1], minlength=LEVELS)))
    assert f"x: training images of the 7 classes: {counts}\n" in capsys.readouterr().out
    check_aligned(
        open_labels(tmp_path / "data"),
        first_pixels(open_arrays(tmp_path / "data", SHAPE, LEVELS)),
    )
    prepare(source=stream, name="x", shape=SHAPE, levels=LEVELS, out=tmp_path / "data")  # again


# Sources


def test_digits_keep_their_labels():
    """By the raw file: an image's label is that of the same image there."""
    with np.load(EMBEDDED) as raw:
        known = {
            image.tobytes(): label
            for image, label in zip(raw["images"], raw["labels"], strict=True)
        }
    splits = digits(EMBEDDED)
    for name, split in LABELS.items():
        expected = [known[image.tobytes()] for image in splits[split]]
        np.testing.assert_array_equal(splits[name], expected)


@pytest.mark.parametrize("names", ["y_{}", "{}_labels"])
@pytest.mark.parametrize("column", [False, True])
def test_arrays_with_labels(tmp_path, names, column):
    """Some of the training images are dealt out for validation. Fault: labels dealt otherwise."""
    arrays = {}
    for seed, split in enumerate(("train", "test")):
        images, labels = told(30, seed)
        arrays |= {
            f"x_{split}": images,
            names.format(split): labels.reshape(-1, 1)[:, : None if column else 1],
        }
    np.savez(tmp_path / "mine.npz", **arrays)
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    for splits in (
        collected(npz_arrays(tmp_path / "mine.npz", SHAPE, LEVELS, val=0.3)),
        collected(npy_arrays(tmp_path, SHAPE, LEVELS, val=0.3)),
    ):
        check_aligned(by_split(splits), first_pixels(splits))


@pytest.mark.parametrize(
    "others",
    [
        {"y_train": np.zeros(30)},
        {"y_train": np.zeros((30, 2), int)},
        {"y_train": np.zeros(30, int)},
        {"labels": np.zeros(30, int), "x_val": told(5)[0]},
    ],
    ids=["fractions", "several", "of some splits", "of which array?"],
)
def test_other_arrays_are_no_labels(tmp_path, others):
    arrays = {"x_train": told(30)[0], "x_test": told(5)[0]} | others
    np.savez(tmp_path / "mine.npz", **arrays)
    splits = collected(npz_arrays(tmp_path / "mine.npz", SHAPE, LEVELS))
    assert splits.keys() == set(SPLITS)


def test_labels_of_other_images_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=told(30)[0], labels=np.zeros(29, int))
    options = {"names": {"train": "images"}, "test": 0.1}
    with pytest.raises(InputError, match="29 labels for 30 images"):
        npz_arrays(tmp_path / "a.npz", SHAPE, LEVELS, **options)


def test_folders_are_classes_where_asked(tmp_path):
    """Planted in the pictures: the class is the level of all pixels. With splits of its own above."""
    for folder, level in {"train/cat": 0, "train/ant": 100, "test/ant": 100, "bee": 200}.items():
        (tmp_path / folder).mkdir(parents=True)
        for i in range(6):
            pixels = np.full((2, 3), level, np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{i}.png")
    read = image_folder(tmp_path, SHAPE, 256, val=0.2, test=0.2, labels=True)
    splits = collected(read)
    order = {100: 0, 200: 1, 0: 2}  # ant, bee, cat
    for name, split in LABELS.items():
        expected = [order[level] for level in splits[split][:, 0, 0, 0].tolist()]
        assert splits[name].tolist() == expected
    assert "the classes by their folders: 0 ant, 1 bee, 2 cat" in read.notes()
    assert collected(image_folder(tmp_path, SHAPE, 256)).keys() == set(SPLITS)
    Image.fromarray(pixels).save(tmp_path / "alone.png")
    with pytest.raises(InputError, match=r"alone\.png lies in no folder of a class"):
        image_folder(tmp_path, SHAPE, 256, labels=True)


def mnist(tmp_path, with_labels):
    images = write_mnist(tmp_path)
    for x, name in zip(images, ("train", "t10k"), strict=True):
        x[:, 0, 0] = np.arange(len(x)) % 7
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", x)
        if name in with_labels:
            write_idx(tmp_path / f"{name}-labels-idx1-ubyte.gz", x[:, 0, 0])
    return collected(torchvision_images("MNIST", tmp_path, (1, 28, 28), 256, val=3))


def test_torchvisions_labels(tmp_path):
    splits = mnist(tmp_path, ["train", "t10k"])
    check_aligned(by_split(splits), first_pixels(splits))


@pytest.mark.parametrize("with_labels", [[], ["train"]])
def test_labels_that_are_made_up_are_none(tmp_path, with_labels):
    """Fault: the zeros that torchvision is shown where there are none, taken for labels."""
    assert mnist(tmp_path, with_labels).keys() == set(SPLITS)


def test_labels_of_what_is_drawn_from_gray():
    splits = collected(drawn_from_gray(stream))
    check_aligned(
        {split: values.astype(np.uint16) for split, values in by_split(splits).items()},
        first_pixels(collected(stream())),
    )


# Batches


def test_batches_have_the_labels_of_their_images(tmp_path):
    """In any order, shuffled anew. Fault: labels in the order of the file."""
    write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, stream())
    data = ImageData(tmp_path / "data", SHAPE, LEVELS, batch_size=4)
    assert isinstance(next(iter(data.val_dataloader())), torch.Tensor)
    data.tell_labels(LEVELS)
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for x, y in loader:
            assert y.dtype == torch.int64
            assert (x[:, 0, 0, 0] == y).all()


def test_labels_of_another_model_are_refused(tmp_path):
    write_arrays(tmp_path / "data", "x", SHAPE, LEVELS, stream())
    data = ImageData(tmp_path / "data", SHAPE, LEVELS)
    with pytest.raises(InputError, match=r"has 7 classes, the model 10: set model\.classes=7"):
        data.tell_labels(10)
