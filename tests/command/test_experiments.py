"""Every experiment and every recipe runs, on small images, for two batches: train, validate, evaluate."""

import math

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from pixelrnn.command.call import build
from pixelrnn.command.words import Command
from pixelrnn.conf import CONF
from pixelrnn.data import write_arrays
from pixelrnn.stages.evaluate import evaluate

EXPERIMENTS = sorted(file.stem for file in (CONF / "experiment").glob("*.yaml"))


RECIPES = sorted(file.stem for file in (CONF / "recipe").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "recipe"),
    [
        *[(experiment, []) for experiment in EXPERIMENTS],
        *[("mnist_row_lstm", [f"recipe={recipe}"]) for recipe in RECIPES],
    ],
)
def test_experiment_runs(experiment, recipe, tmp_path):
    """Fault: a key that no constructor takes, or a head for other levels than the data's."""
    overrides = [
        f"experiment={experiment}",
        *recipe,
        "variant=test",
        "logger=none",
        f"run={tmp_path / 'run'}",
        f"data.path={tmp_path / 'data'}",
        "data.batch_size=2",
        "trainer.accelerator=cpu",
        "trainer.max_epochs=1",
        "trainer.limit_train_batches=2",
        "trainer.limit_val_batches=1",
        "callbacks.samples.images=1",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        colors = compose("train", overrides).data.shape[0]
        config = compose("train", [*overrides, f"data.shape=[{colors},8,8]"])
    images = np.random.default_rng(0).integers(
        0, config.data.levels, (4, colors, 8, 8), dtype=np.uint8
    )
    write_arrays(
        tmp_path / "data",
        "small",
        [colors, 8, 8],
        config.data.levels,
        dict.fromkeys(SPLITS, images),
    )

    run = build(config, Command("train"), "")()
    assert run.finished
    assert math.isfinite(evaluate(run.path)["bits_per_dim"])


SPLITS = ("train", "val", "test")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_header_says_what_to_expect_what_was_measured_and_how(experiment):
    """Fault: a figure without its command, or one that still is to be filled in."""
    text = (CONF / "experiment" / f"{experiment}.yaml").read_text()
    for label in ("# Expected:  ", "# Measured:  ", "# Command:   "):
        assert label in text
    assert "TODO" not in text
    assert f"experiment={experiment}" in text
