"""CIFAR-10: the official archive, packed and unpacked, as Python 2 wrote it; and people's npz files."""

import pickle
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.support.raw_files import (
    CIFAR_BATCHES,
    DAMAGE,
    checksums,
    md5,
    noise,
    pack_cifar,
    write_cifar,
)

from pixelrnn.data import cifar10
from pixelrnn.errors import InputError

FOLDER, ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"


@pytest.fixture(params=["packed", "unpacked"])
def raw(request, tmp_path: Path) -> tuple[Path, dict[str, np.ndarray], dict[str, str]]:
    """Folder, batches and checksums."""
    batches = write_cifar(tmp_path, packed=False)
    known = checksums(tmp_path)
    if request.param == "packed":
        pack_cifar(tmp_path)
    return tmp_path, batches, known | checksums(tmp_path)


def test_batches_in_order_and_the_last_images_for_validation(raw) -> None:
    """Faults: batches in the archive's order; colors last; the first images for validation."""
    folder, batches, known = raw
    splits = cifar10(folder, 3, known)
    train = np.concatenate([batches[name] for name in CIFAR_BATCHES[:5]]).reshape(10, 3, 32, 32)
    np.testing.assert_array_equal(splits["train"], train[:7])
    np.testing.assert_array_equal(splits["val"], train[7:])
    np.testing.assert_array_equal(splits["test"], batches["test_batch"].reshape(2, 3, 32, 32))


def test_official_checksums_are_the_default(tmp_path: Path) -> None:
    """Fault: none."""
    write_cifar(tmp_path, packed=False)
    with pytest.raises(
        InputError, match=r"data_batch_1 .*expected c99cafc152244af753f735de768cd75f"
    ):
        cifar10(tmp_path)
    pack_cifar(tmp_path)
    with pytest.raises(InputError, match=f"{ARCHIVE} .*expected c58f30108f718f92721af3b95e74349a"):
        cifar10(tmp_path)


def test_missing_with_no_network(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=f"{ARCHIVE} can't be downloaded .*put {ARCHIVE} from .* into "
    ):
        cifar10(tmp_path / "nowhere")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged(raw, damage: str) -> None:
    folder, _, known = raw
    file = folder / ARCHIVE if (folder / ARCHIVE).exists() else folder / FOLDER / "data_batch_3"
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(
        InputError, match=f"its md5 is .*, expected {known[file.name][4:]}"
    ) as caught:
        cifar10(folder, 3, known)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["empty", "half", "garbage", "start"])
def test_damaged_archive_whose_checksum_is_taken_for_right(tmp_path: Path, damage: str) -> None:
    """Faults: EOFError, zlib.error or tarfile's errors let through; a batch that is missing from the archive."""
    write_cifar(tmp_path, n=20)
    known = dict.fromkeys(CIFAR_BATCHES, "")
    file = tmp_path / ARCHIVE
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(
        InputError, match=f"{ARCHIVE} (is damaged or not the archive of CIFAR-10|has no )"
    ):
        cifar10(tmp_path, 3, known | {ARCHIVE: md5(file)})


@pytest.mark.parametrize("name", CIFAR_BATCHES)
def test_a_batch_is_missing(tmp_path: Path, name: str) -> None:
    write_cifar(tmp_path, packed=False)
    (tmp_path / FOLDER / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing: unpack {ARCHIVE} again"):
        cifar10(tmp_path, 3, dict.fromkeys(CIFAR_BATCHES, ""))
    pack_cifar(tmp_path)
    with pytest.raises(InputError, match=f"{ARCHIVE} has no {name}"):
        cifar10(tmp_path, 3, dict.fromkeys([*CIFAR_BATCHES, ARCHIVE], ""))


class Attack:
    """What unpickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    ("call", "asks"), [((exec, "raise SystemExit"), "builtins.exec"), ((sys.exit,), "sys.exit")]
)
def test_a_pickle_that_calls_something_is_refused(tmp_path: Path, call: tuple, asks: str) -> None:
    """Fault: `pickle.load`, which would run it."""
    write_cifar(tmp_path, packed=False)
    (tmp_path / FOLDER / "data_batch_2").write_bytes(pickle.dumps({"data": Attack(*call)}))
    with pytest.raises(
        InputError, match=f"data_batch_2 is damaged or not a batch of CIFAR-10 .it asks for {asks}"
    ):
        cifar10(tmp_path, 3, dict.fromkeys(CIFAR_BATCHES, ""))


def test_nothing_is_unpickled_before_its_checksum_is_right(tmp_path: Path, monkeypatch) -> None:
    write_cifar(tmp_path, packed=False)
    monkeypatch.setattr("pixelrnn.data.sources.cifar.Arrays", partial(pytest.fail, "unpickled"))
    with pytest.raises(InputError, match="its md5 is"):
        cifar10(tmp_path)


# npz


def test_peoples_npz(tmp_path: Path, capsys) -> None:
    """Faults: colors left last; a set with images missing passed off as the whole."""
    train, test = noise(10, 32, 32, 3), noise(4, 32, 32, 3, seed=1)
    np.savez(tmp_path / "cifar10.npz", x_train=train, x_test=test, y_train=np.arange(10))
    splits = cifar10(tmp_path, 3)
    np.testing.assert_array_equal(splits["train"], train[:7].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(splits["val"], train[7:].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(splits["test"], test.transpose(0, 3, 1, 2))
    assert (
        "10 of the 50,000 official training images and 4 of the 10,000 test images"
        in capsys.readouterr().out
    )


def test_the_official_files_come_first(tmp_path: Path) -> None:
    np.savez(tmp_path / "cifar10.npz", x_train=noise(10, 32, 32, 3), x_test=noise(4, 32, 32, 3))
    write_cifar(tmp_path)
    assert len(cifar10(tmp_path, 3, dict.fromkeys([*CIFAR_BATCHES, ARCHIVE], ""))["test"]) == 2


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": noise(4, 32, 32, 3)},
        {"x_train": noise(4, 3072), "x_test": noise(4, 3072)},
        {"x_train": np.array([{}], object), "x_test": noise(4, 32, 32, 3)},
    ],
)
def test_an_npz_of_another_form(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "cifar10.npz", **arrays)
    with pytest.raises(
        InputError, match=r"cifar10\.npz is damaged or not an npz file with `x_train` and `x_test`"
    ):
        cifar10(tmp_path)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_npz(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "cifar10.npz"
    np.savez_compressed(file, x_train=noise(4, 32, 32, 3), x_test=noise(4, 32, 32, 3))
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    with pytest.raises(InputError, match=r"cifar10\.npz is damaged"):
        cifar10(tmp_path, 1)
