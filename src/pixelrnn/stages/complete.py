"""The rest of an image, drawn by a trained model: files in, several completions of each out."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch

from pixelrnn.data.given import find_ground, read_images
from pixelrnn.data.sources.pictures import read_picture
from pixelrnn.errors import InputError, check_seed, check_whole
from pixelrnn.files import as_folder, as_path, write_array
from pixelrnn.models.in_batches import Sampler, find_device, of_class
from pixelrnn.ops.pixels import known_pixels
from pixelrnn.pictures.grids import check_picture, completion_grid, save_picture
from pixelrnn.room import check_memory
from pixelrnn.runs.directory import COMPLETIONS, COMPLETIONS_PICTURE
from pixelrnn.training.run import Run
from pixelrnn.types import Bool, Tensor


def complete(
    run: str | Path,
    *files: str | Path,
    out: str | Path | None = None,
    rows: int | None = None,
    pixels: int | None = None,
    mask: str | Path | None = None,
    class_: int | None = None,
    completions: int = 4,
    seed: int = 0,
    temperature: float = 1.0,
    side: int = 64,
    fit: str = "none",
    ground: str | int | None = None,
    skip: bool = False,
    batch_size: int = 256,
    device: str = "auto",
    trust: str | Collection[str] = (),
) -> np.ndarray:
    """Keep what is known of each image in `files` and draw the rest, `completions` times.

    Files are pictures, folders of them, or .npy. Known are the first `rows`, or the first `pixels`
    in raster order, or the bright pixels of the picture `mask`; the upper half by default. What the
    files hold elsewhere is not looked at. The model draws in raster order: known pixels that come
    after an unknown one stay as they are, but what is drawn before them does not take them into
    account. (Multi-Scale draws its small image first, see `MultiScale.complete`.)
    Transparent pictures are laid on `ground`, by default that of the run's data. A
    class-conditional model draws images of `class_`, or, where none is given, of a class that is
    drawn given what is known, see `ClassConditional.complete`.

    Writes to `out` (completed/ in the run, unless given) completions.png, a row an image: itself,
    then its completions, a line around what was known; and completions.npy, the same as uint8
    levels (n, 1 + k, c, h, w), which is returned.

    Raises InputError, having written nothing, for files that cannot be used (see `read_images`) or
    impossible numbers.
    """
    loaded = Run.load(run, trust)
    out = as_folder(out or loaded.path / "completed")
    check_whole(completions=completions, side=side, batch_size=batch_size)
    check_seed(seed=seed)
    model = loaded.model
    known = _known(model.shape, rows, pixels, mask)
    ground = find_ground(loaded.config) if ground is None else ground
    names, images = read_images(files, model.shape, model.levels, fit, skip, ground)
    told = of_class(model.to(find_device(device)), class_)
    sampler = Sampler(told, seed, temperature, batch_size)
    check_completions(len(images), completions, model.shape, side)
    completed = write_completions(sampler, images, known, completions, out, side)
    for row, name in enumerate(names):
        print(f"  row {row + 1}: {name}")
    return completed


def check_completions(n: int, times: int, shape: Sequence[int], side: int) -> None:
    """Raise InputError where `times` completions of `n` images are too many for one picture."""
    count = n * (1 + times)
    check_memory(9 * count * math.prod(shape), f"completions={times}", "draw fewer")
    check_picture(count, shape, 1 + times, max(side, 4 * shape[1]))


def write_completions(
    sampler: Sampler,
    images: np.ndarray,
    known: int | Bool[Tensor, "h w"],
    times: int,
    out: Path,
    side: int,
) -> np.ndarray:
    """Complete uint8 levels (n, c, h, w); write completions.png and .npy to the folder `out`."""
    known = known_pixels(known, *images.shape[-2:])
    completed = sampler.complete(images, known, times)
    out.mkdir(parents=True, exist_ok=True)
    picture = completion_grid(completed, known.numpy(), sampler.model.levels, side)
    save_picture(picture, out / COMPLETIONS_PICTURE)
    write_array(out / COMPLETIONS, completed)
    print(f"{out / COMPLETIONS_PICTURE}: {len(images)} images, {times} completions of each")
    return completed


def _known(
    shape: tuple[int, int, int],
    rows: int | None,
    pixels: int | None,
    mask: str | Path | None,
) -> Bool[Tensor, "h w"]:
    """Return the known pixels as a mask; say so where some of them cannot be taken into account."""
    _, h, w = shape
    options = {"rows": rows, "pixels": pixels, "mask": mask}
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} both say what is known: give one of them")
    if mask is not None:
        bright = read_picture(
            as_path(mask, "mask"), (1, h, w), levels=2, fit="none", ground="black"
        )
        known = torch.from_numpy(bright[0] == 1)
    else:
        rows = h // 2 if rows is None else rows
        check_whole(0, rows=rows, pixels=pixels or 0)
        if rows > h:
            raise InputError(f"rows={rows}: the model's images have {h}")
        known = known_pixels(rows * w if pixels is None else pixels, h, w)
    if known.all():
        raise InputError("all pixels are known: nothing to draw")
    later = known.flatten()[1:] & ~known.flatten()[:-1]
    if later.any():
        print(
            "note: known pixels stand after unknown ones; "
            "what is drawn before them does not take them into account"
        )
    return known
