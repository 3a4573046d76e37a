"""Run directories as training, evaluation and sampling leave them, without running any."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pixelrnn.data import write_arrays

TRAINING = {"parameters": 1234, "train_seconds": 60.5, "images_per_second": 800.25, "epochs": 3, "best_epoch": 2}
METRICS = {
    "split": "test",
    "images": 5,
    "nll_nats": 20.125,
    "nll_nats_se": 0.5,
    "bits_per_dim": 2.0123456789012345,
    "bits_per_dim_se": 0.0625,
    "bound": "exact",
    "evaluate_seconds": 1.0,
}
SAMPLING = {"images": 16, "seconds": 2.5, "seconds_per_image": 0.15625, "seed": 0}
HISTORY = "epoch,step,val/bits_per_dim\n0,10,3.5\n1,20,3.25\n"


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """`make_run("runs/a", bits_per_dim=3.0)`: a finished run; None for a part leaves its file out."""

    def make(name: str, config: dict | None = None, without: tuple[str, ...] = (), **metrics: object) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        data = {"path": str(tmp_path / "digits"), "shape": [1, 2, 2], "levels": 17, "batch_size": 8}
        head = {"_target_": "pixelrnn.heads.Softmax", "levels": 17}
        full = {"seed": 0, "variant": "row_lstm", "data": data, "model": {"hidden": 16, "layers": 2}, "head": head}
        (folder / "config.yaml").write_text(yaml.safe_dump(full | (config or {})))
        parts = {"training": TRAINING, "metrics": METRICS | metrics, "sampling": SAMPLING}
        for part in parts.keys() - set(without):
            (folder / f"{part}.json").write_text(json.dumps(parts[part]))
        if "history" not in without:
            (folder / "history.csv").write_text(HISTORY)
        if "samples" not in without:
            Image.new("L", (20, 10), 128).save(folder / "samples.png")
        return folder

    return make


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """`make_data("digits", test=array)`: a folder as `prepare` writes it, by default with 5 test images (1, 2, 2)."""

    def make(name: str = "digits", **splits: np.ndarray) -> Path:
        images = np.random.default_rng(0).integers(0, 17, (14, 1, 2, 2), dtype=np.uint8)
        arrays = {"train": images[:7], "val": images[7:9], "test": images[9:]} | splits
        write_arrays(tmp_path / name, name, arrays["test"].shape[1:], 17, arrays)
        return tmp_path / name

    return make
