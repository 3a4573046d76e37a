"""dvc.yaml in a clone of its own, small enough to run whole: what each edit makes it do again, and what falls into git."""

import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
import yaml
from tests.support.clones import attempt, clone_working_tree, commit, run, starting

pytestmark = pytest.mark.slow

SMALL = {
    "conf/trainer/default.yaml": [
        (r"max_epochs: \d+", "max_epochs: 1"),
        ("limit_train_batches: null", "limit_train_batches: 2"),
    ],
    "conf/model/pixel_cnn.yaml": [(r"hidden: \d+", "hidden: 4")],
    "conf/model/row_lstm.yaml": [(r"hidden: \d+", "hidden: 4"), (r"layers: \d+", "layers: 1")],
    "params.yaml": [(r"model: \[.*\]", "model: [pixel_cnn, row_lstm]")],
}
STAGES = ("train", "evaluate", "sample")
LATTICE = "defaults: [npz]\nname: lattice\nshape: [1, 6, 6]\nlevels: 2\n"


def edit(clone, name, *changes):
    text = (clone / name).read_text()
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text)
        assert count, (name, pattern)
    (clone / name).write_text(text)


def dvc(clone, *arguments):
    return run(["dvc", *arguments], clone)


def running(output):
    return set(re.findall(r"Running stage '([^']+)'", output))


def changed(clone):
    """The files that git would have somebody commit."""
    lines = run(["git", "status", "--porcelain", "--untracked-files=all"], clone).splitlines()
    return {line[3:] for line in lines}


def compared(data):
    names = ("comparison.md", "comparison.json", "metrics.json", "curves.csv")
    return {f"artifacts/comparison/{data}/{name}" for name in names}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clone in which the small pipeline has run, and is committed."""
    clone = clone_working_tree(tmp_path_factory.mktemp("made") / "clone")
    for name, changes in SMALL.items():
        edit(clone, name, *changes)
    dvc(clone, "pull", "--quiet", "data.dvc")
    dvc(clone, "repro", "--quiet")
    commit(clone)
    return clone


@pytest.fixture
def clone(made, tmp_path):
    """A copy of it to change."""
    return shutil.copytree(made, tmp_path / "clone", symlinks=True)


def test_the_second_time_nothing_runs_and_forced_nothing_changes(clone):
    """On a like machine. Faults: seconds, ids, revisions or dates in what is kept."""
    assert running(dvc(clone, "repro")) == set()
    ran = running(dvc(clone, "repro", "--force"))
    assert {"train@digits-row_lstm", "compare@digits", "sweep@digits-residual_skip"} <= ran
    assert changed(clone) == set()


def test_an_edit_of_one_model_trains_that_model_only(clone):
    """Fault: make train depend on conf/model instead of on the composed file of its model."""
    edit(clone, "conf/model/pixel_cnn.yaml", ("hidden: 4", "hidden: 6"))
    output = dvc(clone, "repro")
    own = {f"{stage}@digits-pixel_cnn" for stage in STAGES}
    assert running(output) == {
        "compose@digits",
        "compare@digits",
        "sweep@digits-residual_skip",
        *own,
    }
    assert output.count("is finished") == 4  # the ablation is of another model: nothing is trained
    assert "up to date" in dvc(
        clone, "status", "dvc.yaml"
    )  # weights that nobody pulled are no matter
    files = {"conf/model/pixel_cnn.yaml", "dvc.lock", *compared("digits")}
    assert changed(clone) == files


def test_the_loading_of_a_data_set_is_no_reason_to_prepare_it(clone):
    edit(clone, "conf/data/digits.yaml", ("num_workers: 0", "num_workers: 1"))
    assert "prepare@digits" not in running(dvc(clone, "repro", "compose", "prepare"))


def add_lattice(clone):
    """The README's four steps, with arrays that the project has never seen."""
    images = np.random.default_rng(0).integers(0, 2, (60, 6, 6), dtype=np.uint8)
    (clone / "data/lattice").mkdir()
    np.savez(clone / "data/lattice/lattice.npz", x_train=images[:40], x_test=images[40:])
    (clone / "conf/data/lattice.yaml").write_text(LATTICE)
    run(["pixelrnn", "prepare", "data=lattice"], clone, PIXELRNN_CONF="conf")
    dvc(clone, "add", "--quiet", "data/lattice")
    edit(clone, "params.yaml", (r"data: \[digits\]", "data: [digits, lattice]"))


def test_data_of_ones_own_beside_the_embedded(clone, tmp_path):
    """Its stages and no others; in git what belongs there; pushed where the user says; pulled, nothing runs.

    Faults: results of one's own in git, or in the remote inside the repository.
    """
    add_lattice(clone)
    own = {"conf/data/lattice.yaml", "params.yaml", "data/lattice.dvc", "data/.gitignore"}
    assert changed(clone) == own
    ran = running(dvc(clone, "repro"))
    assert {re.sub(r"^\w+@", "", stage).partition("-")[0] for stage in ran} == {"lattice"}
    assert len(ran) == 3 + 2 * 3 + 1
    assert changed(clone) == {*own, "dvc.lock", *compared("lattice")}
    for data in ("digits", "lattice"):
        metrics = json.loads((clone / f"artifacts/comparison/{data}/metrics.json").read_text())
        assert set(metrics[data]) == {"pixel_cnn", "row_lstm"}

    run(
        ["pixelrnn", "train", "data=lattice", "model=pixel_cnn", "test=true"],
        clone,
        PIXELRNN_CONF="conf",
    )
    run(["pixelrnn", "train", "-m", "data=lattice", "seed=1,2"], clone, PIXELRNN_CONF="conf")
    mine = "artifacts/runs/lattice-pixel_cnn"
    for verb in ("score", "complete"):
        run(
            ["pixelrnn", verb, mine, "artifacts/data/lattice/test.npy"], clone, PIXELRNN_CONF="conf"
        )
    assert changed(clone) == {*own, "dvc.lock", *compared("lattice")}

    refused = attempt(["dvc", "push"], clone)
    assert refused.returncode != 0
    assert "remote 'lattice' doesn't exist" in refused.stdout
    embedded = sorted((clone / "store").rglob("*"))
    dvc(clone, "remote", "add", "-d", "lattice", str(tmp_path / "remote"))
    dvc(clone, "push", "data/lattice.dvc", *sorted(ran))
    assert sorted((clone / "store").rglob("*")) == embedded
    dvc(clone, "push")
    commit(clone)

    run(["git", "clone", "--quiet", str(clone), str(tmp_path / "theirs")], tmp_path)
    theirs = tmp_path / "theirs"
    shutil.copytree(clone / "store", theirs / "store", dirs_exist_ok=True)  # of the digits' results
    dvc(theirs, "pull", "--quiet")
    assert running(dvc(theirs, "repro")) == set()
    assert changed(theirs) == set()


def test_a_model_that_left_the_list(clone):
    """Fault: its old run stays in the comparison."""
    edit(clone, "params.yaml", (r"model: \[.*\]", "model: [pixel_cnn]"))
    output = dvc(clone, "repro")
    assert running(output) == {"compare@digits"}
    assert "left aside" in output
    metrics = json.loads((clone / "artifacts/comparison/digits/metrics.json").read_text())
    assert set(metrics["digits"]) == {"pixel_cnn"}


def test_an_ablation_goes_on_after_an_interruption_and_follows_edits(clone):
    """Faults: an error for a legitimate edit; finished jobs trained again; stale ones kept."""
    edit(clone, "conf/model/row_lstm.yaml", ("hidden: 4", "hidden: 6"))
    command = ["dvc", "repro", "sweep@digits-residual_skip"]
    with starting(command, clone) as process:
        for line in process.stdout:
            if line.startswith("2 of 4 jobs finished"):
                os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
                break
        rest = process.stdout.read()
    assert process.returncode != 0, rest
    output = dvc(clone, *command[1:])
    assert 2 <= output.count("is finished") < 4, output
    assert "4 of 4 finished" in output
    for file in (clone / "artifacts/sweeps/digits/residual_skip").glob("*/config.yaml"):
        assert yaml.safe_load(file.read_text())["model"]["hidden"] == 6


def test_an_ablation_follows_the_code(clone):
    file = clone / "src/pixelrnn/training/nll.py"
    file.write_text(file.read_text() + "\n# another version\n")
    output = dvc(clone, "repro", "sweep@digits-residual_skip")
    assert "is finished" not in output
    assert "4 of 4 finished" in output


def test_metrics_and_plots_are_declared(clone):
    shown = dvc(clone, "metrics", "show")
    assert re.search(r"digits.pixel_cnn +digits.row_lstm", shown)
    points = json.loads(dvc(clone, "plots", "show", "--json"))
    text = json.dumps(points)
    assert "artifacts/comparison/digits/curves.csv" in text
    edit(clone, "conf/model/pixel_cnn.yaml", ("hidden: 4", "hidden: 6"))
    dvc(clone, "repro", "--quiet", "compare@digits")
    assert "digits.pixel_cnn" in dvc(clone, "metrics", "diff")


def test_experiments_choose_data_and_models(clone):
    """Fault: an experiment in a copy of the repository that takes the workspace's configuration."""
    run(["git", "config", "user.name", "t"], clone)
    run(["git", "config", "user.email", "t@t"], clone)
    dvc(clone, "exp", "run", "-S", "data=[digits]", "-S", "model=[row_lstm]", "-S", "sweep=[]",
        "-S", "conf/model/row_lstm.yaml:hidden=6", "--name", "six", "--temp")  # fmt: skip
    shown = dvc(clone, "exp", "show", "--csv", "--drop", r".*/.*|Created|State|Executor")
    header, *rows = shown.splitlines()
    assert "digits.row_lstm" in header
    assert any(line.startswith(",six") or "six" in line for line in rows)
    assert re.search(r"digits.row_lstm", dvc(clone, "exp", "diff", "HEAD", "six"))
    assert changed(clone) == set()


def test_an_archive_of_the_repository_needs_no_git(tmp_path):
    """Fault: `make demo` without `core.no_scm`, and quiet, ends with 255 and not a word where there is no .git."""
    archive = clone_working_tree(tmp_path)
    shutil.rmtree(archive / ".git")
    run(["make", "--old-file=.venv/installed", "embedded-data"], archive)
    assert (archive / "data/digits/digits.npz").exists()
    assert "Running stage 'prepare@digits" in run(["dvc", "repro", "prepare@digits"], archive)
