"""MNIST as Larochelle & Murray (2011) binarized it once for all: what the published NLLs in nats refer to.

Text, a line an image: 784 zeros and ones, a space between them.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.download import obtain
from pixelrnn.data.sources.raw import reading
from pixelrnn.data.splits import Splits

HOME = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
CHECKSUMS = {
    "binarized_mnist_train.amat": "sha256:ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
    "binarized_mnist_valid.amat": "sha256:1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
    "binarized_mnist_test.amat": "sha256:e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
}


def binarized_mnist(
    folder: str | Path, checksums: Mapping[str, str] = CHECKSUMS, home: str = HOME
) -> Splits:
    """Static binarized MNIST: (n, 1, 28, 28), two levels, the official splits in file order.

    `folder` holds the three .amat files; what is missing is downloaded there.

    Raises:
        InputError: a file can't be had, is another one by its checksum, or holds something else.
    """
    folder = Path(folder).expanduser()
    obtain(folder, checksums, home)
    names = {"train": "train", "val": "valid", "test": "test"}
    return {
        split: _read_amat(folder / f"binarized_mnist_{name}.amat") for split, name in names.items()
    }


def _read_amat(file: Path) -> np.ndarray:
    """uint8 (n, 1, h, w) of square images."""
    with reading(
        file, "a text file of zeros and ones", f"delete {file} and run `pixelrnn prepare` again"
    ):
        text = np.frombuffer(file.read_bytes(), np.uint8)
        line = int((text == ord("\n")).argmax()) + 1
        side = math.isqrt(line // 2)  # a digit and what follows it make a pixel
        if line != 2 * side * side:
            raise ValueError("its first line is no square image")
        rows = text.reshape(-1, line)
        pixels = rows[:, ::2] - np.uint8(ord("0"))
        if (
            (pixels > 1).any()
            or (rows[:, 1:-1:2] != ord(" ")).any()
            or (rows[:, -1] != ord("\n")).any()
        ):
            raise ValueError("it has more than zeros and ones with a space between them")
        return pixels.reshape(-1, 1, side, side)
