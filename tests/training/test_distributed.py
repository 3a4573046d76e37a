"""Two processes on the CPU, as `pixelrnn train trainer.devices=2` starts them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.training.run import Run

pytestmark = pytest.mark.slow


def command(*words):
    words = ["train", *tiny.WORDS, "optimizer.lr=0.1", *words]
    return [str(Path(sys.executable).with_name("pixelrnn")), *words]


def train(*words):
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def same_weights(one, other):
    one, other = (safetensors.torch.load_file(f"{run}/weights.safetensors") for run in (one, other))
    return all(torch.equal(value, other[name]) for name, value in one.items())


def same_curve(one, other):
    one, other = (pd.read_csv(f"{run}/history.csv") for run in (one, other))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


@pytest.mark.parametrize(
    "words",
    [
        ["trainer=ddp", "data.batch_size=4"],
        ["data.batch_size=2", "trainer.accumulate_grad_batches=4"],
        ["trainer=ddp", "data.batch_size=2", "trainer.accumulate_grad_batches=2"],
    ],
    ids=["processes", "accumulated", "both"],
)
def test_the_loss_curve_of_one_process_with_the_same_batches(tmp_path, monkeypatch, words):
    """21 images are batches of 8, 8 and 5: 3 and 2 in two processes; 2, 2 and 1 accumulated.

    Faults: means of means, in which the few images of a small share count for more; the division
    of a step of fewer batches by as many as others have; a schedule that counts batches.
    """
    monkeypatch.chdir(tmp_path)
    tiny.write_data("data", train=21, val=7)
    words = [*words, "trainer.max_epochs=3", "trainer.precision=64-true"]
    train("data.batch_size=8", "trainer.max_epochs=3", "trainer.precision=64-true", "run=one")
    train(*words, "run=several")
    same_curve("one", "several")


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_is_a_line_and_costs_nothing(tmp_path, monkeypatch, rank):
    """Killed in an epoch after the first; the same command then goes on.

    Faults: the traceback of gloo; processes left behind; other weights than undisturbed.
    """
    monkeypatch.chdir(tmp_path)
    tiny.write_data("data", train=400)
    words = ["trainer=ddp", "data.batch_size=2", "trainer.max_epochs=3"]
    train(*words, "run=whole")
    run = command(*words, "run=killed")
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True, start_new_session=True) as first:
        while not Path("killed/history.csv").exists():
            assert first.poll() is None
            time.sleep(0.05)
        time.sleep(0.2)
        (second,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        os.kill(int(second) if rank else first.pid, signal.SIGKILL)
        errors = first.stderr.read()  # of both: the end of the last
    assert first.returncode in ((2, -signal.SIGKILL) if rank else (-signal.SIGKILL,))
    said = ["another process of this training has ended", "Forcefully terminating all other"]
    assert len(errors.splitlines()) == sum(line in errors for line in said) > 0, errors
    assert not Path("killed/weights.safetensors").exists()
    train(*words, "run=killed")
    assert same_weights("whole", "killed")


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
