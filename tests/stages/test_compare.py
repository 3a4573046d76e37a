import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image

from pixelrnn.data import write_arrays
from pixelrnn.errors import InputError
from pixelrnn.stages.compare import compare
from pixelrnn.stages.runs import runs as list_runs

IMAGES = np.random.default_rng(0).integers(0, 17, (12, 1, 2, 2), dtype=np.uint8)


def _prepare(folder, test):
    write_arrays(
        folder / "digits",
        "digits",
        (1, 2, 2),
        17,
        {"train": IMAGES[:7], "val": IMAGES[:2], "test": test},
    )


@pytest.fixture
def runs(tmp_path):
    """Two evaluated runs over the same prepared images, and one that is still training."""
    data = {"path": str(tmp_path / "digits"), "shape": [1, 2, 2], "levels": 17}
    _prepare(tmp_path, IMAGES[7:])
    training = {"parameters": 1234, "train_seconds": 60.5, "images_per_second": 800, "epochs": 3}
    metrics = {
        "images": 5,
        "nll_nats": 8,
        "nll_nats_se": 1,
        "bits_per_dim_se": 0.5,
    }
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
            (run / "metrics.json").write_text(json.dumps({"test": metrics | figures}))
            np.save(run / "samples.npy", IMAGES)
            (run / "weights.safetensors").write_bytes(b"")
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Bundling the plotting library takes seconds; the tests in a browser do."""
    monkeypatch.setattr("pixelrnn.page.vega.CODE", "print('library()', end='')")


def test_compare_writes_and_prints_all_four(runs, tmp_path, capsys):
    out = tmp_path / "deep" / "comparison"
    (comparison,) = compare(f"{runs}/*", out=out)
    rows = comparison.rows
    printed = capsys.readouterr().out
    names = [row.name for row in rows]
    assert names[:2] == ["multi_scale", "row_lstm"]  # the baselines on 5 random images are worse
    assert names[-1] == "pixel_cnn"
    assert "independent pixels" in names
    markdown, table = (
        (out / "comparison.md").read_text(),
        json.loads((out / "comparison.json").read_text())["comparisons"][0],
    )
    assert [row["name"] for row in table["rows"]] == names
    assert (table["data"], table["split"], table["images"], table["shape"]) == (
        "digits",
        "test",
        5,
        [1, 2, 2],
    )
    for text in (markdown, printed):
        assert "digits: NLL of the 5 test images (1×2×2, 17 levels)" in text
        assert "≤ 2.0000 ± 0.5000" in text
        assert "pixel_cnn: unfinished." in text
    assert "![samples](samples.png)" in markdown
    assert Image.open(out / "samples.png").width > 2 * 320
    page = (out / "comparison.html").read_text()
    assert "library()" in page
    assert all(f'"name":"{name}"' in page for name in names)
    assert str(out / "comparison.html") in printed


def test_the_same_runs_give_the_same_bytes(runs, tmp_path):
    """Fault: a date in the page, a change for DVC where there is none."""
    for out in ("one", "two"):
        compare(runs, out=tmp_path / out)
    for name in ("comparison.html", "comparison.md", "comparison.json", "samples.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_without_samples_the_text_shows_no_picture_and_an_old_one_stays(runs, tmp_path):
    """Fault: a picture deleted that is not made again, which git may have."""
    compare(runs, out=tmp_path / "out")
    for file in runs.glob("*/samples.npy"):
        file.unlink()
    compare(runs, out=tmp_path / "out")
    assert (tmp_path / "out" / "samples.png").exists()
    assert "samples" not in (tmp_path / "out" / "comparison.md").read_text()


def test_titles_of_the_grids_need_no_glyph_that_the_font_lacks(runs, tmp_path, monkeypatch):
    """Fault: the bound's mark drawn as an empty box."""
    titles = []
    monkeypatch.setattr(
        "pixelrnn.stages.compare.side_by_side", lambda grids: titles.extend(dict(grids))
    )
    compare(runs, out=tmp_path / "out")
    assert titles == [
        "multi_scale\nat most 2.0000 ± 0.5000 bits/dim",
        "row_lstm\n3.0000 ± 0.5000 bits/dim",
    ]


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda runs: (runs.parent / "digits" / "train.npy").unlink(), "train.npy is missing"),
        (lambda runs: _prepare(runs.parent, IMAGES[8:]), "has been prepared anew since"),
        (
            lambda runs: (runs / "row_lstm" / "samples.npy").write_text("x"),
            "samples.npy is damaged",
        ),
        (
            lambda runs: (runs / "row_lstm" / "test_nll.npy").write_text("x"),
            "test_nll.npy is damaged",
        ),
        (
            lambda runs: (runs / "row_lstm" / "history.csv").write_text("x\n1\n"),
            "history.csv is damaged",
        ),
        (
            lambda runs: (runs / "row_lstm" / "origin.json").write_text("{"),
            "origin.json can't be read",
        ),
        (
            lambda runs: (runs / "row_lstm" / "metrics.json").write_text('{"spl'),
            "metrics.json can't be read",
        ),
    ],
)
def test_what_is_damaged_is_a_line_and_the_rest_is_compared(runs, tmp_path, capsys, damage, what):
    """Faults: one file stops the comparison; a damaged run left out of it."""
    damage(runs)
    (comparison,) = compare(runs, out=tmp_path / "out")
    rows = comparison.rows
    assert {row.name for row in rows if row.kind == "run"} == {
        "multi_scale",
        "row_lstm",
        "pixel_cnn",
    }
    assert rows[0].bits_per_dim == 2.0
    lines = [
        line for line in (tmp_path / "out/comparison.md").read_text().splitlines() if what in line
    ]
    assert len(lines) == 1
    assert what in (tmp_path / "out/comparison.html").read_text()
    assert what in " ".join(capsys.readouterr().out.split())


def _other_images(runs):
    """Make row_lstm a run on data of its own."""
    config = yaml.safe_load((runs / "row_lstm" / "config.yaml").read_text())
    config["data"]["levels"] = 20
    (runs / "row_lstm" / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda runs: [file.unlink() for file in runs.glob("*/config.yaml")], "no run found"),
        (
            lambda runs: [file.unlink() for file in runs.glob("*/metrics.json")],
            "no run has been evaluated",
        ),
        (lambda runs: (runs.parent / "out").write_text("x"), "is a file"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(runs, tmp_path, damage, what):
    damage(runs)
    with pytest.raises(InputError, match=what) as error:
        compare(runs, out=tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").is_dir()


def test_a_plotting_library_that_cannot_be_bundled(runs, tmp_path, monkeypatch):
    """Fault: an empty page written."""
    monkeypatch.setattr("pixelrnn.page.vega.CODE", "raise SystemExit('broken')")
    with pytest.raises(RuntimeError, match="vl_convert cannot bundle the plotting library: broken"):
        compare(runs, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_comparing_needs_no_torch(runs, tmp_path):
    """Fault: an import that makes `compare` wait for seconds."""
    code = f"""if True:
        import sys
        from pixelrnn.page import vega
        from pixelrnn.stages.compare import compare
        vega.CODE = ""
        compare({str(runs)!r}, out={str(tmp_path / "out")!r})
        print(sorted(sys.modules.keys() & {{"torch", "pytorch_lightning", "wandb", "vl_convert"}}))"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("form", ["list", "file"])
def test_only_those_that_are_named(runs, tmp_path, capsys, form):
    """A model that left params.yaml, or a run of one's own in the pipeline's folder, stays out."""
    names = ["row_lstm", "pixel_cnn"]
    if form == "file":
        (tmp_path / "params.yaml").write_text(yaml.safe_dump({"data": ["digits"], "model": names}))
    only = names if form == "list" else tmp_path / "params.yaml"
    (comparison,) = compare(runs, out=tmp_path / "out", only=only)
    rows = comparison.rows
    assert {row.name for row in rows if row.kind == "run"} == set(names)
    assert (
        f"left aside, as `only` does not name them: {runs / 'multi_scale'}"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("only", "reason"),
    [
        (["row"], "no run called row: there is multi_scale, pixel_cnn, row_lstm"),
        ("missing.yaml", "only=missing.yaml has no list under `model`"),
        ("list.yaml", "only=list.yaml has no list under `model`"),
        ("word.yaml", "only=word.yaml: `model` is row_lstm, expected a list of names"),
        ("bad.yaml", "only=bad.yaml has no list under `model`"),
    ],
)
def test_nobody_is_named(runs, tmp_path, monkeypatch, only, reason):
    monkeypatch.chdir(tmp_path)
    for name, text in {"list": "[a]", "word": "model: row_lstm", "bad": "model: [a"}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(InputError, match=re.escape(reason)):
        compare(runs, out=tmp_path / "out", only=only)
    assert not (tmp_path / "out").exists()


def test_several_data_sets_stand_side_by_side(runs, tmp_path, capsys):
    """Faults: refused; one table of figures that are not comparable; a page overwritten by the next."""
    _other_images(runs)
    out = tmp_path / "out"
    comparisons = compare(runs, out=out)
    assert len(comparisons) == 2
    named = [{row.name for row in one.rows if row.kind == "run"} for one in comparisons]
    assert named == [{"multi_scale", "pixel_cnn"}, {"row_lstm"}]
    markdown = (out / "comparison.md").read_text()
    assert markdown.count("\n| run |") == 2
    content = json.loads((out / "comparison.json").read_text())
    assert [one["levels"] for one in content["comparisons"]] == [17, 20]
    pages = {file.name for file in out.glob("*.html")}
    assert pages == {"comparison.html", "comparison-digits.html", "comparison-digits-2.html"}
    for page in pages - {"comparison.html"}:
        assert page in (out / "comparison.html").read_text()
    assert (out / "samples-digits.png").exists()
    assert capsys.readouterr().out.count("has the lowest NLL") == 2


def test_what_is_not_there_yet_is_a_line(runs, tmp_path, capsys):
    """An empty folder; a run on other data that is still training. Fault: an error for what works."""
    (tmp_path / "empty").mkdir()
    config = yaml.safe_load((runs / "pixel_cnn" / "config.yaml").read_text())
    config["data"]["levels"] = 20
    (runs / "pixel_cnn" / "config.yaml").write_text(yaml.safe_dump(config))
    (comparison,) = compare(runs, tmp_path / "empty", out=tmp_path / "out")
    assert {row.name for row in comparison.rows if row.kind == "run"} == {"multi_scale", "row_lstm"}
    notes = capsys.readouterr().err
    assert f"no run in {tmp_path / 'empty'} yet" in notes
    assert "not evaluated yet, and no other run has their images: pixel_cnn" in notes


SCHEMAS = Path(__file__).parents[2] / "docs"


def test_json_for_programs_is_one_document_and_as_described(runs, tmp_path, capsys):
    """Faults: a note between, a key that the schema does not know."""
    (tmp_path / "empty").mkdir()
    compare(runs, tmp_path / "empty", out=tmp_path / "out", json=True)
    printed = capsys.readouterr().out
    document = json.loads(printed)
    assert printed == (tmp_path / "out" / "comparison.json").read_text()
    schema = json.loads((SCHEMAS / "comparison.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    document["comparisons"][0]["rows"][0]["colour"] = "red"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_a_listing_for_people_and_for_programs(runs, capsys):
    list_runs(runs)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"{runs / 'row_lstm'} digits – 3.000 ± 0.500 finished" in lines
    assert f"{runs / 'pixel_cnn'} digits – – unfinished" in lines
    list_runs(runs, json=True)
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    jsonschema.validate(document, json.loads((SCHEMAS / "runs.schema.json").read_text()))
    assert {run["run"]: run["status"] for run in document["runs"]} == {
        "multi_scale": "finished",
        "pixel_cnn": "unfinished",
        "row_lstm": "finished",
    }
    assert {group["group"] for group in document["groups"]} == {"multi_scale", "row_lstm"}
