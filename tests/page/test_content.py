import base64
import json
import math
import re
from importlib.resources import files

import numpy as np
import pytest
from tests.page.seeds import GROUPS, compare_seeds, write_seeds

from pixelrnn.page.build import SCRIPTS, build
from pixelrnn.page.content import content
from pixelrnn.results.rows import WEIGHTS_NOTE

NATS = 5 + np.random.default_rng(0).normal(size=40)


def _unpack(text, kind):
    return np.frombuffer(base64.b64decode(text), np.dtype(kind))


@pytest.fixture
def page(make_run, make_data, compared):
    make_data()
    make_run("runs/a", {"seed": 1}, nats=NATS, drawn=True)
    make_run(
        "runs/b", {"seed": 2, "variant": "pixel_cnn"}, nats=NATS + 1 + np.arange(40) % 2, drawn=True
    )
    (make_run("runs/c") / "metrics.json").write_text("{")
    return content(compared())


def test_every_run_is_there_and_every_baseline(page):
    """Fault: a damaged run hidden."""
    entries = {entry["name"]: entry for entry in page["entries"]}
    assert {"a", "b", "c", "independent pixels"} < set(entries)
    assert len(entries) == 5  # and a coder
    assert entries["c"]["status"].startswith("damaged: ")
    assert entries["a"]["nll_nats"] == float(NATS.mean())
    assert entries["a"]["command"] == "pixelrnn train model=row_lstm"
    assert entries["independent pixels"]["kind"] == "baseline"


def test_the_scripts_read_what_an_entry_has(page):
    """Fault: a field renamed in Python only; JavaScript reads `undefined` and says nothing."""
    fields = set().union(*page["entries"]) | {
        "paper",
        "samples",
        "completions",
        "seed",
        "members",
        "parent",
    }
    folder = files("pixelrnn.page")
    for name in ("columns.js", "table.js"):
        script = (folder / name).read_text()
        read = set(re.findall(r"\b(?:entry|best)\??\.(\w+)", script))
        read |= set(re.findall(r"(?:figure|plain)\(\"(\w+)\"", script))
        assert read - {"words"} <= fields  # words: what `table.js` itself puts there


def test_what_weights_missing_means_is_a_note(make_run, make_data, compared):
    """Fault: figures from a repository read as those of a model that is here."""
    make_data()
    make_run("runs/a", nats=NATS, without=("weights",))
    page = content(compared())
    assert page["entries"][0]["status"] == "weights missing"
    assert f"a: {WEIGHTS_NOTE}." in page["notes"]


def test_differences_find_their_pair_by_place(page):
    """The page counts pairs i < j row by row; fault: another order."""
    pairs, entries = page["differences"], page["entries"]
    names = [entries[place]["name"] for place in pairs["entries"]]
    assert names[:2] == ["a", "b"]
    delta, kind = _unpack(pairs["delta"], "<f4"), _unpack(pairs["kind"], "u1")
    assert len(delta) == len(kind) == 3
    means = [entries[place]["nll_nats"] for place in pairs["entries"]]
    expected = [means[1] - means[0], means[2] - means[0], means[2] - means[1]]
    assert delta.tolist() == pytest.approx(expected, rel=1e-5)


def test_scores_and_maps_are_those_of_the_files(page, make_data, tmp_path):
    """Faults: the bytes of another image; another scale than the page's."""
    entry = next(entry for entry in page["entries"] if entry["name"] == "b")
    nats = np.load(tmp_path / "runs/b/test_nll.npy")
    scale = page["scores"]["scale"]
    np.testing.assert_allclose(_unpack(entry["scores"], "<u2") * scale, nats, atol=scale)
    assert page["scores"]["ids"] is None
    ids = _unpack(page["pictured"]["ids"], "<i4")
    maps = _unpack(entry["maps"], "u1").reshape(-1, 2, 2) * page["pictured"]["most"] / 255
    truth = np.load(tmp_path / "runs/b/test_nll_map.npy")[ids].clip(max=page["pictured"]["most"])
    np.testing.assert_allclose(maps, truth, atol=page["pictured"]["most"] / 500)
    images = _unpack(page["pictured"]["images"], "u1").reshape(-1, 1, 2, 2)
    np.testing.assert_array_equal(images, np.load(tmp_path / "digits/test.npy")[ids])


def test_curves_in_nats_with_epochs_from_one(page):
    curve = page["entries"][0]["curve"]
    assert curve["epoch"] == [1, 2]
    assert (curve["step"], curve["images"], curve["seconds"]) == ([10, 20], [80, 160], [1.5, 3.0])
    assert (curve["train"], curve["val"]) == ([12.0, 10.0], [11.0, 10.5])


def test_a_diverged_or_older_history_leaves_gaps(make_run, make_data, compared):
    """Faults: NaN in JSON; a curve in bits drawn as nats."""
    make_data()
    folder = make_run("runs/a", nats=NATS)
    (folder / "history.csv").write_text("epoch,step,val/bits_per_dim\n0,10,nan\n1,20,2.0\n")
    curve = content(compared())["entries"][0]["curve"]
    assert curve["val"] == [None, pytest.approx(2.0 * 4 * math.log(2), rel=1e-5)]
    assert curve["train"] == curve["images"] == [None, None]


def test_a_long_history_is_thinned_and_keeps_its_ends(make_run, make_data, compared):
    make_data()
    lines = [f"{epoch},{10 * epoch},3.5" for epoch in range(1000)]
    (make_run("runs/a") / "history.csv").write_text(
        "\n".join(["epoch,step,val/nll_nats", *lines, ""])
    )
    curve = content(compared())["entries"][0]["curve"]
    assert 190 <= len(curve["epoch"]) <= 200
    assert (curve["epoch"][0], curve["epoch"][-1]) == (1, 1000)


def test_the_keys_that_differ_and_only_these(make_run, make_data, compared):
    """Faults: a key twice under two names; the variant again; keys that are all the same."""
    make_data()
    softmax, mixture = (
        {"_target_": f"pixelrnn.heads.{name}"} for name in ("Softmax", "LogisticMixture")
    )
    for name, head, model in [
        ("a", softmax, {"layers": 2, "kernel": 3, "same": 1}),
        ("b", mixture, {"layers": 4, "same": 1}),
    ]:
        model |= {"_target_": f"pixelrnn.models.{name}", "head": head}
        make_run(f"runs/{name}", {"variant": name, "model": model, "head": head})
    page = content(compared())
    keys = {column["key"]: column for column in page["columns"] if "." in column["key"]}
    assert {key: column["shown"] for key, column in keys.items()} == {
        "head._target_": True,
        "model.layers": True,
        "model.kernel": False,
    }
    assert keys["model.layers"]["label"] == "layers"
    settings = {entry["name"]: entry.get("settings") for entry in page["entries"]}
    assert settings["a"] == settings["a"] | {"model.layers": 2, "model.kernel": 3}
    assert settings["a"]["head._target_"] == "Softmax"
    assert settings["b"]["model.layers"] == 4
    assert "model.kernel" not in settings["b"]
    assert page["common"]["model.same"] == 1


def test_pictures_of_the_best_runs_come_first_where_not_all_fit(
    make_run, make_data, compared, monkeypatch
):
    """Faults: a row a run, however many runs and large the images; pictures of the worst runs."""
    make_data()
    for i in range(6):
        make_run(f"runs/{i}", nats=NATS + i, drawn=True)
    whole = content(compared())
    size = _characters(whole["entries"][0])
    monkeypatch.setattr("pixelrnn.page.gallery.PICTURES", int(2.5 * size))
    monkeypatch.setattr("pixelrnn.page.gallery.GRID", size)
    page = content(compared())
    assert whole["crowded"] == 0
    shown = [entry["name"] for entry in page["entries"] if "samples" in entry]
    assert shown == list("012345")[: len(shown)]
    assert len(shown) + page["crowded"] == 6
    assert sum(map(_characters, page["entries"][: len(shown)])) <= 2.5 * size
    assert page["crowded"] > 0


def _characters(entry):
    pictures = [entry["samples"], entry["completions"], *entry["grids"]]
    return sum(len(picture["uri"]) for picture in pictures)


def test_grids_of_the_epochs(make_run, make_data, compared, monkeypatch):
    """Faults: those of the first epochs only where there are many; epochs counted from zero."""
    make_data()
    folder = make_run("runs/a", nats=NATS, drawn=True)
    assert [grid["epoch"] for grid in content(compared())["entries"][0]["grids"]] == [1, 3]
    grids = np.load(folder / "grids.npy").repeat(10)
    grids["epoch"] = np.arange(20) + 1
    np.save(folder / "grids.npy", grids)
    shown = [grid["epoch"] for grid in content(compared())["entries"][0]["grids"]]
    assert (len(shown), shown[0], shown[-1]) == (12, 1, 20)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros(1, [("epoch", "i4"), ("images", "u1")])])
def test_damaged_grids_are_a_note(make_run, make_data, compared, wrong):
    make_data()
    np.save(make_run("runs/a", nats=NATS, drawn=True) / "grids.npy", wrong)
    (entry, *_) = content(compared())["entries"]
    assert "grids" not in entry
    assert "grids.npy" in entry["note"]


def test_text_from_runs_cannot_end_the_script(make_run, make_data, compared):
    """Fault: a run's name or command that closes the element it stands in."""
    make_data()
    nasty = "</script><script>alert(1)</script><!--"
    folder = make_run("runs/a", nats=NATS, config={"variant": nasty})
    origin = json.loads((folder / "origin.json").read_text())
    (folder / "origin.json").write_text(json.dumps(origin | {"command": nasty}))
    text = build(compared(), "library()")
    assert "alert(1)</script>" not in text
    data = text.partition('id="data">')[2].partition("</script>")[0]
    assert json.loads(data)["entries"][0]["command"] == nasty


def test_the_page_is_whole(make_run, make_data, compared):
    """Faults: a placeholder left over; a file that isn't shipped."""
    make_data()
    make_run("runs/a", nats=NATS)
    text = build(compared(), "library()")
    for part in (
        "library()",
        "function renderTable",
        "function startImages",
        "--paper:",
        "<title>digits: NLL of",
    ):
        assert part in text
    for placeholder in ("$data", "$style", "$vega", "$title", "$script"):
        assert placeholder not in text


def test_every_value_of_a_chart_is_filled_in(page):
    """Fault: "$xTitle" in a chart and xtitle in its script: Vega-Lite draws its default and says nothing."""
    folder = files("pixelrnn.page")
    scripts = "".join((folder / name).read_text() for name in SCRIPTS) + " ".join(page["parallel"])
    used = set(re.findall(r'"\$(\w+)"', json.dumps(page["charts"])))
    assert used
    assert {name for name in used if not re.search(rf"\b{name}\b", scripts)} == set()


def test_further_columns_of_a_history_are_panels(make_run, make_data, compared):
    """Faults: a panel without data; images/s by the wrong difference."""
    make_data()
    folder = make_run("runs/a", nats=NATS)
    (folder / "history.csv").write_text(
        "epoch,step,images,val/nll_nats,lr,grad_norm\n0,10,80,3.0,0.5,nan\n1,20,160,2.0,0.25,nan\n"
    )
    page = content(compared())
    assert [name for name, _ in page["panels"]] == ["lr", "images_per_second"]
    curve = page["entries"][0]["curve"]
    assert curve["lr"] == [0.5, 0.25]
    assert curve["images_per_second"] == [None, pytest.approx(80 / 1.5, rel=1e-5)]
    assert "grad_norm" not in curve


def test_groups_follow_the_runs_and_say_what_their_runs_share(tmp_path):
    """Faults: a place in the differences that is another entry's; a seed shown as the group's."""
    page = content(compare_seeds(write_seeds(tmp_path)))
    entries = page["entries"]
    groups = [entry for entry in entries if entry["kind"] == "group"]
    assert [group["name"] for group in groups] == ["row_lstm", "cnn"]
    assert entries[-2:] == groups
    assert groups[0]["members"] == GROUPS["row_lstm"]
    assert groups[0]["settings"]["model.layers"] == 2
    assert "seed" not in groups[0]["settings"]
    runs = [entry for entry in entries if entry["name"] in GROUPS["row_lstm"]]
    mean = sum(run["nll_nats"] for run in runs) / 3
    assert groups[0]["nll_nats"] == pytest.approx(mean)
    tested = [entries[place]["name"] for place in page["differences"]["entries"]]
    assert tested == ["row_lstm", "cnn", "alone", "independent pixels"]
    assert _unpack(page["differences"]["seeds"], "u1").tolist() == [1, 0, 0, 0, 0, 0]


def test_columns_are_for_what_matters(make_run, make_data, compared):
    """Faults: paths and copies as columns; seeds twice; two labels alike; a cost that is none."""
    make_data()
    for name, lr in (("a", 0.001), ("b", 0.1)):
        model = {"small": {"head": {"levels": 17}}} if name == "b" else {"layers": 2}
        config = {
            "variant": name,
            "seed": len(name),
            "head": {"levels": 17},
            "callbacks": {"x": lr},
        }
        config |= {"model": model, "optimizer": {"lr": lr}, "scheduler": {"lr": -lr}}
        make_run(f"runs/{name}", config, nats=NATS + lr)
    page = content(compared())
    columns = {column["key"]: column for column in page["columns"]}
    shown = [key for key, column in columns.items() if "." in key and column["shown"]]
    assert shown == ["optimizer.lr", "scheduler.lr"]
    assert not any("small" in key or "callbacks" in key for key in columns)
    assert columns["optimizer.lr"]["label"] == "optimizer.lr"
    assert columns["optimizer.lr"]["log"]
    assert not columns["scheduler.lr"]["log"]  # below zero
    assert "parameters" in columns
    assert not columns["parameters"]["explains"]  # the same in both
    lines = page["parallel"]
    assert lines["keys"] == ["variant", "optimizer.lr", "scheduler.lr", "bits/dim ± s.e."]
    places = {(at["line"], at["key"]): at["place"] for at in lines["values"]}
    assert (places["a", "optimizer.lr"], places["b", "optimizer.lr"]) == (0, 1)
    assert page["example"].startswith("a ")


def test_real_images_stand_beside_samples(page, make_run, make_data, tmp_path):
    """Faults: samples beside nothing; more real images than drawn ones."""
    assert page["real"]["shown"] == 18
    assert page["real"]["uri"].startswith("data:image/png;base64,")
