"""Sweeps: what they name and run, what becomes of jobs that fail or are cut off, and what is run again."""

import importlib
import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hydra.errors import MissingConfigException
from pytorch_lightning import Callback
from tests.support import tiny

from pixelrnn.command.errors import explain
from pixelrnn.command.outcomes import spell_time
from pixelrnn.command.sweep import Jobs
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError

pytestmark = pytest.mark.slow
needs_joblib = pytest.mark.skipif(
    importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None,
    reason="the extra `sweep` isn't installed",
)
needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("hydra_plugins.hydra_optuna_sweeper") is None,
    reason="the extra `sweep` isn't installed",
)
TRAIN = "pixelrnn.stages.train.train"
COMPARE = "pixelrnn.stages.compare.write_comparison"


@pytest.fixture
def _no_page(monkeypatch):
    """The comparison takes longer than what it compares."""
    monkeypatch.setattr(COMPARE, lambda *runs, out, note=None: [])


@pytest.fixture
def planned(pixelrnn, monkeypatch):
    """Plan a command and run none of its jobs; gives the folder and the names of the jobs."""
    monkeypatch.setattr("pixelrnn.command.sweep.read_description", lambda path: {})

    def plan(line):
        seen = []

        def stop(jobs, config, **_):
            seen.append(jobs)
            raise SystemExit(0)

        monkeypatch.setattr(Jobs, "on_job_start", stop)
        code, _, err = pixelrnn(*line.split(" "))
        if code == 2:
            raise InputError(err)
        return seen[0].folder, seen[0].names

    return plan


def small(*without):
    return [word for word in tiny.WORDS if not word.startswith(without)]


def row_of(out, job):
    return next(line for line in out.splitlines() if f"│ {job} " in line)


NAMED = {
    "train -m head=softmax,bernoulli model.layers=1,2": (
        *("digits_head_model.layers", 4, "head-softmax_model.layers-1"),
    ),
    "train model.layers=4,2 -m head=bernoulli,softmax": (
        *("digits_head_model.layers", 4, "head-softmax_model.layers-4"),
    ),
    "train sweep=depth": ("digits-depth", 4, "model.layers-1"),
    "train -m sweep=depth data=patches logger=none": ("patches-depth", 4, "model.layers-1"),
    "train sweep=depth model=pixel_cnn seed=3": (
        *("digits-depth_model-pixel_cnn_seed-3", 4, "model.layers-1"),
    ),
    "train sweep=depth model.layers=7 seed=0,1": ("digits-depth_seed_model.layers-7", 2, "seed-1"),
    "train sweep=depth model.layers=7,8 seed=0,1": (
        *("digits-depth_model.layers_seed", 4, "model.layers-8_seed-1"),
    ),
    "train -m data=digits,patches seed=0": ("data_seed-0", 2, "data-patches"),
    "train -m seed=choice(0) test=false": ("digits_seed", 1, "seed-0"),
    "train -m model.layers=range(1,4) ~callbacks.samples": (
        *("digits_model.layers_no-callbacks.samples", 3, "model.layers-3"),
    ),
    "train -m optimizer=glob(adam*)": ("digits_optimizer", 2, "optimizer-adamw"),
}


@pytest.mark.parametrize("line", NAMED)
def test_the_plan_of_a_sweep(planned, line):
    """Fault: a name that the plan makes and the job does not."""
    name, count, job = NAMED[line]
    folder, names = planned(line)
    assert str(folder) == f"artifacts/sweeps/{name}"
    assert len(set(names)) == count
    assert job in names


def test_run_is_the_folder_of_a_sweep(planned):
    assert str(planned("train sweep=seeds run=mine/${data.name}")[0]) == "mine/digits"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train -m seed=0", "nothing varies"),
        ("train -m", "nothing varies"),
        ("train -m run=a,b", "run can't vary"),
        ("train -m sweep=depth,width", "sweep can't vary"),
        ("train -m data.path=nowhere seed=0,1,2", "nowhere/data.json is missing"),
        ("train sweep=seeds data.path=nowhere", "nowhere/data.json is missing"),
        ("train -m model=pixel_cnn,row_lsm", "no model=row_lsm: did you mean row_lstm"),
        ("train -m modle.layers=1,2", "no 'modle.layers'"),
        (
            "train -m model=pixel_cnn,diagonal_bilstm model.full_context=true",
            "diagonal_bilstm has it: in a sweep write ++model.full_context=",
        ),
        ("train -m sweep=dept", "no sweep=dept: did you mean depth"),
        ("train -m optimizer.lrr=1 seed=0,1", "no key 'optimizer.lrr': did you mean lr"),
        ("train -m seed=interval(0,1)", "seed=interval(0,1): an interval is for a search"),
        ("sample RUN -m seed=0", "nothing varies"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_job(pixelrnn, tmp_path, line, message):
    """Faults: twelve trials that fail for want of data; Hydra's warning in place of an error; a folder left behind."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    words = line.replace("RUN", "run").split(" ")
    if "data.path" not in line and "train" in line:
        words.append("data.path=data")
    before = tiny.contents(tmp_path)
    code, _, err = pixelrnn(*words)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert tiny.contents(tmp_path) == before
    assert {file.name for file in tmp_path.iterdir()} <= {"data", "run", "artifacts"}
    assert not list(tmp_path.glob("artifacts/sweeps/*"))


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "sweep").glob("*.yaml")))
def test_every_named_sweep_is_planned(planned, name):
    if name == "search":
        pytest.importorskip("optuna")
    folder, names = planned(f"train sweep={name}")
    assert str(folder) == f"artifacts/sweeps/digits-{name}"
    assert (names is None) == (name == "search")
    assert names is None or len(names) > 1


def test_failing_jobs_stop_nothing_and_are_tried_again(pixelrnn, tmp_path, monkeypatch):
    """An impossible value and a loss that is no number, each with its reason; the others are tested and compared.

    Faults: the first failure ends the sweep; exit code 0; a finished run trained twice; an old reason left behind.
    """
    command = ["train", "-m", *small("model.hidden"), "model.hidden=0,2", "optimizer.lr=0.01,1e30"]
    code, out, err = pixelrnn(*command)
    assert code == 1
    folder = next(tmp_path.glob("artifacts/sweeps/*"))
    names = [
        f"model.hidden-{hidden}_optimizer.lr-{lr}" for hidden in (0, 2) for lr in ("0.01", "1e30")
    ]
    rows = {name: row_of(out, name) for name in names}
    good, bad = folder / names[2], folder / names[3]
    assert [row.count("failed: ") for row in rows.values()] == [1, 1, 0, 1]
    assert "hidden=0 must be" in rows[names[0]]
    assert "the loss is" in rows[names[3]]
    test = json.loads((good / "metrics.json").read_text())["test"]["bits_per_dim"]
    assert f"{test:.3f} ± " in rows[names[2]]
    assert "1 of 4 finished" in out
    assert "The same command again" in out
    assert err.count("pixelrnn: artifacts/sweeps/") == 3
    assert (good / "samples.png").exists()
    assert (folder / "comparison" / "comparison.md").exists()
    assert not (folder / "multirun.yaml").exists()
    assert not (tmp_path / "artifacts" / "runs").exists()

    kept = (good / "weights.safetensors").stat().st_mtime_ns
    (bad / "failure.txt").write_text("an old reason")
    (good / "metrics.json").unlink()
    monkeypatch.setattr(COMPARE, refuse)
    code, out, _ = pixelrnn(*command)
    assert code == 1
    assert "No comparison: the runs are of different data\n" in out
    assert "the loss is" in (bad / "failure.txt").read_text()
    assert (good / "metrics.json").exists()
    assert (good / "weights.safetensors").stat().st_mtime_ns == kept


def refuse(*runs, out, note=None):
    raise InputError("the runs are of different data")


def test_it_says_where_it_stands_and_renews_the_page(pixelrnn, tmp_path, monkeypatch):
    """Faults: silence until the end; a page after every job of many short ones; a page that fails the job."""
    pages, notes = [], []

    def page(*runs, out, note=None):
        pages.append(len(runs))
        notes.append(note)
        out.mkdir(exist_ok=True)
        (out / "comparison.html").touch()
        raise OSError("the disk is full")

    monkeypatch.setattr(COMPARE, page)
    command = ["train", "-m", *tiny.WORDS, "seed=0,1,-1"]
    code, out, _ = pixelrnn(*command)
    assert code == 1
    lines = [line for line in out.splitlines() if re.match(r"job \d|\d of \d jobs", line)]
    patterns = [
        *(r"job 1 of 3: seed-0", r"1 of 3 jobs finished; \d+ s so far, about \d+ s to go"),
        *(r"job 2 of 3: seed-1", r"2 of 3 jobs finished; \d+ s so far, about \d+ s to go"),
        *(r"job 3 of 3: seed--1", r"2 of 3 jobs finished, 1 failed; \d+ s so far"),
    ]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line)
    assert pages == [1, 2], "one after the first job, and the last"
    to_come = "still to come: seed-1, seed--1"
    assert notes == [f"the sweep is running, 1 of 3 jobs have ended; {to_come}", None]
    assert "No comparison: OSError: the disk is full" in out

    old = time.time() - 61
    os.utime(next(tmp_path.glob("artifacts/sweeps/*/comparison/comparison.html")), (old, old))
    out = pixelrnn(*command[:-1], "seed=0,1,2")[1]
    assert "2 of 3 jobs finished\n" in out, "of those that were finished nothing follows for others"
    assert re.search(r"3 of 3 jobs finished; \d+ s so far\n", out)
    assert pages == [1, 2, 3, 3]


def test_times_as_people_say_them():
    assert [spell_time(seconds) for seconds in (0.4, 89, 91, 3600, 6000)] == [
        *("0 s", "89 s", "2 min", "60 min", "1.7 h"),
    ]


@pytest.mark.usefixtures("_no_page")
def test_an_error_nobody_foresaw_fails_its_job_and_keeps_its_traceback(
    pixelrnn, tmp_path, monkeypatch
):
    def fails(run, **_):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(TRAIN, fails)
    code, out, err = pixelrnn("train", "-m", *tiny.WORDS, "seed=0,1")
    assert code == 1
    assert out.count("failed: RuntimeError: a mistake of ours") == 2
    assert "Traceback" not in out + err
    assert "in fails" in next(tmp_path.glob("artifacts/sweeps/*/seed-1/failure.txt")).read_text()


@pytest.mark.usefixtures("_no_page")
def test_what_failed_and_what_was_cut_off_is_run_again(pixelrnn, tmp_path, monkeypatch):
    """First Ctrl-C in the second job, then in peace, then not at all, and without torch."""
    command = ["train", "sweep=seeds", *tiny.WORDS, "seed=0,1,2"]
    command[command.index("trainer.max_epochs=1")] = "trainer.max_epochs=2"

    def cut_off(run, *, trainer, **arguments):
        if run.endswith("seed-1"):
            trainer = interrupted_after(trainer, epochs=1)
        return real(run=run, trainer=trainer, **arguments)

    real = importlib.import_module("pixelrnn.stages.train").train
    cut_off.__signature__ = importlib.import_module("inspect").signature(real)
    monkeypatch.setattr(TRAIN, cut_off)
    code, out, _ = pixelrnn(*command)
    assert code == 130
    expected = ("interrupted in epoch 2", "not started", "1 of 3 finished")
    assert [what in out for what in expected] == [True] * 3
    monkeypatch.setattr(TRAIN, real)
    code, out, _ = pixelrnn(*command)
    assert code == 0
    assert out.count("is finished\n") == 1
    assert out.count("continues from its checkpoint") == 1
    assert not list(tmp_path.glob("artifacts/sweeps/*/*/failure.txt"))

    script = f"""if True:
        import sys
        from pixelrnn.command.main import main
        sys.argv = {["pixelrnn", *command]}
        try: main()
        finally: assert 'torch' not in sys.modules"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is finished\n") == 3


def interrupted_after(trainer, epochs):
    def build(callbacks, **options):
        return trainer(callbacks=[*callbacks, Interrupt(epochs)], **options)

    return build


class Interrupt(Callback):
    """Ctrl-C, once some epochs are through."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epochs:
            raise KeyboardInterrupt


@pytest.mark.usefixtures("_no_page")
def test_a_change_of_configuration_or_data_is_noticed(pixelrnn, tmp_path):
    """A finished run is skipped only if it is what would be trained. Fault: its mere presence suffices."""
    command = ["train", "-m", *tiny.WORDS, "seed=choice(0)"]
    assert pixelrnn(*command)[0] == 0
    run = next(tmp_path.glob("artifacts/sweeps/*/seed-0"))
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("max_epochs: 1", "max_epochs: 7"))
    code, _, err = pixelrnn(*command)
    assert code == 1
    assert "holds a run of another configuration (trainer.max_epochs: 7 there, 1 here" in err
    config.write_text(config.read_text().replace("max_epochs: 7", "max_epochs: 1"))
    tiny.write_data(tmp_path / "data", train=25)
    code, out, _ = pixelrnn(*command)
    assert "is finished\n" not in out


def test_a_key_of_some_models_only_goes_by_two_plus_signs(pixelrnn, monkeypatch):
    """Hydra composes the command once with the default model, which has no state to be learned."""
    seen = []

    def train(run, *, config, **_):
        seen.append(config["model"]["learned_state"])

    monkeypatch.setattr(TRAIN, train)
    pixelrnn("train", "-m", "data.path=data", "data.shape=[1,4,4]", "data.levels=3", "logger=none",
             "seed=1", "model=row_lstm,diagonal_bilstm", "++model.learned_state=false")  # fmt: skip
    assert seen == [False, False]


def test_other_verbs_go_on_after_a_failing_job_and_leave_no_folder(pixelrnn, tmp_path):
    pixelrnn("train", *tiny.WORDS, "run=here")
    code, out, err = pixelrnn("evaluate", "here", "-m", "split=nowhere,val")
    assert code == 1
    assert "job 1 of 2: split=nowhere" in out
    assert "no split 'nowhere'" in err
    assert "here: val NLL" in out
    assert {file.name for file in tmp_path.iterdir()} == {"data", "here"}
    assert pixelrnn("evaluate", "here", "-m", "split=test,val")[0] == 0


@pytest.mark.usefixtures("_no_page")
def test_a_job_is_one_command(pixelrnn, tmp_path):
    """What it records can be pasted into a shell, and finds it finished. Fault: what the sweep's file chooses is lost."""
    words = [*small("model."), "model.hidden=2", "model.output_hidden=4", "model.layers=1,2"]
    assert pixelrnn("train", "sweep=depth", *words, "test=false", "run=all")[0] == 0
    command = json.loads((tmp_path / "all/model.layers-2/origin.json").read_text())["command"]
    assert "row_lstm" in (tmp_path / "all/model.layers-2/config.yaml").read_text()
    code, out, _ = pixelrnn(*shlex.split(command)[1:])
    assert code == 0
    assert "all/model.layers-2 is finished" in out


class Kill(Callback):
    """kill -9 of the own process, once: whoever finds the file first."""

    def __init__(self, file):
        self.file = Path(file)

    def on_train_end(self, trainer, pl_module):
        if self.file.exists():
            self.file.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.usefixtures("_no_page")
@needs_joblib
def test_joblib_survives_a_killed_job(pixelrnn, tmp_path):
    """Two at a time; the reasons of failures come from other processes; a killed one costs no finished run."""
    kill = "+callbacks.kill={_target_:tests.command.test_sweep.Kill,file:kill}"
    command = ["train", "-m", *small("model.hidden"), kill]
    assert pixelrnn(*command, "model.hidden=choice(2)")[0] == 0
    (tmp_path / "kill").touch()
    code, out, err = pixelrnn(*command, "model.hidden=2,3,0", "hydra/launcher=two")
    assert code == 1
    assert "a job was killed" in err
    assert "Traceback" not in err
    assert "│ finished " in row_of(out, "model.hidden-2")
    assert "1 of 3 finished" in out
    code, out, err = pixelrnn(*command, "model.hidden=2,3,0", "hydra/launcher=joblib")
    assert code == 1
    assert "2 of 3 finished" in out
    assert "failed: hidden=0 must be" in row_of(out, "model.hidden-0")


@pytest.mark.usefixtures("_no_page")
@needs_optuna
def test_search_goes_on_where_it_was(pixelrnn, tmp_path, monkeypatch):
    """Cut off in the second trial, continued with the same one; more trials are added, finished ones not repeated.

    Fault: a sampler without a seed, or one that remembers what it drew for the command before.
    """
    command = ["train", "sweep=search", *tiny.WORDS, "trainer.limit_train_batches=1"]
    calls = []

    def cut_off(run, **arguments):
        calls.append(run)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(run=run, **arguments)

    real = importlib.import_module("pixelrnn.stages.train").train
    cut_off.__signature__ = importlib.import_module("inspect").signature(real)
    monkeypatch.setattr(TRAIN, cut_off)
    assert pixelrnn(*command, "hydra.sweeper.n_trials=2")[0] == 130
    code, out, _ = pixelrnn(*command, "hydra.sweeper.n_trials=2")
    assert code == 0
    assert calls[1] == calls[2]
    assert len(calls) == 3
    assert "2 of 2 finished" in out
    code, out, _ = pixelrnn(*command, "hydra.sweeper.n_trials=3")
    assert code == 0
    assert len(calls) == 4
    nll = {
        run: json.loads((tmp_path / run / "training.json").read_text())["val_bits_per_dim"]
        for run in calls[1:]
    }
    best = min(nll, key=nll.get)
    assert f"Best on the validation images: {Path(best).name}\n" in out


@pytest.mark.usefixtures("_no_page")
@needs_optuna
def test_search_survives_failing_trials(pixelrnn):
    code, out, _ = pixelrnn(
        *("train", "sweep=search", *small("model.hidden"), "model.hidden=0"),
        "hydra.sweeper.n_trials=2",
    )
    assert code == 1
    assert out.count("failed: hidden=0 must be") == 2
    assert "0 of 2 finished" in out


@pytest.mark.parametrize("plugin", ["hydra/launcher/joblib", "hydra/sweeper/optuna"])
def test_a_missing_extra_is_one_line(plugin):
    """Found out while composing. Fault: Hydra's list of where it looked."""
    error = MissingConfigException("many lines", plugin, ["basic"])
    name = plugin.rpartition("/")[2]
    assert explain(error).startswith(f"{name} isn't installed here; in the repository: pip install")
