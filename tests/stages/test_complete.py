import numpy as np
import pytest
import torch
from PIL import Image
from tests.support import tiny

from pixelrnn.data.quantize import stretch
from pixelrnn.errors import InputError
from pixelrnn.stages.complete import complete
from pixelrnn.training.run import Run


@pytest.fixture
def run(tmp_path):
    run = Run.claim(tmp_path / "run", tiny.config(tmp_path / "no data here"))
    run.finish(tiny.pushed_model(seed=2).state_dict(), {})
    return run.path


@pytest.fixture
def files(tmp_path):
    """Two pictures of levels, and the levels."""
    images = np.random.default_rng(0).integers(0, tiny.LEVELS, (2, *tiny.SHAPE)).astype(np.uint8)
    (tmp_path / "in").mkdir()
    for i, image in enumerate(images):
        Image.fromarray(stretch(image[0], tiny.LEVELS)).save(tmp_path / "in" / f"{i}.png")
    return tmp_path / "in", images


@pytest.mark.parametrize(
    ("options", "known"),
    [({}, 8), ({"rows": 1}, 4), ({"rows": 0}, 0), ({"pixels": 6}, 6), ({"pixels": 0}, 0)],
)
def test_the_first_pixels_stay_and_the_others_are_drawn(run, files, options, known):
    """No prepared data is needed. Fault: rows and pixels taken for one another."""
    folder, images = files
    completed = complete(run, folder, completions=20, **options)
    assert completed.shape == (2, 21, *tiny.SHAPE)
    assert (completed[:, 0] == images).all()
    flat = completed.reshape(2, 21, 16)
    assert (flat[:, :, :known] == flat[:, :1, :known]).all()
    assert (flat[:, 1:, known:] != flat[:, :1, known:]).any(1).all()
    assert (np.load(run / "completed" / "completions.npy") == completed).all()
    assert Image.open(run / "completed" / "completions.png").size == (21 * 68 + 8, 2 * 68 + 4)


def test_a_mask_picture(run, files, tmp_path, capsys):
    """Bright is known; that some of it stands after unknown pixels is said, and only then."""
    folder, images = files
    mask = np.full((4, 4), 255, np.uint8)
    mask[1, 1:3] = 100
    Image.fromarray(mask).save(tmp_path / "mask.png")
    completed = complete(run, folder / "0.png", mask=tmp_path / "mask.png", completions=20)
    assert (completed[0, 1:, 0] == images[0])[:, mask > 128].all()
    assert (completed[0, 1:, 0] != images[0])[:, mask < 128].any(0).all()
    assert "note: known pixels stand after unknown ones" in capsys.readouterr().out
    mask[1, 1:], mask[2:] = 0, 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    first = complete(run, folder, mask=tmp_path / "mask.png")
    assert "note" not in capsys.readouterr().out
    assert (first == complete(run, folder, pixels=5)).all()


def test_a_mask_picture_is_dark_where_it_is_transparent(run, files, tmp_path):
    """Fault: on a white ground all would be known."""
    mask = np.full((4, 4, 4), 255, np.uint8)
    mask[2:] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    masked = complete(run, files[0], mask=tmp_path / "mask.png")
    assert (masked == complete(run, files[0], rows=2)).all()


def test_samples_of_the_run_are_left_alone(run, files, tmp_path):
    """Fault: user's completions over those of the test images."""
    (run / "completions.npy").write_text("of test images")
    before = tiny.contents(run)
    complete(run, files[0], out=tmp_path / "deep" / "out", temperature=0, seed=5)
    assert tiny.contents(run) == before
    assert sorted(file.name for file in (tmp_path / "deep" / "out").iterdir()) == [
        "completions.npy",
        "completions.png",
    ]
    complete(run, files[0])
    assert (run / "completions.npy").read_text() == "of test images"


def test_seed_and_temperature(run, files):
    folder, _ = files
    assert (complete(run, folder, seed=1) == complete(run, folder, seed=1)).all()
    assert (complete(run, folder, seed=1) != complete(run, folder, seed=2)).any()
    greedy = complete(run, folder, temperature=0)
    assert (greedy[:, 1:] == greedy[:, 1:2]).all()
    model, x = tiny.pushed_model(seed=2), torch.from_numpy(greedy[:, 0].astype(np.int64))
    assert (model.complete(x, 8, temperature=0.0).numpy() == greedy[:, 1]).all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rows": 5}, "rows=5: the model's images have 4"),
        ({"rows": -1}, "rows=-1"),
        ({"rows": "two"}, "rows='two'"),
        ({"pixels": 17}, "known=17"),
        ({"rows": 4}, "nothing to draw"),
        ({"rows": 1, "pixels": 3}, "rows and pixels both say"),
        ({"mask": "nope.png"}, "nope.png"),
        ({"completions": 0}, "completions=0"),
        ({"temperature": -1}, "temperature=-1"),
        ({"fit": "nope"}, "fit=nope"),
        ({"device": "gpuu"}, "no device"),
    ],
)
def test_wrong_arguments(run, files, options, told):
    before = tiny.contents(run)
    with pytest.raises(InputError, match=told):
        complete(run, files[0], **options)
    assert tiny.contents(run) == before


def test_a_bad_file_stops_it_before_any_work(run, files):
    folder, _ = files
    Image.new("L", (5, 5)).save(folder / "large.png")
    before = tiny.contents(run)
    with pytest.raises(InputError, match="5x5 pixels, expected 4x4"):
        complete(run, folder)
    assert tiny.contents(run) == before
    assert len(complete(run, folder, skip=True)) == 2
    assert len(complete(run, folder, fit="crop")) == 3
