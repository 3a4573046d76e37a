"""MNIST and its twin of clothes: official IDX files, gray levels as they are or as probabilities of ink.

The last 10,000 of the 60,000 official training images are for validation: 50,000 / 10,000 / 10,000 as in the paper.

IDX: two zero bytes, a type (8: uint8), the number of axes, their lengths as big-endian int32, then the values.
"""

import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.download import obtain
from pixelrnn.data.sources.raw import reading, verify
from pixelrnn.data.splits import GRAY, Splits, hold_out_last

TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
MNIST = {
    f"{TRAIN}.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    f"{TEST}.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    TRAIN: "md5:6bbc9ace898e44ae57da46a324031adb",
    TEST: "md5:2646ac647ad5339dbf082846283269ea",
}
FASHION = {
    f"{TRAIN}.gz": "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    f"{TEST}.gz": "md5:bef4ecab320f06d8554ea6380940ec79",
}
MNIST_HOME = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/"  # torchvision's mirror: yann.lecun.com refuses
)
FASHION_HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


def mnist(
    folder: str | Path,
    val: int = 10_000,
    checksums: Mapping[str, str] = MNIST,
    home: str = MNIST_HOME,
) -> Splits:
    """MNIST: (n, 1, 28, 28), 256 levels.

    `folder` holds the two files of images, gzipped or not, or torchvision's MNIST/raw; else they are downloaded there.

    Raises:
        InputError: a file can't be had, is another by its checksum, or is no IDX file of images; or `val` is too large.
    """
    files = _find(Path(folder).expanduser(), checksums, home)
    return hold_out_last(_read_idx(files[TRAIN]), _read_idx(files[TEST]), val)


def fashion_mnist(
    folder: str | Path,
    val: int = 10_000,
    checksums: Mapping[str, str] = FASHION,
    home: str = FASHION_HOME,
) -> Splits:
    """Fashion-MNIST, which has MNIST's form in everything: see `mnist`."""
    return mnist(folder, val, checksums, home)


def mnist_dynamic(
    folder: str | Path,
    val: int = 10_000,
    seed: int = 0,
    checksums: Mapping[str, str] = MNIST,
    home: str = MNIST_HOME,
) -> Splits:
    """MNIST in two levels, ink with a probability of gray/255: drawn once with `seed`, for all three splits.

    `train_gray` has the gray levels themselves, for `ImageData(resample=True)` to draw from in every epoch anew. Raises
    what `mnist` raises.
    """
    gray = mnist(folder, val, checksums, home)
    random = np.random.RandomState(seed)  # its stream is frozen: the same images under every numpy
    # uniform over 0..254, it is below x with a probability of exactly x/255
    drawn = {
        split: (random.randint(0, 255, x.shape, np.uint8) < x).astype(np.uint8)
        for split, x in gray.items()
    }
    return drawn | {GRAY: gray["train"]}


def _find(folder: Path, checksums: Mapping[str, str], home: str) -> dict[str, Path]:
    """{official name: the file}, checked where its checksum is known."""
    places = [folder, folder / "MNIST" / "raw", folder / "FashionMNIST" / "raw"]  # torchvision's
    files = {}
    for name in (TRAIN, TEST):
        candidates = [place / form for place in places for form in (f"{name}.gz", name)]
        files[name] = next((file for file in candidates if file.is_file()), folder / f"{name}.gz")
    missing = {
        file.name: checksums.get(file.name, "") for file in files.values() if not file.is_file()
    }
    for file in files.values():
        if file.name not in missing:
            verify(file, checksums.get(file.name, ""))
    obtain(folder, missing, home)
    return files


def _read_idx(file: Path) -> np.ndarray:
    """uint8 (n, 1, h, w)."""
    with reading(file, "an IDX file of images", f"delete {file} and run `pixelrnn prepare` again"):
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        if content[:4] != bytes([0, 0, 8, 3]):
            raise ValueError("it doesn't begin like one")
        n, h, w = np.frombuffer(content, ">i4", 3, 4).tolist()
        return np.frombuffer(content, np.uint8, offset=16).reshape(n, 1, h, w)
