"""The NLL of a split under a trained model, image by image and pixel by pixel."""

import math
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pixelrnn import figures, training
from pixelrnn.causality import brief_audit
from pixelrnn.data import read_description
from pixelrnn.data.npy import write_npy
from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import md5, replacing, write_array
from pixelrnn.models import ClassConditional
from pixelrnn.models.in_batches import Model, class_nats, find_device, nll_maps
from pixelrnn.results.classes import class_figures
from pixelrnn.runs.directory import ORIGIN, class_nll_name, nll_map_name, nll_name
from pixelrnn.runs.lock import locked
from pixelrnn.terminal import Bar
from pixelrnn.training.run import Run


def evaluate(
    run: str | Path,
    *,
    split: str = "test",
    batch_size: int | None = None,
    device: str = "auto",
    trust: str | Collection[str] = (),
) -> dict[str, Any]:
    """Score every image of `split`, in float32 whatever the training's precision.

    Writes to the run metrics.json, the figures of this split beside those of others;
    <split>_nll.npy, float64 (n,), nats per image; <split>_nll_map.npy, float16 (n, h, w), nats per
    pixel. Those of a class-conditional model are of the image alone; there is a
    <split>_class_nll.npy besides, float64 (n, classes), nats given each class, and under `classes`
    the figures of `results.classes`, where the data has labels.

    Standard errors are over images. `bound` says whether the values are the likelihood ("exact")
    or, for Multi-Scale without clamping, no smaller than it ("upper"); `measure` is "density" where
    the data are real numbers, and not there for levels. Returns the split's figures.
    For `trust` see `Run.load`.
    Raises InputError, having written nothing, for a run without weights or a model that gives no
    finite number.
    """
    loaded = Run.load(run, trust)
    with locked(loaded.path):
        return _evaluate(loaded, split, batch_size, find_device(device))


def _evaluate(
    loaded: Run, split: str, batch_size: int | None, device: torch.device
) -> dict[str, Any]:
    images = loaded.split(split)
    if batch_size is None:
        batch_size = loaded.config["data"].get("batch_size", 64)
    check_whole(batch_size=batch_size)
    model = loaded.model.to(device)
    labels = _labels(loaded, model, split)
    start = time.perf_counter()
    nats = score_split(model, images, batch_size, loaded.path / nll_map_name(split))
    seconds = time.perf_counter() - start

    write_array(loaded.path / nll_name(split), nats)
    about = read_description(loaded.config["data"]["path"])
    written = [nll_name(split), nll_map_name(split)]
    classes = {}
    if isinstance(model, ClassConditional):
        written.append(class_nll_name(split))
        given = np.concatenate(list(class_nats(model, images, batch_size)))
        write_array(loaded.path / class_nll_name(split), given)
        if labels is not None:
            log_frequency = model.log_frequency.cpu().numpy()
            classes = {"classes": class_figures(given, log_frequency, labels)}
    metrics = {
        **summary(nats, math.prod(images.shape[1:])),
        "bound": "exact" if model.exact else "upper",
        **classes,
        "data_md5": about.get("md5", {}).get(f"{split}.npy"),
        "weights_md5": loaded.weights_md5,
        "md5": {name: md5(loaded.path / name) for name in written},
        **({"measure": "density"} if model.levels is None else {}),
        "audit": brief_audit(model),  # a likelihood of a network that sees what it predicts is none
    }
    loaded.files.write_metrics(split, metrics)
    loaded.files.write_timing(evaluate_seconds=round(seconds, 3))
    if split == "test" and loaded.files.read_here(ORIGIN).get("wandb"):
        training.record_evaluation(loaded, metrics)  # those of other splits are W&B's curves
    print(sentence(loaded.path, split, metrics))
    if metrics["audit"]["verdict"] == "leak":
        print(f"{loaded.path}: {metrics['audit']['sentence']}")
    return metrics


def _labels(run: Run, model: Model, split: str) -> np.ndarray | None:
    """Return the labels of a split for a model that knows classes; None where there are none.

    Raises InputError for classes that the model has not.
    """
    if not isinstance(model, ClassConditional):
        return None
    labels = run.labels(split)
    if labels is not None and labels.max() >= model.classes:
        raise InputError(f"the data has class {labels.max()}, the model 0 to {model.classes - 1}")
    return labels


def score_split(model: Model, images: np.ndarray, batch_size: int, maps: Path) -> np.ndarray:
    """Score images (n, c, h, w) -> nats (n,), float64; those of each pixel go to `maps`."""
    n, _, h, w = images.shape
    nats = np.empty(n)
    most = np.finfo(np.float16).max

    def summed() -> Iterator[np.ndarray]:
        first = 0
        with Bar("evaluating", total=n) as bar:
            for batch in nll_maps(model, images, batch_size):
                nats[first : first + len(batch)] = batch.sum((1, 2))
                first += len(batch)
                yield batch.clip(max=most)
                bar.advance(len(batch))

    with replacing(maps) as new:
        # A file from the start: a large split's maps don't fit in memory.
        write_npy(new, np.float16, (n, h, w), summed())
    return nats


def summary(nats: np.ndarray, dims: int) -> dict[str, Any]:
    """Return the mean of the NLL in nats (n,) with its standard error, also in bits/dim."""
    mean, error = float(nats.mean()), None
    if len(nats) > 1:
        error = float(nats.std(ddof=1)) / math.sqrt(len(nats))
    return {
        "images": len(nats),
        "nll_nats": mean,
        "nll_nats_se": error,
        "bits_per_dim": figures.bits_per_dim(mean, dims),
        "bits_per_dim_se": None if error is None else figures.bits_per_dim(error, dims),
    }


def sentence(run: Path, split: str, metrics: dict[str, Any]) -> str:
    """Return what was measured, for people."""
    bound = metrics["bound"]
    nats = figures.spell(metrics["nll_nats"], bound=bound, digits=2)
    bits = figures.spell(metrics["bits_per_dim"], metrics["bits_per_dim_se"], bound)
    what = "NLL (density)" if metrics.get("measure") == "density" else "NLL"
    line = f"{run}: {split} {what} {nats} nats, {bits} bits/dim ({metrics['images']} images)"
    if not (classes := metrics.get("classes")):
        return line
    given = figures.spell(classes["given_nll_nats"], classes["given_nll_nats_se"], digits=2)
    return (
        f"{line}; given the class {given} nats; {classes['accuracy']:.1%} classified right, "
        f"-log p(y | x) {classes['posterior_nll_nats']:.3f} nats, "
        f"calibration error {classes['calibration_error']:.3f}"
    )
