"""Real numbers and many levels through every verb, from arrays to a comparison."""

import base64
import json
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import Trainer
from tests.support import tiny

from pixelrnn.data import write_arrays
from pixelrnn.data.images import ImageData
from pixelrnn.data.sources.deep import save_deep
from pixelrnn.data.sources.pictures import read_picture
from pixelrnn.errors import InputError
from pixelrnn.models.description import build_model
from pixelrnn.page.image_choice import pictured, scores
from pixelrnn.runs.frame import load_runs
from pixelrnn.stages.audit import audit
from pixelrnn.stages.compare import write_comparison
from pixelrnn.stages.complete import complete
from pixelrnn.stages.compress import compress
from pixelrnn.stages.decompress import decompress
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.stages.sample import sample
from pixelrnn.stages.score import out_of_distribution, score
from pixelrnn.stages.train import train
from pixelrnn.training.drawing import SampleGrid
from pixelrnn.training.run import Run

GAUSSIAN = {"_target_": "pixelrnn.heads.GaussianMixture", "components": 2}


def config(data, levels, head):
    """That of `tiny`, of other values."""
    made = tiny.config(data)
    made["data"]["levels"] = levels
    made["model"]["head"] = head
    return made


def trained(folder, levels, head, images, epochs=2):
    """A run on arrays {split: images} in `folder`."""
    write_arrays(folder / "data", "mine", tiny.SHAPE, levels, images)
    made = config(folder / "data", levels, head)
    torch.manual_seed(0)
    return train(
        run=folder / "run",
        config=made,
        model=build_model(made["model"]),
        images=ImageData(folder / "data", tiny.SHAPE, levels, batch_size=8),
        optimizer=partial(torch.optim.Adam, lr=0.01),
        scheduler=None,
        trainer=partial(Trainer, max_epochs=epochs, **tiny.QUIET),
        callbacks={"samples": SampleGrid(every=1, images=4)},
        test=False,
    )


def numbers(n, seed):
    """Diagonal waves around 40 with a deviation of some 7: float32 (n, 1, 4, 4)."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 6, (n, 1, 1, 1)) + np.add.outer(np.arange(4), np.arange(4))
    return (40 + 10 * np.sin(phase) + random.normal(0, 0.5, (n, 1, 4, 4))).astype(np.float32)


@pytest.mark.slow
def test_real_numbers_go_through_every_verb(tmp_path, capsys):
    """Planted: a standardised sample handed out; the density taken for a probability in a table."""
    images = {split: numbers(n, n) for split, n in (("train", 64), ("val", 16), ("test", 12))}
    run = trained(tmp_path, None, GAUSSIAN, images)
    assert "bits/dim (density)" in capsys.readouterr().out
    metrics = evaluate(run.path)
    assert metrics["measure"] == "density"
    assert "test NLL (density)" in capsys.readouterr().out
    # by hand: the density of standardised numbers, less log scale for each of them
    model = Run.load(run.path).model
    about = json.loads((tmp_path / "data" / "data.json").read_text())
    assert model.scaling.scale.item() == pytest.approx(about["scale"])
    assert model.scaling.mean.item() == pytest.approx(about["mean"])
    drawn = sample(run.path, images=10, seed=3)
    assert drawn.dtype == np.float32
    assert abs(drawn.mean() - 40) < 15
    assert (sample(run.path, images=4, seed=3, temperature=1.0) == drawn[:4]).all()
    np.save(tmp_path / "some.npy", images["test"][:3].astype(np.float64))
    rows = score(run.path, tmp_path / "some.npy", out=tmp_path / "scores")
    nats = np.load(run.path / "test_nll.npy")
    assert [row["nll_nats"] for row in rows] == pytest.approx(nats[:3].tolist(), abs=1e-3)
    assert "bits/dim (density)" in capsys.readouterr().out
    unusual = out_of_distribution(run.path, images["test"])
    assert unusual["complexity"].isna().all()
    assert unusual["typical_p"].between(0, 1).all()
    completed = complete(run.path, tmp_path / "some.npy", rows=2, completions=2, out=tmp_path / "c")
    assert (completed[:, :, :, :2] == images["test"][:3, None, :, :2]).all()
    assert audit(run.path, out=tmp_path / "audit") is not None
    with pytest.raises(InputError, match="can't be compressed"):
        compress(run.path, tmp_path / "some.npy", out=tmp_path / "x")


@pytest.mark.slow
def test_a_density_has_a_comparison_of_its_own(tmp_path):
    """Beside a run on levels: two titles, two tables. Planted: both under one title."""
    images = {split: numbers(n, n) for split, n in (("train", 32), ("val", 8), ("test", 8))}
    levels = {split: np.clip(some, 0, 79).astype(np.uint8) for split, some in images.items()}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    softmax = {"_target_": "pixelrnn.heads.Softmax", "levels": 80}
    for folder, count, head, some in (("a", None, GAUSSIAN, images), ("b", 80, softmax, levels)):
        run = trained(tmp_path / folder, count, head, some, epochs=1)
        evaluate(run.path)
        sample(run.path, images=4)
    frame = load_runs(tmp_path)
    assert frame["levels"].isna().sum() == 1
    titles = [comparison.title for comparison in write_comparison(tmp_path, out=tmp_path / "out")]
    assert len(titles) == 2
    assert sum("NLL (density) of" in title and "real numbers" in title for title in titles) == 1
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert text.count("\n# ") + text.startswith("# ") == 2


@pytest.mark.slow
def test_many_levels_go_through_every_verb_and_the_codec(tmp_path, capsys):
    """Pictures of 16 bits and arrays come back as they were. Planted: samples in one byte."""
    images = {
        split: np.clip(1000 * numbers(n, n), 0, 65_535).astype(np.uint16)
        for split, n in (("train", 64), ("val", 16), ("test", 12))
    }
    head = {"_target_": "pixelrnn.heads.LogisticMixture", "levels": 65_536, "components": 2}
    run = trained(tmp_path, 65_536, head, images)
    assert "measure" not in evaluate(run.path)
    drawn = sample(run.path, images=6)
    assert drawn.dtype == np.uint16
    assert drawn.max() > 255
    folder = tmp_path / "in"
    folder.mkdir()
    save_deep(folder / "a.png", images["test"][0].transpose(1, 2, 0))
    np.save(folder / "b.npy", images["test"].astype(np.int32))
    rows = score(run.path, folder, out=tmp_path / "scores")
    nats = np.load(run.path / "test_nll.npy")
    assert [row["nll_nats"] for row in rows[1:]] == pytest.approx(nats.tolist(), abs=1e-3)
    assert rows[0]["nll_nats"] == pytest.approx(nats[0], abs=1e-3)
    compress(run.path, folder, out=tmp_path / "x.prnn")
    decompress(tmp_path / "x.prnn", out=tmp_path / "back", run=run.path)
    assert (
        read_picture(tmp_path / "back" / "a.png", tiny.SHAPE, 65_536) == images["test"][0]
    ).all()
    assert (np.load(tmp_path / "back" / "b.npy") == images["test"]).all()
    eight = tmp_path / "eight.png"
    Image.new("L", (4, 4)).save(eight)
    with pytest.raises(InputError, match="has 8 bits a color, and 65536 levels take 16"):
        compress(run.path, eight, out=tmp_path / "y.prnn")
    (title,) = [one.title for one in write_comparison(run.path, out=tmp_path / "out")]
    assert "65536 levels" in title


@pytest.mark.slow
def test_a_page_shows_nats_below_zero(tmp_path):
    """Of a density in a large unit. Planted: a scale that begins at zero; one that turns round."""
    images = {split: numbers(n, n) / 1e4 for split, n in (("train", 32), ("val", 8), ("test", 8))}
    run = trained(tmp_path, None, GAUSSIAN, images, epochs=1)
    evaluate(run.path)
    (comparison,) = write_comparison(run.path, out=tmp_path / "out")
    nats = np.load(run.path / "test_nll.npy")
    assert (nats < 0).all()
    packed = scores(comparison)
    steps = np.frombuffer(base64.b64decode(packed["runs"]["run"]), "<u2")
    about = packed["about"]
    np.testing.assert_allclose(about["least"] + steps * about["scale"], nats, rtol=1e-4)
    shown = pictured(comparison)
    steps = np.frombuffer(base64.b64decode(shown["runs"]["run"]), np.uint8).reshape(8, 4, 4)
    maps = shown["about"]["least"] + steps * shown["about"]["most"] / 255
    true = np.load(run.path / "test_nll_map.npy")
    assert np.abs(maps - true).mean() < 0.05 * (true.max() - true.min())
    assert shown["about"]["most"] > 0
