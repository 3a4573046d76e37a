"""What the README and docs/ tell a reader to type: every Python block and every command is run."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.support import strangers, tiny
from tests.support.clones import ROOT, attempt, clone_working_tree, commit, run
from tests.support.documents import DOCUMENTS, blocks, commands

from pixelrnn.data import write_arrays
from pixelrnn.stages.evaluate import evaluate

SHAPE, LEVELS = (1, 8, 8), 17  # the digits'
PYTHON = [document for document in DOCUMENTS if blocks(document, "python")]


def test_there_is_something_to_run():
    """Fault: a pattern that finds no block, so that the tests below run nothing."""
    assert ROOT / "README.md" in PYTHON
    assert any("pixelrnn train" in command for command in commands(ROOT / "README.md"))


@pytest.fixture
def digits(tmp_path):
    """A few images of the digits' size where `pixelrnn prepare data=digits` puts them."""
    draw = np.random.default_rng(0).integers
    splits = {
        split: draw(LEVELS, size=(n, *SHAPE), dtype=np.uint8)
        for split, n in {"train": 8, "val": 4, "test": 6}.items()
    }
    folder = tmp_path / "artifacts/data/digits"
    folder.parent.mkdir(parents=True)
    write_arrays(folder, "digits", SHAPE, LEVELS, splits)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("document", PYTHON, ids=lambda path: path.stem)
def test_python_blocks_run(document, digits, pixelrnn, monkeypatch):
    """In order and in one namespace.

    The runs that they name are there: tiny ones, evaluated, of one epoch.

    Faults: a name that the package no longer has; a column that a frame has not; a block that needs
    the one below it.
    """
    monkeypatch.setenv("MPLBACKEND", "agg")
    code = blocks(document, "python")
    named = re.findall(r"artifacts/runs/[\w.-]+(?:/[\w.-]+)?", "".join(text for _, text in code))
    for name in {*named, "artifacts/runs/digits-another"}:
        trained, _, errors = pixelrnn(
            "train", "model=row_lstm", f"run={name}", *sizes(f"data.path={digits}")
        )
        assert trained == 0, errors
        evaluate(name)
    names = {}
    for above, text in code:  # a traceback names the document and its line
        exec(compile("\n" * above + text, str(document), "exec"), names)


def sizes(*replaced):
    """The words that make a training tiny, for images of the digits' size."""
    words = [word for word in tiny.WORDS if not word.startswith("data.")]
    return [*words, "data.batch_size=4", *replaced]


# Commands that aren't run here: how they begin, and why.
NOT_RUN = {
    "make ": "sets up an environment from a package index; what it calls is run by other tests and by .ci/run",
    "python3 -m venv": "the tests' environment is used",
    "pip install": "needs a package index",
    "pixelrnn train sweep=variants hydra/launcher=slurm": "needs Slurm; tests/slurm runs it",
    "wandb leet": "a program on the whole terminal, until a key is pressed",
    "wandb sync": "needs an account",
    "dvc exp diff <one>": "the names stand for those that `dvc exp show` prints",
}


def reason(command):
    return next((why for start, why in NOT_RUN.items() if command.startswith(start)), None)


def test_what_is_not_run_is_there():
    """Fault: a command that left the documents stays in the list, where it may hide another one."""
    typed = [command for document in DOCUMENTS for command in commands(document)]
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in typed), start


@pytest.fixture(scope="module")
def newcomers(tmp_path_factory):
    """A clone as a newcomer has it, nothing pulled, but with a short training and a network to audit."""
    clone = clone_working_tree(tmp_path_factory.mktemp("newcomer"))
    shorten(clone)
    (clone / "mypackage").mkdir()
    source = Path(strangers.__file__).read_text()
    source += "\n\ndef build():\n    return pixel_cnn(colors=3)\n"
    (clone / "mypackage/mymodel.py").write_text(source)
    commit(clone)
    yield clone
    if (clone / ".dvc/tmp/exps").exists():
        attempt(["dvc", "queue", "stop", "--kill"], clone)


# A training has an epoch of two batches, and a search two trials. Sizes stay as they are.
SHORT = {"max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 2, "n_trials": 2}


def shorten(clone):
    """Write SHORT wherever the configuration sets one of its keys."""
    for file in (clone / "conf").rglob("*.yaml"):
        text = file.read_text()
        for key, value in SHORT.items():
            text = re.sub(rf"(?m)^( *{key}): .*$", rf"\1: {value}", text)
        file.write_text(text)
    trainer = yaml.safe_load((clone / "conf/trainer/default.yaml").read_text())
    assert trainer["max_epochs"] == 1
    assert trainer["limit_train_batches"] == 2


@pytest.mark.slow
def test_commands_run_in_a_clean_clone(newcomers):
    """In the order of the README, then of the other documents; none deletes a file that git tracks.

    Fault, a circle for a newcomer: git holds the figures of the committed runs but not their
    weights, so that `train` says "finished", `evaluate` "weights are missing", and `compare` shows
    those figures as the user's own.
    """
    failed = []
    typed = [command for document in DOCUMENTS for command in commands(document)]
    for command in (command for command in typed if not reason(command)):
        there = tracked(newcomers)
        done = attempt(["bash", "-euo", "pipefail", "-c", command], newcomers)
        deleted = there - tracked(newcomers)
        if done.returncode or deleted or "nothing to train" in done.stdout:
            failed.append(f"$ {command}\n{done.stdout}exit code {done.returncode}")
            failed.extend(f"deleted: {name}" for name in sorted(deleted))
    assert not failed, "\n".join(failed)


def tracked(clone):
    """The files that git tracks and that are there."""
    names = run(["git", "ls-files"], clone).splitlines()
    return {name for name in names if (clone / name).exists()}
