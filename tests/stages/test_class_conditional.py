"""A class-conditional run from data to comparison: each verb, by the command, on tiny images of three classes."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tests.support import tiny

from pixelrnn.data import write_arrays
from pixelrnn.files import md5
from pixelrnn.results.classes import bayes, by_class, calibration_error, class_figures
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.stages.sample import sample
from pixelrnn.training.run import Run

CLASSES = 3
WORDS = ["data=digits", "model=class_conditional", f"model.classes={CLASSES}", "logger=none"]
WORDS += ["data.path=labeled", "data.shape=[1,4,4]", "data.levels=3", "data.batch_size=4"]
WORDS += [f"model.inner.{key}=2" for key in ("hidden", "output_hidden")]
WORDS += ["model.inner.layers=1", "trainer.max_epochs=2", "trainer.accelerator=cpu"]


def write_labeled(path, train=24, val=9, test=12):
    """Stripes, of which the first is the label."""
    stripes, splits = np.add.outer(np.arange(4), np.arange(4)), {}
    for split, n in {"train": train, "val": val, "test": test}.items():
        labels = np.arange(n) % CLASSES
        splits[split] = ((stripes + labels[:, None, None]) % 3)[:, None].astype(np.uint8)
        splits[f"{split}_labels"] = labels
    write_arrays(path, "stripes", (1, 4, 4), 3, splits)
    return path


@pytest.fixture
def trained(pixelrnn, tmp_path):
    write_labeled(tmp_path / "labeled")
    code, _, errors = pixelrnn("train", *WORDS, "run=run", "test=true")
    assert code == 0, errors
    return tmp_path / "run"


@pytest.mark.slow
def test_from_training_to_comparison(pixelrnn, trained, capsys):
    """Each verb once, and what it leaves."""
    model = Run.load("run").model
    assert model.counts.tolist() == [8, 8, 8]

    metrics = json.loads((trained / "metrics.json").read_text())["test"]
    images, labels = (np.load(f"labeled/test{name}.npy") for name in ("", "_labels"))
    x, y = torch.from_numpy(images).long(), torch.from_numpy(labels.astype(np.int64))
    with torch.no_grad():
        alone, given = model.log_prob(x).numpy(), model.given(y).log_prob(x).numpy()
        log_p = model.classify(x)
    np.testing.assert_allclose(np.load(trained / "test_nll.npy"), -alone, rtol=1e-5)
    assert metrics["nll_nats"] == pytest.approx(-alone.mean(), rel=1e-5)
    assert metrics["classes"]["given_nll_nats"] == pytest.approx(-given.mean(), rel=1e-5)
    right = (log_p.argmax(1) == y).double().mean().item()
    assert metrics["classes"]["accuracy"] == pytest.approx(right)
    nats = -log_p.gather(1, y[:, None]).mean().item()
    assert metrics["classes"]["posterior_nll_nats"] == pytest.approx(nats, rel=1e-4)
    assert metrics["bound"] == "exact"
    assert metrics["audit"]["verdict"] == "causal"
    assert "test_class_nll.npy" in metrics["md5"]

    # what training looks at is of image and label together, a bound on the NLL of the image
    history = pd.read_csv(trained / "history.csv")
    val, val_labels = (np.load(f"labeled/val{name}.npy") for name in ("", "_labels"))
    val, val_labels = torch.from_numpy(val).long(), torch.from_numpy(val_labels.astype(np.int64))
    with torch.no_grad():
        joint = -model.log_prob(val, val_labels).mean().item()
        assert joint > -model.log_prob(val).mean().item()
    assert history["val/nll_nats"].min() == pytest.approx(joint, rel=1e-5)
    assert history["images"].iloc[-1] == 48

    for words, shape in [
        (["class=2", "images=5"], (5, 1, 4, 4)),
        (["class=all", "columns=4"], (12, 1, 4, 4)),
        (["images=6"], (6, 1, 4, 4)),
    ]:
        assert pixelrnn("sample", "run", *words, "out=drawn", "completions=2")[0] == 0
        assert np.load("drawn/samples.npy").shape == shape
        about = json.loads((trained.parent / "drawn/sampling.json").read_text())
        assert about.get("class") == (yaml.safe_load(words[0].partition("class=")[2]))
    row = sample("run", class_="all", columns=4, out="a")[:4]
    assert (row == sample("run", class_=0, images=4, out="b")).all()

    assert pixelrnn("score", "run", "labeled/test.npy", "maps=false", "out=free")[0] == 0
    assert pixelrnn("score", "run", "labeled/test.npy", "maps=false", "out=one", "class=1")[0] == 0
    free, one = (pd.read_csv(f"{name}/scores.csv") for name in ("free", "one"))
    assert free["class"].tolist() == log_p.argmax(1).tolist()
    np.testing.assert_allclose(free["class_p"], log_p.exp().max(1).values, atol=1e-4)
    np.testing.assert_allclose(free["nll_nats"], -alone, atol=1e-3)
    with torch.no_grad():
        of_one = -model.given(1).log_prob(x).numpy()
    np.testing.assert_allclose(one["nll_nats"], of_one, atol=1e-3)
    assert "class" not in one

    for words in ([], ["class=1"]):
        assert pixelrnn("complete", "run", "labeled/val.npy", "rows=2", *words)[0] == 0
        completed = np.load("run/completed/completions.npy")
        assert (completed[:, 1:, :, :2] == completed[:, :1, :, :2]).all()

    assert pixelrnn("compress", "run", "labeled/test.npy", "out=a.prnn")[0] == 0
    assert pixelrnn("decompress", "a.prnn", "out=again", "run=run")[0] == 0
    assert md5(trained.parent / "again/test.npy") == md5(trained.parent / "labeled/test.npy")

    words = [word for word in tiny.WORDS if not word.startswith("data.path")]
    assert pixelrnn("train", *words, "data.path=labeled", "run=plain", "test=true")[0] == 0
    assert pixelrnn("compare", "run", "plain", "out=side")[0] == 0
    text = (trained.parent / "side/comparison.md").read_text()
    assert "trained with labels: run. The figures are of the images alone" in text
    assert "## NLL by class, nats\n\n| run | 0 | 1 | 2 |" in text
    (comparison,) = json.loads((trained.parent / "side/comparison.json").read_text())["comparisons"]
    expected = [np.mean(-alone[labels == label]) for label in range(3)]
    np.testing.assert_allclose(comparison["classes"]["run"], expected, rtol=1e-5)
    assert comparison["classes"].keys() == {"run", "plain"}


@pytest.mark.slow
def test_what_cannot_be_asked_is_one_line(pixelrnn, trained):
    for words, says in {
        "sample run class=3": "class 3 is none of the model's, which are 0 to 2",
        "sample run class=cat": "class=cat must be a whole number, or all",
        "sample run class=1.5": "class=1.5 must be a whole number or text or null",
        "score run labeled/val.npy class=1 unusual=true": "class=1: how unusual",
        "complete run labeled/val.npy class=all": "class=all must be a whole number or null",
        f"train {' '.join(WORDS)} model.classes=4 run=other": "labeled has 3 classes, the model 4",
        f"train {' '.join(WORDS)} data.path=data run=other": "data has no labels: take data that",
    }.items():
        code, _, errors = pixelrnn(*words.split())
        assert code == 2
        assert says in errors
        assert len(errors.splitlines()) == 1
    assert not (trained.parent / "other").exists()


@pytest.mark.slow
def test_other_labels_are_other_data(pixelrnn, trained):
    """Fault: a finished run that takes the same images with other labels for its own."""
    assert "labels_md5" in json.loads((trained.parent / "labeled/data.json").read_text())
    recorded = RunDirectory(trained).read_data_md5()
    assert {"train.npy", "train_labels.npy"} <= recorded.keys()
    assert pixelrnn("train", *WORDS, "run=run")[0] == 0
    splits = {name: np.load(f"labeled/{name}.npy") for name in ("train", "val", "test")}
    splits |= {f"{name}_labels": (np.arange(len(x)) + 1) % 3 for name, x in splits.items()}
    write_arrays(trained.parent / "labeled", "stripes", (1, 4, 4), 3, splits)
    code, _, errors = pixelrnn("train", *WORDS, "run=run")
    assert code == 2
    assert "holds a run on other data (train_labels.npy, val_labels.npy, test_labels.npy" in errors


@pytest.mark.parametrize("class_", [0, "all"])
def test_a_run_without_classes_is_told(pixelrnn, tmp_path, class_):
    assert pixelrnn("train", *tiny.WORDS, "run=plain")[0] == 0
    code, _, errors = pixelrnn("sample", "plain", f"class={class_}")
    assert code == 2
    assert f"class={class_}: the model knows no classes: train one by model=class_" in errors


# Figures, by hand


def test_bayes_and_its_figures():
    """Two classes, four images. Faults: frequencies left out; the NLL of another class."""
    p = np.array([[0.9, 0.1], [0.2, 0.6], [0.5, 0.5], [0.1, 0.4]])  # p(x | y)
    frequency = np.array([0.75, 0.25])
    labels = np.array([0, 1, 1, 0])
    joint = p * frequency
    posterior = joint / joint.sum(1, keepdims=True)
    np.testing.assert_allclose(np.exp(bayes(-np.log(p), np.log(frequency))), posterior)
    figures = class_figures(-np.log(p), np.log(frequency), labels)
    assert figures["given_nll_nats"] == pytest.approx(-np.log([0.9, 0.6, 0.5, 0.1]).mean())
    assert figures["accuracy"] == 0.25 * (posterior.argmax(1) == labels).sum()
    assert figures["posterior_nll_nats"] == pytest.approx(
        -np.log(posterior[range(4), labels]).mean()
    )


def test_calibration_by_hand():
    """Ten answers of 0.7, of which seven are right, and of 0.9, of which five are: 0.4 of a half."""
    sure = np.repeat([0.7, 0.9], 10)
    log_p = np.log(np.stack([sure, 1 - sure], 1))
    labels = np.repeat([0, 1, 0, 1], [7, 3, 5, 5])
    assert calibration_error(log_p, labels) == pytest.approx(0.2)
    assert (
        calibration_error(np.array([[0.0, -math.inf]]), np.array([0])) == 0
    )  # p = 1: the last bin


def test_means_by_class():
    means = by_class(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 2]))
    assert means[0] == 1
    assert math.isnan(means[1])
    assert means[2] == 3
