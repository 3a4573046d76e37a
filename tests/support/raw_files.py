"""Raw files of the data sets in their true formats, a few images each; ways to damage a file."""

import gzip
import hashlib
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

TRAIN, TEST = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
CIFAR_BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
IMAGENET_BATCHES = [*(f"train_data_batch_{i}.npz" for i in range(1, 11)), "val_data.npz"]
CELEBA_TEXTS = [
    "list_attr_celeba.txt",
    "identity_CelebA.txt",
    "list_bbox_celeba.txt",
    "list_landmarks_align_celeba.txt",
    "list_eval_partition.txt",
]


def noise(*shape: int, levels: int = 256, seed: int = 0) -> np.ndarray:
    """uint8, every level as likely as any other."""
    return np.random.RandomState(seed).randint(0, levels, shape).astype(np.uint8)


def hex_md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Of all files in the folder and below: what the official ones are for official files."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.name: "md5:" + hex_md5(file.read_bytes()) for file in files}


def write_idx(file: Path, images: np.ndarray) -> None:
    """MNIST's: (n, h, w)."""
    content = (
        struct.pack(f">BBBB{images.ndim}i", 0, 0, 8, images.ndim, *images.shape) + images.tobytes()
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)


def write_mnist(
    folder: Path, suffix: str = ".gz", names: tuple[str, str] = (TRAIN, TEST)
) -> tuple[np.ndarray, np.ndarray]:
    """Official training and test images, (n, 28, 28); no labels."""
    images = noise(9, 28, 28), noise(4, 28, 28, seed=1)
    for name, x in zip(names, images, strict=True):
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
    """{"data": images, "labels": [3, 3, ...]} as Python 2 and NumPy 1 pickled CIFAR-10's batches,
    opcode by opcode.
    """
    n, dims = images.shape
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNN"
    dtype += 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    shape = b"(" + struct.pack("<cici", b"J", n, b"J", dims) + b"t"
    content = b"T" + struct.pack("<i", images.size) + images.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01"
    array += shape + dtype + b"\x89" + content + b"tb"
    labels = b"](" + n * b"K\x03" + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + labels + b"u."


def write_cifar(folder: Path, n: int = 2, packed: bool = False) -> dict[str, np.ndarray]:
    """The six batches, (n, 3072) each, in the archive or unpacked."""
    batches = {name: noise(n, 3072, seed=i) for i, name in enumerate(CIFAR_BATCHES)}
    batch_folder = folder / "cifar-10-batches-py"
    batch_folder.mkdir(parents=True)
    for name, images in batches.items():
        (batch_folder / name).write_bytes(pickled_by_python_2(images))
    (batch_folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["a"]}, 2))
    if packed:
        with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
            archive.add(batch_folder, batch_folder.name)
        for file in batch_folder.iterdir():
            file.unlink()
        batch_folder.rmdir()
    return batches


def vouch_for_cifar(folder: Path, monkeypatch) -> None:
    """Make these files the official ones for torchvision."""
    from torchvision.datasets import CIFAR10

    archive = folder / CIFAR10.filename
    if archive.exists():
        monkeypatch.setattr(CIFAR10, "tgz_md5", hex_md5(archive.read_bytes()))
        with tarfile.open(archive) as files:
            contents = {
                Path(member.name).name: files.extractfile(member).read()
                for member in files
                if member.isfile()
            }
    else:
        contents = {
            file.name: file.read_bytes() for file in (folder / CIFAR10.base_folder).iterdir()
        }
    known = {name: hex_md5(content) for name, content in contents.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [[name, known[name]] for name in CIFAR_BATCHES[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", known["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": known["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)


def write_imagenet(folder: Path, size: int = 2, n: int = 6, save=np.savez) -> dict[str, np.ndarray]:
    """The eleven batches, (n, 3 size size) each. The first byte tells the batch, the second the
    image.
    """
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
    """Plain colors, 178x218: image i is of level 20 i; its middle square of 148 is 10 levels
    lighter.

    In torchvision's layout: below the folder celeba.
    """
    images = folder / "celeba" / "img_align_celeba"
    images.mkdir(parents=True)
    splits = [0] * train + [1] * val + [2] * test
    names = [f"{i + 1:06}.jpg" for i in range(len(splits))]
    for i, name in enumerate(names):
        pixels = np.full((218, 178, 3), 20 * i, np.uint8)
        pixels[35:183, 15:163] += 10
        Image.fromarray(pixels).save(images / name, "JPEG", quality=100)
    for text in CELEBA_TEXTS:
        lines = [f"{name} {split}" for name, split in zip(names, splits, strict=True)]
        if text.startswith("list") and "partition" not in text:
            lines = [str(len(names)), "attribute", *lines]
        (folder / "celeba" / text).write_text("\n".join(lines) + "\n")
    return names


def vouch_for_celeba(folder: Path, monkeypatch) -> None:
    """Make these files the official ones for torchvision."""
    from torchvision.datasets import CelebA

    texts = [(name, folder / "celeba" / name) for name in CELEBA_TEXTS]
    known = [("id", hex_md5(file.read_bytes()), name) for name, file in texts]
    monkeypatch.setattr(CelebA, "file_list", known)


def write_omniglot(folder: Path, monkeypatch) -> dict[str, list[np.ndarray]]:
    """Both sets, three characters of two images each, 105x105 in one bit, in order of their paths.

    They are written in the opposite order, and made the official ones for torchvision.
    """
    from torchvision.datasets import Omniglot

    home = folder / "omniglot-py"
    images, known = {}, {}
    for number, name in enumerate(("images_background", "images_evaluation")):
        places = [f"Greek/character{i:02}/{i:04}_{j:02}.png" for i in range(3) for j in range(2)]
        pictures = [noise(105, 105, levels=2, seed=9 * number + k) for k in range(len(places))]
        for place, pixels in reversed(list(zip(places, pictures, strict=True))):
            (home / name / place).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(255 * pixels).convert("1").save(home / name / place)
        with zipfile.ZipFile(home / f"{name}.zip", "w") as archive:
            archive.writestr("unused", "")
        known[name] = hex_md5((home / f"{name}.zip").read_bytes())
        images[name] = [255 * pixels for pixels in pictures]
    monkeypatch.setattr(Omniglot, "zips_md5", known)
    return images


def write_svhn(folder: Path, monkeypatch) -> dict[str, np.ndarray]:
    """Both sets as MATLAB files, (32, 32, 3, n), made the official ones for torchvision."""
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    folder.mkdir(parents=True, exist_ok=True)
    images, known = {}, {}
    for number, (split, n) in enumerate({"train": 10, "test": 4}.items()):
        images[split] = noise(n, 32, 32, 3, seed=number)
        file = folder / f"{split}_32x32.mat"
        savemat(file, {"X": images[split].transpose(1, 2, 3, 0), "y": np.ones((n, 1), np.uint8)})
        known[split] = ["http://127.0.0.1:1/", file.name, hex_md5(file.read_bytes())]
    monkeypatch.setattr(SVHN, "split_list", known)
    return images


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
