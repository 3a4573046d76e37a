import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pixelrnn.data import write_arrays
from pixelrnn.errors import InputError
from pixelrnn.stages.compare import compare

IMAGES = np.random.default_rng(0).integers(0, 17, (12, 1, 2, 2), dtype=np.uint8)


def _prepare(folder, test):
    write_arrays(folder / "digits", "digits", (1, 2, 2), 17, {"train": IMAGES[:7], "val": IMAGES[:2], "test": test})


@pytest.fixture
def runs(tmp_path):
    """Two evaluated runs over the same prepared images, and one that is still training."""
    data = {"path": str(tmp_path / "digits"), "shape": [1, 2, 2], "levels": 17}
    _prepare(tmp_path, IMAGES[7:])
    training = {"parameters": 1234, "train_seconds": 60.5, "images_per_second": 800, "epochs": 3}
    metrics = {"split": "test", "images": 5, "nll_nats": 8, "nll_nats_se": 1, "bits_per_dim_se": 0.5}
    for name, figures in {
        "row_lstm": {"bits_per_dim": 3.0, "bound": "exact"},
        "multi_scale": {"bits_per_dim": 2.0, "bound": "upper"},
        "pixel_cnn": None,
    }.items():
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        (run / "config.yaml").write_text(yaml.safe_dump({"variant": name, "data": data}))
        if figures:
            (run / "training.json").write_text(json.dumps(training))
            (run / "metrics.json").write_text(json.dumps(metrics | figures))
            Image.new("L", (20, 20), 128).save(run / "samples.png")
    return tmp_path / "runs"


def test_compare_writes_and_prints_the_table_and_says_where_the_pictures_are(runs, tmp_path, capsys):
    out = tmp_path / "deep" / "comparison"
    rows = compare(runs=[f"{runs}/*"], out=out)
    printed = capsys.readouterr().out
    names = [row.name for row in rows]
    assert names[:2] == ["multi_scale", "row_lstm"]  # the baselines on 5 random images are worse
    assert names[-1] == "pixel_cnn"
    assert "independent pixels" in names
    page, table = (out / "comparison.md").read_text(), json.loads((out / "comparison.json").read_text())
    assert [row["name"] for row in table["rows"]] == names
    assert (table["data"], table["split"], table["images"], table["shape"]) == ("digits", "test", 5, [1, 2, 2])
    for text in (page, printed):
        assert "digits: NLL of the 5 test images (1×2×2, 17 levels)" in text
        assert "≤ 2.0000 ± 0.5000" in text
        assert "pixel_cnn: unfinished." in text
    assert "![samples](samples.png)" in page
    assert Image.open(out / "samples.png").width > 2 * 320
    for file in (out / "samples.png", runs / "row_lstm" / "samples.png"):
        assert str(file) in printed


def test_without_samples_there_is_no_picture_not_even_an_old_one(runs, tmp_path):
    compare([str(runs)], tmp_path / "out")
    for file in runs.glob("*/samples.png"):
        file.unlink()
    compare([str(runs)], tmp_path / "out")
    assert not (tmp_path / "out" / "samples.png").exists()
    assert "samples" not in (tmp_path / "out" / "comparison.md").read_text()


def test_titles_of_the_grids_need_no_glyph_that_the_font_lacks(runs, tmp_path, monkeypatch):
    """Fault: the bound's mark drawn as an empty box."""
    titles = []
    monkeypatch.setattr("pixelrnn.results.pictures.side_by_side", lambda grids: titles.extend(dict(grids)))
    compare([str(runs)], tmp_path / "out")
    assert titles == ["multi_scale\nat most 2.0000 ± 0.5000 bits/dim", "row_lstm\n3.0000 ± 0.5000 bits/dim"]


def _other_images(runs):
    config = yaml.safe_load((runs / "row_lstm" / "config.yaml").read_text())
    config["data"]["levels"] = 20
    (runs / "row_lstm" / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda runs: [file.unlink() for file in runs.glob("*/config.yaml")], "no run found"),
        (lambda runs: [file.unlink() for file in runs.glob("*/metrics.json")], "no run has been evaluated"),
        (lambda runs: (runs.parent / "digits" / "train.npy").unlink(), r"train\.npy is missing"),
        (lambda runs: _prepare(runs.parent, IMAGES[8:]), "has 4 images"),
        (lambda runs: (runs / "row_lstm" / "samples.png").write_text("x"), "isn't a picture"),
        (lambda runs: (runs.parent / "out").write_text("x"), "is a file"),
        (_other_images, "different images; compare one set at a time: stage.runs='"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(runs, tmp_path, damage, what):
    damage(runs)
    with pytest.raises(InputError, match=what) as error:
        compare([f"{runs}"], tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").is_dir()


def test_the_config_is_the_call():
    file = Path(__file__).parents[2] / "conf" / "stage" / "compare.yaml"
    config = yaml.safe_load(file.read_text())
    assert file.read_text().startswith("# ")
    assert config.pop("_target_") == "pixelrnn.stages.compare"
    assert config.pop("_convert_") == "all"
    assert config.keys() == inspect.signature(compare).parameters.keys()


def test_the_stage_is_imported_without_pandas_and_pillow():
    """Fault: an import at the top, which `pixelrnn --help` would wait for."""
    code = "import sys, pixelrnn.stages.compare; print(sorted(sys.modules.keys() & {'pandas', 'PIL', 'rich'}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
