import json
import re
import shlex

import numpy as np
import pytest

from pixelrnn.errors import InputError
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.same_images import same_images


def _config(folder, **changes):
    return {"data": {"path": str(folder), "shape": [1, 2, 2], "levels": 17} | changes}


def _other(n=40):
    return np.zeros((n, 1, 2, 2), dtype=np.uint8)


def test_same_images_under_two_folders(make_run, make_data, tmp_path):
    """Fault: the folder's name compared, not what lies in it."""
    make_run("runs/a", _config(make_data("digits")))
    make_run("runs/b", _config(make_data("copy")))
    images = same_images(load_runs(tmp_path / "runs"))
    assert (images.name, images.split, images.count) == ("digits", "test", 40)
    assert (images.shape, images.levels) == ((1, 2, 2), 17)
    assert images.load()["test"].shape == (40, 1, 2, 2)


@pytest.mark.parametrize(
    "case", ["md5", "shape", "levels", "split", "count", "unrecorded", "unrecorded split"]
)
def test_different_images_are_refused_with_the_way_out(make_run, make_data, tmp_path, case):
    """Fault: any one of them left out of the comparison.

    The offered runs=[...] name every run once.
    """
    a, c = make_data("digits"), make_data("other", **({"test": _other()} if case == "md5" else {}))
    if case.startswith("unrecorded"):
        (a / "data.json").unlink()
        (c / "data.json").unlink()
    c = a if case in ("unrecorded split", "count") else c
    changed = (
        {"shape": [1, 1, 4]} if case == "shape" else {"levels": 16} if case == "levels" else {}
    )
    first = [
        make_run("runs/x=1,y=2", _config(a)),
        make_run("runs/y", _config(a), without=("metrics",)),
    ]
    metrics = {
        "split": "val" if case.endswith("split") else "test",
        "images": 39 if case == "count" else 40,
    }
    last = make_run("runs/z", _config(c, **changed), **metrics)
    with pytest.raises(InputError) as error:
        same_images(load_runs(tmp_path / "runs"))
    offered = re.findall(r"`pixelrnn compare (.*?)`", str(error.value))
    values = [shlex.split(choice) for choice in offered]  # can be pasted: commas and all
    assert [[str(path) for path in value] for value in values] == [
        [str(path) for path in first],
        [str(last)],
    ]


def test_runs_are_known_by_the_md5_they_recorded_where_the_arrays_are_gone(make_run, tmp_path):
    """Faults: paths of two machines compared; the md5 of another split; that of `train` ignored."""
    make_run("here/runs/a", _config("artifacts/data/x"), data_md5="1")
    other = make_run("there/runs/b", _config("elsewhere/x"), data_md5="1")
    training = make_run("there/runs/c", _config("elsewhere/x"), without=("metrics",))
    (training / "origin.json").write_text(
        json.dumps({"data_md5": {"train.npy": "2", "test.npy": "1"}})
    )
    images = same_images(load_runs(tmp_path))
    assert (images.md5, images.count) == ("1", 40)
    with pytest.raises(InputError, match=r"data\.json is missing"):
        images.load()
    metrics = other / "metrics.json"
    metrics.write_text(metrics.read_text().replace('"data_md5": "1"', '"data_md5": "2"'))
    with pytest.raises(InputError, match="different images"):
        same_images(load_runs(tmp_path))


def test_a_relative_path_starts_at_the_runs_own_checkout(
    make_run, make_data, tmp_path, monkeypatch
):
    """Fault: the arrays below the working folder taken for those of another checkout."""
    make_data("here/artifacts/data", test=_other())
    make_data("there/artifacts/data")
    run = make_run("there/artifacts/runs/a", _config("artifacts/data"))
    monkeypatch.chdir(tmp_path / "here")
    images = same_images(load_runs(run))
    assert images.load()["test"].any()
    assert images.places == (tmp_path / "there/artifacts/data",)


@pytest.mark.parametrize("change", ["md5", "count"])
def test_arrays_prepared_anew_are_not_what_was_evaluated(make_run, make_data, tmp_path, change):
    """Fault: pictures of images that no run has seen, under the NLL of others."""
    folder = make_data(test=_other(40 if change == "md5" else 39))
    make_run("runs/a", _config(folder), **({"data_md5": "1"} if change == "md5" else {}))
    with pytest.raises(
        InputError, match=r"digits has been prepared anew since: run `pixelrnn evaluate` again"
    ):
        same_images(load_runs(tmp_path / "runs")).load()


def test_the_first_place_that_has_the_images_is_used(make_run, make_data, tmp_path):
    make_run("runs/a", _config(tmp_path / "gone"), data_md5="1")
    folder = make_data()
    make_run(
        "runs/b",
        _config(folder),
        data_md5=json.loads((folder / "data.json").read_text())["md5"]["test.npy"],
    )
    with pytest.raises(InputError, match="different images"):
        same_images(load_runs(tmp_path / "runs"))
    metrics = tmp_path / "runs/a/metrics.json"
    metrics.write_text((tmp_path / "runs/b/metrics.json").read_text())
    assert same_images(load_runs(tmp_path / "runs")).load()["test"].shape == (40, 1, 2, 2)


def test_a_damaged_run_is_not_asked_for_its_images(make_run, make_data, tmp_path):
    make_run("runs/a", _config(make_data()))
    (make_run("runs/b", _config(tmp_path / "elsewhere")) / "metrics.json").write_text("{")
    assert same_images(load_runs(tmp_path / "runs")).name == "digits"


def test_nothing_evaluated(make_run):
    with pytest.raises(InputError, match=r"run `pixelrnn evaluate` first \(a: not evaluated\)"):
        same_images(load_runs(make_run("a", without=("metrics",))))
