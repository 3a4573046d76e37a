"""Images drawn from a trained model."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrnn.errors import InputError

if TYPE_CHECKING:
    import numpy as np


def sample(run: str | Path, images: int = 64, seed: int = 0, columns: int = 8, device: str = "auto") -> "np.ndarray":
    """Draw `images` images; write samples.png, samples.npy (uint8, levels) and sampling.json to the run.

    The same seed gives the same images on the same kind of device. Returns uint8 (n, c, h, w). Raises InputError for a
    run without weights.
    """
    import numpy as np
    import torch

    from pixelrnn.training.grid import save_grid
    from pixelrnn.training.run import Run, find_device

    loaded = Run.load(run)
    if images < 1 or columns < 1:
        raise InputError(f"images={images} and columns={columns} must be at least 1")
    model = loaded.model.to(find_device(device))
    generator = torch.Generator(find_device(device)).manual_seed(seed)
    start = time.perf_counter()
    drawn = model.sample(images, generator=generator).cpu()
    seconds = time.perf_counter() - start

    levels = drawn.numpy().astype(np.uint8)
    save_grid(drawn, model.levels, loaded.path / "samples.png", columns)
    np.save(loaded.path / "samples.npy", levels)
    timing = {"images": images, "seconds": round(seconds, 3), "seconds_per_image": seconds / images, "seed": seed}
    loaded.write("sampling.json", timing)
    print(f"{loaded.path / 'samples.png'}: {images} images in {seconds:.1f} s")
    return levels
