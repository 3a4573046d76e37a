"""Images drawn from a trained model, and test images of which it draws the lower half anew."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import as_folder
from pixelrnn.stages.complete import write_completions

if TYPE_CHECKING:
    import numpy as np

    from pixelrnn.training.run import Run

COMPLETED = 8  # test images, spread over the split


def sample(
    run: str | Path,
    images: int = 64,
    seed: int = 0,
    temperature: float = 1.0,
    columns: int = 8,
    side: int = 64,
    completions: int = 4,
    out: str | Path | None = None,
    batch_size: int = 256,
    device: str = "auto",
) -> "np.ndarray":
    """Draw `images` images; write to `out` (the run itself, unless given):

    samples.png, samples.npy (uint8 levels (n, c, h, w)) and sampling.json; completions.png, completions.npy (uint8
    (8, 1 + k, c, h, w)): test images, each followed by k = `completions` ways to go on from its upper half.

    `temperature` below 1 draws likelier, less varied images (see `Head.sample`). Pictures have `columns` images a row,
    enlarged to about `side` pixels. The same seed and batch size give the same images on the same kind of device.
    Returns the samples. Raises InputError for a run without weights or arguments that cannot be.
    """
    import numpy as np
    import torch

    from pixelrnn.files import write_array, write_json
    from pixelrnn.training.grid import save_grid
    from pixelrnn.training.run import Run, find_device
    from pixelrnn.training.sampling import Sampler, check_temperature

    loaded = Run.load(run)
    out = as_folder(out or loaded.path)
    check_whole(images=images, columns=columns, side=side, batch_size=batch_size)
    check_whole(0, seed=seed, completions=completions)
    check_temperature(temperature)
    model = loaded.model.to(find_device(device))
    start = time.perf_counter()
    drawn = Sampler(model, seed, temperature, batch_size).draw(images)
    seconds = time.perf_counter() - start

    out.mkdir(parents=True, exist_ok=True)
    save_grid(
        torch.from_numpy(drawn.astype(np.int64)), model.levels, out / "samples.png", columns, side
    )
    write_array(out / "samples.npy", drawn)
    timing = {
        "images": images,
        "seconds": round(seconds, 3),
        "seconds_per_image": seconds / images,
        "seed": seed,
    }
    write_json(out / "sampling.json", timing | {"temperature": temperature})
    print(f"{out / 'samples.png'}: {images} images in {seconds:.1f} s")

    tests = _test_images(loaded) if completions else None
    if tests is None:  # whatever is there is of other weights
        for name in ("completions.png", "completions.npy"):
            (out / name).unlink(missing_ok=True)
    else:
        _, h, w = model.shape
        sampler = Sampler(
            model, seed, temperature, batch_size
        )  # the same, whatever was drawn before
        write_completions(sampler, tests, h // 2 * w, completions, out, side)
    return drawn


def _test_images(run: "Run") -> "np.ndarray | None":
    """Some test images, always the same; none where the prepared data is not: samples don't need it."""
    from pixelrnn.training.sampling import spread

    try:
        return spread(run.data.split("test"), COMPLETED)
    except InputError as error:
        print(f"no completions: {error}")
        return None
