import json
import os
import signal
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.loggers import CSVLogger
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.runs import scores
from pixelrnn.runs.directory import CHECKPOINT
from pixelrnn.runs.frame import load_runs, records
from pixelrnn.stages.train import train
from pixelrnn.training import Progress, SampleGrid, constant
from pixelrnn.training.callbacks import History
from pixelrnn.training.checkpoint_file import is_sound

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data):
    """Four epochs in one go."""
    return tiny.fit(tmp_path_factory.mktemp("runs") / "finished", data, epochs=4)


class Interrupt(Callback):
    """The power fails as the epoch begins."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            raise InterruptedError


def interrupted(folder, data):
    with pytest.raises(InterruptedError):
        tiny.fit(folder, data, epochs=4, callbacks=[Interrupt(2)])
    return folder


def same_weights(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_a_training_that_draws_nothing_has_a_file_of_grids(tmp_path, data):
    """Fault: none, so that a stage of the pipeline lacks an output."""
    run = tiny.fit(tmp_path / "run", data, epochs=1)
    assert len(np.load(run.path / "grids.npy")) == 0
    assert scores.grids(next(iter(records(load_runs(run.path))))) is None


def test_what_a_run_leaves(finished):
    files = {str(file.relative_to(finished.path)) for file in tiny.contents(finished.path)}
    assert files == {
        "config.yaml",
        "origin.json",
        CHECKPOINT,
        "timing.json",
        "history.csv",
        "grids.npy",
        "training.json",
        "weights.safetensors",
    }
    training = json.loads((finished.path / "training.json").read_text())
    rows = pd.read_csv(finished.path / "history.csv")
    best = rows.loc[rows["val/nll_nats"].idxmin()]
    assert training["parameters"] == sum(
        parameter.numel() for parameter in tiny.model().parameters()
    )
    assert (training["epochs"], training["steps"], training["images"]) == (4, 24, 84)
    assert training["best_epoch"] == best["epoch"]
    assert training["val_nll_nats"] == pytest.approx(best["val/nll_nats"])
    timing = json.loads((finished.path / "timing.json").read_text())
    assert timing["train_seconds"] == timing["epoch_seconds"][-1]
    assert timing["images_per_second"] == pytest.approx(84 / timing["train_seconds"], rel=1e-2)
    assert 50 < timing["peak_memory_mb"] < 50_000


def test_it_learns(finished):
    rows = pd.read_csv(finished.path / "history.csv")
    assert rows["val/nll_nats"].iloc[-1] < rows["val/nll_nats"].iloc[0]


def test_checkpoint_is_plain_and_names_no_machine(finished):
    """Fault: Lightning's ModelCheckpoint, which stores its absolute directory."""
    file = finished.path / CHECKPOINT
    assert torch.load(file, weights_only=True)["config"] == finished.config
    assert str(finished.path.parent).encode() not in file.read_bytes()


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, data, finished, capsys):
    """Faults: another shuffle, optimizer or schedule started anew, epochs counted twice."""
    resumed = tiny.fit(interrupted(tmp_path / "run", data), data, epochs=4)
    assert "continues" in capsys.readouterr().out
    assert same_weights(resumed.model, finished.model)
    ours, theirs = (pd.read_csv(run.path / "history.csv") for run in (resumed, finished))
    pd.testing.assert_frame_equal(ours, theirs)
    assert (
        resumed.files.read("training.json")["best_epoch"]
        == finished.files.read("training.json")["best_epoch"]
    )


def test_it_resumes_from_the_checkpoint_alone(tmp_path, data, finished):
    """DVC removes the other outputs before it runs the stage again.

    Fault: history or best weights in other files.
    """
    folder = interrupted(tmp_path / "run", data)
    for file in folder.glob("*.*"):
        file.unlink()
    resumed = tiny.fit(folder, data, epochs=4)
    assert same_weights(resumed.model, finished.model)
    assert len(pd.read_csv(folder / "history.csv")) == 4


def test_what_shows_a_training_may_change_while_it_is_interrupted(tmp_path, data, finished):
    """Other sample grids, no bar, another logger: the checkpoint of one loads under the other.

    Fault: a callback whose state in the checkpoint goes by its arguments, or a missing one that is
    asked for.
    """
    shown = [Progress(), SampleGrid(every=1, images=2), Interrupt(2)]
    with pytest.raises(InterruptedError):
        tiny.fit(tmp_path / "run", data, epochs=4, callbacks=shown, enable_progress_bar=True)
    logger = {"csv": CSVLogger(tmp_path / "run")}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*callbacks used to create the checkpoint.*")
        resumed = tiny.fit(
            tmp_path / "run", data, epochs=4, callbacks=[SampleGrid(every=10)], logger=logger
        )
    assert same_weights(resumed.model, finished.model)
    assert len(pd.read_csv(resumed.path / "history.csv")) == 4


@pytest.mark.parametrize("scheduler", [None, constant])
def test_a_finished_run_is_trained_on_at_a_constant_rate(tmp_path, data, scheduler):
    """Rows, best weights and optimizer go on.

    Faults: begun anew, or "complete" and never trained.
    """
    whole = tiny.fit(tmp_path / "whole", data, epochs=4, scheduler=scheduler)
    tiny.fit(tmp_path / "run", data, epochs=2, scheduler=scheduler)
    longer = tiny.fit(tmp_path / "run", data, epochs=4, scheduler=scheduler)
    assert same_weights(longer.model, whole.model)
    ours, theirs = (pd.read_csv(run.path / "history.csv") for run in (longer, whole))
    pd.testing.assert_frame_equal(ours, theirs)
    ours, theirs = (run.files.read("training.json") for run in (longer, whole))
    assert ours["best_epoch"] == theirs["best_epoch"]
    assert ours["epochs"] == 4


class Impatient(Callback):
    """Stops after the first epoch, as EarlyStopping does."""

    def on_validation_end(self, trainer, pl_module):
        trainer.should_stop = True


def test_a_run_that_a_callback_ended_is_complete(tmp_path, data):
    """Fault: DVC brings back the checkpoint alone, and the run goes on where it was to end."""
    run = tiny.fit(tmp_path / "run", data, epochs=4, callbacks=[Impatient()])
    assert run.files.read("training.json")["epochs"] == 1
    assert torch.load(run.path / CHECKPOINT, weights_only=True)["complete"]


def copy(run, folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((run.path / name).read_bytes())


def test_a_complete_checkpoint_of_a_new_claim_is_not_taken_for_its_result(
    tmp_path, data, finished, capsys
):
    """DVC removed all but the checkpoint because the code changed.

    Fault: the old weights in no time.
    """
    copy(finished, tmp_path / "run", CHECKPOINT)
    epochs = Epochs()
    tiny.fit(tmp_path / "run", data, epochs=4, callbacks=[epochs])
    assert "from scratch" in capsys.readouterr().out
    assert epochs.seen == [0, 1, 2, 3]


class Epochs(Callback):
    """Those that were trained."""

    def __init__(self):
        self.seen = []

    def on_train_epoch_start(self, trainer, pl_module):
        self.seen.append(trainer.current_epoch)


def test_interrupted_after_the_last_epoch(tmp_path, data, finished):
    """All epochs done, the rest not yet written: nothing is trained, everything is written."""
    copy(finished, tmp_path / "run", CHECKPOINT, "config.yaml")
    restored = tiny.fit(tmp_path / "run", data, epochs=4)
    assert same_weights(restored.model, finished.model)
    for name in ("history.csv", "config.yaml"):
        assert (restored.path / name).read_text() == (finished.path / name).read_text()


def test_a_finished_run_is_left_alone(data, finished, capsys):
    before = tiny.contents(finished.path)
    tiny.fit(finished.path, data, epochs=4)
    assert "is finished" in capsys.readouterr().out
    assert tiny.contents(finished.path) == before


def test_another_config_is_refused(data, finished):
    before = tiny.contents(finished.path)
    with pytest.raises(
        InputError, match=r"trainer\.max_epochs: 4 there, 5 here.*another length is another run"
    ):
        tiny.fit(finished.path, data, epochs=5)
    assert tiny.contents(finished.path) == before


def test_checkpoint_of_another_config_is_not_continued(tmp_path, data, finished, capsys):
    """DVC kept the checkpoint when the configuration was edited. Fault: loading it."""
    copy(finished, tmp_path / "run", CHECKPOINT)
    run = tiny.fit(tmp_path / "run", data, epochs=2)
    assert "from scratch" in capsys.readouterr().out
    assert run.files.read("training.json")["epochs"] == 2
    assert torch.load(run.path / CHECKPOINT, weights_only=True)["config"] == run.config


def test_damaged_checkpoint_is_refused(tmp_path, data):
    folder = interrupted(tmp_path / "run", data)
    (folder / "checkpoints/previous.ckpt").unlink()
    file = folder / CHECKPOINT
    file.write_bytes(file.read_bytes()[:1000])
    before = tiny.contents(folder)
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        tiny.fit(folder, data, epochs=4)
    assert tiny.contents(folder) == before


def test_a_flipped_bit_of_a_checkpoint_is_noticed_or_changes_nothing(tmp_path, finished):
    """Every 97th byte. Fault: without a look at the checksums, most go on with other weights."""
    content, file = (finished.path / CHECKPOINT).read_bytes(), tmp_path / "last.ckpt"
    (tmp_path / "as_written").write_bytes(content)
    written = repr(torch.load(tmp_path / "as_written", weights_only=True))
    noticed = 0
    for place in range(0, len(content), 97):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        file.write_bytes(flipped)
        if is_sound(file):
            assert repr(torch.load(file, weights_only=True)) == written
        else:
            noticed += 1
    assert noticed > 50


def test_the_checkpoint_before_stands_in_for_a_damaged_one(tmp_path, data, finished, capsys):
    """Faults: to start from scratch, to keep the damaged one as the one before."""
    folder = interrupted(tmp_path / "run", data)
    file = folder / CHECKPOINT
    file.write_bytes(file.read_bytes()[:1000])
    run = tiny.fit(folder, data, epochs=4)
    out = capsys.readouterr().out
    assert "last.ckpt is damaged: training goes on from previous.ckpt" in out
    assert "it continues from its checkpoint" in out
    assert same_weights(run.model, finished.model)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nope": 1},
        {"accelerator": "gpuu"},
        {"limit_train_batches": 0},
        {"epochs": 0},
        {"epochs": "many"},
    ],
    ids=str,
)
def test_wrong_trainer_argument_comes_before_any_file(tmp_path, data, wrong):
    """Fault: claiming the directory first, which then holds the wrong configuration."""
    with pytest.raises(InputError, match="trainer"):
        tiny.fit(tmp_path / "run", data, **wrong)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("precision", ["bf16-true", "16-true"])
def test_weights_of_16_bits_are_refused(tmp_path, data, precision):
    with pytest.raises(InputError, match=f"take {precision.replace('true', 'mixed')}"):
        tiny.fit(tmp_path / "run", data, precision=precision)
    assert not (tmp_path / "run").exists()


def test_other_data_is_refused_in_a_claimed_directory(tmp_path):
    """Fault: half of the epochs on each. A finished run is no result of the new data either."""
    data = tiny.write_data(tmp_path / "data")
    interrupted(tmp_path / "run", data)
    tiny.fit(tmp_path / "finished", data, epochs=1)
    tiny.write_data(data, train=10)
    for run, epochs in (("run", 4), ("finished", 1)):
        before = tiny.contents(tmp_path / run)
        with pytest.raises(
            InputError, match=r"holds a run on other data \(train\.npy changed since\).*run="
        ):
            tiny.fit(tmp_path / run, data, epochs=epochs)
        assert tiny.contents(tmp_path / run) == before


def test_checkpoint_of_other_data_is_not_continued(tmp_path, capsys):
    """DVC removed the other files because the data changed in the middle of a training."""
    data = tiny.write_data(tmp_path / "data")
    folder = interrupted(tmp_path / "run", data)
    for file in folder.glob("*.*"):
        file.unlink()
    tiny.write_data(data, train=10)
    run = tiny.fit(folder, data, epochs=4)
    assert "from scratch" in capsys.readouterr().out
    assert run.files.read("training.json")["images"] == 40
    assert (
        run.files.read("origin.json")["data_md5"]
        == json.loads((data / "data.json").read_text())["md5"]
    )


class Stop(Callback):
    """Somebody, or the scheduler of a cluster, wants the machine back."""

    def __init__(self, signal):
        self.signal = signal

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 7:
            os.kill(os.getpid(), self.signal)


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (signal.SIGTERM, 143),
        (signal.SIGINT, 130),
        (signal.SIGUSR1, 138),
        (signal.SIGUSR2, 140),
        (signal.SIGHUP, 129),
    ],
)
def test_a_signal_ends_it_with_the_code_that_says_so(tmp_path, data, finished, by, code, capsys):
    """Fault: Lightning's exception for SIGTERM exits with 0, as if the run were finished."""
    # A shell's background job ignores SIGINT, nohup SIGHUP.
    default = signal.default_int_handler if by == signal.SIGINT else signal.SIG_DFL
    handler = signal.signal(by, default)
    with pytest.raises(SystemExit) as stopped:
        tiny.fit(tmp_path / "run", data, epochs=4, callbacks=[Stop(by)])
    signal.signal(by, handler)  # SIGINT is switched off by Lightning
    assert stopped.value.code == code
    state = torch.load(tmp_path / "run" / CHECKPOINT, weights_only=True)
    assert state["global_step"] == 8  # the step is ended, in the second epoch, and none is lost
    assert "goes on from its checkpoint" in capsys.readouterr().err
    assert same_weights(tiny.fit(tmp_path / "run", data, epochs=4).model, finished.model)


def test_compiled_training_is_the_same_training(tmp_path, data, monkeypatch, finished):
    """The compiler itself, which takes a minute, is left out.

    Faults: weights of other names, or nothing compiled.
    """
    compiled = []

    def record(function, **_):
        compiled.append(function.__self__)
        return function

    monkeypatch.setattr(torch, "compile", record)
    monkeypatch.setattr("tests.support.tiny.train", partial(train, compile=True))
    run = tiny.fit(tmp_path / "run", data, epochs=4)
    assert [type(part).__name__ for part in compiled] == ["AutoregressiveModel"]
    assert same_weights(run.model, finished.model)


def test_deterministic_mode_reaches_torch(tmp_path, data, finished):
    seen = []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module):
            seen.append(torch.are_deterministic_algorithms_enabled())

    try:
        run = tiny.fit(tmp_path / "run", data, epochs=4, callbacks=[Look()], deterministic=True)
    finally:
        torch.use_deterministic_algorithms(False)
    assert seen == [True]
    assert same_weights(run.model, finished.model)


def test_it_ends_with_throughput_memory_and_the_best(tmp_path, data, capsys):
    run = tiny.fit(tmp_path / "run", data, epochs=2)
    training, timing = run.files.read("training.json"), run.files.read("timing.json")
    *_, line = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{run.path}: 42 images in ")
    assert f"peak memory {timing['peak_memory_mb']:,} MiB" in line
    assert line.endswith(
        f"in epoch {training['best_epoch'] + 1}: {training['val_bits_per_dim']:.4f} bits/dim"
    )


def test_no_validation_is_no_best_figure(tmp_path, data, capsys):
    """Fault: an empty text in training.json, as in history.csv."""
    run = tiny.fit(tmp_path / "run", data, epochs=1, limit_val_batches=0)
    assert run.files.read("training.json")["val_nll_nats"] is None
    assert "; best on" not in capsys.readouterr().out


class Perfect(Callback):
    """The validation costs nothing, and the history says so."""

    def on_train_end(self, trainer, pl_module):
        (history,) = [part for part in trainer.callbacks if isinstance(part, History)]
        for row in history.rows:
            row |= {"val/nll_nats": 0.0, "val/bits_per_dim": 0.0}


def test_a_figure_of_zero_is_a_figure(tmp_path, data, capsys):
    """Fault: `figure or None`."""
    run = tiny.fit(tmp_path / "run", data, epochs=1, callbacks=[Perfect()])
    assert run.files.read("training.json")["val_nll_nats"] == 0.0
    assert capsys.readouterr().out.endswith(" in epoch 1: 0.0000 bits/dim\n")


def test_nobody_need_read_what_it_prints(tmp_path):
    """`pixelrnn train | head -1`. Fault: a broken pipe ends the training."""
    tiny.write_data(tmp_path / "data")
    command = [Path(sys.executable).with_name("pixelrnn"), "train", *tiny.WORDS, "run=run"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as work:
        work.stdout.close()
        assert work.stderr.read() == b""
    assert work.returncode == 0
    assert (tmp_path / "run" / "weights.safetensors").exists()


@pytest.mark.parametrize("change", ["configuration", "data", "code", "nothing"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_gives_way_in_a_pipeline(tmp_path, monkeypatch, capsys, change, whole):
    """A persisted directory, as of a sweep that is a stage.

    Faults: an error for a legitimate edit; a stale run passed on as new; a fresh one trained again.
    """
    folder, data = tmp_path / "run", tiny.write_data(tmp_path / "data")
    if whole:
        tiny.fit(folder, data, epochs=4).files.write("metrics.json", {})
    else:
        interrupted(folder, data)
    changes = {"seed": 1} if change == "configuration" else {}
    if change == "data":
        tiny.write_data(data, train=17)
    if change == "code":
        monkeypatch.setattr("pixelrnn.runs.origin.code_md5", lambda: "other")
        monkeypatch.setattr("pixelrnn.training.run.code_md5", lambda: "other")
    capsys.readouterr()
    again = tiny.fit(folder, data, epochs=4, changes=changes, replace=True)
    said = capsys.readouterr().out
    assert again.finished
    if change == "nothing":
        assert ("nothing to train" if whole else "continues") in said
    else:
        assert "nothing to train" not in said
        assert "continues" not in said
        assert not (folder / "metrics.json").exists()


@pytest.mark.parametrize("there", [False, True])
def test_what_fails_before_its_first_checkpoint_leaves_nothing(tmp_path, data, monkeypatch, there):
    """A callback that fails in the first epoch. Fault: a directory that is another configuration's from then on."""

    class Failing(Callback):
        def on_train_epoch_end(self, *_):
            raise RuntimeError("at last")

    run = tmp_path / "run"
    if there:
        run.mkdir()
        (run / "notes.txt").write_text("mine")
    with pytest.raises(RuntimeError, match="at last"):
        tiny.fit(run, data, callbacks=[Failing()])
    assert run.exists() == there
    if there:
        assert [file.name for file in run.iterdir()] == ["notes.txt"]
