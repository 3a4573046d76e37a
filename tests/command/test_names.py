"""Names that need no quoting anywhere, and differ where what they stand for does."""

import re

import pytest

from pixelrnn.command.names import job_name, run_name, sweep_folder, varied_keys
from pixelrnn.runs.group import LONGEST, plain

ODD = [
    "a b",
    "a,b",
    "a=b",
    "a/b",
    "é",
    "日本",
    "a" * 300,
    "é" * 300,
    "..",
    ".",
    "-m",
    "",
    "a'b",
    "${x}",
]
DEPTH = {"model.layers": "1,2,3,6"}


@pytest.mark.parametrize("text", [*ODD, "digits-row_lstm", "model.layers-1_optimizer.lr-0.001"])
def test_one_component_of_a_path_without_anything_to_quote(text):
    name = plain(text)
    assert re.fullmatch(r"[A-Za-z0-9_.-]*", name)
    assert len(name.encode()) <= LONGEST
    assert name not in (".", "..")
    assert not name.startswith("-")


def test_a_name_that_is_plain_is_kept_and_others_are_kept_apart():
    """Fault: `a b` and `a,b` in one directory, or two long names that begin alike."""
    assert plain("digits-depth_seed-3") == "digits-depth_seed-3"
    names = [plain(text) for text in [*ODD, "a-b", "a" * 301]]
    assert len(set(names)) == len(names)


def test_names_of_runs():
    assert run_name("digits", "row_lstm", {}) == "digits-row_lstm"
    assert run_name("digits", "row_lstm", {"recipe": "paper"}) == "digits-row_lstm-paper"
    chosen = {"experiment": "cifar10_row_lstm", "recipe": "modern"}
    assert run_name("cifar10", "row_lstm", chosen) == "cifar10_row_lstm-modern"


FOLDERS = {
    ("", "head=softmax,bernoulli model.layers=1,2"): "digits_head_model.layers",
    ("", "model.layers=4,2 head=bernoulli,softmax"): "digits_head_model.layers",
    ("depth", ""): "digits-depth",
    ("depth", "logger=none data=digits test=false trainer.devices=2"): "digits-depth",
    ("depth", "logger.wandb.project=a data.num_workers=2"): "digits-depth",
    ("depth", "model=pixel_cnn seed=3"): "digits-depth_model-pixel_cnn_seed-3",
    ("depth", "seed=3 model=pixel_cnn"): "digits-depth_model-pixel_cnn_seed-3",
    ("depth", "model.layers=7 seed=0,1"): "digits-depth_seed_model.layers-7",
    ("depth", "model.layers=7,8"): "digits-depth_model.layers",
    ("depth", "++x=1 ~callbacks.summary"): "digits-depth_no-callbacks.summary_x-1",
    ("", "data=digits,patches seed=0"): "data_seed-0",
    ("", "experiment=a,b"): "experiment",
    ("", "seed=0,1 run=mine/a"): None,
}


@pytest.mark.parametrize(("sweep", "line"), FOLDERS)
def test_the_same_sweep_is_found_again(sweep, line):
    """The folder holds what the jobs share.

    Faults: a value that varies in its name (more values would train all again); the order of the words counts.
    """
    name = FOLDERS[sweep, line]
    folder = sweep_folder("digits", sweep or None, line.split(), DEPTH if sweep else {})
    assert folder == (f"artifacts/sweeps/{name}" if name else "mine/a")


def test_a_long_name_is_cut_and_kept_apart():
    words = [f"++trainer.x{i}=1" for i in range(20)]
    one, other = (
        sweep_folder("digits", "seeds", [*words, f"data.path={path}"], {}).rpartition("/")[2]
        for path in ("/a/b", "/a_b")
    )
    assert one != other
    assert one.startswith("digits-seeds_")
    assert len(one) == LONGEST


def test_what_varies():
    assert varied_keys(["seed=0,1", "head=softmax"], DEPTH) == ["model.layers", "seed"]
    assert varied_keys(["model.layers=7", "x=range(1,3)"], DEPTH) == ["x"]
    assert varied_keys(["model.layers=[1,2]"], {}) == []


@pytest.mark.parametrize(
    ("line", "varied", "name"),
    [
        ("seed=1 model.layers=2 head=softmax", ["model.layers", "seed"], "model.layers-2_seed-1"),
        ("optimizer.lr=0.01", ["optimizer.lr"], "optimizer.lr-0.01"),
        ("optimizer.lr=1e+30", ["optimizer.lr"], "optimizer.lr-1e30"),
        ("++model.skip=false", ["model.skip"], "model.skip-false"),
        ("model@model.small=row_lstm", ["model.small"], "model.small-row_lstm"),
    ],
)
def test_names_of_jobs(line, varied, name):
    assert job_name(line.split(), varied) == name


def test_jobs_with_odd_values_differ():
    names = {
        job_name([f"data.shape={shape}"], ["data.shape"]) for shape in ("[1,8]", "[18]", "[1.8]")
    }
    assert len(names) == 3
