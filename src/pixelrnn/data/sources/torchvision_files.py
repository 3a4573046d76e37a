"""The files of torchvision's data sets, in the forms that people have them in.

In this order: torchvision's own folder; the official IDX files of MNIST and its kin, gzipped (also
again, by other bytes) or not, in that folder or right in `root`; an npz file named after the data
set, with `x_train` and `x_test`, (n, h, w) or (n, h, w, c); what torchvision downloads or unpacks.
"""

import gzip
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from pixelrnn.data.sources.raw import reading
from pixelrnn.errors import InputError
from pixelrnn.files import first_line
from pixelrnn.room import check_memory

AGAIN = "get it again"


class Pictures(NamedTuple):
    """So many pictures; `open(i)` gives one of them, a PIL image or its path, and its label.

    The latter is what torchvision says, which may be no whole number, or None.
    """

    number: int
    open: Callable[[int], tuple[Any, Any]]


def open_files(
    kind: type,
    parameters: set[str],
    root: Path,
    split: str,
    arguments: Mapping[str, Any],
    files: str,
) -> Pictures:
    """Open the images of torchvision's data set `kind`, those with pictures of their own by name.

    `parameters` are the names of what it takes, `arguments` those that choose the `split`; `files`
    says what to get where it can't be downloaded.

    Raises InputError if it can't be had, if another package is needed, or for wrong arguments.
    """
    arguments = dict(arguments)
    if "root" in parameters:
        arguments.setdefault("root", str(root))
    name = kind.__name__
    try:
        return _open_files(kind, parameters, root, split, arguments)
    except InputError:
        raise
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise InputError(f"{name} needs the package {package}: pip install {package}") from error
    except Exception as error:
        # torchvision's readers and downloads have no exception of their own
        raise InputError(
            f"{name} can't be read from {root} or downloaded ({first_line(error).rstrip(':.')}): "
            f"put {files} there yourself"
        ) from error


def _open_files(
    kind: type, parameters: set[str], root: Path, split: str, arguments: dict[str, Any]
) -> Pictures:
    can_download = "download" in parameters
    if can_download:
        arguments = {"download": False, **arguments}
    try:
        return _open(kind, parameters, arguments)
    except (RuntimeError, OSError):
        # There is nothing, a part, or something else: torchvision doesn't say which.
        with _unpacked_idx(root, kind.__name__) as (unpacked, labeled):
            if unpacked:
                opened = _open(kind, parameters, {**arguments, "root": str(unpacked)})
                return opened if labeled else _without_labels(opened)
        file = root / f"{kind.__name__.lower()}.npz"
        if file.is_file():
            return _read_npz(file, split)
        if not can_download:
            raise
        return _open(kind, parameters, {**arguments, "download": True})


def _open(kind: type, parameters: set[str], arguments: dict[str, Any]) -> Pictures:
    if "loader" not in parameters:
        dataset = kind(**arguments)
        return Pictures(len(dataset), lambda i: _with_label(dataset[i]))
    # Some list files in the order of the disk, so they are asked for paths, and these are sorted.
    dataset = kind(**arguments, loader=str)
    listed = [_with_label(dataset[i]) for i in range(len(dataset))]
    paths = sorted(((Path(path), label) for path, label in listed), key=lambda pair: pair[0])
    return Pictures(len(paths), paths.__getitem__)


def _with_label(item: Any) -> tuple[Any, Any]:
    """Return a picture and its label; None where torchvision gives none, or more than that."""
    return (item[0], item[1]) if len(item) == 2 else (item[0], None)


def _without_labels(pictures: Pictures) -> Pictures:
    return Pictures(pictures.number, lambda i: (pictures.open(i)[0], None))


@contextmanager
def _unpacked_idx(root: Path, name: str) -> Iterator[tuple[Path | None, bool]]:
    """Give a folder like torchvision's with the IDX files that lie in `root`, or None.

    With it, whether they have labels. torchvision insists on some: where they are missing, zeros
    do, which are none.
    """
    files: dict[str, Path] = {}
    for place in (root / name / "raw", root):
        for file in sorted(place.glob("*idx[1-3]-*")):
            plain = file.name.removesuffix(".gz").replace(".idx", "-idx")
            files.setdefault(plain, file)
    if not any("images" in plain for plain in files):
        yield None, False
        return
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch, name, "raw")
        raw.mkdir(parents=True)
        for plain, file in files.items():
            if file.suffix == ".gz":
                with reading(file, "a gzip file", AGAIN):
                    (raw / plain).write_bytes(gzip.decompress(file.read_bytes()))
            else:
                (raw / plain).symlink_to(file.resolve())
        for images in list(raw.glob("*images-idx3-ubyte")):
            _add_labels(images)
        stems = [plain.partition("images-idx")[0] for plain in files if "images" in plain]
        yield Path(scratch), all(any(f"{stem}labels" in one for one in files) for stem in stems)


def _add_labels(images: Path) -> None:
    """Write files of labels, all zero, beside a file of images, unless they are there."""
    content = images.read_bytes()
    n = min(int.from_bytes(content[4:8], "big"), len(content))
    stem = images.name.removesuffix("images-idx3-ubyte")
    labels = {
        "labels-idx1-ubyte": bytes([0, 0, 8, 1]) + n.to_bytes(4, "big") + bytes(n),
        "labels-idx2-int": bytes([0, 0, 12, 2])
        + n.to_bytes(4, "big")
        + (1).to_bytes(4, "big")
        + bytes(4 * n),
    }
    for name, zeros in labels.items():
        if not (file := images.with_name(stem + name)).exists():
            file.write_bytes(zeros)


def _read_npz(file: Path, split: str) -> Pictures:
    """Read the images x_<split> of an npz file, uint8 (n, h, w), (n, h, w, 1) or (n, h, w, 3).

    With y_<split>, where there is one for each.
    """
    key = f"x_{split}"
    kind = "an npz file with `x_train` and `x_test`"
    with (
        reading(file, kind, "write it again by np.savez"),
        file.open("rb") as stream,  # numpy leaves a damaged one open
        np.load(stream, allow_pickle=False) as arrays,
    ):
        needed = sum(part.file_size for part in arrays.zip.infolist())
        check_memory(needed, str(file), "take a part of it")
        images = arrays[key]
        labels = np.asarray(arrays.get(f"y_{split}", np.empty(0)))
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.dtype != np.uint8 or not (images.ndim == 3 or images.shape[3:] == (3,)):
        raise InputError(
            f"{file}: {key} is {images.dtype} {images.shape}, expected uint8 (n, h, w) or "
            "(n, h, w, 3)"
        )
    flat = labels.ravel().tolist() if labels.size == len(images) else [None] * len(images)
    return Pictures(len(images), lambda i: (Image.fromarray(images[i]), flat[i]))
