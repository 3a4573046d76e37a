import numpy as np

NATS = 5 + np.random.default_rng(0).normal(size=40)


def test_one_damaged_file_is_a_note_on_its_run_and_hides_nothing_else(
    make_run, make_data, compared
):
    """Faults: the first damaged file stops everything; the rest of its run dropped as well."""
    make_data()
    make_run("runs/good", nats=NATS, drawn=True)
    bad = make_run("runs/bad", nats=NATS, drawn=True)
    (bad / "samples.npy").write_bytes(b"\x93NUM")
    (bad / "history.csv").write_text("epoch,x\n0,a\n")
    comparison = compared()
    assert comparison.samples.keys() == comparison.histories.keys() == {"good"}
    assert comparison.nats.keys() == {"good", "bad", "independent pixels"}
    notes = {row.name: row.note for row in comparison.rows if row.kind == "run"}
    assert notes["good"] is None
    assert "history.csv is damaged" in notes["bad"]
    assert "samples.npy is damaged" in notes["bad"]
    assert "\n" not in notes["bad"]


def test_without_the_prepared_images_there_are_no_baselines_and_a_line_says_so(make_run, compared):
    make_run("runs/a", nats=NATS, drawn=True)
    comparison = compared()
    assert comparison.arrays == {}
    assert [row.name for row in comparison.rows] == ["a"]
    (note,) = comparison.notes
    assert note.startswith("without the prepared images there are no baselines")
    assert "data.json is missing" in note


def test_runs_without_the_nll_of_each_image_are_named(make_run, make_data, compared):
    make_data()
    make_run("runs/a", nats=NATS)
    make_run("runs/old")
    make_run("runs/new", without=("metrics",))
    comparison = compared()
    assert comparison.notes == ["no test_nll.npy, so no paired differences: old"]


def test_the_images_and_the_configs_are_those_of_the_runs(make_run, make_data, compared):
    folder = make_data()
    make_run("runs/a", {"seed": 3}, nats=NATS)
    make_run("runs/b", {"seed": 4}, nats=NATS + 1)
    comparison = compared()
    np.testing.assert_array_equal(comparison.arrays["test"], np.load(folder / "test.npy"))
    assert comparison.settings["seed"].to_dict() == {"a": 3, "b": 4}
    assert comparison.configs["a"]["model.layers"] == 2
    assert "a has the lowest NLL" in comparison.headline()


def test_a_model_that_sees_what_it_predicts_is_marked(make_run, make_data, compared):
    """Fault: a leak at the head of the table, as if it were the best model."""
    make_data()
    make_run("runs/a", nats=NATS, audit={"verdict": "leak", "sentence": "sees (0, 1)"})
    make_run("runs/b", nats=NATS + 1, audit={"verdict": "not audited"})
    comparison = compared()
    assert [
        row.note is not None and "no likelihood" in row.note for row in comparison.rows[:2]
    ] == [True, False]
    assert "But it sees what it predicts." in comparison.headline()
