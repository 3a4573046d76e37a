import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.support import runs, tiny

from pixelrnn.errors import InputError
from pixelrnn.models import AutoregressiveModel
from pixelrnn.results.comparison import compare_runs
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.lock import locked
from pixelrnn.runs.same_images import same_images
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.stages.sample import sample
from pixelrnn.training.run import Run


@pytest.fixture
def run(tmp_path):
    """A run with weights, as if trained."""
    run = Run.claim(tmp_path / "run", tiny.config(tiny.write_data(tmp_path / "data")))
    run.finish(tiny.pushed_model(seed=2).state_dict(), {})
    return run


def test_evaluate_scores_every_image_once(run):
    """Fault: the last, uneven batch dropped, or batch means."""
    images = torch.from_numpy(np.load(run.config["data"]["path"] + "/test.npy").astype(np.int64))
    with torch.no_grad():
        nats = -tiny.pushed_model(seed=2).log_prob(images).double().numpy()
    metrics = evaluate(run.path)
    kept = np.load(run.path / "test_nll.npy")
    assert kept.dtype == np.float64
    np.testing.assert_allclose(kept, nats, rtol=1e-6)
    assert {"test": metrics} == json.loads((run.path / "metrics.json").read_text())
    assert (metrics["images"], metrics["bound"]) == (5, "exact")
    assert metrics["nll_nats"] == pytest.approx(nats.mean(), rel=1e-6)
    assert metrics["nll_nats_se"] == pytest.approx(nats.std(ddof=1) / math.sqrt(5), rel=1e-5)
    assert metrics["bits_per_dim"] == pytest.approx(nats.mean() / 16 / math.log(2), rel=1e-6)
    assert metrics["bits_per_dim_se"] == pytest.approx(metrics["nll_nats_se"] / 16 / math.log(2))
    per_pixel = np.load(run.path / "test_nll_map.npy")
    assert per_pixel.dtype == np.float16
    with torch.no_grad():
        np.testing.assert_allclose(
            per_pixel, -tiny.pushed_model(seed=2).log_prob_map(images), rtol=1e-3
        )
    np.testing.assert_allclose(per_pixel.astype(float).sum((1, 2)), kept, rtol=1e-3)


def test_evaluate_names_the_images_it_scored(run):
    """Their md5 as `prepare` recorded it; data that carries none has none."""
    folder = Path(run.config["data"]["path"])
    assert (
        evaluate(run.path)["data_md5"]
        == hashlib.md5((folder / "test.npy").read_bytes()).hexdigest()
    )
    assert (
        evaluate(run.path, split="val")["data_md5"]
        == hashlib.md5((folder / "val.npy").read_bytes()).hexdigest()
    )
    about = json.loads((folder / "data.json").read_text())
    (folder / "data.json").write_text(
        json.dumps({key: about[key] for key in about if key != "md5"})
    )
    assert evaluate(run.path)["data_md5"] is None


def test_evaluate_computes_the_network_once(run, monkeypatch):
    """Fault: one pass for the images' nats, another for the pixels'."""
    forward, seen = AutoregressiveModel.forward, []
    monkeypatch.setattr(
        AutoregressiveModel,
        "forward",
        lambda self, x, *rest: seen.append(len(x)) or forward(self, x, *rest),
    )
    evaluate(run.path, batch_size=2)
    assert seen == [2, 2, 1]


def test_no_number_is_no_result(run):
    """Fault: NaN written to metrics.json, or a map left half-written."""
    evaluate(run.path)
    before = tiny.contents(run.path)
    state = tiny.model().state_dict()
    next(iter(state.values()))[0] = torch.nan
    run.finish(state, {})
    with pytest.raises(InputError, match="no finite likelihood"):
        evaluate(run.path)
    after = tiny.contents(run.path)
    changed = {file.name for file in after if after[file] != before.get(file)}
    assert changed == {"weights.safetensors", "training.json", "origin.json", "timing.json"}


def test_evaluate_does_not_depend_on_the_batches(run):
    assert evaluate(run.path, batch_size=3)["nll_nats"] == pytest.approx(
        evaluate(run.path)["nll_nats"], rel=1e-6
    )


def test_another_split_stands_beside_the_first(run):
    """Fault: the figures of the test images overwritten by those of the validation images."""
    run.finish(tiny.pushed_model(seed=2).state_dict(), runs.TRAINING)
    test = evaluate(run.path)
    assert evaluate(run.path, split="val")["images"] == 7
    assert (run.path / "val_nll.npy").exists()
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert metrics["test"] == test
    assert set(metrics) == {"test", "val"}
    (row,) = load_runs(run.path).to_dict("records")
    assert (row["split"], row["images"]) == ("test", 5)


def test_figures_of_other_weights_are_not_the_runs(run):
    """Fault: trained again, a run shows what was measured before."""
    run.finish(tiny.pushed_model(seed=2).state_dict(), runs.TRAINING)
    evaluate(run.path)
    assert load_runs(run.path)["status"].tolist() == ["finished"]
    run.finish(tiny.pushed_model(seed=3).state_dict(), runs.TRAINING)
    frame = load_runs(run.path)
    assert frame["status"].tolist() == ["not evaluated"]
    assert frame["bits_per_dim"].isna().all()


@pytest.mark.parametrize(("clamp", "bound"), [(False, "upper"), (True, "exact")])
def test_bound_is_labeled(run, tmp_path, clamp, bound, capsys):
    part = {"_target_": "pixelrnn.models.pixel_cnn", "_partial_": True} | {
        key: value for key, value in run.config["model"].items() if key not in ("_target_", "shape")
    }
    model = {
        "_target_": "pixelrnn.models.multi_scale",
        "shape": [1, 4, 4],
        "clamp": clamp,
        "small": part,
        "large": part,
    }
    other = Run.claim(tmp_path / "other", run.config | {"model": model})
    other.finish(other.build_model().state_dict(), {})
    assert evaluate(other.path)["bound"] == bound
    assert ("≤" in capsys.readouterr().out) == (bound == "upper")


def test_sample_writes_picture_levels_and_time(run):
    drawn = sample(run.path, images=10, seed=3, columns=5)
    assert drawn.shape == (10, *tiny.SHAPE)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(np.load(run.path / "samples.npy"), drawn)
    assert Image.open(run.path / "samples.png").size == (5 * 68 + 4, 2 * 68 + 4)
    told = json.loads((run.path / "sampling.json").read_text())
    assert (told["images"], told["seed"]) == (10, 3)
    assert 0 < run.files.read("timing.json")["sample_seconds"] < 60


def test_sample_completes_test_images(run):
    """Their upper half given; all of five, and always the same."""
    sample(run.path, images=1, completions=3)
    completed = np.load(run.path / "completions.npy")
    tests = np.load(run.config["data"]["path"] + "/test.npy")
    assert completed.shape == (5, 1 + 3, *tiny.SHAPE)
    assert completed.dtype == np.uint8
    assert (completed[:, 0] == tests).all()
    assert (completed[..., :2, :] == tests[:, None, :, :2]).all()
    assert (completed[:, 1:, :, 2:] != tests[:, None, :, 2:]).any()
    assert Image.open(run.path / "completions.png").size == (4 * 68 + 8, 5 * 68 + 4)
    sample(run.path, images=9, completions=3)
    assert (np.load(run.path / "completions.npy") == completed).all()


def test_at_most_eight_are_completed(run, tmp_path):
    """Spread over the split, which may be sorted: the first eight of binarised MNIST are zeros."""
    tiny.write_data(tmp_path / "more", test=15)
    other = Run.claim(tmp_path / "other", tiny.config(tmp_path / "more"))
    other.finish(tiny.model().state_dict(), {})
    sample(other.path, images=1, completions=1)
    completed = np.load(other.path / "completions.npy")
    assert completed.shape == (8, 2, *tiny.SHAPE)
    assert (completed[:, 0] == np.load(tmp_path / "more" / "test.npy")[::2]).all()


@pytest.mark.parametrize("options", [{"completions": 0}, {}])
def test_samples_need_no_data(run, options, capsys):
    """A run directory alone can be sampled from.

    Fault: the completions deleted, which can't be made again then.
    """
    sample(run.path, images=1)
    before = (run.path / "completions.npy").read_bytes()
    if not options:
        shutil.rmtree(run.config["data"]["path"])
    sample(run.path, images=3, **options)
    assert np.load(run.path / "samples.npy").shape == (3, *tiny.SHAPE)
    assert (run.path / "completions.npy").read_bytes() == before
    assert ("no completions of test images: " in capsys.readouterr().out) == (not options)


def test_sample_elsewhere_leaves_the_run_alone(run, tmp_path):
    before = tiny.contents(run.path)
    drawn = sample(
        run.path, images=3, temperature=0, side=8, columns=3, out=tmp_path / "new" / "out"
    )
    assert tiny.contents(run.path) == before
    assert sorted(file.name for file in (tmp_path / "new" / "out").iterdir()) == [
        "completions.npy", "completions.png", "samples.npy", "samples.png", "sampling.json"
    ]  # fmt: skip
    assert (drawn == drawn[0]).all()
    assert json.loads((tmp_path / "new" / "out" / "sampling.json").read_text())["temperature"] == 0
    assert Image.open(tmp_path / "new" / "out" / "samples.png").size == (3 * 12 + 4, 16)


def test_same_seed_same_samples(run):
    assert (sample(run.path, seed=1) == sample(run.path, seed=1)).all()
    assert (sample(run.path, seed=1) != sample(run.path, seed=2)).any()


@pytest.mark.parametrize("stage", [evaluate, sample])
def test_run_without_weights(run, stage):
    (run.path / "weights.safetensors").unlink()
    before = tiny.contents(run.path)
    with pytest.raises(InputError, match=r"weights\.safetensors is missing"):
        stage(run.path)
    assert tiny.contents(run.path) == before


@pytest.mark.parametrize(
    "call",
    [
        lambda run: evaluate(run, split="nope"),
        lambda run: evaluate(run, batch_size=0),
        lambda run: evaluate(run, device="gpuu"),
        lambda run: sample(run, images=0),
        lambda run: sample(run, columns=0),
        lambda run: sample(run, images="many"),
        lambda run: sample(run, temperature=-1),
        lambda run: sample(run, temperature="hot"),
        lambda run: sample(run, seed=-1),
        lambda run: sample(run, completions=-1),
        lambda run: sample(run, batch_size=0),
        lambda run: sample(run, out=run / "config.yaml"),
        lambda run: sample(run / "nope"),
    ],
)
def test_wrong_arguments(run, call):
    before = tiny.contents(run.path)
    with pytest.raises(InputError):
        call(run.path)
    assert tiny.contents(run.path) == before


@pytest.mark.parametrize("name", ["test_nll.npy", "test_nll_map.npy", "history.csv"])
def test_a_flipped_bit_of_a_result_is_a_note(tmp_path, name):
    """Of what is compared; the smallest of a number. Fault: only the shape and the mean are looked at."""
    run = tiny.fit(tmp_path / "run", tiny.write_data(tmp_path / "stripes"), epochs=1, test=True)
    assert compare_notes(run.path) == ""
    content = bytearray((run.path / name).read_bytes())
    content[content.rfind(b"7") if name == "history.csv" else 136] ^= 1
    (run.path / name).write_bytes(content)
    assert f"{name} is not as" in compare_notes(run.path)


def compare_notes(folder):
    frame = load_runs(folder)
    rows = compare_runs(frame, same_images(frame)).rows
    return next(row.note for row in rows if row.kind == "run") or ""


@pytest.mark.slow
def test_two_evaluations_at_once_do_not_mix(tmp_path):
    """The second is told of the first. Fault: figures of one beside the arrays of another."""
    run = tiny.fit(tmp_path / "run", tiny.write_data(tmp_path / "stripes"), epochs=1)
    with locked(run.path):
        command = [sys.executable, "-m", "pixelrnn", "evaluate", str(run.path)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"is being written to by process {os.getpid()} on" in done.stderr
    assert not run.files.has("metrics.json")
