"""What W&B gets, read back from its own files, and that it never stands in the way."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import wandb
from pytorch_lightning import Callback
from pytorch_lightning.loggers import WandbLogger
from tests.support import tiny
from tests.support.wandb_server import serving

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.training import Completions, SampleGrid, WeightsAndBiases
from pixelrnn.training.run import Run
from pixelrnn.training.tracking import record_evaluation

pytestmark = pytest.mark.slow

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
    tags = ["pixel_cnn", "stripes", "x" * 65]
    logger = {"wandb": WeightsAndBiases(run, project="test", tags=tags)}
    return tiny.fit(run, data, logger=logger, **({"epochs": 2} | options))


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
    return [inspect(file) for file in files]


def inspect(file):
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", file]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def folders_of(run):
    """One for each start; two of the same second are told apart by a number at the end."""
    wandb_id = run.files.read("origin.json")["wandb"]["id"]
    return [
        folder.absolute() for folder in Path("artifacts/wandb").glob(f"offline-run-*-{wandb_id}*")
    ]


def only(records, kind):
    return [record[kind] for record in records if record["type"] == kind]


def summary(records):
    return {
        key: value for update in only(records, "summary") for key, value in update["update"].items()
    }


def test_one_run_of_wandb_whatever_happened(run, records):
    """Three folders offline: interrupted, continued, evaluated; `wandb sync` adds each to the one before.

    Faults: an id in files that DVC removes, no `finish`, exit code 0 after a failure; a folder that
    does not say it resumes a run, which replaces it when it is uploaded.
    """
    abouts = [only(file, "run")[0] for file in records]
    assert [about["run_id"] for about in abouts] == [
        run.files.read("origin.json")["wandb"]["id"]
    ] * 3
    assert [about["resume"] for about in abouts] == [True] * 3
    assert [only(file, "exit")[0].get("exit_code", 0) for file in records] == [1, 0, 0]


def test_it_is_found_by_group_type_tags_and_name(records):
    about = only(records[1], "run")[0]
    assert (about["display_name"], about["run_group"], about["job_type"]) == (
        "job=1,x",
        "sweep",
        "train",
    )
    assert about["tags"] == ["pixel_cnn", "stripes", "x" * 64]  # no longer ones are taken


def test_config_is_that_of_the_run_and_its_origin(run, records):
    recorded = only(records[1], "config")[0]["update"]
    origin = run.files.read("origin.json")
    later = {"wandb", "weights_md5"}
    assert recorded.pop("origin") == {key: origin[key] for key in origin.keys() - later}
    assert origin["data_md5"] == json.loads(Path("data/data.json").read_text())["md5"]
    assert recorded == run.config


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
    figures = {
        key.removeprefix("test/"): value
        for key, value in summary(records[2]).items()
        if key.startswith("test/")
    }
    assert figures == {key: value for key, value in metrics.items() if key != "split"}


def test_lowest_figures_outlast_an_upload(run, records):
    """A folder's summary takes the place of the earlier ones'. Fault: only what this folder measured."""
    curves = pd.read_csv(run.path / "history.csv")
    for file in records[1:]:
        for name in ("train/nll_nats", "train/bits_per_dim", "val/nll_nats", "val/bits_per_dim"):
            assert summary(file)[name] == {"min": curves[name].min()}


def test_an_upload_makes_one_run_of_all_folders(run, folder, monkeypatch):
    """Interrupted, continued, evaluated: every epoch once, the group, and what the summary is to hold.

    Fault: a version of W&B, or a folder without `resume`, with which the last replaces the others.
    """
    about = run.files.read("origin.json")["wandb"]
    curves = pd.read_csv(run.path / "history.csv")
    folders = folders_of(run)
    with serving() as server:
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        command = [sys.executable, "-m", "wandb", "sync", *map(str, folders)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    ((wandb_id, uploaded),) = server.runs.items()
    assert (wandb_id, uploaded["group"]) == (about["id"], about["group"])
    measured = [row for row in uploaded["history"] if "val/nll_nats" in row]
    assert [row["images"] for row in measured] == curves["images"].tolist()
    assert [row["val/nll_nats"] for row in measured] == curves["val/nll_nats"].tolist()
    assert uploaded["summary"]["test/nll_nats"] == run.files.read_metrics()["test"]["nll_nats"]
    assert uploaded["summary"]["val/nll_nats"] == {"min": curves["val/nll_nats"].min()}


def test_other_splits_are_left_to_the_curves(run, folder):
    """Fault: `val/nll_nats`, the name of a curve, becomes a figure of the evaluation."""
    before = list((folder / "artifacts" / "wandb").iterdir())
    evaluate(run.path, split="val")
    assert list((folder / "artifacts" / "wandb").iterdir()) == before


def test_a_training_with_its_evaluation_is_one_folder(anew, capsys):
    """As in the jobs of a sweep. Faults: W&B started again for the figures, or ended with them."""
    anew()
    run = fit("artifacts/sweeps/stripes-seeds/seed-0", epochs=1, test=True)
    about = run.files.read("origin.json")["wandb"]
    (start,) = folders_of(run)
    (file,) = start.glob("*.wandb")
    records = inspect(file)
    assert about["group"] == only(records, "run")[0]["run_group"] == "stripes-seeds"
    recorded = {key: value for key, value in summary(records).items() if key.startswith("test/")}
    assert recorded == {f"test/{key}": it for key, it in run.files.read_metrics()["test"].items()}
    (end,) = only(records, "exit")
    assert (end.get("exit_code", 0), records[-1]["type"]) == (0, "exit")
    assert only(records, "artifact")
    assert not complaints(capsys)


def test_a_single_training_has_no_group(anew):
    """Fault: "runs", the folder of all."""
    anew()
    assert fit("artifacts/runs/one", epochs=1).files.read("origin.json")["wandb"]["group"] is None


def test_weights_are_recorded_where_the_evaluation_fails(anew, monkeypatch):
    """It is another call that evaluates them, and the training is over. Fault: weights after all else."""
    anew()

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pixelrnn.stages.train.evaluate", stopped)
    with pytest.raises(KeyboardInterrupt):
        fit("unevaluated", epochs=1, test=True)
    wandb_id = RunDirectory(Path("unevaluated")).read("origin.json")["wandb"]["id"]
    (file,) = Path("artifacts/wandb").glob(f"offline-run-*-{wandb_id}/*.wandb")
    records = inspect(file)
    assert only(records, "artifact")[0]["name"] == f"weights-{wandb_id}"
    assert only(records, "exit")[0]["exit_code"] == 1


def test_weights_are_what_the_run_made(run, records):
    """With their content. The data's checksums are in the configuration: see `origin` above."""
    (weights,) = only(records[1], "artifact")
    wandb_id = run.files.read("origin.json")["wandb"]["id"]
    assert (weights["type"], weights["name"]) == ("model", f"weights-{wandb_id}")
    (file,) = weights["manifest"]["contents"]
    assert Path(file["local_path"]).read_bytes() == (run.path / "weights.safetensors").read_bytes()


def test_nothing_outside_the_project(records, folder):
    """Fault: WANDB_DATA_DIR or WANDB_CACHE_DIR left alone."""
    home = folder / "home"
    assert not [file for file in home.rglob("*") if "wandb" in str(file.relative_to(folder))]


def test_what_is_printed_is_not_recorded(records, folder):
    """Fault: WANDB_CONSOLE left alone: W&B puts itself between the program and its output."""
    assert not list((folder / "artifacts").rglob("output.log"))


def complaints(capsys):
    """What W&B is said to have failed at."""
    return [line for line in capsys.readouterr().err.splitlines() if "W&B" in line]


def test_without_a_key_it_records_offline(anew, capsys):
    """Fault: wandb.init, which asks for one where there is a terminal."""
    anew(MODE="online")
    run = fit("nokey", epochs=1)
    assert complaints(capsys) == [
        "W&B: no API key: recording offline, `wandb sync` uploads it later"
    ]
    assert run.files.read("origin.json")["wandb"]["mode"] == "offline"


def test_where_no_server_answers_it_records_offline(anew, capsys):
    """Within WANDB_INIT_TIMEOUT, once a process, and under one id."""
    anew(MODE="online", API_KEY="0" * 40, BASE_URL="http://127.0.0.1:9", INIT_TIMEOUT="1")
    wandb_id = fit("unreachable", epochs=1).files.read("origin.json")["wandb"]["id"]
    (line,) = complaints(capsys)
    assert "recording offline" in line
    (left,) = Path("artifacts/wandb").glob("run-*")
    assert left.name.endswith(wandb_id)
    evaluate("unreachable")
    assert not complaints(capsys)


def test_it_goes_on_when_wandb_is_lost(anew, capsys, monkeypatch):
    """One line, and all files as without it."""
    anew()

    def lost(*_, **__):
        raise ConnectionResetError("Connection lost")

    monkeypatch.setattr(WandbLogger, "log_metrics", lost)
    run = fit("lost", epochs=1, log_every_n_steps=1)
    assert complaints(capsys) == [
        "W&B: Connection lost: nothing more of this training is recorded there"
    ]
    assert run.finished
    monkeypatch.setattr(wandb, "init", lost)
    evaluate("lost")
    assert complaints(capsys) == ["W&B: Connection lost: nothing is recorded there"]
    run = fit("never", epochs=1, callbacks=[Completions(), Loggers()])
    assert complaints(capsys) == ["W&B: Connection lost: nothing is recorded there"]
    assert (run.finished, run.files.read("origin.json")["wandb"]) == (True, None)


class Loggers(Callback):
    """There is none left in the trainer. Fault: one that Lightning asks for a run of W&B again."""

    def on_train_start(self, trainer, pl_module):
        assert trainer.loggers == []


class Kill(Callback):
    """W&B's process is killed, as the kernel does for want of memory."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            processes = [file.parent for file in Path("/proc").glob("[0-9]*/stat")]
            for process in processes:
                with suppress(FileNotFoundError):  # it has ended
                    name, parent = process.joinpath("stat").read_text().split()[1:4:2]
                if name == "(wandb-core)" and int(parent) == os.getpid():
                    os.kill(int(process.name), signal.SIGKILL)


def test_the_next_run_is_recorded_after_wandb_was_killed(anew, capsys):
    """Two jobs of a sweep in one process.

    Fault: no `teardown`, and every later job is lost, too.
    """
    anew()
    assert fit("killed", callbacks=[Kill()], log_every_n_steps=1).finished
    assert complaints(capsys)
    run = fit("after", epochs=1)
    assert not complaints(capsys)
    wandb_id = run.files.read("origin.json")["wandb"]["id"]
    assert list(Path("artifacts/wandb").glob(f"offline-run-*-{wandb_id}/*.wandb"))


def test_it_waits_for_a_server_for_a_minute_at_most(anew):
    """Fault: W&B's own patience, which is without end."""
    anew()
    seen = []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module):
            seen.append(trainer.logger.experiment.settings)

    fit("patient", epochs=1, callbacks=[Look()])
    (settings,) = seen
    assert (settings.init_timeout, settings.finish_timeout) == (10, 60)
    assert settings.finish_timeout_raises


def test_an_end_that_fails_costs_a_line(anew, capsys, monkeypatch):
    """Fault: a finished training that ends in a traceback."""
    anew()

    def slow(**_):
        raise TimeoutError("60 seconds are over")

    monkeypatch.setattr(wandb, "finish", slow)
    assert fit("slow", epochs=1).finished
    (line,) = complaints(capsys)
    assert line.startswith("W&B: 60 seconds are over: what could not be uploaded is in its files")


def test_queued_experiments_of_dvc_leave_their_files_in_the_project(anew, tmp_path, monkeypatch):
    """Fault: in the copy of the project that they run in, which is deleted."""
    anew()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    logger = WeightsAndBiases("run")
    assert (logger.save_dir, logger.folder) == (str(tmp_path / "artifacts"), "artifacts")
    assert os.environ["WANDB_DATA_DIR"] == str(tmp_path / "artifacts" / "wandb")


def test_a_run_of_somebody_elses_is_left_alone(anew):
    """Fault: `wandb.finish` where W&B does not record this training at all."""
    anew()
    with wandb.init(mode="offline", dir="theirs") as theirs:
        tiny.fit("unrecorded", "data", epochs=1)
        assert wandb.run is theirs
        theirs.log({"still": 1})


def test_lightnings_own_logger_has_a_run_for_each_training(anew):
    """In one process, as in a sweep.

    Fault: no `wandb.finish`, and the second goes to the first's.
    """
    anew()
    seen = []

    class Look(Callback):
        def on_train_start(self, trainer, pl_module):
            seen.append(trainer.logger.experiment.id)

    os.environ["WANDB_MODE"] = "offline"
    for name in ("one", "two"):
        logger = {"mine": WandbLogger(save_dir="artifacts", project="test")}
        tiny.fit(name, "data", epochs=1, logger=logger, callbacks=[Look()])
    assert seen[0] != seen[1]


def test_switched_off(anew, capsys):
    anew(MODE="disabled")
    run = fit("disabled", epochs=1)
    assert run.files.read("origin.json")["wandb"] is None
    record_evaluation(run, {})
    assert not complaints(capsys)


def test_without_a_logger_there_is_an_origin_still(folder):
    origin = tiny.fit("plain", "data", epochs=1).files.read("origin.json")
    assert origin["wandb"] is None
    assert set(origin) == {
        "command",
        "version",
        "code",
        "git",
        "dirty",
        "dvc_stage",
        "dvc_experiment",
        "data_md5",
        "threads",
        "wandb",
        "weights_md5",
    }


@pytest.mark.parametrize(
    ("environment", "options", "line"),
    [
        ({"MODE": "onlin"}, {}, "WANDB_MODE=onlin: set it to online, offline or disabled"),
        ({}, {"folder": "data/train.npy"}, r"logger\.wandb\.folder=data/train\.npy"),
        ({}, {"project": 2024}, r"logger\.wandb\.project=2024 must be text"),
    ],
)
def test_bad_input_comes_before_any_work(anew, environment, options, line):
    anew(**environment)
    with pytest.raises(InputError, match=line):
        WeightsAndBiases("bad", **options)
    assert not Path("bad").exists()


def test_empty_variables_are_unset_ones(anew, capsys):
    """Fault: WANDB_MODE= refused, or taken with an empty key for online."""
    anew(MODE="", API_KEY="", SILENT="", DATA_DIR="", INIT_TIMEOUT="")
    run = fit("empty", epochs=1)
    assert run.files.read("origin.json")["wandb"]["mode"] == "offline"
    assert not complaints(capsys)


def test_a_damaged_origin_does_not_stop_an_evaluation(folder, capsys):
    """It costs a line, and the figures are written."""
    run = Run(RunDirectory(Path("damaged")), {})
    run.path.mkdir()
    (run.path / "origin.json").write_text('{"wandb": {"id": 1')
    record_evaluation(run, {})
    (line,) = complaints(capsys)
    assert "origin.json can't be read" in line
