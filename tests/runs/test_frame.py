from dataclasses import asdict, replace

import pandas as pd
import pytest

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.runs.frame import COLUMNS, config_differences, history, load_runs, records
from pixelrnn.runs.record import read_record


def test_a_run_is_a_row_with_every_figure_as_its_files_say(make_run):
    """Fault: images of metrics.json and of sampling.json taken for one another."""
    folder = make_run("digits-row_lstm")
    (row,) = load_runs(folder).to_dict("records")
    assert pd.isna([row.pop("val_nll_nats"), row.pop("val_bits_per_dim")]).all()
    assert row == {
        "run": "digits-row_lstm",
        "path": str(folder),
        "variant": "row_lstm",
        "status": "finished",
        "data": "digits",
        "data_path": str(folder.parent / "digits"),
        "shape": (1, 2, 2),
        "levels": 17,
        "head": "Softmax",
        "parameters": 1234,
        "bits_per_dim": 2.0123456789012345,
        "bits_per_dim_se": 0.0625,
        "nll_nats": 20.125,
        "nll_nats_se": 0.5,
        "bound": "exact",
        "split": "test",
        "images": 40,
        "audit": "causal",
        "train_seconds": 60.5,
        "images_per_second": 800.25,
        "epochs": 3,
        "best_epoch": 2,
        "seed": 0,
        "group": "digits-row_lstm",
        "sample_seconds": 2.5,
        "sample_images": 16,
        "git": "0123abcd" * 5,
        "dirty": False,
        "command": "pixelrnn train model=row_lstm",
    }


@pytest.mark.parametrize(
    ("without", "status"),
    [
        ((), "finished"),
        (("sampling",), "finished"),
        (("metrics", "sampling"), "not evaluated"),
        (("training", "metrics", "sampling"), "unfinished"),
        (("training",), "unfinished"),
        (("weights",), "weights missing"),
        (("weights", "metrics"), "weights missing"),
    ],
)
def test_status(make_run, without, status):
    """Fault: a run that was evaluated while still training called finished."""
    frame = load_runs(make_run("a", without=without))
    assert frame["status"].tolist() == [status]
    assert list(frame.columns) == list(COLUMNS)
    assert frame["bits_per_dim"].isna().all() == ("metrics" in without)


@pytest.mark.parametrize(
    ("file", "content", "what"),
    [
        ("metrics.json", '{"test": {"nll_nats": 20.1, "bits}', "metrics.json can't be read"),
        ("metrics.json", "[1, 2]", "metrics.json holds no JSON object"),
        ("metrics.json", '{"test": {"nll_nats": 20.1}}', "metrics.json: bits_per_dim is missing"),
        (
            "metrics.json",
            '{"test": {"nll_nats": 1, "bits_per_dim": NaN}}',
            "metrics.json: bits_per_dim is nan",
        ),
        (
            "metrics.json",
            '{"test": {"nll_nats": 1, "bits_per_dim": true}}',
            "metrics.json: bits_per_dim is True",
        ),
        (
            "metrics.json",
            '{"test": {"nll_nats": 1, "bits_per_dim": 1, "images": 5, "nll_nats_se": "x"}}',
            "nll_nats_se is x",
        ),
        (
            "metrics.json",
            '{"test": {"nll_nats": 1, "bits_per_dim": 1, "images": 5, "bound": "lower"}}',
            "bound must be",
        ),
        (
            "metrics.json",
            '{"all": {"nll_nats": 1, "bits_per_dim": 1, "images": 5, "bound": "exact"}}',
            "no split 'all'",
        ),
        ("training.json", "", "training.json can't be read"),
        ("training.json", '{"parameters": "many"}', "training.json: parameters is many"),
        (
            "training.json",
            '{"parameters": 7, "epochs": 2.5}',
            "training.json: epochs is 2.5, not a whole number",
        ),
        ("sampling.json", '{"images": []}', "sampling.json: images is []"),
        ("timing.json", '{"train_seconds": "9"}', "timing.json: train_seconds is 9, not a number"),
        ("origin.json", '{"git": "01', "origin.json can't be read"),
        ("origin.json", '{"git": 7}', "origin.json: git is 7, not a str"),
        ("config.yaml", "a: [1", "config.yaml is damaged"),
        ("config.yaml", "", "holds no configuration"),
        ("config.yaml", "variant: a", "config.yaml: missing or wrong entry ('data')"),
    ],
)
def test_a_damaged_run_says_so_in_its_status_and_hides_no_other(
    make_run, tmp_path, file, content, what
):
    make_run("runs/good")
    (make_run("runs/bad") / file).write_text(content)
    frame = load_runs(tmp_path / "runs").set_index("run")
    status = frame.loc["bad", "status"]
    assert status.startswith("damaged: ")
    assert what in status
    assert "\n" not in status
    assert frame.loc["bad", ["bits_per_dim", "parameters", "sample_seconds"]].isna().all()
    assert frame.loc["good", "status"] == "finished"


def test_seconds_and_origin_are_those_of_these_weights(make_run):
    """What came by `dvc pull` was trained elsewhere. Fault: the seconds of an older training."""
    run = make_run("a")
    files = RunDirectory(run)
    for name in ("training.json", "timing.json", "origin.json"):
        files.write(name, files.read(name) | {"weights_md5": "1"})
    files.write("metrics.json", {"test": files.read_metrics()["test"] | {"weights_md5": "1"}})
    assert load_runs(run)["train_seconds"].item() == 60.5
    assert history(run)["seconds"].tolist() == [1.5, 3.0]
    files.write("training.json", files.read("training.json") | {"weights_md5": "2"})
    files.write("metrics.json", {"test": files.read_metrics()["test"] | {"weights_md5": "2"}})
    frame = load_runs(run)
    assert frame[["train_seconds", "sample_seconds", "git", "command"]].isna().all(axis=None)
    assert frame["status"].item() == "finished"
    assert "seconds" not in history(run)


def test_records_are_what_the_frame_was_made_of(make_run, tmp_path):
    """Faults: NaN or pandas' NA where something is missing; numpy's scalars, which JSON refuses."""
    whole = make_run("runs/a")
    single = make_run("runs/b", nll_nats_se=float("nan"), bits_per_dim_se=float("inf"))
    (make_run("runs/c") / "config.yaml").write_text("[")
    first, second, third = records(load_runs(tmp_path / "runs"))
    assert first == replace(read_record(whole, "a"), group="a")
    kinds = {type(value) for value in asdict(first).values()}
    assert kinds == {str, tuple, int, float, bool, type(None)}
    assert (second.nll_nats_se, second.bits_per_dim_se) == (None, None)
    assert second.run == read_record(single, "b").run
    assert third.damaged
    assert third.shape is third.bits_per_dim is third.dirty is None


def test_an_older_run_has_no_origin(make_run):
    """Fault: a file that older runs lack asked for."""
    (row,) = load_runs(make_run("a", without=("origin",))).to_dict("records")
    assert row["status"] == "finished"
    assert pd.isna([row["git"], row["dirty"], row["command"]]).all()


def test_one_image_has_no_standard_error(make_run):
    row = load_runs(make_run("a", bits_per_dim_se=None, nll_nats_se=float("nan"))).iloc[0]
    assert row["status"] == "finished"
    assert pd.isna(row["bits_per_dim_se"])
    assert pd.isna(row["nll_nats_se"])


def test_a_run_a_folder_and_a_glob_find_the_same_runs_once(make_run, tmp_path, monkeypatch):
    """Faults: runs in W&B's folder, inside a run, or hidden; two rows of a run named twice."""
    a, b = make_run("runs/a"), make_run("runs/b")
    make_run("runs/a/checkpoints/older")
    make_run("runs/wandb/offline-run/files")
    make_run("runs/.trash/c")
    (tmp_path / "runs" / "notes.txt").write_text("not a run")
    both = [str(a), str(b)]
    assert load_runs(tmp_path / "runs")["path"].tolist() == both
    assert load_runs(tmp_path)["path"].tolist() == both
    assert load_runs(str(tmp_path / "runs" / "*"))["path"].tolist() == both
    assert load_runs(b, a, tmp_path / "runs")["path"].tolist() == both[::-1]
    monkeypatch.chdir(tmp_path)
    assert load_runs("runs/*")["path"].tolist() == ["runs/a", "runs/b"]


def test_jobs_of_two_sweeps_keep_different_names(make_run, tmp_path):
    make_run("sweeps/x/0")
    make_run("sweeps/y/0")
    assert load_runs(tmp_path / "sweeps")["run"].tolist() == ["x/0", "y/0"]


def test_nothing_found_says_what_was_looked_for(make_run, tmp_path):
    """Fault: a mistyped path passed over because another one matched."""
    good = make_run("a")
    with pytest.raises(InputError, match=r"runs/nothing-\*"):
        load_runs(good, tmp_path / "runs" / "nothing-*")
    with pytest.raises(InputError, match="no runs named"):
        load_runs()


def test_history_of_a_run_or_a_file(make_run):
    folder = make_run("a")
    frame = history(folder)
    assert frame["val/bits_per_dim"].tolist() == [3.967, 3.787]
    pd.testing.assert_frame_equal(history(folder / "history.csv"), frame)


def test_a_history_line_still_being_written_is_left_out(make_run):
    """Fault: '2,30,3.1' of '2,30,3.125' read as a figure."""
    folder = make_run("a")
    with (folder / "history.csv").open("a") as file:
        file.write("2,30,3.1")
    assert history(folder)["epoch"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "epoch,loss\n0,1,2\n1,2,3,4\n",
        "loss\n1\n",
        "epoch,loss\n0,abc\n",
        "epoch,loss\n,2\n",
        "\x00\x01\n",
    ],
)
def test_a_damaged_history_names_its_file(make_run, content):
    file = make_run("a") / "history.csv"
    file.write_text(content)
    with pytest.raises(InputError, match=r"history\.csv is damaged"):
        history(file)


def test_a_run_without_a_history(make_run):
    with pytest.raises(InputError, match=r"history\.csv doesn't exist"):
        history(make_run("a", without=("history",)))


def test_config_differences_are_the_keys_that_differ(make_run, tmp_path):
    """Faults: `true` and 1 taken for equal; a key that only one run has left out."""
    make_run("runs/a", config={"model": {"hidden": 16, "residual": True, "sizes": [1, 2]}})
    make_run(
        "runs/b",
        config={
            "model": {"hidden": 32, "residual": 1, "sizes": [1, 2]},
            "scheduler": {"gamma": 0.5},
        },
    )
    (make_run("runs/c") / "config.yaml").write_text("[")
    frame = config_differences(load_runs(tmp_path / "runs"))
    assert frame.index.tolist() == ["a", "b"]
    assert frame.columns.tolist() == ["model.hidden", "model.residual", "scheduler.gamma"]
    assert frame.loc["a"].tolist() == [16, True, None]
    assert frame.loc["b"].tolist() == [32, 1, 0.5]


def test_one_run_differs_from_nothing(make_run):
    assert config_differences(load_runs(make_run("a"))).columns.tolist() == []
