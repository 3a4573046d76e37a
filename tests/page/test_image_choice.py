import base64

import numpy as np
import pytest

from pixelrnn.page import image_choice as chosen
from pixelrnn.page.image_choice import choose


def test_all_images_where_they_fit():
    assert choose(np.random.default_rng(0).random((3, 10)), 10).tolist() == list(range(10))


def test_each_pair_has_its_extremes_and_so_has_likelihood():
    """Faults: one direction only; the same image twice; the best run's own extremes left out."""
    nats = 50 + np.zeros((3, 100))
    nats[:, 7], nats[:, 8] = 10, 90  # likely and unlikely for all
    nats[0, 20] += 5
    nats[1, 21] += 5
    nats[2, 22] += 5
    ids = choose(nats, 12).tolist()
    assert len(set(ids)) == 12
    assert {7, 8, 20, 21, 22} <= set(ids)


def test_the_best_runs_come_first():
    """Fault: pairs that nobody asks for use up the room."""
    random = np.random.default_rng(0)
    nats = 50 + random.normal(size=(30, 500))
    ids = choose(nats, 2)
    difference = nats[0] - nats[1]
    assert set(ids.tolist()) == {int(difference.argmax()), int(difference.argmin())}


def _nats(runs=4, images=40):
    return {f"runs/{i}": 5 + np.random.default_rng(i).random(images) for i in range(runs)}


def test_a_budget_holds_and_what_is_left_out_is_said(make_run, make_data, compared, monkeypatch):
    """Faults: a limit for one run, not for all; pictures of images without scores."""
    make_data()
    for name, nats in _nats().items():
        make_run(name, nats=nats)
    monkeypatch.setattr(chosen, "MAPS", 200)
    monkeypatch.setattr(chosen, "SCORES", 100)
    comparison = compared()
    scores, shown = chosen.scores(comparison), chosen.pictured(comparison)
    assert shown["count"] == 200 // (4 * (1 + 4))
    assert (
        sum(len(base64.b64decode(maps)) for maps in shown["runs"].values())
        == 4 * 4 * shown["count"]
    )
    kept = np.frombuffer(base64.b64decode(scores["about"]["ids"]), "<i4")
    pictured = np.frombuffer(base64.b64decode(shown["about"]["ids"]), "<i4")
    assert set(pictured.tolist()) <= set(kept.tolist())
    assert len(kept) < 40
    assert chosen.describe(comparison, shown).startswith(
        "10 of the 40 test images are embedded: those on which"
    )


@pytest.mark.parametrize("missing", ["maps", "arrays", "both"])
def test_what_is_not_at_hand_is_said(make_run, make_data, compared, tmp_path, missing):
    if missing == "maps":
        make_data()
    folder = make_run("runs/a", nats=_nats(1)["runs/0"])
    if missing != "arrays":
        (folder / "test_nll_map.npy").unlink()
    comparison = compared()
    text = chosen.describe(comparison, chosen.pictured(comparison))
    expected = {
        "maps": "All 40 test images are embedded. No map of what each pixel costs (test_nll_map",
        "arrays": "All 40 test images are embedded. The images themselves are not at hand, only",
        "both": "No pictures: neither the prepared images nor any test_nll_map.npy is at hand.",
    }
    assert text.startswith(expected[missing])
