"""A training that is broken off at any batch, resumed, ends as if it had not been: bit by bit."""

from contextlib import suppress

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping, EMAWeightAveraging
from tests.support import tiny

from pixelrnn.layers import Dropout
from pixelrnn.training import SampleGrid

BATCHES, EPOCHS = 6, 3

# Arguments of the trainer that the documentation names, and what else an epoch may consist of.
OPTIONS = {
    "plain": {},
    "averaged": {"callbacks": [lambda: EMAWeightAveraging(decay=0.5, use_buffers=False)]},
    "accumulated": {"accumulate_grad_batches": 4},
    "limited": {"limit_train_batches": 4},
    "fraction": {"limit_train_batches": 0.5},
    "max_steps": {"max_steps": 15},
    "max_steps at an end": {"max_steps": 12},
    "without validation": {"limit_val_batches": 0},
    "validated twice": {"val_check_interval": 0.5},
    "validated every two epochs": {"check_val_every_n_epoch": 2},
    "validated every five batches": {"val_check_interval": 5, "check_val_every_n_epoch": None},
    "clipped by value": {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
    "mixed": {"precision": "bf16-mixed"},
    "constant rate": {"scheduler": None},
    "stopped early": {
        "callbacks": [lambda: EarlyStopping("val/nll_nats", patience=1, min_delta=9)]
    },
    "overfit": {"overfit_batches": 3},
    "noisy": {"callbacks": [lambda: Noise()]},
    "dropped out": {"callbacks": [lambda: DropOut()]},
}


class Noise(Callback):
    """Draws on the global random numbers, as dropout does."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        for parameter in pl_module.model.parameters():
            parameter.data += 0.01 * torch.randn_like(parameter)


class DropOut(Callback):
    """Trains as if the model had been built with `dropout`."""

    def on_train_start(self, trainer, pl_module):
        layers = [layer for layer in pl_module.modules() if isinstance(layer, Dropout)]
        assert layers
        for layer in layers:
            layer.probability = 0.5


class Broken(Exception):
    """What BreakOff raises."""


class BreakOff(Callback):
    """Raises before a batch, counted over epochs; the process might as well be gone."""

    def __init__(self, batch):
        self.batch = batch

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch * BATCHES + batch_idx == self.batch:
            raise Broken


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


def fit(run, data, name, *more):
    options = dict(OPTIONS[name])
    callbacks = [make() for make in options.pop("callbacks", [])]
    grids = SampleGrid(every=2, images=3)
    return tiny.fit(
        run,
        data,
        epochs=EPOCHS,
        callbacks=[grids, *callbacks, *more],
        checkpoint_steps=1,
        **options,
    )


def result(run):
    """All that must be the same, as bytes."""
    names = ("weights.safetensors", "history.csv", "training.json", "grids.npy")
    files = {name: (run.path / name) for name in names}
    return {name: file.read_bytes() if file.exists() else None for name, file in files.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_a_training_broken_off_anywhere_ends_the_same(tmp_path, data, name):
    """Broken off at one batch, then at two of one training.

    Faults: the epoch's first batches again, or its last ones lost; sums or counts that begin anew;
    a validation left out; a finished epoch repeated, empty.
    """
    whole = result(fit(tmp_path / "whole", data, name))
    random = np.random.default_rng(len(name))
    for first, second in random.integers(1, BATCHES * EPOCHS, (4, 2)):
        folder = tmp_path / f"{first}-{second}"
        for batch in sorted({first, second}):
            with suppress(Broken):
                fit(folder, data, name, BreakOff(batch))
        run = fit(folder, data, name)
        assert result(run) == whole, (first, second)


def test_a_checkpoint_within_an_epoch_is_continued_from(tmp_path, data, capsys):
    """Fault: a training that would begin the epoch again would end the same, if only later."""
    with pytest.raises(Broken):
        fit(tmp_path, data, "plain", BreakOff(4))
    trained = []

    class Count(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            trained.append(batch_idx)

    fit(tmp_path, data, "plain", Count())
    assert trained[:3] == [4, 5, 0]
