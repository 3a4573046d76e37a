"""The negative log-likelihood of a split under a trained model, image by image."""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from pixelrnn.training import Model


def evaluate(
    run: str | Path, split: str = "test", batch_size: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Score every image of `split`; write metrics.json and <split>_nll.npy (float64, nats per image) to the run.

    Standard errors are over images. `bound` says whether the values are the likelihood ("exact") or, for Multi-Scale
    without clamping, no smaller than it ("upper"). Returns the metrics. Raises InputError for a run without weights.
    """
    import numpy as np

    from pixelrnn.training.run import Run, find_device

    loaded = Run.load(run)
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be at least 1")
    model, images = loaded.model.to(find_device(device)), loaded.data.split(split)
    start = time.perf_counter()
    nats = score(model, images, batch_size or loaded.data.batch_size)
    seconds = time.perf_counter() - start

    bits = 1 / (math.prod(images.shape[1:]) * math.log(2))  # per dimension, for one nat per image
    mean, error = nats.mean(), nats.std(ddof=1) / math.sqrt(len(nats)) if len(nats) > 1 else None
    metrics = {
        "split": split,
        "images": len(nats),
        "nll_nats": float(mean),
        "nll_nats_se": error and float(error),
        "bits_per_dim": float(mean * bits),
        "bits_per_dim_se": error and float(error * bits),
        "bound": "exact" if model.exact else "upper",
        "evaluate_seconds": round(seconds, 3),
    }
    np.save(loaded.path / f"{split}_nll.npy", nats)
    loaded.write("metrics.json", metrics)
    print(_sentence(loaded.path, metrics))
    return metrics


def score(model: "Model", images: "np.ndarray", batch_size: int) -> "np.ndarray":
    """Negative log-likelihood in nats of each image: uint8 (n, c, h, w) -> float64 (n,)."""
    import numpy as np
    import torch

    device = next(model.parameters()).device
    batches = (images[i : i + batch_size].astype(np.int64) for i in range(0, len(images), batch_size))
    with torch.inference_mode():
        scores = [-model.log_prob(torch.from_numpy(batch).to(device)) for batch in batches]
    return torch.cat(scores).double().cpu().numpy()


def _sentence(run: Path, metrics: dict[str, Any]) -> str:
    sign = "<=" if metrics["bound"] == "upper" else "="
    error = "" if metrics["bits_per_dim_se"] is None else f" ± {metrics['bits_per_dim_se']:.3f}"
    return (
        f"{run}: {metrics['split']} NLL {sign} {metrics['nll_nats']:.2f} nats, {metrics['bits_per_dim']:.3f}{error} "
        f"bits/dim ({metrics['images']} images)"
    )
