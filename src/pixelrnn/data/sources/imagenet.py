"""Downsampled ImageNet (Chrabaszcz, Loshchilov, Hutter, 2017): eleven npz batches.

Larger than memory: the batches are read a chunk of images at a time. The official validation images
are the test split; the validation split is drawn from the training images, as many from each batch.

They are not the images of the paper. Those (49,999 for validation, in PNG files at
image-net.org/small) are no longer given out there, were made smaller in another way, and are
harder: figures of the two can't be compared.
"""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.raw import reading, verify
from pixelrnn.data.sources.rows import header, rows
from pixelrnn.data.splits import Pairs, draw, hold_out_drawn
from pixelrnn.errors import InputError
from pixelrnn.files import as_path

TRAIN, TEST = [f"train_data_batch_{i}.npz" for i in range(1, 11)], "val_data.npz"
BATCHES = [*TRAIN, TEST]
AGAIN = "delete it, get it again, and run `pixelrnn prepare` again"
CHECKSUMS = {
    "Imagenet32_train_npz.zip": (
        "sha256:94226337ecc1b0309d9fcd0167127aaadc931587035fbcb53925235edbaec4fc"
    ),
    "Imagenet32_val_npz.zip": (
        "sha256:013990e6dec1237dcd1f9beadbab81ead6604cc119af5cacbfb59ae28148377a"
    ),
    "Imagenet64_train_part1_npz.zip": (
        "sha256:9422dc1dc5d092e9814a70a1cb7fc74880d2db5d88a0cb8a34ee363b12bde3f1"
    ),
    "Imagenet64_train_part2_npz.zip": (
        "sha256:9fafc115afb7e6c301e66dc16b2d737152b427bd5dab26e1293487a6819c7f30"
    ),
    "Imagenet64_val_npz.zip": (
        "sha256:e1e75133158a1924135a9c6f97a80d2d237b158945e0b34074e58e6c8430eeb8"
    ),
}


def imagenet(
    folder: str | Path,
    size: int,
    val: int = 10_000,
    seed: int = 0,
    home: str = "their home",
    checksums: Mapping[str, str] = CHECKSUMS,
) -> Pairs:
    """Read downsampled ImageNet, a stream of (split, images (n, 3, size, size)), 256 levels.

    `folder` holds the official zip files of this size, or what they hold, train_data_batch_1.npz to
    10 and val_data.npz (in any folder below it). `home` is where a user gets them.

    Raises InputError if a file is missing, is another one by its checksum, or (while it is read)
    holds something else.
    """
    folder = as_path(folder, "data.source.folder")
    unpacked = {
        file.name: file for file in sorted(folder.rglob("*_data*.npz")) if file.name in BATCHES
    }
    if unpacked:
        if missing := [name for name in BATCHES if name not in unpacked]:
            beside = next(iter(unpacked.values()))
            raise InputError(f"{folder} lacks {', '.join(missing)}: put them beside {beside}")
        return _deal((unpacked[name] for name in BATCHES), size, val, seed)
    archives = [folder / name for name in checksums if name.startswith(f"Imagenet{size}_")]
    if not archives:
        raise InputError(
            f"{folder} holds no batches, and there is no archive of size={size}: expected 32 or 64"
        )
    if missing := [file.name for file in archives if not file.is_file()]:
        raise InputError(
            f"{folder} lacks {', '.join(missing)}: get them at {home} (it asks for a login) and "
            "put them there"
        )
    for file in archives:
        verify(file, checksums[file.name])
    return _deal(_unpack(archives), size, val, seed)


def _unpack(archives: Sequence[Path]) -> Iterator[Path]:
    """Give the batches in order, each unpacked as long as it is looked at."""
    for name in BATCHES:
        for file in archives:
            with reading(file, "a zip file of batches", AGAIN), zipfile.ZipFile(file) as archive:
                members = [member for member in archive.namelist() if Path(member).name == name]
                if members:
                    with tempfile.TemporaryDirectory(
                        dir=file.parent, prefix=".unpacked-"
                    ) as scratch:
                        yield Path(archive.extract(members[0], scratch))


def _deal(files: Iterable[Path], size: int, val: int, seed: int) -> Pairs:
    for i, file in enumerate(files):
        images = _read_batch(file, size)
        if file.name == TEST:
            yield from (("test", chunk) for chunk in images)
            continue
        n = header(file, "data", AGAIN).shape[0]
        share = val * (i + 1) // len(TRAIN) - val * i // len(TRAIN)
        yield from hold_out_drawn(images, draw(n, share, seed + i))


def _read_batch(file: Path, size: int) -> Iterator[np.ndarray]:
    expected = 3 * size * size
    for flat in rows(file, "data", AGAIN):
        if flat.shape[1:] != (expected,):
            actual = "x".join(map(str, flat.shape[1:]))
            raise InputError(
                f"{file}: 'data' is {actual} values an image, expected {expected} for {size}x{size}"
            )
        yield flat.reshape(-1, 3, size, size)
