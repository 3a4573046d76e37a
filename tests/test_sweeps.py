"""Sweeps: what they name and run, what becomes of jobs that fail or are cut off, and what is run again."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pytorch_lightning import Callback
from tests.support import tiny

from pixelrnn import stages
from pixelrnn.arguments import as_overrides
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.sweeps import plan

needs_joblib = pytest.mark.skipif(
    importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher") is None,
    reason="the extra `sweep` isn't installed",
)
needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("hydra_plugins.hydra_optuna_sweeper") is None,
    reason="the extra `sweep` isn't installed",
)


@pytest.fixture
def _no_page(monkeypatch):
    """The comparison takes longer than what it compares."""
    monkeypatch.setattr("pixelrnn.stages.compare", lambda runs, out: None)


def planned(line):
    return plan(as_overrides(line.split(" ")))


def small(*without):
    return [word for word in tiny.WORDS if not word.startswith(without)]


NAMED = {
    "train -m head=softmax,bernoulli model.layers=1,2": (
        "digits-head,model.layers",
        4,
        "head=softmax,model.layers=1",
    ),
    "train model.layers=4,2 -m head=bernoulli,softmax": (
        "digits-head,model.layers",
        4,
        "head=softmax,model.layers=4",
    ),
    "train sweep=depth": ("digits-depth", 4, "model.layers=1"),
    "train -m sweep=depth data=patches launcher=basic logger=none": (
        "patches-depth",
        4,
        "model.layers=1",
    ),
    "train sweep=depth model=pixel_cnn seed=3": (
        "digits-depth,model=pixel_cnn,seed=3",
        4,
        "model.layers=1",
    ),
    "train sweep=depth model.layers=7 seed=0,1": ("digits-depth,seed", 2, "model.layers=7,seed=1"),
    "train -m data=digits,patches seed=0": ("data,seed=0", 2, "data=patches"),
    "train -m experiment=paper_training,null": ("experiment", 2, "experiment=paper_training"),
    "train -m seed=choice(0) test=false": ("digits-seed", 1, "seed=0"),
}


@pytest.mark.parametrize("line", NAMED)
def test_the_same_sweep_is_found_again(line):
    """The folder holds what the jobs share, a job's name what varies.

    Faults: a value that varies in the folder's name (more values would train all again); the order of the words counts.
    """
    folder, count, job = NAMED[line]
    sweep = planned(line)
    assert str(sweep.folder) == f"artifacts/sweeps/{folder}"
    assert len(set(sweep.jobs)) == count
    assert job in sweep.jobs


def test_long_and_odd_names_are_cut_and_kept_apart():
    line = "train sweep=seeds data.path=/a/b " + " ".join(f"++trainer.x{i}=1" for i in range(9))
    one, other = planned(line).folder.name, planned(line.replace("/a/b", "/a_b")).folder.name
    assert one != other
    assert one.startswith("digits-seeds,++trainer.x0=1,")
    assert len(one) < 128  # W&B's limit for a group
    assert "/" not in one


def test_something_must_vary():
    with pytest.raises(InputError, match="nothing varies"):
        planned("train -m seed=0")


def test_run_is_the_folder_of_a_sweep():
    assert str(planned("train sweep=seeds run=mine/${data.name}").folder) == "mine/digits"
    with pytest.raises(InputError, match="directory of its own"):
        planned("train -m run=a,b")


@pytest.mark.parametrize(
    "line", ["train", "train seed=1", "evaluate -m run=a,b", "train sweep=depth --cfg job"]
)
def test_what_is_no_sweep(line):
    assert planned(line) is None


@pytest.mark.parametrize("name", sorted(file.stem for file in (CONF / "sweep").glob("*.yaml")))
def test_every_named_sweep_is_planned(name):
    if name == "search":
        pytest.importorskip("optuna")
    sweep = planned(f"train sweep={name}")
    assert str(sweep.folder) == f"artifacts/sweeps/digits-{name}"
    assert (sweep.jobs is None) == (name == "search")
    assert sweep.jobs is None or len(sweep.jobs) > 1


def test_failing_jobs_stop_nothing_and_are_tried_again(pixelrnn, tmp_path, monkeypatch):
    """An impossible value and a loss that is no number, each with its reason; the others are tested and compared.

    Faults: the first failure ends the sweep; exit code 0; a finished run trained twice; an old reason left behind.
    """
    command = ["train", "-m", *small("model.hidden"), "model.hidden=0,2", "optimizer.lr=0.01,1e30"]
    code, out, err = pixelrnn(*command)
    assert code == 1
    folder = next(tmp_path.glob("artifacts/sweeps/*"))
    names = [
        f"model.hidden={hidden},optimizer.lr={lr}" for hidden in (0, 2) for lr in ("0.01", "1e+30")
    ]
    rows = {name: next(line for line in out.splitlines() if f"│ {name} " in line) for name in names}
    good, bad = folder / names[2], folder / names[3]
    assert [row.count("failed: ") for row in rows.values()] == [1, 1, 0, 1]
    assert "hidden must be" in rows[names[0]]
    assert "the loss is" in rows[names[3]]
    test = json.loads((good / "metrics.json").read_text())["bits_per_dim"]
    assert f"{test:.3f} ± " in rows[names[2]]
    assert "1 of 4 finished" in out
    assert "The same command again" in out
    assert err.count("pixelrnn: artifacts/sweeps/") == 3
    assert (good / "samples.png").exists()
    assert (folder / "comparison" / "comparison.md").exists()
    assert not (folder / "multirun.yaml").exists()
    assert not (tmp_path / "artifacts" / "runs").exists()

    kept = (good / "training.json").stat().st_mtime_ns
    (bad / "failure.txt").write_text("an old reason")
    (good / "metrics.json").unlink()
    monkeypatch.setattr("pixelrnn.stages.compare", refuse)
    code, out, _ = pixelrnn(*command)
    assert code == 1
    assert "No comparison: the runs are of different data\n" in out
    assert "the loss is" in (bad / "failure.txt").read_text()
    assert (good / "metrics.json").exists()
    assert (good / "training.json").stat().st_mtime_ns == kept


def refuse(runs, out):
    raise InputError("the runs are of different data")


@pytest.mark.usefixtures("_no_page")
def test_an_error_nobody_foresaw_fails_its_job_and_keeps_its_traceback(
    pixelrnn, tmp_path, monkeypatch
):
    def fails(run, **_):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("pixelrnn.stages.train.train", fails)
    code, out, err = pixelrnn("train", "-m", *tiny.WORDS, "seed=0,1")
    assert code == 1
    assert out.count("failed: RuntimeError: a mistake of ours") == 2
    assert "Traceback" not in out + err
    assert "in fails" in next(tmp_path.glob("artifacts/sweeps/*/seed=1/failure.txt")).read_text()


@pytest.mark.usefixtures("_no_page")
def test_what_failed_and_what_was_cut_off_is_run_again(pixelrnn, tmp_path, monkeypatch):
    """First without the data, then Ctrl-C in the second job, then in peace, then not at all, and without torch."""
    command = ["train", "sweep=seeds", *tiny.WORDS, "seed=0,1,2"]
    command[command.index("trainer.max_epochs=1")] = "trainer.max_epochs=2"
    (tmp_path / "data").rename(tmp_path / "away")
    code, out, _ = pixelrnn(*command)
    assert code == 1
    assert out.count("failed: data/data.json is missing") == 3
    (tmp_path / "away").rename(tmp_path / "data")

    def cut_off(run, trainer, **arguments):
        if run.endswith("seed=1"):
            trainer = interrupted_after(trainer, epochs=1)
        return real(run=run, trainer=trainer, **arguments)

    real = stages.train.train
    monkeypatch.setattr("pixelrnn.stages.train.train", cut_off)
    code, out, _ = pixelrnn(*command)
    assert code == 130
    assert [
        what in out for what in ("interrupted in epoch 2", "not started", "1 of 3 finished")
    ] == [True] * 3
    monkeypatch.setattr("pixelrnn.stages.train.train", real)
    code, out, _ = pixelrnn(*command)
    assert code == 0
    assert out.count("is finished\n") == 1
    assert out.count("continues from its last epoch") == 1
    assert not list(tmp_path.glob("artifacts/sweeps/*/*/failure.txt"))

    script = f"import sys; from pixelrnn import cli; sys.argv = {['pixelrnn', *command]}\ntry: cli.main()\nfinally: "
    script += "assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
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
    run = next(tmp_path.glob("artifacts/sweeps/*/seed=0"))
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("max_epochs: 1", "max_epochs: 7"))
    code, out, _ = pixelrnn(*command)
    assert code == 1
    assert "holds a run of another configuration (trainer.max_epochs: 7 there, 1 here)" in " ".join(
        out.split()
    )
    config.write_text(config.read_text().replace("max_epochs: 7", "max_epochs: 1"))
    tiny.write_data(tmp_path / "data", train=25)
    code, out, _ = pixelrnn(*command)
    assert "is finished\n" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("model=pixel_cnn,row_lsm", "no model=row_lsm: did you mean row_lstm"),
        ("modle.layers=1,2", "no key 'modle'"),
        ("model=pixel_cnn,diagonal_bilstm model.full_context=true", "no key 'model.full_context'"),
        ("sweep=dept", "no sweep=dept: did you mean depth"),
        ("optimizer.lrr=1 seed=0,1", "no key 'optimizer.lrr': did you mean lr"),
    ],
)
def test_what_cannot_be_composed_is_refused_before_any_job(pixelrnn, tmp_path, words, message):
    before = tiny.contents(tmp_path)
    code, _, err = pixelrnn("train", "-m", "data.path=data", *words.split(" "))
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert tiny.contents(tmp_path) == before
    assert not list(tmp_path.glob("artifacts/sweeps/*"))


def test_keys_need_exist_only_in_the_models_that_vary(pixelrnn, monkeypatch):
    """Fault: Hydra composes the command once with the default model, which has no state to be learned."""
    seen = []
    monkeypatch.setattr(
        "pixelrnn.stages.train.train",
        lambda run, config, **_: seen.append(config["model"]["learned_state"]),
    )
    pixelrnn("train", "-m", "data.path=data", "data.shape=[1,4,4]", "data.levels=3", "logger=none", "seed=1",
             "model=row_lstm,diagonal_bilstm", "model.learned_state=false")  # fmt: skip
    assert seen == [False, False]


def test_other_stages_go_on_after_a_failing_job_and_leave_no_folder(pixelrnn, tmp_path):
    pixelrnn("train", *tiny.WORDS, "run=here")
    code, out, err = pixelrnn("evaluate", "-m", "run=nowhere,here")
    assert code == 1
    assert "no run at nowhere" in err
    assert "here: test NLL" in out
    assert {file.name for file in tmp_path.iterdir()} == {"data", "here"}


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
    kill = "+callbacks.kill={_target_:tests.test_sweeps.Kill,file:kill}"
    command = ["train", "-m", *small("model.hidden"), kill]
    assert pixelrnn(*command, "model.hidden=choice(2)")[0] == 0
    (tmp_path / "kill").touch()
    code, out, err = pixelrnn(*command, "model.hidden=2,3,0", "launcher=joblib")
    assert code == 1
    assert "a job was killed" in err
    assert "Traceback" not in err
    assert "│ finished " in next(line for line in out.splitlines() if "│ model.hidden=2 " in line)
    assert "1 of 3 finished" in out
    code, out, err = pixelrnn(*command, "model.hidden=2,3,0", "launcher=joblib")
    assert code == 1
    assert "2 of 3 finished" in out
    assert "failed: hidden must be" in next(
        line for line in out.splitlines() if "│ model.hidden=0 " in line
    )


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

    real = stages.train.train
    monkeypatch.setattr("pixelrnn.stages.train.train", cut_off)
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
        "train",
        "sweep=search",
        *small("model.hidden"),
        "model.hidden=0",
        "hydra.sweeper.n_trials=2",
    )
    assert code == 1
    assert out.count("failed: hidden must be") == 2
    assert "0 of 2 finished" in out


@pytest.mark.parametrize(
    ("words", "plugin"), [("launcher=joblib", "joblib"), ("sweep=search", "optuna")]
)
def test_a_missing_extra_is_one_line(pixelrnn, monkeypatch, words, plugin):
    """Found out while composing. Fault: Hydra's list of where it looked."""
    from hydra.errors import MissingConfigException

    from pixelrnn.usage import explain

    group = "hydra/launcher" if plugin == "joblib" else "hydra/sweeper"
    error = MissingConfigException("many lines", f"{group}/{plugin}", ["basic"])
    assert explain(error).startswith(
        f"{plugin} isn't installed here; in the repository: pip install"
    )
