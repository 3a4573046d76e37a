"""Images drawn from a trained model, and test images of which it draws the lower half anew."""

import math
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.npy import map_npy, write_npy
from pixelrnn.errors import InputError, check_seed, check_whole
from pixelrnn.files import as_folder, md5, replacing, write_json
from pixelrnn.models import DensityModel
from pixelrnn.models.in_batches import Sampler, find_device, of_class, of_every_class, spread
from pixelrnn.pictures.grids import check_picture, image_grid, save_picture
from pixelrnn.room import check_disk
from pixelrnn.runs.directory import COMPLETIONS, SAMPLES, SAMPLES_PICTURE, SAMPLING
from pixelrnn.runs.lock import locked
from pixelrnn.stages.complete import check_completions, write_completions
from pixelrnn.terminal import Bar
from pixelrnn.training.run import Run

COMPLETED = 8  # test images, spread over the split


def sample(
    run: str | Path,
    *,
    images: int = 64,
    class_: int | str | None = None,
    seed: int = 0,
    temperature: float = 1.0,
    columns: int = 8,
    side: int = 64,
    pictured: int = 1024,
    completions: int = 4,
    out: str | Path | None = None,
    batch_size: int = 256,
    device: str = "auto",
    trust: str | Collection[str] = (),
) -> np.ndarray:
    """Draw `images` images, and complete some test images from their upper half.

    Writes to `out` (the run itself, unless given) samples.npy (uint8 levels (n, c, h, w)),
    samples.png (the first `pictured` of them) and sampling.json; completions.png, completions.npy
    (uint8 (8, 1 + k, c, h, w)): test images, each followed by k = `completions` ways to go on.
    Where the prepared images are not at hand, completions are left as they are, with a line that
    says so.

    A class-conditional model draws images of `class_`, or of classes by their frequencies where
    none is given; with "all" a row of `columns` images of each, instead of `images`. Completions
    are of classes that are drawn given what is known.

    `temperature` below 1 draws likelier, less varied images (see `Head.sample`). Pictures have
    `columns` images a row, enlarged to about `side` pixels. The same seed gives the same images,
    the first ten of a thousand those of ten. Returns the samples, mapped from their file: there may
    be more than fit into memory.

    Raises InputError for a run without weights or arguments that cannot be.
    """
    loaded = Run.load(run, trust)
    out = as_folder(out or loaded.path)
    check_whole(images=images, columns=columns, side=side, batch_size=batch_size)
    check_whole(pictured=pictured)
    check_whole(0, completions=completions)
    check_seed(seed=seed)
    model = loaded.model.to(find_device(device))
    told: DensityModel
    if class_ == "all":
        told = of_every_class(model, columns)
        images = len(told.labels)
    elif isinstance(class_, str):
        raise InputError(f"class={class_} must be a whole number, or all")
    else:
        told = of_class(model, class_)
    pictured = min(pictured, images)
    check_picture(pictured, model.shape, columns, side)
    check_completions(COMPLETED, completions, model.shape, side)
    check_disk(images * math.prod(model.shape), out, f"images={images}", "draw fewer")
    sampler = Sampler(told, seed, temperature, batch_size)
    with locked(out):
        start = time.perf_counter()
        with replacing(out / SAMPLES) as new, Bar("drawing", total=images) as bar:
            write_npy(new, np.uint8, (images, *model.shape), _counted(sampler.draw(images), bar))
        drawn = map_npy(out / SAMPLES)  # it may be larger than memory
        seconds = time.perf_counter() - start

        grid = image_grid(drawn[:pictured], model.levels, columns, side)
        save_picture(grid, out / SAMPLES_PICTURE)
        about: dict[str, Any] = {"images": images, "seed": seed, "temperature": temperature}
        about |= {} if class_ is None else {"class": class_}
        checksums = {SAMPLES: md5(out / SAMPLES)}
        write_json(out / SAMPLING, {**about, "md5": checksums})
        if out == loaded.path:
            loaded.files.write_timing(sample_seconds=round(seconds, 3))
        print(f"{out / SAMPLES_PICTURE}: {images} images in {seconds:.1f} s")

        if completions and _complete_tests(
            loaded, Sampler(model, seed, temperature, batch_size), completions, out, side
        ):
            checksums[COMPLETIONS] = md5(out / COMPLETIONS)
            write_json(out / SAMPLING, {**about, "md5": checksums})
    return drawn


def _counted(batches: Iterable[np.ndarray], bar: Bar) -> Iterator[np.ndarray]:
    for batch in batches:
        yield batch
        bar.advance(len(batch))


def _complete_tests(run: Run, sampler: Sampler, completions: int, out: Path, side: int) -> bool:
    """Complete some test images, always the same, with random numbers of their own.

    Returns whether the images are there to be completed.
    """
    try:
        tests = spread(run.split("test"), COMPLETED)
    except InputError as error:
        print(f"no completions of test images: {error}")
        return False
    _, h, w = sampler.model.shape
    write_completions(sampler, tests, h // 2 * w, completions, out, side)
    return True
