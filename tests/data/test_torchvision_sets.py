"""torchvision's data sets by name, from small files in torchvision's layout and in other forms."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support import raw_files
from tests.support.raw_files import DAMAGE, TEST, TRAIN, noise, write_idx, write_mnist
from torchvision import transforms

from pixelrnn.data import SPLITS, torchvision_images
from pixelrnn.errors import InputError

GRAY, RGB = (1, 28, 28), (3, 32, 32)
OFFICIAL_FORMS = {
    "torchvision's folder": lambda name: f"{name}/raw",
    "the files themselves": lambda name: ".",
}


def collected(pairs) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for split, images in pairs:
        parts.setdefault(split, []).append(images)
    return {split: np.concatenate(images) for split, images in parts.items()}


def read(dataset: str, root: Path, shape=GRAY, levels=256, **options) -> dict[str, np.ndarray]:
    return collected(torchvision_images(dataset, root, shape, levels, **options))


def check_mnist(splits: dict[str, np.ndarray], train: np.ndarray, test: np.ndarray) -> None:
    """The last three of nine for validation."""
    np.testing.assert_array_equal(splits["train"], train[:6, None])
    np.testing.assert_array_equal(splits["val"], train[6:, None])
    np.testing.assert_array_equal(splits["test"], test[:, None])


# MNIST and its kin


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
@pytest.mark.parametrize("place", OFFICIAL_FORMS)
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_idx_files_in_any_form(tmp_path: Path, name: str, place: str, suffix: str) -> None:
    """Gzipped by anybody or not, in two places, without labels.

    Faults: torchvision's md5 of the .gz asked for; rows and columns swapped; labels insisted on;
    the first images for validation.
    """
    train, test = write_mnist(tmp_path / OFFICIAL_FORMS[place](name), suffix)
    before = sorted(tmp_path.rglob("*"))
    check_mnist(read(name, tmp_path, val=3), train, test)
    assert sorted(tmp_path.rglob("*")) == before


NAMES = {
    "EMNIST": ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-test-images-idx3-ubyte"),
    "QMNIST": ("qmnist-train-images-idx3-ubyte", "qmnist-test-images-idx3-ubyte"),
    "MNIST": ("train-images.idx3-ubyte", "t10k-images.idx3-ubyte"),
}


@pytest.mark.parametrize("name", NAMES)
def test_idx_files_of_other_names(tmp_path: Path, name: str) -> None:
    """EMNIST's `split` is not which images, QMNIST's labels are another kind of file.

    Faults: split="train" handed to EMNIST; labels of one kind only; Kaggle's names not known.
    """
    train, test = write_mnist(tmp_path, ".gz", NAMES[name])
    options = {"split": "letters"} if name == "EMNIST" else None
    check_mnist(read(name, tmp_path, val=3, options=options), train, test)


def test_a_transform_is_given_pictures(tmp_path: Path) -> None:
    """As EMNIST's YAML turns letters upright."""
    train, test = write_mnist(tmp_path)
    turn = partial(Image.Image.transpose, method=5)
    check_mnist(
        read("MNIST", tmp_path, val=3, transform=turn),
        train.transpose(0, 2, 1),
        test.transpose(0, 2, 1),
    )
    with pytest.raises(InputError, match="transformed, is no picture but a Tensor"):
        read("MNIST", tmp_path, val=3, transform=transforms.ToTensor())


def test_levels_and_colors_as_asked_for(tmp_path: Path) -> None:
    """Faults: bytes handed out for levels; three colors refused."""
    train, _ = write_mnist(tmp_path)
    splits = read("MNIST", tmp_path, (3, 28, 28), 2, val=3)
    np.testing.assert_array_equal(splits["train"], np.stack([train[:6] >= 128] * 3, 1))


def test_other_bytes_or_numbers_than_the_official_ones(tmp_path: Path, capsys) -> None:
    """However the files are packed.

    Faults: none is compared; the md5 of the file, not of images.
    """
    train, test = write_mnist(tmp_path)
    digest = raw_files.hex_md5(train.tobytes())
    official = {"train": {"images": 9, "md5": digest}, "test": {"images": 4}}
    check_mnist(read("MNIST", tmp_path, val=3, official=official), train, test)
    assert not capsys.readouterr().out
    official["test"] = {"images": 10_000, "md5": digest}
    with pytest.raises(InputError, match=f"MNIST test: .* not the official ones .*{digest}"):
        read("MNIST", tmp_path, val=3, official=official)
    assert "4 of the 10,000 official test images" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("damage", ["empty", "half", "short", "garbage", "start"])
def test_damaged_idx_files(tmp_path: Path, damage: str, suffix: str) -> None:
    """Faults: gzip's EOFError, zlib's error or torchvision's assertions let through."""
    write_mnist(tmp_path, suffix)
    file = tmp_path / f"{TRAIN}{suffix}"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(InputError, match=r"is damaged|can't be read") as caught:
        read("MNIST", tmp_path, val=3)
    named = (
        file if suffix and damage != "empty" else tmp_path
    )  # what unpacks is read by torchvision
    assert str(named) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_are_no_images(tmp_path: Path) -> None:
    write_mnist(tmp_path, "")
    write_idx(tmp_path / TRAIN, noise(9))
    with pytest.raises(InputError, match=r"x should have 3 dimension"):
        read("MNIST", tmp_path, val=3)


@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_missing_with_no_network(tmp_path: Path, name: str) -> None:
    """Fault: a line that does not say which file to put where."""
    write_mnist(tmp_path, "")
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"can't be read from .*: put a and b of home") as caught:
        read("MNIST", tmp_path, val=3, files="a and b of home")
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


# Anybody's npz


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (32, 32, 3)])
def test_peoples_npz(tmp_path: Path, capsys, shape: tuple[int, ...]) -> None:
    """Faults: colors left last; gray with an axis of colors; some passed off as all."""
    train, test = noise(9, *shape), noise(4, *shape, seed=1)
    np.savez(tmp_path / "cifar10.npz", x_train=train, x_test=test, y_train=np.arange(9))
    size = (shape[2] if len(shape) == 3 else 1, *shape[:2])
    official = {"train": {"images": 50_000}, "test": {"images": 4}}
    splits = read("CIFAR10", tmp_path, size, val=3, official=official)
    first = train.reshape(9, *shape[:2], -1).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(splits["train"], first[:6])
    np.testing.assert_array_equal(splits["val"], first[6:])
    assert len(splits["test"]) == 4
    (line,) = capsys.readouterr().out.splitlines()
    assert "9 of the 50,000 official train images" in line


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": noise(4, 32, 32, 3)}, "damaged or not an npz file with `x_train`"),
        ({"x_train": noise(4, 3072), "x_test": noise(4, 3072)}, r"uint8 \(4, 3072\), expected"),
        ({"x_train": noise(4, 32, 32, 3).astype(float)}, "float64"),
        ({"x_train": np.array([{}], object)}, "damaged or not an npz file"),
    ],
)
def test_an_npz_of_another_form(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    np.savez(tmp_path / "cifar10.npz", **arrays)
    with pytest.raises(InputError, match=rf"cifar10\.npz.*{says}"):
        read("CIFAR10", tmp_path, RGB)


# CIFAR-10


@pytest.mark.parametrize("packed", [True, False])
def test_cifar_batches_in_order(tmp_path: Path, monkeypatch, packed: bool) -> None:
    """Faults: batches in the archive's order; colors last; the archive fetched anew."""
    batches = raw_files.write_cifar(tmp_path, packed=packed)
    raw_files.vouch_for_cifar(tmp_path, monkeypatch)
    splits = read("CIFAR10", tmp_path, RGB, val=3)
    names = raw_files.CIFAR_BATCHES
    train = np.concatenate([batches[name] for name in names[:5]]).reshape(10, 3, 32, 32)
    np.testing.assert_array_equal(splits["train"], train[:7])
    np.testing.assert_array_equal(splits["val"], train[7:])
    np.testing.assert_array_equal(splits["test"], batches["test_batch"].reshape(2, 3, 32, 32))


def test_torchvisions_checksums_are_asked_for(tmp_path: Path) -> None:
    """Fault: anybody's pickle unpickled."""
    raw_files.write_cifar(tmp_path)
    with pytest.raises(InputError, match=r"CIFAR10 can't be read from .* or downloaded .*network"):
        read("CIFAR10", tmp_path, RGB, val=3)


# Others


def test_svhn_has_its_colors_first(tmp_path: Path, monkeypatch) -> None:
    """Fault: the axes of the MATLAB file taken for those of images."""
    pytest.importorskip("scipy")
    images = raw_files.write_svhn(tmp_path, monkeypatch)
    splits = read("SVHN", tmp_path, RGB, val=0.2)
    np.testing.assert_array_equal(splits["test"], images["test"].transpose(0, 3, 1, 2))
    dealt = sorted(x.tobytes() for k in ("train", "val") for x in splits[k])
    assert dealt == sorted(x.transpose(2, 0, 1).tobytes() for x in images["train"])
    assert len(splits["val"]) == 2


def test_another_package_is_needed(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("scipy")
    raw_files.write_svhn(tmp_path, monkeypatch)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(InputError, match="SVHN needs the package scipy: pip install scipy"):
        read("SVHN", tmp_path, RGB)


def test_celeba_is_the_middle_of_each_face_in_its_official_split(
    tmp_path: Path, monkeypatch
) -> None:
    """Faults: val and test swapped; the whole picture, whose edge is darker, made smaller."""
    raw_files.write_celeba(tmp_path)
    raw_files.vouch_for_celeba(tmp_path, monkeypatch)
    options = {"transform": transforms.CenterCrop(148), "fit": "resize", "val": {"split": "valid"}}
    splits = read("CelebA", tmp_path, (3, 8, 8), **options)
    levels = {split: [round(float(x.mean())) for x in images] for split, images in splits.items()}
    assert levels == {"train": [10, 30, 50], "val": [70, 90], "test": [110, 130]}
    assert all(image.max() - image.min() <= 1 for images in splits.values() for image in images)


def test_a_damaged_picture_is_named(tmp_path: Path, monkeypatch) -> None:
    raw_files.write_celeba(tmp_path)
    raw_files.vouch_for_celeba(tmp_path, monkeypatch)
    file = tmp_path / "celeba" / "img_align_celeba" / "000002.jpg"
    file.write_bytes(file.read_bytes()[:700])
    with pytest.raises(InputError, match=r"000002\.jpg is damaged or not an image"):
        read("CelebA", tmp_path, (3, 8, 8), fit="resize", val={"split": "valid"})


def test_celeba_without_gdown(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(InputError, match=r"CelebA can't be read .*gdown.*: put its files there"):
        read("CelebA", tmp_path, (3, 8, 8))


def test_pictures_in_the_order_of_their_paths(tmp_path: Path, monkeypatch) -> None:
    """Fault: the order in which the disk lists files, which changes as they are copied."""
    images = raw_files.write_omniglot(tmp_path, monkeypatch)
    splits = read("Omniglot", tmp_path, (1, 105, 105), val=2)
    background, evaluation = images["images_background"], images["images_evaluation"]
    np.testing.assert_array_equal(splits["train"][:, 0], np.stack(background[:4]))
    np.testing.assert_array_equal(splits["val"][:, 0], np.stack(background[4:]))
    np.testing.assert_array_equal(splits["test"][:, 0], np.stack(evaluation))
    assert read("Omniglot", tmp_path, GRAY, val=2, fit="resize")["train"].shape == (4, *GRAY)
    with pytest.raises(InputError, match=r"0000_00\.png: 105x105 .* expected 28x28: set fit="):
        read("Omniglot", tmp_path, GRAY, val=2)


def fake(tmp_path: Path, **options) -> dict[str, np.ndarray]:
    """torchvision's noise: image i of any call is that of seed i + random_offset."""
    options = {"train": {"size": 10}, "options": {"image_size": (3, 2, 2)}} | options
    return read("FakeData", tmp_path, (3, 2, 2), **options)


def test_any_set_by_torchvisions_own_arguments(tmp_path: Path) -> None:
    """Faults: arguments of one split given to another; images held out of a split of its own."""
    own = {"val": {"size": 3, "random_offset": 10}, "test": {"size": 4, "random_offset": 13}}
    splits = fake(tmp_path, **own)
    assert {split: len(splits[split]) for split in SPLITS} == {"train": 10, "val": 3, "test": 4}
    whole = fake(tmp_path, train={"size": 17}, val=7, test={"size": 1})
    np.testing.assert_array_equal(whole["train"], splits["train"])
    np.testing.assert_array_equal(whole["val"], np.concatenate([splits["val"], splits["test"]]))


def test_shares_are_drawn_by_a_seed(tmp_path: Path) -> None:
    """Where there are no images for test. Faults: an image in two splits; the global generator."""
    splits = fake(tmp_path, test=0.2, val=0.1)
    again, other = fake(tmp_path, test=0.2, val=0.1), fake(tmp_path, test=0.2, val=0.1, seed=1)
    assert {split: len(splits[split]) for split in SPLITS} == {"train": 7, "val": 1, "test": 2}
    dealt = sorted(image.tobytes() for split in SPLITS for image in splits[split])
    whole = fake(tmp_path, val={"size": 1}, test={"size": 1})["train"]
    assert dealt == sorted(image.tobytes() for image in whole)
    np.testing.assert_array_equal(splits["train"], again["train"])
    assert not np.array_equal(splits["train"], other["train"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "FakeData has no images for test: set data.source.test to a share"),
        ({"test": 0.1, "val": 3}, "val=3 are the last images, but test=0.1 is a share"),
        ({"test": 0.5, "val": 0.5}, "val=0.5 and test=0.5 must be shares"),
        ({"test": {}, "val": 1.5}, "val=1.5 must be shares"),
        ({"test": {}, "val": None}, "val=None must be shares"),
        ({"test": {}, "val": True}, "val=True must be shares"),
        ({"test": {}, "val": 10}, "val=10 images held out of 10"),
        ({"test": {}, "train": {"sizes": 3}}, "unexpected keyword argument 'sizes'"),
        ({"test": {}, "fit": "stretch"}, "fit=stretch: expected"),
        ({"test": 0.1, "seed": -1}, "seed=-1 must be a whole number"),
    ],
)
def test_arguments_that_are_none(tmp_path: Path, options: dict, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        fake(tmp_path, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnist", "did you mean MNIST"),
        ("CIFAR", "did you mean CIFAR"),
        (None, "dataset=None is no data set"),
        ("wrap_dataset_for_transforms_v2", "is no data set"),
    ],
)
def test_an_unknown_data_set(tmp_path: Path, name: str, says: str) -> None:
    """Fault: AttributeError, or a function called for a class."""
    with pytest.raises(InputError, match=says):
        torchvision_images(name, tmp_path, GRAY, 256)


def test_what_is_no_picture(tmp_path: Path) -> None:
    """Fault: tensors of video taken for images."""
    np.save(tmp_path / "mnist_test_seq.npy", noise(20, 2, 64, 64))
    (tmp_path / "MovingMNIST").mkdir()
    (tmp_path / "mnist_test_seq.npy").rename(tmp_path / "MovingMNIST" / "mnist_test_seq.npy")
    with pytest.raises(InputError, match="MovingMNIST train 0 is no picture but a Tensor"):
        read("MovingMNIST", tmp_path, (1, 64, 64), val=0.5)


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch) -> None:
    """Fault: a folder called ~."""
    monkeypatch.setenv("HOME", str(tmp_path))
    train, test = write_mnist(tmp_path / "mnist")
    check_mnist(read("MNIST", "~/mnist", val=3), train, test)
    with pytest.raises(InputError, match=r"data\.source\.root=2024 must be text"):
        read("MNIST", 2024)
