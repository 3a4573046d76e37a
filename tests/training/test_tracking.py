"""What W&B is told, read back from its own files, and that it never stands in the way."""

import base64
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import wandb
from pytorch_lightning import Callback
from pytorch_lightning.loggers import WandbLogger
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.training.pictures import Completions, SampleGrid
from pixelrnn.training.run import Run
from pixelrnn.training.tracking import record_evaluation, wandb_logger

HEAD = {"head": {"_target_": "pixelrnn.heads.Softmax", "levels": tiny.LEVELS}}


class Interrupt(Callback):
    """The power fails as the epoch begins."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            raise InterruptedError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with data, an empty home, and none of W&B's settings."""
    folder = tmp_path_factory.mktemp("work")
    tiny.write_data(folder / "data")
    (folder / "home").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        fresh(patch, folder)
        yield folder
    wandb.teardown()


def fresh(patch, folder, **environment):
    """W&B reads the environment once a process: start anew."""
    wandb.teardown()
    for name in [*os.environ, "WANDB_MODE", "WANDB_SILENT", "WANDB_DATA_DIR", "WANDB_CACHE_DIR"]:
        if name.startswith("WANDB_"):
            patch.setenv(name, "")  # so that what is set meanwhile ends with the test
            patch.delenv(name)
    patch.setenv("HOME", str(folder / "home"))
    patch.delenv("XDG_CACHE_HOME", raising=False)
    patch.chdir(folder)
    for name, value in environment.items():
        patch.setenv(f"WANDB_{name}", value)


@pytest.fixture
def anew(folder, monkeypatch):
    """Set W&B's environment for this test."""
    yield partial(fresh, monkeypatch, folder)
    wandb.teardown()


def fit(run, data="data", **options):
    return tiny.fit(
        run, data, logger=partial(wandb_logger, project="test"), **({"epochs": 2} | options)
    )


@pytest.fixture(scope="module")
def run(folder):
    """A job of a sweep: failed in its second epoch, removed by DVC but for the checkpoint, continued, evaluated."""
    job = folder / "sweep" / "job=1,x"
    options = {"changes": HEAD, "log_every_n_steps": 2}
    with pytest.raises(InterruptedError):
        fit(job, callbacks=[Interrupt()], **options)
    for file in job.glob("*.*"):
        file.unlink()
    run = fit(
        job, callbacks=[SampleGrid(every=1, images=2), Completions(images=2, times=1)], **options
    )
    evaluate(run.path)
    return run


@pytest.fixture(scope="module")
def records(run, folder):
    """All records of each of the W&B files, in the order of their writing, as `wandb leet` shows them."""
    files = sorted(
        (folder / "artifacts" / "wandb").glob("offline-run-*/*.wandb"),
        key=lambda file: file.stat().st_mtime,
    )
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json"]
    read = [
        subprocess.run([*command, file], capture_output=True, text=True, check=True).stdout
        for file in files
    ]
    return [[json.loads(line) for line in text.splitlines()] for text in read]


def only(records, kind):
    return [record[kind] for record in records if record["type"] == kind]


def summary(records):
    return {
        key: value for update in only(records, "summary") for key, value in update["update"].items()
    }


def test_one_run_of_wandb_whatever_happened(run, records):
    """Faults: an id in files that DVC removes, no `finish`, exit code 0 after a failure."""
    ids = [only(file, "run")[0]["run_id"] for file in records]
    assert ids == [run.files.read("origin.json")["wandb"]["id"]] * 3
    assert [only(file, "exit")[0].get("exit_code", 0) for file in records] == [1, 0, 0]


def test_it_is_found_by_group_type_tags_and_name(records):
    about = only(records[1], "run")[0]
    assert (about["display_name"], about["run_group"], about["job_type"]) == (
        "job=1,x",
        "sweep",
        "train",
    )
    assert about["tags"] == ["pixel_cnn", "stripes", "Softmax"]


def test_config_is_that_of_the_run_and_its_origin(run, records):
    told = only(records[1], "config")[0]["update"]
    origin = run.files.read("origin.json")
    assert told.pop("origin") == {key: value for key, value in origin.items() if key != "wandb"}
    assert origin["data_md5"] == json.loads(Path("data/data.json").read_text())["md5"]
    assert told == run.config


def test_curves_agree_with_the_history_to_the_digit(run, records):
    """Of steps and of images. Faults: float32, or figures that a resumed run has twice."""
    rows = [row["item"] for file in records for row in only(file, "history")]
    history = pd.read_csv(run.path / "history.csv")
    for name in ("val/nll_nats", "val/bits_per_dim", "train/nll_nats", "train/bits_per_dim"):
        measured = [row for row in rows if name in row]
        assert [row[name] for row in measured] == history[name].tolist()
        assert [row["images"] for row in measured] == history["images"].tolist()
        assert [row["trainer/global_step"] + 1 for row in measured] == history["step"].tolist()
    axes = {
        metric["name"]: metric.get("step_metric")
        for metric in only(records[1], "metric")
        if "name" in metric
    }
    assert axes["val/bits_per_dim"] == axes["train/nll_nats"] == "images"


def test_steps_have_rate_gradient_and_speed(records):
    rows = [row["item"] for row in only(records[1], "history") if "lr" in row["item"]]
    assert [row["images"] for row in rows] == [
        29,
        37,
        42,
    ]  # every second of 6 steps, after an epoch of 21 images
    assert all(row["gradient_norm"] > 0 and row["train/images_per_second"] > 0 for row in rows)


def test_pictures(records, folder):
    rows = [row["item"] for row in only(records[1], "history")]
    samples = [row for row in rows if "samples.filenames" in row]
    assert [row["samples.captions"] for row in samples] == [["epoch 2"]]
    (completions,) = [row for row in rows if "completions.filenames" in row]
    (found,) = (folder / "artifacts" / "wandb").glob(
        f"*/files/{completions['completions.filenames'][0]}"
    )
    assert found.stat().st_size > 0


def test_evaluation_is_in_the_summary_to_the_digit(run, records):
    metrics = run.files.read_metrics()["test"]
    assert summary(records[2])["test/nll_nats"] == metrics["nll_nats"]
    told = {
        key.removeprefix("test/"): value
        for key, value in summary(records[2]).items()
        if key.startswith("test/")
    }
    assert told == {key: value for key, value in metrics.items() if key != "split"}


def test_data_is_used_and_weights_are_made(run, records):
    """By reference and by content."""
    data, weights = only(records[1], "artifact")
    assert (data["type"], data["name"], data["use_after_commit"]) == ("dataset", "stripes", True)
    md5 = {
        file["path"]: base64.b64decode(file["digest"]).hex()
        for file in data["manifest"]["contents"]
    }
    assert md5 == run.files.read("origin.json")["data_md5"]
    assert all(file["ref"].startswith("file://") for file in data["manifest"]["contents"])
    assert (weights["type"], weights["name"]) == (
        "model",
        f"weights-{run.files.read('origin.json')['wandb']['id']}",
    )
    assert "use_after_commit" not in weights
    (file,) = weights["manifest"]["contents"]
    assert Path(file["local_path"]).read_bytes() == (run.path / "weights.safetensors").read_bytes()


def test_nothing_outside_the_project(records, folder):
    """Fault: WANDB_DATA_DIR or WANDB_CACHE_DIR left alone."""
    assert not [
        file for file in (folder / "home").rglob("*") if "wandb" in str(file.relative_to(folder))
    ]


def told(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if "W&B" in line]


def test_without_a_key_it_records_offline(anew, capsys):
    """Fault: wandb.init, which asks for one where there is a terminal."""
    anew(MODE="online")
    run = fit("nokey", epochs=1)
    assert told(capsys) == ["W&B: no API key: recording offline, `wandb sync` uploads it later"]
    assert run.files.read("origin.json")["wandb"]["mode"] == "offline"


def test_where_no_server_answers_it_records_offline(anew, capsys):
    """Within WANDB_INIT_TIMEOUT, once a process, and under one id."""
    anew(MODE="online", API_KEY="0" * 40, BASE_URL="http://127.0.0.1:9", INIT_TIMEOUT="1")
    wandb_id = fit("unreachable", epochs=1).files.read("origin.json")["wandb"]["id"]
    (line,) = told(capsys)
    assert "recording offline" in line
    (left,) = Path("artifacts/wandb").glob("run-*")
    assert left.name.endswith(wandb_id)
    evaluate("unreachable")
    assert not told(capsys)


def test_it_goes_on_when_wandb_is_lost(anew, capsys, monkeypatch):
    """W&B's process was killed: one line, and all files as without it."""
    anew()

    def lost(*_, **__):
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(WandbLogger, "log_metrics", lost)
    run = fit("lost", epochs=1, log_every_n_steps=1)
    assert told(capsys) == ["W&B: Connection lost: nothing more of this training is recorded there"]
    assert run.finished
    monkeypatch.setattr(wandb, "init", lost)
    evaluate("lost")
    assert told(capsys) == ["W&B: Connection lost: the evaluation is not recorded there"]


def test_queued_experiments_of_dvc_leave_their_files_in_the_project(anew, tmp_path, monkeypatch):
    """Fault: in the copy of the project that they run in, which is deleted."""
    anew()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    logger = wandb_logger("run", tiny.config("data"))
    assert (logger.save_dir, logger.folder) == (str(tmp_path / "artifacts"), "artifacts")
    assert os.environ["WANDB_DATA_DIR"] == str(tmp_path / "artifacts" / "wandb")


def test_switched_off(anew, capsys):
    anew(MODE="disabled")
    run = fit("disabled", epochs=1)
    assert run.files.read("origin.json")["wandb"] is None
    record_evaluation(run, "test", {})
    assert not told(capsys)


def test_without_a_logger_there_is_an_origin_still(folder):
    origin = tiny.fit("plain", "data", epochs=1).files.read("origin.json")
    assert origin["wandb"] is None
    assert set(origin) == {
        "command",
        "git",
        "dirty",
        "dvc_stage",
        "dvc_experiment",
        "data_md5",
        "wandb",
    }


@pytest.mark.parametrize(
    ("environment", "options", "line"),
    [
        ({"MODE": "onlin"}, {}, "WANDB_MODE=onlin: set it to online, offline or disabled"),
        ({}, {"nope": 1}, "logger: .*nope"),
        ({}, {"folder": "data/train.npy"}, r"logger\.folder=data/train\.npy"),
    ],
)
def test_bad_input_comes_before_any_work(anew, environment, options, line):
    anew(**environment)
    with pytest.raises(InputError, match=line):
        tiny.fit("bad", "data", logger=partial(wandb_logger, **options))
    assert not Path("bad").exists()


def test_a_damaged_origin_does_not_stop_an_evaluation(folder, capsys):
    """It is told of, and the figures are written."""
    run = Run(RunDirectory(Path("damaged")), {})
    run.path.mkdir()
    (run.path / "origin.json").write_text('{"wandb": {"id": 1')
    record_evaluation(run, "test", {})
    (line,) = told(capsys)
    assert "origin.json can't be read" in line
