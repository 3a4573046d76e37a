"""Run directories and prepared images as the stages leave them, without running any: for tests that read them."""

import json
import math
from pathlib import Path

import numpy as np
import yaml

from pixelrnn.data import write_arrays

IMAGES, SHAPE, LEVELS = 40, (1, 2, 2), 17
TRAINING = {
    "parameters": 1234,
    "epochs": 3,
    "best_epoch": 2,
    "val_nll_nats": None,  # a run without validation
    "val_bits_per_dim": None,
}
TIMING = {
    "train_seconds": 60.5,
    "images_per_second": 800.25,
    "sample_seconds": 2.5,
    "epoch_seconds": [1.5, 3.0],
}
METRICS = {
    "images": IMAGES,
    "nll_nats": 20.125,
    "nll_nats_se": 0.5,
    "bits_per_dim": 2.0123456789012345,
    "bits_per_dim_se": 0.0625,
    "bound": "exact",
    "audit": {"verdict": "causal", "sentence": "causal"},
}
SAMPLING = {"images": 16, "seed": 0}
ORIGIN = {
    "command": "pixelrnn train model=row_lstm",
    "git": "0123abcd" * 5,
    "dirty": False,
    "wandb": None,
}
HISTORY = """epoch,step,images,train/nll_nats,train/bits_per_dim,val/nll_nats,val/bits_per_dim
0,10,80,12.0,4.328,11.0,3.967
1,20,160,10.0,3.607,10.5,3.787
"""


def write_run(
    folder: Path,
    config: dict | None = None,
    without: tuple[str, ...] = (),
    nats: np.ndarray | None = None,
    drawn: bool = False,
    **metrics: object,
) -> Path:
    """A finished run over the images in the folder `digits` beside it, or one level up below runs/.

    `without` leaves parts out; `nats` adds what is known image by image, and `drawn` samples,
    grids of two epochs and completions.
    """
    folder.mkdir(parents=True)
    home = folder.parent.parent if folder.parent.name == "runs" else folder.parent
    data = {"path": str(home / "digits"), "shape": list(SHAPE), "levels": LEVELS, "batch_size": 8}
    head = {"_target_": "pixelrnn.heads.Softmax", "levels": LEVELS}
    full = {
        "seed": 0,
        "variant": "row_lstm",
        "data": data,
        "model": {"hidden": 16, "layers": 2},
        "head": head,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(full | (config or {})))
    split = metrics.pop("split", "test")
    parts = {
        "training.json": TRAINING,
        "metrics.json": {split: METRICS | metrics},
        "sampling.json": SAMPLING,
        "timing.json": TIMING,
        "origin.json": ORIGIN,
    }
    for name, content in parts.items():
        if Path(name).stem not in without:
            (folder / name).write_text(json.dumps(content))
    if "training" not in without and "weights" not in without:
        (folder / "weights.safetensors").write_bytes(b"")
    if "history" not in without:
        (folder / "history.csv").write_text(HISTORY)
    if nats is not None:
        save_nll(folder, nats)
    if drawn:
        levels = np.random.default_rng(0).integers(0, LEVELS, (18, *SHAPE), dtype=np.uint8)
        np.save(folder / "samples.npy", levels)
        np.save(folder / "completions.npy", levels.reshape(6, 3, *SHAPE))
        grids = np.zeros(2, [("epoch", "i4"), ("images", "u1", (9, *SHAPE))])
        grids["epoch"], grids["images"] = (1, 3), levels.reshape(2, 9, *SHAPE)
        np.save(folder / "grids.npy", grids)
    return folder


def write_data(folder: Path, **splits: np.ndarray) -> Path:
    """A folder as `prepare` writes it, by default with 40 test images (1, 2, 2)."""
    images = np.random.default_rng(0).integers(0, LEVELS, (9 + IMAGES, *SHAPE), dtype=np.uint8)
    arrays = {"train": images[:7], "val": images[7:9], "test": images[9:]} | splits
    write_arrays(folder, folder.name, arrays["test"].shape[1:], LEVELS, arrays)
    return folder


def save_nll(folder: Path, nats: np.ndarray, shape: tuple[int, ...] = SHAPE) -> None:
    """test_nll.npy, the map that adds up to it, and metrics.json to match."""
    maps = np.repeat(nats / (shape[1] * shape[2]), shape[1] * shape[2]).reshape(
        len(nats), *shape[1:]
    )
    np.save(folder / "test_nll.npy", nats)
    np.save(folder / "test_nll_map.npy", maps.astype(np.float16))
    bits = 1 / (math.prod(shape) * math.log(2))
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"] |= {
        "images": len(nats),
        "nll_nats": float(nats.mean()),
        "bits_per_dim": float(nats.mean() * bits),
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
