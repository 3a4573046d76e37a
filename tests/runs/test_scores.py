import numpy as np
import pytest

from pixelrnn.errors import InputError
from pixelrnn.runs import scores
from pixelrnn.runs.frame import load_runs
from pixelrnn.runs.record import read_record
from pixelrnn.runs.scores import read_each

NATS = np.linspace(10, 30, 40)
READERS = {
    "test_nll.npy": scores.image_nats,
    "test_nll_map.npy": scores.nll_maps,
    "samples.npy": scores.samples,
    "completions.npy": scores.completions,
}


def test_what_a_whole_run_has(make_run):
    run = read_record(make_run("a", nats=NATS, drawn=True), "a")
    np.testing.assert_array_equal(scores.image_nats(run), NATS)
    np.testing.assert_allclose(scores.nll_maps(run).sum((1, 2)), NATS, rtol=1e-3)
    assert scores.samples(run).shape == (18, 1, 2, 2)
    assert scores.completions(run).shape == (6, 3, 1, 2, 2)


@pytest.mark.parametrize("name", READERS)
def test_an_older_run_lacks_a_file(make_run, name):
    folder = make_run("a", nats=NATS, drawn=True)
    (folder / name).unlink()
    assert READERS[name](read_record(folder, "a")) is None


def test_what_is_left_of_an_earlier_evaluation_is_not_read(make_run):
    """Fault: a run that is being evaluated again read as evaluated."""
    folder = make_run("a", nats=NATS)
    (folder / "metrics.json").unlink()
    assert scores.image_nats(read_record(folder, "a")) is None
    assert scores.nll_maps(read_record(folder, "a")) is None


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("test_nll.npy", NATS[:-1], "float64 (39,), metrics.json says 40 images"),
        ("test_nll.npy", NATS + 1, "a mean of 21.0000 nats, metrics.json says 20.0000"),
        ("test_nll.npy", NATS * np.nan, "a mean of nan nats"),
        ("test_nll.npy", NATS.astype(int), "int64 (40,)"),
        (
            "test_nll_map.npy",
            np.zeros((40, 2, 3), np.float16),
            "float16 (40, 2, 3), not one value a pixel of 40",
        ),
        ("test_nll_map.npy", np.zeros((40, 2, 2), int), "int64 (40, 2, 2)"),
        (
            "samples.npy",
            np.zeros((4, 1, 2, 3), np.uint8),
            "uint8 (4, 1, 2, 3), not images of shape (1, 2, 2)",
        ),
        ("samples.npy", np.zeros((0, 1, 2, 2), np.uint8), "uint8 (0, 1, 2, 2)"),
        ("samples.npy", np.full((4, 1, 2, 2), 17, np.uint8), "level 17, the run has 17 levels"),
        ("completions.npy", np.zeros((4, 1, 2, 2), np.uint8), "uint8 (4, 1, 2, 2)"),
        ("completions.npy", np.zeros((4, 3, 1, 2, 2), float), "float64 (4, 3, 1, 2, 2)"),
    ],
)
def test_a_wrong_file_says_what_it_is_and_what_to_do(make_run, name, content, what):
    folder = make_run("a", nats=NATS, drawn=True)
    np.save(folder / name, content)
    with pytest.raises(InputError) as error:
        READERS[name](read_record(folder, "a"))
    assert str(error.value).startswith(f"{folder / name} ")
    assert what in str(error.value)
    assert "run `pixelrnn " in str(error.value)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("length", [0, 30, 150])
def test_a_file_cut_off_is_one_line_and_hides_no_other_run(make_run, tmp_path, name, length):
    make_run("runs/good", nats=NATS, drawn=True)
    file = make_run("runs/bad", nats=NATS, drawn=True) / name
    file.write_bytes(file.read_bytes()[:length])
    (make_run("runs/worse") / "config.yaml").write_text("[")
    contents, problems = read_each(load_runs(tmp_path / "runs"), READERS[name])
    assert list(contents) == ["good"]
    assert list(problems) == ["bad"]
    assert problems["bad"].startswith(f"{file} is damaged")
    assert "\n" not in problems["bad"]
