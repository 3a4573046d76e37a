import re

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from pixelrnn.errors import InputError
from pixelrnn.results.frame import load_runs
from pixelrnn.results.prepared import Prepared, check_counts, same_images


def test_load_gives_the_images_or_says_what_is_missing(make_data):
    images = np.full((3, 1, 2, 2), 16, dtype=np.uint8)
    data = Prepared("digits", make_data(test=images), (1, 2, 2), 17)
    np.testing.assert_array_equal(data.load()["test"], images)
    (data.path / "train.npy").unlink()
    with pytest.raises(InputError, match=r"train\.npy"):
        data.load()


def _config(folder, **changes):
    return {"data": {"path": str(folder), "shape": [1, 2, 2], "levels": 17} | changes}


def test_same_images_under_two_folders(make_run, make_data, tmp_path):
    """Fault: the folder's name compared, not what lies in it."""
    make_run("runs/a", _config(make_data("digits")))
    make_run("runs/b", _config(make_data("copy")))
    data, split = same_images(load_runs(tmp_path / "runs"))
    assert (data.path, data.name, split) == (tmp_path / "digits", "digits", "test")


@pytest.mark.parametrize("case", ["md5", "shape", "levels", "split", "unrecorded", "unrecorded split"])
def test_different_images_are_refused_with_the_way_out(make_run, make_data, tmp_path, case):
    """Fault: any one of them left out of the comparison. The offered runs=[...] name every run once."""
    other = {"test": np.zeros((5, 1, 2, 2), dtype=np.uint8)} if case == "md5" else {}
    a, c = make_data("digits"), make_data("other", **other)
    if case.startswith("unrecorded"):
        (a / "data.json").unlink()
        (c / "data.json").unlink()
    c = a if case == "unrecorded split" else c
    changed = {"shape": [1, 1, 4]} if case == "shape" else {"levels": 16} if case == "levels" else {}
    first = [make_run("runs/x=1,y=2", _config(a)), make_run("runs/y", _config(a), without=("metrics",))]
    last = make_run("runs/z", _config(c, **changed), split="val" if case.endswith("split") else "test")
    with pytest.raises(InputError) as error:
        same_images(load_runs(tmp_path / "runs"))
    offered = re.findall(r"stage\.runs='(.*?)'", str(error.value))
    parser = OverridesParser.create()  # what is offered can be pasted: commas and all
    values = [parser.parse_override(f"stage.runs={choice}").value() for choice in offered]
    assert [[str(path) for path in value] for value in values] == [[str(path) for path in first], [str(last)]]


def test_a_damaged_run_is_not_asked_for_its_images(make_run, make_data, tmp_path):
    make_run("runs/a", _config(make_data()))
    (make_run("runs/b", _config(tmp_path / "elsewhere")) / "metrics.json").write_text("{")
    assert same_images(load_runs(tmp_path / "runs"))[0].name == "digits"


def test_nothing_evaluated(make_run):
    with pytest.raises(InputError, match=r"run `pixelrnn evaluate` first \(a: not evaluated\)"):
        same_images(load_runs(make_run("a", without=("metrics",))))


def test_a_run_evaluated_on_another_number_of_images(make_run, tmp_path):
    make_run("runs/a", images=5)
    make_run("runs/b", images=6)
    make_run("runs/c", without=("metrics",))
    frame = load_runs(tmp_path / "runs")
    with pytest.raises(InputError, match="has 5 images, but b was evaluated"):
        check_counts(frame, 5)
    check_counts(frame[frame["run"] != "b"], 5)
