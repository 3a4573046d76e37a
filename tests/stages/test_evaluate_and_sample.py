import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from tests import tiny

from pixelrnn.errors import InputError
from pixelrnn.stages import evaluate, sample
from pixelrnn.training.run import Run


@pytest.fixture
def run(tmp_path):
    """A run with weights, as if trained."""
    run = Run.create(tmp_path / "run", tiny.config(tiny.write_data(tmp_path / "data")))
    run.save_weights(tiny.model(seed=2).state_dict())
    return run


def test_evaluate_scores_every_image_once(run):
    """Fault: the last, uneven batch dropped, or batch means."""
    images = torch.from_numpy(np.load(run.config["data"]["path"] + "/test.npy").astype(np.int64))
    with torch.no_grad():
        nats = -tiny.model(seed=2).log_prob(images).double().numpy()
    metrics = evaluate(run.path)
    kept = np.load(run.path / "test_nll.npy")
    assert kept.dtype == np.float64
    np.testing.assert_allclose(kept, nats, rtol=1e-6)
    assert metrics == json.loads((run.path / "metrics.json").read_text())
    assert (metrics["split"], metrics["images"], metrics["bound"]) == ("test", 5, "exact")
    assert metrics["nll_nats"] == pytest.approx(nats.mean(), rel=1e-6)
    assert metrics["nll_nats_se"] == pytest.approx(nats.std(ddof=1) / math.sqrt(5), rel=1e-5)
    assert metrics["bits_per_dim"] == pytest.approx(nats.mean() / 16 / math.log(2), rel=1e-6)
    assert metrics["bits_per_dim_se"] == pytest.approx(metrics["nll_nats_se"] / 16 / math.log(2))


def test_evaluate_does_not_depend_on_the_batches(run):
    assert evaluate(run.path, batch_size=3)["nll_nats"] == pytest.approx(evaluate(run.path)["nll_nats"], rel=1e-6)


def test_evaluate_another_split(run):
    assert evaluate(run.path, split="val")["images"] == 7
    assert (run.path / "val_nll.npy").exists()


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
    other = Run.create(tmp_path / "other", run.config | {"model": model})
    other.save_weights(other._build_model().state_dict())
    assert evaluate(other.path)["bound"] == bound
    assert ("<=" in capsys.readouterr().out) == (bound == "upper")


def test_sample_writes_picture_levels_and_time(run):
    drawn = sample(run.path, images=10, seed=3, columns=5)
    assert drawn.shape == (10, *tiny.SHAPE)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(np.load(run.path / "samples.npy"), drawn)
    assert Image.open(run.path / "samples.png").size == (5 * 68 + 4, 2 * 68 + 4)
    told = json.loads((run.path / "sampling.json").read_text())
    assert (told["images"], told["seed"]) == (10, 3)
    assert told["seconds_per_image"] == pytest.approx(told["seconds"] / 10, abs=1e-3)


def test_same_seed_same_samples(run):
    assert (sample(run.path, seed=1) == sample(run.path, seed=1)).all()
    assert (sample(run.path, seed=1) != sample(run.path, seed=2)).any()


@pytest.mark.parametrize("stage", [evaluate, sample])
def test_run_without_weights(run, stage):
    (run.path / "weights.safetensors").unlink()
    before = tiny.contents(run.path)
    with pytest.raises(InputError, match="finish training first"):
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
        lambda run: sample(run / "nope"),
    ],
)
def test_wrong_arguments(run, call):
    before = tiny.contents(run.path)
    with pytest.raises(InputError):
        call(run.path)
    assert tiny.contents(run.path) == before
