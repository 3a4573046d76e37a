"""CelebA, aligned faces: their middle, made smaller; torchvision's list of the official files, and the official splits.

The images are read out of the archive: DVC needs a minute for 202,599 files, and a second for one.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pixelrnn.data.sources.pictures import crop, open_picture, stacked, to_levels
from pixelrnn.data.sources.raw import reading, reason, verify
from pixelrnn.data.splits import SPLITS, Pairs
from pixelrnn.errors import InputError

ARCHIVE, PARTITION = "img_align_celeba.zip", "list_eval_partition.txt"
HOME = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
AGAIN = "delete it and run `pixelrnn prepare` again"


def celeba(
    folder: str | Path, size: int, cut: int = 148, checksums: Mapping[str, str] | None = None
) -> Pairs:
    """CelebA, a stream of (split, images (n, 3, size, size)), 256 levels: the middle `cut` x `cut` pixels of 178x218.

    `folder`, or torchvision's folder celeba in it, holds img_align_celeba.zip and list_eval_partition.txt; what is
    missing is downloaded by torchvision, if gdown is installed. `checksums`, {name: "md5:..."}, are torchvision's
    unless given.

    Raises:
        InputError: the files can't be had, one is another by its checksum, or (while it is read) holds something else.
    """
    folder = Path(folder).expanduser()
    folder = folder / "celeba" if (folder / "celeba").is_dir() else folder
    from torchvision.datasets import CelebA

    ids = {name: (file_id, md5) for file_id, md5, name in CelebA.file_list}
    for name in (PARTITION, ARCHIVE):
        if not (folder / name).is_file():
            _download(folder, name, *ids[name])
        verify(folder / name, checksums[name] if checksums else f"md5:{ids[name][1]}")
    return stacked(_read(folder / ARCHIVE, _read_partition(folder / PARTITION), size, cut))


def _download(folder: Path, name: str, file_id: str, md5: str) -> None:
    from torchvision.datasets.utils import download_file_from_google_drive

    try:
        download_file_from_google_drive(file_id, folder, name, md5)
    except Exception as error:  # gdown has its own kinds
        raise InputError(
            f"{name} can't be downloaded ({reason(error).rstrip('.')}): get {PARTITION} and {ARCHIVE} at {HOME} and "
            f"put them into {folder}"
        ) from error


def _read_partition(file: Path) -> dict[str, str]:
    """{name of an image: its split}."""
    with reading(file, "the list of CelebA's splits", AGAIN):
        lines = [line.split() for line in file.read_text().splitlines()]
        return {name: SPLITS[int(split)] for name, split in lines}


def _read(
    archive: Path, partition: Mapping[str, str], size: int, cut: int
) -> Iterator[tuple[str, np.ndarray]]:
    with (
        reading(archive, "the archive of CelebA's images", AGAIN),
        zipfile.ZipFile(archive) as files,
    ):
        for name, split in partition.items():
            with files.open(f"img_align_celeba/{name}") as content:
                picture = crop(archive / name, open_picture(archive / name, 3, content), cut, cut)
            yield split, to_levels(picture.resize((size, size)), levels=256)
