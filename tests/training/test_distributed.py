"""Two processes on the CPU, as `pixelrnn train trainer.devices=2` starts them."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.training.run import Run

pytestmark = pytest.mark.slow


def test_figures_are_exact_with_uneven_shares(tmp_path, monkeypatch):
    """7 validation images in batches of 2, 4 and 3 for the two processes; 21 for training.

    Faults: a sampler of Lightning's, which repeats one image of either; a count of one process.
    """
    monkeypatch.chdir(tmp_path)
    tiny.write_data("data", train=21, val=7)
    command = [Path(sys.executable).with_name("pixelrnn"), "train", *tiny.WORDS, "run=run"]
    command += [
        "data.batch_size=2",
        "trainer.devices=2",
        "trainer.strategy=ddp",
        "optimizer.lr=0.1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "sync_dist" not in done.stderr
    training = Run.load("run").files.read("training.json")
    assert (training["images"], training["steps"]) == (21, 5)  # 4 a step, 5 in the last
    assert evaluate("run", split="val")["nll_nats"] == pytest.approx(
        training["val_nll_nats"], rel=1e-6
    )


def test_strategies_whose_processes_keep_the_weights_are_refused(tmp_path):
    data = tiny.write_data(tmp_path / "data")
    with pytest.raises(InputError, match=r"trainer\.strategy: .* take ddp"):
        tiny.fit(tmp_path / "run", data, devices=2, strategy="ddp_spawn")
    assert not (tmp_path / "run").exists()
