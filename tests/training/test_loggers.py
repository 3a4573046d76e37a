"""Any of Lightning's loggers, by name, several at once, and a user's own: they get what history.csv gets."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from pytorch_lightning.callbacks import LearningRateMonitor
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.training import Completions, SampleGrid


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.write_data(tmp_path_factory.mktemp("data") / "stripes")


def rows_of(file):
    """The rows that have a validation figure."""
    with file.open() as stream:
        return [row for row in csv.DictReader(stream) if row.get("val/nll_nats")]


def test_csv_gets_the_figures_the_configuration_and_the_origin(tmp_path, data):
    """Fault: hyper-parameters for W&B only."""
    run = tiny.fit(tmp_path / "run", data, logger={"csv": CSVLogger(tmp_path / "run", "csv")})
    folder = tmp_path / "run" / "csv" / "version_0"
    rows, history = rows_of(folder / "metrics.csv"), pd.read_csv(run.path / "history.csv")
    assert [float(row["val/nll_nats"]) for row in rows] == history["val/nll_nats"].tolist()
    assert [float(row["images"]) for row in rows] == history["images"].tolist()
    recorded = yaml.safe_load((folder / "hparams.yaml").read_text())
    origin = json.loads((run.path / "origin.json").read_text())
    theirs = recorded.pop("origin")
    assert theirs == {key: origin[key] for key in origin if key not in ("wandb", "weights_md5")}
    assert recorded == run.config


def test_several_at_once(tmp_path, data):
    """Fault: the first one only."""
    loggers = {name: CSVLogger(tmp_path, name) for name in ("a", "b")}
    assert tiny.fit(tmp_path / "run", data, logger={**loggers, "off": None}).finished
    one, other = (rows_of(tmp_path / name / "version_0" / "metrics.csv") for name in loggers)
    assert len(one) == 3
    assert one == other


def test_a_resumed_run_writes_beside_what_is_there(tmp_path, data):
    """Fault: a fixed version, whose file Lightning deletes."""
    for epochs in (1, 2):
        logger = {"csv": CSVLogger(tmp_path / "run", "csv")}
        tiny.fit(tmp_path / str(epochs), data, epochs=epochs, logger=logger)
    found = [rows_of(file) for file in sorted((tmp_path / "run").glob("csv/*/metrics.csv"))]
    assert [len(rows) for rows in found] == [1, 2]


@pytest.mark.parametrize(
    ("key", "parts", "line"),
    [
        ("logger", {"mine": {"name": "csv"}}, r"^logger\.mine=.* is no Logger of Lightning's"),
        ("logger", WandbLogger(), r"^logger: give it a name of its own, as in logger\.mine\._targ"),
        ("callbacks", [3], r"^callbacks\.0=3 is no Callback of Lightning's: name one by _target_"),
    ],
)
def test_what_is_none_is_refused_before_any_file(tmp_path, data, key, parts, line):
    """Fault: an error of Lightning's, from within, when the directory is claimed already."""
    with pytest.raises(InputError, match=line):
        tiny.fit(tmp_path / "run", data, **{key: parts})
    assert not (tmp_path / "run").exists()


def test_a_callback_that_needs_a_logger_says_so(tmp_path, data):
    """Lightning notices when training begins. Fault: its traceback."""
    with pytest.raises(InputError, match=r"^trainer: Cannot use `?LearningRateMonitor`? callback"):
        tiny.fit(tmp_path / "run", data, callbacks=[LearningRateMonitor()])


MINE = """
mine:
  _target_: pytorch_lightning.loggers.CSVLogger
  save_dir: ${run}
  name: mine
"""
WATCH = """
defaults:
  - default
rates:
  _target_: pytorch_lightning.callbacks.LearningRateMonitor
patience:
  _target_: pytorch_lightning.callbacks.EarlyStopping
  monitor: val/nll_nats
  min_delta: 1000
  patience: 1
"""


@pytest.mark.slow
def test_a_users_own_files(pixelrnn, tmp_path):
    """Any logger and callback of Lightning's by five lines of YAML, without a line of code."""
    for group, text in (("logger", MINE), ("callbacks", WATCH)):
        (tmp_path / "own" / group).mkdir(parents=True)
        (tmp_path / "own" / group / "mine.yaml").write_text(text)
    words = [word for word in tiny.WORDS if not word.startswith(("logger=", "trainer.max"))]
    words += ["trainer.max_epochs=5", "trainer.log_every_n_steps=2", "run=run"]
    code, _, err = pixelrnn("train", "--config-dir=own", "logger=mine", "callbacks=mine", *words)
    assert code == 0, err
    assert len(rows_of(tmp_path / "run/mine/version_0/metrics.csv")) == 2  # the patience of one
    assert "lr-Adam" in (tmp_path / "run/mine/version_0/metrics.csv").read_text()
    assert json.loads((tmp_path / "run/training.json").read_text())["epochs"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["csv", "[wandb,csv]", "none"])
def test_by_name_on_the_command_line(pixelrnn, tmp_path, monkeypatch, choice):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    words = [word for word in tiny.WORDS if not word.startswith("logger=")]
    code, _, err = pixelrnn("train", *words, f"logger={choice}", "run=run")
    assert code == 0, err
    assert (tmp_path / "run/csv/version_0/metrics.csv").exists() == (choice != "none")


@pytest.mark.slow
def test_a_logger_that_is_not_installed_costs_a_line(pixelrnn, tmp_path):
    """Fault: Lightning's traceback, of several lines that say it twice."""
    own = tmp_path / "own" / "logger" / "missing.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("mlflow: {_target_: pytorch_lightning.loggers.MLFlowLogger}")
    words = [word for word in tiny.WORDS if not word.startswith("logger=")]
    code, _, err = pixelrnn("train", "--config-dir=own", *words, "logger=missing", "run=run")
    assert (code, err.count("\n")) == (2, 1)
    assert "mlflow" in err
    assert not (tmp_path / "run").exists()


def test_pictures_and_figures_in_tensorboard(tmp_path, data):
    """Read back from its files. Fault: pictures for W&B only."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logger = TensorBoardLogger(tmp_path, "tensorboard", default_hp_metric=False)
    callbacks = [SampleGrid(every=1, images=2), Completions(images=2, times=1)]
    run = tiny.fit(tmp_path / "run", data, epochs=2, logger={"board": logger}, callbacks=callbacks)
    read = events.EventAccumulator(logger.log_dir, {"images": 0, "scalars": 0})
    read.Reload()
    history = pd.read_csv(run.path / "history.csv")
    nats = [event.value for event in read.Scalars("val/nll_nats")]
    assert nats == history["val/nll_nats"].astype(np.float32).tolist()
    assert [event.step for event in read.Images("samples")] == [5, 11]
    (completions,) = read.Images("completions")
    assert completions.encoded_image_string.startswith(b"\x89PNG")
