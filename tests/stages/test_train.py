import json

import pandas as pd
import pytest
import torch
from pytorch_lightning import Callback
from tests import tiny

from pixelrnn.errors import InputError
from pixelrnn.training.run import CHECKPOINT, Run
from pixelrnn.training.tracking import wandb_logger


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
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_what_a_run_leaves(finished):
    files = {str(file.relative_to(finished.path)) for file in tiny.contents(finished.path)}
    assert files == {"config.yaml", CHECKPOINT, "history.csv", "training.json", "weights.safetensors"}
    training = json.loads((finished.path / "training.json").read_text())
    rows = pd.read_csv(finished.path / "history.csv")
    best = rows.loc[rows["val/nll_nats"].idxmin()]
    assert training["parameters"] == sum(parameter.numel() for parameter in tiny.model().parameters())
    assert (training["epochs"], training["steps"], training["images"]) == (4, 24, 84)
    assert training["best_epoch"] == best["epoch"]
    assert training["val_nll_nats"] == pytest.approx(best["val/nll_nats"])
    assert training["train_seconds"] == rows["seconds"].iloc[-1]
    assert training["images_per_second"] == pytest.approx(84 / training["train_seconds"], rel=1e-2)
    assert 50 < training["peak_memory_mb"] < 50_000


def test_it_learns(finished):
    rows = pd.read_csv(finished.path / "history.csv")
    assert rows["val/nll_nats"].iloc[-1] < rows["val/nll_nats"].iloc[0]


def test_checkpoint_is_plain_and_names_no_machine(finished):
    """Fault: Lightning's ModelCheckpoint, which stores its absolute directory."""
    file = finished.path / CHECKPOINT
    assert torch.load(file, weights_only=True)["config"] == finished.config
    assert str(finished.path.parent).encode() not in file.read_bytes()


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, data, finished, capsys):
    """Faults: no EpochSeed (another shuffle), optimizer or schedule started anew, epochs counted twice."""
    resumed = tiny.fit(interrupted(tmp_path / "run", data), data, epochs=4)
    assert "continues" in capsys.readouterr().out
    assert same_weights(resumed.model, finished.model)
    ours, theirs = (pd.read_csv(run.path / "history.csv").drop(columns="seconds") for run in (resumed, finished))
    pd.testing.assert_frame_equal(ours, theirs)
    assert resumed.read("training.json")["best_epoch"] == finished.read("training.json")["best_epoch"]


def test_it_resumes_from_the_checkpoint_alone(tmp_path, data, finished):
    """DVC removes the other outputs before it runs the stage again. Fault: history or best weights in other files."""
    folder = interrupted(tmp_path / "run", data)
    for file in folder.glob("*.*"):
        file.unlink()
    resumed = tiny.fit(folder, data, epochs=4)
    assert same_weights(resumed.model, finished.model)
    assert len(pd.read_csv(folder / "history.csv")) == 4


def copy(run, folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((run.path / name).read_bytes())


def test_a_complete_checkpoint_of_a_new_claim_is_not_taken_for_its_result(tmp_path, data, finished, capsys):
    """DVC removed all but the checkpoint because code or data changed. Fault: the old weights in a minute's time."""
    copy(finished, tmp_path / "run", CHECKPOINT)
    other = tiny.write_data(tmp_path / "data", train=10)
    run = tiny.fit(tmp_path / "run", other, epochs=4, changes={"data": finished.config["data"]})
    assert "from scratch" in capsys.readouterr().out
    assert run.read("training.json")["images"] == 40


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
    with pytest.raises(InputError, match="max_epochs: 4 there, 5 here"):
        tiny.fit(finished.path, data, epochs=5)
    assert tiny.contents(finished.path) == before


def test_checkpoint_of_another_config_is_not_continued(tmp_path, data, finished, capsys):
    """DVC kept the checkpoint when the configuration was edited. Fault: loading it."""
    copy(finished, tmp_path / "run", CHECKPOINT)
    run = tiny.fit(tmp_path / "run", data, epochs=2)
    assert "from scratch" in capsys.readouterr().out
    assert run.read("training.json")["epochs"] == 2
    assert torch.load(run.path / CHECKPOINT, weights_only=True)["config"] == run.config


def test_damaged_checkpoint_is_refused(tmp_path, data):
    folder = interrupted(tmp_path / "run", data)
    file = folder / CHECKPOINT
    file.write_bytes(file.read_bytes()[:1000])
    before = tiny.contents(folder)
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        tiny.fit(folder, data, epochs=4)
    assert tiny.contents(folder) == before


@pytest.mark.parametrize(
    "wrong",
    [{"nope": 1}, {"accelerator": "gpuu"}, {"limit_train_batches": 0}, {"epochs": 0}, {"epochs": "many"}],
    ids=str,
)
def test_wrong_trainer_argument_comes_before_any_file(tmp_path, data, wrong):
    """Fault: claiming the directory first, which then holds the wrong configuration."""
    with pytest.raises(InputError, match="trainer"):
        tiny.fit(tmp_path / "run", data, **wrong)
    assert not (tmp_path / "run").exists()


def test_wandb_offline(tmp_path, data, monkeypatch):
    """Curves and ids without an account; a failed run is closed, and continued under its id."""
    for name in ("MODE", "API_KEY", "SILENT", "DATA_DIR", "CACHE_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", "")  # so that what is set below ends with the test
        monkeypatch.delenv(f"WANDB_{name}")

    def logger(run):
        return wandb_logger(run, folder=str(tmp_path / "artifacts"), project="test")

    folder = tmp_path / "sweep" / "job"
    with pytest.raises(InterruptedError):
        tiny.fit(folder, data, epochs=2, callbacks=[Interrupt(1)], logger=logger)
    first = Run.load(folder).read("wandb.json")
    run = tiny.fit(folder, data, epochs=2, logger=logger)
    assert run.read("wandb.json") == first
    assert (first["group"], first["name"], first["mode"]) == ("sweep", "job", "offline")
    assert list((tmp_path / "artifacts" / "wandb").glob(f"offline-run-*-{first['id']}/*.wandb"))
