import csv
import math
import os
import re

import numpy as np
import pytest
import torch
from PIL import Image
from tests.support import tiny
from tests.support.zoo import describe

from pixelrnn.data.quantize import stretch
from pixelrnn.errors import InputError
from pixelrnn.results.outliers import coder_nats, typical_p
from pixelrnn.stages.evaluate import evaluate
from pixelrnn.stages.score import out_of_distribution, score
from pixelrnn.training.run import Run


@pytest.fixture
def run(tmp_path):
    run = Run.claim(tmp_path / "run", tiny.config(tiny.write_data(tmp_path / "data")))
    run.finish(tiny.pushed_model(seed=2).state_dict(), {})
    return run.path


@pytest.fixture
def folder(tmp_path):
    """The test images, as pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i, image in enumerate(np.load(tmp_path / "data" / "test.npy")):
        Image.fromarray(stretch(image[0], tiny.LEVELS)).save(folder / f"{i}.png")
    return folder


def table(out):
    with (out / "scores.csv").open() as file:
        return list(csv.DictReader(file))


def test_pictures_score_as_the_split_they_are_of(run, folder, capsys):
    """The same images through both stages: the same nats, in the order of the files."""
    evaluate(run)
    expected = np.load(run / "test_nll.npy")
    rows = score(run, folder, batch_size=2)
    assert [row["nll_nats"] for row in rows] == pytest.approx(expected, abs=1e-4)
    assert [row["bits_per_dim"] for row in rows] == pytest.approx(
        expected / 16 / math.log(2), abs=1e-5
    )
    written = table(run / "scores")
    assert list(written[0]) == ["file", "nll_nats", "bits_per_dim", "bound"]
    assert [row["file"] for row in written] == [str(folder / f"{i}.png") for i in range(5)]
    assert [float(row["nll_nats"]) for row in written] == [row["nll_nats"] for row in rows]
    assert {row["bound"] for row in written} == {"exact"}
    told = capsys.readouterr().out
    assert re.search(rf"^likeliest: .*, {expected.min():.2f} nats", told, re.MULTILINE)
    assert re.search(rf"^unlikeliest: .*, {expected.max():.2f} nats", told, re.MULTILINE)


def test_a_map_a_file_on_one_scale(run, folder, tmp_path):
    """Named by their rows; those of an earlier call go, what else lies there stays."""
    score(run, folder)
    maps = run / "scores" / "maps"
    assert sorted(file.name for file in maps.iterdir()) == [f"000{i + 1}-{i}.png" for i in range(5)]
    (maps / "own.png").write_text("")
    score(run, folder / "3.png", tmp_path / "data" / "val.npy")
    names = sorted(file.name for file in maps.iterdir())
    assert names == ["0001-3.png", *(f"000{i + 2}-val[{i}].png" for i in range(7)), "own.png"]
    scales = {np.asarray(Image.open(file))[30:-16, -120:].tobytes() for file in maps.glob("0*.png")}
    assert len(scales) == 1
    shallow = (maps / "0001-3.png").read_bytes()
    score(run, folder / "3.png", top=0.5)
    assert (maps / "0001-3.png").read_bytes() != shallow


def test_names_as_long_as_they_may_be(run, folder):
    """In letters of three bytes each. Faults: a map's name that the file system doesn't take; text
    that no encoding has.
    """
    name = os.fsdecode("漢".encode() * 83 + b"\xe9.png")
    (folder / "0.png").rename(folder / name)
    score(run, folder / name)
    assert "漢" * 83 in table(run / "scores")[0]["file"]
    (file,) = (run / "scores" / "maps").iterdir()
    assert file.name.startswith("0001-漢")


@pytest.mark.parametrize(("ground", "level"), [(None, 2), ("black", 0)])
def test_transparent_pictures_lie_on_the_ground_of_the_data(run, tmp_path, ground, level, capsys):
    """Or on the one that is given. Fault: black, whatever is asked for."""
    pixels = np.zeros((4, 4, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "clear.png")
    np.save(tmp_path / "plain.npy", np.full((1, 4, 4), level, np.uint8))
    rows = score(run, tmp_path / "clear.png", tmp_path / "plain.npy", ground=ground, fit="resize")
    assert rows[0]["nll_nats"] == rows[1]["nll_nats"]
    assert f"laid on ground={ground or 'white'}" in capsys.readouterr().err


def test_without_maps(run, folder, tmp_path):
    score(run, folder, maps=False)
    assert [file.name for file in (run / "scores").iterdir()] == ["scores.csv"]
    score(run, folder, out=tmp_path / "deep" / "out")
    score(run, folder / "0.png", out=tmp_path / "deep" / "out", maps=False)
    # what is not made again stays
    assert len(list((tmp_path / "deep" / "out" / "maps").iterdir())) == 5


@pytest.mark.parametrize("clamp", [False, True])
def test_a_bound_is_labeled(tmp_path, folder_of_zeros, clamp, capsys):
    model = describe(
        "multi_scale", "softmax", tiny.SHAPE, tiny.LEVELS, hidden=3, layers=1, output_hidden=3
    )
    run = Run.claim(
        tmp_path / "bound", tiny.config(tmp_path / "none", model=model | {"clamp": clamp})
    )
    run.finish(run.build_model().state_dict(), {})
    (row,) = score(run.path, folder_of_zeros)
    assert row["bound"] == ("exact" if clamp else "upper")
    assert ("≤ " in capsys.readouterr().out) != clamp
    with torch.no_grad():
        nats = (
            -Run.load(run.path).model.log_prob(torch.zeros(1, *tiny.SHAPE, dtype=torch.long)).item()
        )
    assert row["nll_nats"] == pytest.approx(nats, abs=1e-4)


@pytest.fixture
def folder_of_zeros(tmp_path):
    (tmp_path / "zeros").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "zeros" / "0.png")
    return tmp_path / "zeros"


def test_a_bad_file_stops_it_before_any_work(run, folder, capsys):
    (folder / "00.png").write_bytes(b"no picture")
    Image.new("L", (5, 4)).save(folder / "4.png")
    before = tiny.contents(run)
    with pytest.raises(InputError, match=r"00\.png .*\(and 1 more of 6 files\); skip=true"):
        score(run, folder)
    assert tiny.contents(run) == before
    assert [row["file"] for row in score(run, folder, skip=True)] == [
        str(folder / f"{i}.png") for i in range(4)
    ]
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"top": 0}, "top=0"),
        ({"top": "high"}, "top=high"),
        ({"fit": "nope"}, "fit=nope"),
        ({"device": "gpuu"}, "no device"),
        ({"files": []}, "no files"),
    ],
)
def test_wrong_arguments(run, folder, options, told):
    before = tiny.contents(run)
    with pytest.raises(InputError, match=told):
        score(run, *options.pop("files", [folder]), **options)
    assert tiny.contents(run) == before


def test_unusual_images(run, folder, tmp_path, capsys):
    """The columns of `out_of_distribution`, and the same figures from the library.

    Faults: the ratio's sign; the run ranked among the test images, or by the background's nats.
    """
    other = Run.claim(tmp_path / "other", tiny.config(tmp_path / "data"))
    other.finish(tiny.pushed_model(seed=3).state_dict(), {})
    rows = score(run, folder, against=other.path)
    written = table(run / "scores")
    assert list(written[0])[4:] == ["ratio", "complexity", "typical_p"]
    images = np.load(tmp_path / "data" / "test.npy")
    frame = out_of_distribution(run, images, background=other)
    assert list(frame) == ["nll_nats", "ratio", "complexity", "typical_p"]
    for name in frame:
        assert [row[name] for row in rows] == pytest.approx(list(frame[name]), abs=1e-4)
    x = torch.from_numpy(images).long()
    with torch.no_grad():
        ours, theirs = (-Run.load(path).model.log_prob(x).numpy() for path in (run, other.path))
        val = torch.from_numpy(np.load(tmp_path / "data" / "val.npy")).long()
        known = -Run.load(run).model.log_prob(val).numpy()
    assert list(frame["ratio"]) == pytest.approx(list(ours - theirs), abs=1e-4)
    assert list(frame["typical_p"]) == pytest.approx(list(typical_p(ours, known)))
    assert list(frame["complexity"]) == pytest.approx(list(ours - coder_nats(images, 3)), abs=1e-4)
    assert list(score(run, folder, unusual=True)[0])[4:] == ["complexity", "typical_p"]
    assert list(score(run, folder)[0])[4:] == []


def test_unusual_without_the_validation_images(run, folder, tmp_path, capsys):
    """A line says so, and the rest is there."""
    kept = folder.rename(tmp_path / "kept")
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    rows = score(run, kept, unusual=True)
    assert "no typical_p" in capsys.readouterr().out
    assert all(math.isnan(row["typical_p"]) for row in rows)
    assert all(math.isfinite(row["complexity"]) for row in rows)


def test_a_background_of_other_images(run, folder, tmp_path):
    config = tiny.config(tmp_path / "data")
    for section in ("data", "model"):
        config[section]["shape"] = [1, 4, 5]
    other = Run.claim(tmp_path / "other", config)
    other.finish(other.build_model().state_dict(), {})
    with pytest.raises(InputError, match=r"shape \(1, 4, 5\), the data has 3 levels"):
        score(run, folder, against=other.path)
    assert not (run / "scores").exists()
