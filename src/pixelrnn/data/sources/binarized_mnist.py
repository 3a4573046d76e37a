"""MNIST as Larochelle & Murray (2011) binarized it once for all: what NLLs in nats refer to.

Text, a line an image: 784 zeros and ones, a space between them.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.raw import reading, verify
from pixelrnn.data.splits import Splits
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, first_line, replacing

FILES = {split: f"binarized_mnist_{split}.amat" for split in ("train", "valid", "test")}
CHECKSUMS = {
    FILES["train"]: "md5:db28b1a6ae0fe70cbd3da91acf46e477",
    FILES["valid"]: "md5:bf37822a04e94123630de6a7dfd9c9ef",
    FILES["test"]: "md5:14e41ae11040adba6ab8cb291eda0dd8",
}


def binarized_mnist(
    folder: str | Path, home: str, checksums: Mapping[str, str] = CHECKSUMS
) -> Splits:
    """Read static binarized MNIST: (n, 1, 28, 28), two levels, the official splits in file order.

    `folder` holds the three .amat files; what is missing comes from `home` + its name.

    Raises InputError if a file can't be had, is another one by its checksum, or holds something
    else.
    """
    folder = as_path(folder, "data.source.folder")
    files = {split: folder / name for split, name in FILES.items()}
    missing = [file for file in files.values() if not file.is_file()]
    for file in files.values():
        if file not in missing:
            verify(file, checksums[file.name])
    for i, file in enumerate(missing):
        try:
            _download(home + file.name, file, checksums[file.name])
        except Exception as error:
            # urllib's, http.client's, ssl's, and torchvision's for another file
            names = ", ".join(other.name for other in missing[i:])
            raise InputError(
                f"{home}{file.name} can't be downloaded ({first_line(error)}): put {names} from "
                f"{home} into {folder} yourself"
            ) from error
    return {
        "train": _read_amat(files["train"]),
        "val": _read_amat(files["valid"]),
        "test": _read_amat(files["test"]),
    }


def _download(url: str, file: Path, checksum: str) -> None:
    """Download a file whole, or not at all. Raises RuntimeError if it is another file."""
    from torchvision.datasets.utils import download_url  # here, as it brings torch

    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as new:
        download_url(url, file.parent, new.name, checksum.removeprefix("md5:"))


def _read_amat(file: Path) -> np.ndarray:
    """Read square images: uint8 (n, 1, h, w)."""
    remedy = f"delete {file} and run `pixelrnn prepare` again"
    with reading(file, "a text file of zeros and ones", remedy):
        text = np.frombuffer(file.read_bytes(), np.uint8)
        line = int((text == ord("\n")).argmax()) + 1
        side = math.isqrt(line // 2)  # a digit and what follows it make a pixel
        if line != 2 * side * side:
            raise ValueError("its first line is no square image")
        rows = text.reshape(-1, line)
        pixels = rows[:, ::2] - np.uint8(ord("0"))
        spaces, ends = rows[:, 1:-1:2], rows[:, -1]
        if (pixels > 1).any() or (spaces != ord(" ")).any() or (ends != ord("\n")).any():
            raise ValueError("it has more than zeros and ones with a space between them")
        return pixels.reshape(-1, 1, side, side)
