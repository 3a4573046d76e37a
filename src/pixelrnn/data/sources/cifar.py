"""CIFAR-10: torchvision's list of the official files; their pickles are read by an unpickler that knows arrays only.

The last 5,000 of the 50,000 official training images are for validation.
"""

import io
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.sources.download import obtain
from pixelrnn.data.sources.raw import check_exists, differs, reading
from pixelrnn.data.splits import Splits, hold_out_last
from pixelrnn.errors import InputError

ARCHIVE, FOLDER, NPZ = "cifar-10-python.tar.gz", "cifar-10-batches-py", "cifar10.npz"
HOME = "https://www.cs.toronto.edu/~kriz/"
TRAIN, TEST = [f"data_batch_{i}" for i in range(1, 6)], ["test_batch"]
AGAIN = "delete it and run `pixelrnn prepare` again"


def cifar10(
    folder: str | Path,
    val: int = 5_000,
    checksums: Mapping[str, str] | None = None,
    home: str = HOME,
) -> Splits:
    """CIFAR-10: (n, 3, 32, 32), 256 levels.

    `folder` holds cifar-10-python.tar.gz, or that unpacked (cifar-10-batches-py), or else a cifar10.npz with `x_train`
    and `x_test`, uint8 (n, 32, 32, 3); if there is none of them, the first is downloaded there. `checksums`, {name:
    "md5:..."}, are torchvision's unless given.

    Raises:
        InputError: the files can't be had, one is another by its checksum, or holds something else.
    """
    folder = Path(folder).expanduser()
    if (
        (folder / NPZ).is_file()
        and not (folder / ARCHIVE).exists()
        and not (folder / FOLDER).exists()
    ):
        return hold_out_last(*_read_npz(folder / NPZ), val)
    checksums = checksums or _official_checksums()
    if (folder / FOLDER).is_dir():
        contents = _read_folder(folder / FOLDER)
    else:
        obtain(folder, {ARCHIVE: checksums[ARCHIVE]}, home)
        contents = _read_archive(folder / ARCHIVE)
    images = {
        name: _unpickle(folder / FOLDER / name, contents[name], checksums[name])
        for name in TRAIN + TEST
    }
    return hold_out_last(
        np.concatenate([images[name] for name in TRAIN]), images["test_batch"], val
    )


def _official_checksums() -> dict[str, str]:
    from torchvision.datasets import CIFAR10

    listed = [(CIFAR10.filename, CIFAR10.tgz_md5), *CIFAR10.train_list, *CIFAR10.test_list]
    return {name: f"md5:{md5}" for name, md5 in listed}


def _read_folder(folder: Path) -> dict[str, bytes]:
    for name in TRAIN + TEST:
        check_exists(folder / name, f"unpack {ARCHIVE} again")
    return {name: (folder / name).read_bytes() for name in TRAIN + TEST}


def _read_archive(file: Path) -> dict[str, bytes]:
    """From beginning to end: going back in a compressed archive means to start again."""
    contents = {}
    with reading(file, "the archive of CIFAR-10", AGAIN), tarfile.open(file) as archive:
        for member in archive:
            if (content := archive.extractfile(member)) and Path(member.name).name in TRAIN + TEST:
                contents[Path(member.name).name] = content.read()
    if missing := sorted({*TRAIN, *TEST} - set(contents)):
        raise InputError(f"{file} has no {missing[0]}: {AGAIN}")
    return contents


def _unpickle(file: Path, content: bytes, checksum: str) -> np.ndarray:
    """uint8 (n, 3, 32, 32). Nothing is unpickled before its checksum is right."""
    with reading(file, "a batch of CIFAR-10", AGAIN):
        if difference := differs(io.BytesIO(content), checksum):
            raise ValueError(difference)
        batch = Arrays(io.BytesIO(content), encoding="latin1").load()  # written by Python 2
        return np.asarray(batch["data"]).reshape(-1, 3, 32, 32)


class Arrays(pickle.Unpickler):
    """Builds plain values and numpy arrays; a pickle that asks for anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """The three things that a pickled array names."""
        module = module.replace("numpy.core", "numpy._core")  # its name in numpy 2
        if (module, name) in {
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        }:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _read_npz(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Training and test images, (n, 3, 32, 32); says so if they are not all that there are."""
    with (
        reading(
            file,
            "an npz file with `x_train` and `x_test` (n, 32, 32, 3)",
            "write it again by np.savez",
        ),
        np.load(file, allow_pickle=False) as arrays,
    ):
        train, test = (arrays[key].transpose(0, 3, 1, 2) for key in ("x_train", "x_test"))
    if (len(train), len(test)) != (50_000, 10_000):
        print(
            f"{file} has {len(train):,} of the 50,000 official training images and {len(test):,} of the 10,000 test "
            "images: say so beside any figure"
        )
    return train, test
