"""Raw files of the data sets in their true formats, a few images each; and ways to damage a file."""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
CIFAR_BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
IMAGENET_BATCHES = [*(f"train_data_batch_{i}.npz" for i in range(1, 11)), "val_data.npz"]


def noise(*shape: int, levels: int = 256, seed: int = 0) -> np.ndarray:
    """uint8, every level as likely as any other."""
    return np.random.RandomState(seed).randint(0, levels, shape).astype(np.uint8)


def md5(file: Path) -> str:
    return "md5:" + hashlib.md5(file.read_bytes()).hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Of all files in the folder and below: what the official ones are for official files."""
    return {file.name: md5(file) for file in folder.rglob("*") if file.is_file()}


def write_idx(file: Path, images: np.ndarray) -> None:
    """MNIST's: (n, h, w)."""
    content = (
        struct.pack(f">BBBB{images.ndim}i", 0, 0, 8, images.ndim, *images.shape) + images.tobytes()
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)


def write_mnist(
    folder: Path, suffix: str = ".gz", train: int = 9, test: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Official training and test images, (n, 28, 28)."""
    images = noise(train, 28, 28), noise(test, 28, 28, seed=1)
    for name, x in zip((TRAIN, TEST), images, strict=True):
        write_idx(folder / (name + suffix), x)
    return images


def write_amat(file: Path, images: np.ndarray) -> None:
    """Larochelle & Murray's: a line of zeros and ones an image."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(" ".join(map(str, image.ravel())) + "\n" for image in images))


def write_binarized_mnist(folder: Path) -> dict[str, np.ndarray]:
    splits = {
        s: noise(n, 28, 28, levels=2, seed=n)
        for s, n in {"train": 5, "valid": 3, "test": 2}.items()
    }
    for split, images in splits.items():
        write_amat(folder / f"binarized_mnist_{split}.amat", images)
    return splits


def pickled_by_python_2(images: np.ndarray) -> bytes:
    """{"data": images, "labels": [3]} as Python 2 and NumPy 1 pickled CIFAR-10's batches, opcode by opcode."""
    n, dims = images.shape
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + struct.pack("<cici", b"J", n, b"J", dims) + b"t"
    content = b"T" + struct.pack("<i", images.size) + images.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01"
    array += shape + dtype + b"\x89" + content + b"tb"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels](K\x03eu."


def write_cifar(folder: Path, n: int = 2, packed: bool = True) -> dict[str, np.ndarray]:
    """The six batches, (n, 3072) each, in the archive or unpacked."""
    batches = {name: noise(n, 3072, seed=i) for i, name in enumerate(CIFAR_BATCHES)}
    batch_folder = folder / "cifar-10-batches-py"
    batch_folder.mkdir(parents=True)
    for name, images in batches.items():
        (batch_folder / name).write_bytes(pickled_by_python_2(images))
    (batch_folder / "readme.html").write_text("unused")
    if packed:
        pack_cifar(folder)
    return batches


def pack_cifar(folder: Path) -> None:
    batch_folder = folder / "cifar-10-batches-py"
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(batch_folder, batch_folder.name)
    for file in batch_folder.iterdir():
        file.unlink()
    batch_folder.rmdir()


def write_imagenet(folder: Path, size: int = 2, n: int = 6, save=np.savez) -> dict[str, np.ndarray]:
    """The eleven batches, (n, 3 size size) each. The first byte tells the batch, the second the image."""
    batches = {}
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(IMAGENET_BATCHES):
        batches[name] = noise(n, 3 * size * size, seed=i)
        batches[name][:, 0], batches[name][:, 1] = i, range(n)
        save(folder / name, data=batches[name], labels=np.arange(n), mean=batches[name].mean(0))
    return batches


def zip_imagenet(folder: Path, size: int) -> None:
    """As image-net.org gives the batches out: two parts of training images, one for validation."""
    parts = {
        "train_part1": IMAGENET_BATCHES[:5],
        "train_part2": IMAGENET_BATCHES[5:10],
        "val": IMAGENET_BATCHES[10:],
    }
    for part, names in parts.items():
        with zipfile.ZipFile(
            folder / f"Imagenet{size}_{part}_npz.zip", "w", zipfile.ZIP_DEFLATED
        ) as archive:
            for name in names:
                archive.write(folder / name, f"Imagenet{size}_{part}_npz/{name}")
                (folder / name).unlink()


def write_celeba(folder: Path, train: int = 3, val: int = 2, test: int = 2) -> list[str]:
    """Plain colors, 178x218: image i is of level 20 i; its middle square of 148 is 10 levels lighter."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = [0] * train + [1] * val + [2] * test
    names = [f"{i + 1:06}.jpg" for i in range(len(splits))]
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for i, name in enumerate(names):
            pixels = np.full((218, 178, 3), 20 * i, np.uint8)
            pixels[35:183, 15:163] += 10
            content = io.BytesIO()
            Image.fromarray(pixels).save(content, "JPEG", quality=100)
            archive.writestr(f"img_align_celeba/{name}", content.getvalue())
    lines = [f"{name} {split}\n" for name, split in zip(names, splits, strict=True)]
    (folder / "list_eval_partition.txt").write_text("".join(lines))
    return names


def write_pictures(folder: Path, n: int = 12, size: tuple[int, int] = (5, 7)) -> list[np.ndarray]:
    """Noise as PNG files, some of them in a folder below: (h, w, 3) in the order of their paths."""
    (folder / "b").mkdir(parents=True, exist_ok=True)
    pictures = [noise(*size, 3, seed=i) for i in range(n)]
    for i, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / ("b" if i < n // 2 else ".") / f"{i:02}.png")
    order = sorted(folder.rglob("*.png"))
    return [pictures[int(file.stem)] for file in order]


def flip(good: bytes, start: int, count: int = 8) -> bytes:
    return (
        good[:start]
        + bytes(255 - byte for byte in good[start : start + count])
        + good[start + count :]
    )


DAMAGE = {
    "empty": lambda good: b"",
    "half": lambda good: good[: len(good) // 2],
    "short": lambda good: good[:-30],
    "garbage": lambda good: b"x" * len(good),
    "start": lambda good: flip(good, 0),
    "middle": lambda good: flip(good, len(good) // 2),
}
