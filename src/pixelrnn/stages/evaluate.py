"""The negative log-likelihood of a split under a trained model, image by image and pixel by pixel."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import check_whole

if TYPE_CHECKING:
    import numpy as np

    from pixelrnn.training import Model


def evaluate(
    run: str | Path, split: str = "test", batch_size: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Score every image of `split`, in float32 whatever the training's precision; write to the run:

    metrics.json; <split>_nll.npy, float64 (n,), nats per image; <split>_nll_map.npy, float16 (n, h, w), nats per pixel.

    Standard errors are over images. `bound` says whether the values are the likelihood ("exact") or, for Multi-Scale
    without clamping, no smaller than it ("upper"). Returns the metrics. Raises InputError, and has written nothing, for
    a run without weights or a model that gives no finite number.
    """
    from pixelrnn.causality import brief_audit
    from pixelrnn.data import read_description
    from pixelrnn.files import write_array
    from pixelrnn.training.run import Run, find_device

    loaded = Run.load(run)
    batch_size = loaded.data.batch_size if batch_size is None else batch_size
    check_whole(batch_size=batch_size)
    model, images = loaded.model.to(find_device(device)), loaded.data.split(split)
    start = time.perf_counter()
    nats = score_split(model, images, batch_size, loaded.path / f"{split}_nll_map.npy")
    seconds = time.perf_counter() - start

    about = read_description(loaded.config["data"]["path"])
    metrics = {
        "split": split,
        **summary(nats, math.prod(images.shape[1:])),
        "bound": "exact" if model.exact else "upper",
        "evaluate_seconds": round(seconds, 3),
        "data_md5": about.get("md5", {}).get(f"{split}.npy"),
        "audit": brief_audit(model),  # a likelihood of a network that sees what it predicts is none
    }
    write_array(loaded.path / f"{split}_nll.npy", nats)
    loaded.write("metrics.json", metrics)
    print(_sentence(loaded.path, metrics))
    if metrics["audit"]["verdict"] == "leak":
        print(f"{loaded.path}: {metrics['audit']['sentence']}")
    if loaded.read("origin.json").get("wandb"):
        from pixelrnn.training.tracking import record_evaluation

        record_evaluation(loaded, metrics)
    return metrics


def score_split(model: "Model", images: "np.ndarray", batch_size: int, maps: Path) -> "np.ndarray":
    """NLL in nats of each image, uint8 (n, c, h, w) -> float64 (n,); that of each pixel goes to the file `maps`."""
    import numpy as np

    from pixelrnn.files import replacing
    from pixelrnn.training.scoring import nll_maps

    n, _, h, w = images.shape
    nats = np.empty(n)
    with replacing(maps) as new:
        file = np.lib.format.open_memmap(
            new, "w+", np.float16, (n, h, w)
        )  # a large split's maps don't fit in memory
        first = 0
        for batch in nll_maps(model, images, batch_size):
            last = first + len(batch)
            nats[first:last] = batch.sum((1, 2))
            file[first:last] = batch.clip(max=np.finfo(np.float16).max)
            first = last
        del file  # written out and closed
    return nats


def summary(nats: "np.ndarray", dims: int) -> dict[str, Any]:
    """Means over images of the NLL in nats (n,), with their standard errors, in nats and in bits per dimension."""
    bits = 1 / (dims * math.log(2))  # per dimension, for one nat per image
    mean, error = nats.mean(), nats.std(ddof=1) / math.sqrt(len(nats)) if len(nats) > 1 else None
    return {
        "images": len(nats),
        "nll_nats": float(mean),
        "nll_nats_se": error and float(error),
        "bits_per_dim": float(mean * bits),
        "bits_per_dim_se": error and float(error * bits),
    }


def _sentence(run: Path, metrics: dict[str, Any]) -> str:
    sign = "<=" if metrics["bound"] == "upper" else "="
    error = "" if metrics["bits_per_dim_se"] is None else f" ± {metrics['bits_per_dim_se']:.3f}"
    return (
        f"{run}: {metrics['split']} NLL {sign} {metrics['nll_nats']:.2f} nats, {metrics['bits_per_dim']:.3f}{error} "
        f"bits/dim ({metrics['images']} images)"
    )
