import json
import os

import pytest
import safetensors.torch
import torch
import yaml
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.models.in_batches import find_device
from pixelrnn.runs.directory import CHECKPOINT
from pixelrnn.training.run import Run


@pytest.fixture
def data(tmp_path):
    return tiny.write_data(tmp_path / "data")


@pytest.fixture
def run(tmp_path, data):
    run = Run.claim(tmp_path / "run", tiny.config(data))
    run.finish(tiny.model(seed=1).state_dict(), {})
    return run


def test_create_writes_the_config_and_comes_back_to_it(tmp_path, data):
    config = tiny.config(data, rates=[1e-3, 0.0], nothing=None, text="1e-3")
    Run.claim(tmp_path / "deep" / "run", config)
    assert yaml.safe_load((tmp_path / "deep" / "run" / "config.yaml").read_text())["text"] == "1e-3"
    assert (
        Run.claim(tmp_path / "deep" / "run", config).config
        == Run.load(tmp_path / "deep" / "run").config
        == config
    )


def test_another_config_is_refused_by_its_keys_and_nothing_is_written(run, data):
    """Fault: writing config.yaml before comparing."""
    before = tiny.contents(run.path)
    other = tiny.config(data, seed=1, optimizer={"lr": 1, "betas": [0, 1]}, scheduler=None)
    with pytest.raises(InputError, match=r"seed: 0 there, 1 here; .*; and \d more.*run=") as caught:
        Run.claim(run.path, other)
    assert "\n" not in str(caught.value)
    assert tiny.contents(run.path) == before


def test_a_directory_with_nothing_trained_in_it_is_anybodys(tmp_path, data):
    """A fresh clone has the configurations of committed runs, and not their weights."""
    run = Run.claim(tmp_path / "run", tiny.config(data))
    run.files.write("training.json", {})
    again = Run.claim(run.path, tiny.config(data, seed=1))
    assert Run.load(run.path).config == again.config == tiny.config(data, seed=1)
    assert not again.finished
    assert not again.files.has("training.json")


def test_what_is_shown_may_change_and_is_recorded(run, data):
    """Faults: a finished run refused because of its loader; the newer description lost."""
    config = tiny.config(data)
    config["data"]["num_workers"] = 2
    assert Run.claim(run.path, config).finished
    assert Run.load(run.path).config == config


def test_more_epochs_continue_from_the_checkpoint(run, data):
    """Faults: finished although epochs are missing; without a checkpoint, a training that starts over."""
    constant = {"scheduler": {"_target_": "pixelrnn.training.constant"}}
    short = tiny.config(data, **constant, trainer={"max_epochs": 3})
    long = tiny.config(data, **constant, trainer={"max_epochs": 9})
    run.files.write_config(short)
    with pytest.raises(InputError, match="no checkpoint, so it can't be trained for more epochs"):
        Run.claim(run.path, long)
    (run.path / CHECKPOINT).parent.mkdir()
    torch.save({"config": short, "complete": True}, run.path / CHECKPOINT)
    for _ in range(2):  # also where it was interrupted right after
        longer = Run.claim(run.path, long)
        assert not longer.finished
        assert longer.checkpoint
    with pytest.raises(InputError, match=r"trainer\.max_epochs: 9 there, 3 here"):
        Run.claim(run.path, short)


def test_model_has_the_saved_weights(run):
    loaded = Run.load(run.path).model
    saved = tiny.model(seed=1)
    assert not loaded.training
    assert all(
        torch.equal(a, b)
        for a, b in zip(loaded.state_dict().values(), saved.state_dict().values(), strict=True)
    )


def test_images_are_those_of_the_config(run):
    assert run.split("val").shape == (7, 1, 4, 4)
    with pytest.raises(InputError, match="no split 'nope': there is train, val, test"):
        run.split("nope")


def test_no_run(tmp_path):
    with pytest.raises(InputError, match="no run at"):
        Run.load(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "just text", "", "\x00"])
def test_damaged_config(run, text):
    (run.path / "config.yaml").write_text(text)
    for call in (lambda: Run.load(run.path), lambda: Run.claim(run.path, run.config)):
        with pytest.raises(InputError, match=r"config\.yaml is damaged"):
            call()


def test_missing_weights(run):
    (run.path / "weights.safetensors").unlink()
    with pytest.raises(InputError, match=r"weights\.safetensors is missing"):
        _ = Run.load(run.path).model


@pytest.mark.parametrize("keep", [0, 20, -8])
def test_truncated_weights(run, keep):
    file = run.path / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"weights\.safetensors is not as training left it"):
        _ = Run.load(run.path).model
    without_checksum(run)
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged"):
        _ = Run.load(run.path).model


def without_checksum(run):
    """As runs of the first edition are."""
    run.files.write("training.json", run.files.read("training.json") | {"weights_md5": None})


def test_weights_of_another_model(run):
    safetensors.torch.save_file({"other": torch.zeros(2)}, run.path / "weights.safetensors")
    without_checksum(run)
    with pytest.raises(InputError, match="belongs to another model") as caught:
        _ = Run.load(run.path).model
    assert "\n" not in str(caught.value)


def test_weights_of_another_size(run):
    state = {
        name: torch.zeros(*value.shape, 2) for name, value in tiny.model().state_dict().items()
    }
    safetensors.torch.save_file(state, run.path / "weights.safetensors")
    without_checksum(run)
    with pytest.raises(InputError, match=r"another model.*size mismatch"):
        _ = Run.load(run.path).model


@pytest.mark.parametrize(
    "change", [{"model": {"_target_": "pixelrnn.models.nope"}}, {"model": None}]
)
def test_config_without_a_model(tmp_path, data, change):
    with pytest.raises(InputError, match=r"config\.yaml"):
        _ = Run.claim(tmp_path / "run", tiny.config(data, **change)).model


def test_model_of_other_images_than_the_data(tmp_path, data):
    config = tiny.config(data)
    config["model"]["head"]["levels"] = 5
    run = Run.claim(tmp_path / "run", config)
    with pytest.raises(InputError, match="5 levels"):
        run.finish(run.build_model().state_dict(), {}) or run.model


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"not a checkpoint"])
def test_damaged_checkpoint(run, content):
    """Fault: claiming first, reading later."""
    (run.path / "config.yaml").unlink()
    file = run.path / CHECKPOINT
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        Run.claim(run.path, run.config)
    assert not (run.path / "config.yaml").exists()


def test_checkpoint_of_this_config_only(run):
    assert run.checkpoint is None
    (run.path / CHECKPOINT).parent.mkdir()
    torch.save({"config": run.config | {"seed": 1}}, run.path / CHECKPOINT)
    assert Run.claim(run.path, run.config).checkpoint is None
    torch.save({"config": run.config}, run.path / CHECKPOINT)
    assert Run.claim(run.path, run.config).checkpoint == run.path / CHECKPOINT


def test_finished_means_that_the_weights_are_there(run):
    """Fault: training.json, which git holds, taken for a finished training in a fresh clone."""
    run.files.write("training.json", {})
    (run.path / "weights.safetensors").unlink()
    assert not Run.claim(run.path, run.config).finished


def test_a_new_claim_is_not_finished_by_old_files(run):
    """Fault: weights left behind under another config.yaml."""
    assert run.finished
    (run.path / "config.yaml").unlink()
    assert not Run.claim(run.path, run.config | {"seed": 1}).finished


def test_a_completed_checkpoint_never_stands_in_for_a_new_training(run):
    """DVC removes the outputs of a stage whose code changed, and keeps the checkpoint."""
    (run.path / CHECKPOINT).parent.mkdir()
    torch.save({"config": run.config, "complete": True}, run.path / CHECKPOINT)
    assert Run.claim(run.path, run.config).checkpoint
    (run.path / "config.yaml").unlink()
    assert Run.claim(run.path, run.config).checkpoint is None


def test_files_have_the_mode_of_the_umask(run):
    """Fault: weights that only their owner may read."""
    modes = {file.stat().st_mode & 0o777 for file in run.path.iterdir() if file.is_file()}
    assert modes == {0o666 & ~current_umask()}


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_json_round_trip_leaves_no_other_file(run):
    run.files.write("a.json", {"x": 1.5, "y": None})
    assert (
        run.files.read("a.json")
        == {"x": 1.5, "y": None}
        == json.loads((run.path / "a.json").read_text())
    )
    assert run.files.read("b.json") == {}
    assert not list(run.path.glob(".*"))


def test_path_that_is_a_file(tmp_path, data):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to run="):
        Run.claim(tmp_path / "file", tiny.config(data))


def test_devices():
    assert find_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="no device 'gpuu'"):
        find_device("gpuu")
