import itertools
import math

import numpy as np
import pytest

from pixelrnn.results.paired import (
    BETTER,
    BOUND,
    NOISE,
    against,
    differences,
    holm,
    paired_differences,
)
from pixelrnn.runs.frame import load_runs

DIMS = 4


def _nats(count, images, spread=10.0, noise=1.0, seed=0):
    """Models that find the same images hard; `count` vectors (images,)."""
    random = np.random.default_rng(seed)
    shared = 100 + spread * random.normal(size=images)
    return [shared + noise * random.normal(size=images) for _ in range(count)]


def test_every_pair_by_its_definition():
    """Faults: unpaired errors; a divisor n; pairs in another order than figures; nats for bits."""
    nats = dict(zip("abcd", _nats(4, 50), strict=True))
    frame = differences(nats, set(), DIMS)
    assert len(frame) == 6
    assert {frozenset(pair) for pair in zip(frame["a"], frame["b"], strict=True)} == {
        frozenset(pair) for pair in itertools.combinations("abcd", 2)
    }
    for row in frame.to_dict("records"):
        each = nats[row["b"]] - nats[row["a"]]
        assert row["nats"] == pytest.approx(each.mean(), rel=1e-10)
        assert row["nats"] >= 0
        assert row["nats_se"] == pytest.approx(each.std(ddof=1) / math.sqrt(50), rel=1e-10)
        assert row["bits_per_dim"] == pytest.approx(each.mean() / DIMS / math.log(2), rel=1e-10)
        assert row["bits_per_dim_se"] == pytest.approx(
            row["nats_se"] / DIMS / math.log(2), rel=1e-10
        )
        assert row["z"] == pytest.approx(row["nats"] / row["nats_se"], rel=1e-10)
    one = frame.iloc[0]
    assert one["p"] == pytest.approx(math.erfc(one["z"] / math.sqrt(2)))


def test_p_of_a_known_z():
    """1.96 standard errors: 5 %, two-sided."""
    each = np.tile([-1.0, 1.0], 50) * math.sqrt(99 / 100) + 0.1 * 1.959964
    (row,) = differences({"a": np.zeros(100), "b": each}, set(), DIMS).to_dict("records")
    assert (row["z"], row["p"]) == (pytest.approx(1.959964), pytest.approx(0.05, rel=1e-5))


def test_a_small_steady_difference_is_found_below_a_large_spread_of_the_images():
    """Fault: unpaired standard errors, ten times as large here."""
    first, second = _nats(2, 400, spread=50)
    (row,) = differences({"x": first + 0.5, "y": second}, set(), DIMS).to_dict("records")
    assert (row["a"], row["verdict"]) == ("y", "y is better")
    assert row["nats_se"] < 0.1


def test_holm_by_hand():
    """Holm, 1979: the smallest times m, the next times m - 1 ...; never decreasing, at most 1."""
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_among_twenty_equal_models_none_is_called_better():
    """Fault: p values as they are, 5 % of 190 pairs."""
    frame = differences({str(i): nats for i, nats in enumerate(_nats(20, 200))}, set(), DIMS)
    assert (frame["p"] < 0.05).any()
    assert set(frame["verdict"]) == {"not distinguishable from noise"}


def test_an_upper_bound_proves_a_point_only_if_it_is_the_lower_one():
    """Fault: a model called worse because of a loose bound."""
    low, high = _nats(2, 100)
    nats = {"low": low, "high": high + 5}
    assert differences(nats, {"low"}, DIMS)["kind"].tolist() == [BETTER]
    row = differences(nats, {"high"}, DIMS).iloc[0]
    assert (row["kind"], row["verdict"]) == (
        BOUND,
        "undecided: the figure of high is only an upper bound",
    )
    assert differences(nats, {"low", "high"}, DIMS)["kind"].tolist() == [BOUND]
    assert differences({"low": low, "high": high}, {"high"}, DIMS)["kind"].tolist() == [NOISE]


@pytest.mark.parametrize("images", [1, 2, 29])
def test_few_images_decide_nothing(images):
    first, second = _nats(2, images)
    (row,) = differences({"x": first, "y": second + 50}, set(), DIMS).to_dict("records")
    assert row["verdict"] == "undecided: fewer than 30 images"
    assert math.isnan(row["nats_se"]) == (images == 1)


def test_a_run_beside_its_own_copy():
    (row,) = differences({"x": (nats := _nats(1, 50)[0]), "y": nats.copy()}, set(), DIMS).to_dict(
        "records"
    )
    assert (row["nats"], row["z"], row["p"]) == (0, 0, 1)


def test_seen_from_one_run():
    """Fault: the sign of the pairs in which the reference is the second."""
    x, y, z = _nats(3, 100)
    frame = against(differences({"x": x, "y": y + 9, "z": z + 4}, set(), DIMS), "z")
    assert frame["run"].tolist() == ["x", "y"]
    assert frame["nats"].tolist() == pytest.approx(
        [x.mean() - z.mean() - 4, y.mean() - z.mean() + 5]
    )
    assert (np.sign(frame["bits_per_dim"]) == np.sign(frame["z"])).all()
    assert frame["verdict"].tolist() == ["x is better", "z is better"]


def test_of_runs_read_from_their_files(make_run, make_data, tmp_path):
    """One vector is cut off and one of another evaluation: the others are compared all the same."""
    make_data()
    first, second = _nats(2, 40)
    make_run("runs/a", nats=first)
    make_run("runs/b", nats=second + 5, bound="upper")
    make_run("runs/c", without=("metrics",))
    damaged = make_run("runs/d", nats=first) / "test_nll.npy"
    damaged.write_bytes(damaged.read_bytes()[:200])
    np.save(make_run("runs/e", nats=first) / "test_nll.npy", second)
    frame = paired_differences(load_runs(tmp_path / "runs"))
    assert frame[["a", "b"]].values.tolist() == [["a", "b"]]
    assert frame["verdict"].tolist() == ["undecided: the figure of b is only an upper bound"]
    other = {"data": {"name": "other", "path": "x", "shape": [1, 2, 2], "levels": 16}}
    make_run("runs/f", other, nats=first)
    make_run("runs/g", other, nats=second + 5)
    frame = paired_differences(load_runs(tmp_path / "runs"))
    assert frame[["data", "a", "b"]].values.tolist() == [["digits", "a", "b"], ["other", "f", "g"]]


def test_one_run_has_nothing_to_be_compared_with(make_run, make_data):
    make_data()
    frame = paired_differences(load_runs(make_run("a", nats=_nats(1, 40)[0])))
    assert frame.empty
    assert "verdict" in frame
