"""The pictures and arrays that `compress` put into a file, as they were."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from pixelrnn.codec.coder import Coder
from pixelrnn.codec.container import Header, damaged, read, read_header
from pixelrnn.codec.contents import Entry, unpack
from pixelrnn.data.given import arrange
from pixelrnn.data.quantize import stretch
from pixelrnn.data.sources.deep import save_deep
from pixelrnn.data.sources.pictures import FEW
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, in_one_line
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.runs.frame import find_runs
from pixelrnn.terminal import Bar
from pixelrnn.training.run import Run

HOMES = ("artifacts/runs", "artifacts/sweeps")  # where the run is looked for
UNNAMED = "images.npy"  # what images without names are called


def decompress(file: str | Path, *, out: str | Path, run: str | Path | None = None) -> Path:
    """Write what is in `file` into the new folder `out`: pictures as PNG, arrays as .npy.

    `run` is the run that compressed it, or a folder with this run in it; unless given, it is looked
    for in artifacts/runs and artifacts/sweeps.

    Returns `out`. Raises InputError, having written nothing, for a file that is damaged or none, an
    `out` that holds something, a run that isn't there, and where the model's arithmetic gives other
    numbers than it gave to the writer.
    """
    path, out = as_path(file, "file"), as_path(out, "out")
    what = in_one_line(path)
    if not out.parent.is_dir() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise InputError(f"out={out} must be a new folder, in one that is there")
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"{what} can't be read: {error.strerror}") from error
    with stream:
        header = read_header(stream, what)
        try:
            entries = unpack(header.contents, header.shape, header.images)
        except ValueError:
            raise damaged(what) from None
        coder = _find_coder(header, run, what)
        entries = entries or [
            Entry(UNNAMED, coder.values.dtype.str, (header.images, *header.shape))
        ]
        pixels = header.images * header.shape[1] * header.shape[2]
        with _new_folder(out) as folder, Bar("decompressing, pixels", pixels) as bar:
            batches = read(stream, coder, header, what, bar.advance)
            _write(folder, entries, batches, header)
    print(f"{out}: {header.images} images in {len(entries)} file{'s' * (len(entries) > 1)}")
    return out


def _find_coder(header: Header, given: str | Path | None, what: str) -> Coder:
    """Return the model that wrote a file, ready to decode.

    Raises InputError if none of the runs has it.
    """
    places = [home for home in HOMES if Path(home).is_dir()] if given is None else [given]
    runs = [run for place in places for run in find_runs(place)]
    for run in runs:
        if not RunDirectory(run).finished:
            continue
        try:
            coder = Coder(Run.load(run).model)
        except InputError:
            if given is not None and run == as_path(given):
                raise
            continue  # another run, and damaged
        if coder.fingerprint == header.model:
            return coder
    looked = " and ".join(map(str, places)) or " and ".join(HOMES)
    raise InputError(
        f"{what} was written by a model, of images {header.shape} with {header.levels} levels, "
        f"that no run in {looked} has: name it by run=..., the run or a folder with it"
    )


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to fill, which becomes `out` if all goes well; if not, it vanishes."""
    new = out.with_name(f".{out.name[:100]}.{secrets.token_hex(8)}")
    try:
        new.mkdir()
        yield new
        new.rename(out)  # fails if anything came there meanwhile
    except OSError as error:
        raise InputError(f"out={out} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write(
    folder: Path, entries: Sequence[Entry], batches: Iterator[np.ndarray], header: Header
) -> None:
    images = (image for batch in batches for image in batch)
    for name, dtype, shape in entries:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if dtype:
            _write_array(file, dtype, shape, images, header.shape)
        else:
            _write_picture(file, next(images), header.levels)
    for _ in images:  # none are left, but the file's end is checked
        pass


def _write_array(
    file: Path,
    dtype: str,
    shape: tuple[int, ...],
    images: Iterator[np.ndarray],
    image: Sequence[int],
) -> None:
    """Write an array in the form that it had, image by image."""
    if 0 in shape:  # can't be mapped
        np.save(file, np.empty(shape, dtype))
        return
    array = np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
    several = arrange(array, image)
    assert several is not None  # `unpack` has looked
    for place in several:
        place[...] = next(images)
    array.flush()


def _write_picture(file: Path, image: np.ndarray, levels: int) -> None:
    if levels > FEW:
        save_deep(file, stretch(image, levels, np.uint16).transpose(1, 2, 0))
        return
    pixels = stretch(image, levels).transpose(1, 2, 0)
    picture = Image.fromarray(pixels[:, :, 0] if len(image) == 1 else pixels)
    picture.save(file, format="png", optimize=True)
