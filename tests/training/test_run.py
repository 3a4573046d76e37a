import json

import pytest
import safetensors.torch
import torch
import yaml
from tests.support import tiny

from pixelrnn.errors import InputError
from pixelrnn.training.run import CHECKPOINT, Run, find_device


@pytest.fixture
def data(tmp_path):
    return tiny.write_data(tmp_path / "data")


@pytest.fixture
def run(tmp_path, data):
    run = Run.create(tmp_path / "run", tiny.config(data))
    run.save_weights(tiny.model(seed=1).state_dict())
    return run


def test_create_writes_the_config_and_comes_back_to_it(tmp_path, data):
    config = tiny.config(data, rates=[1e-3, 0.0], nothing=None, text="1e-3")
    Run.create(tmp_path / "deep" / "run", config)
    assert yaml.safe_load((tmp_path / "deep" / "run" / "config.yaml").read_text())["text"] == "1e-3"
    assert (
        Run.create(tmp_path / "deep" / "run", config).config
        == Run.load(tmp_path / "deep" / "run").config
        == config
    )


def test_another_config_is_refused_by_its_keys_and_nothing_is_written(run, data):
    """Fault: writing config.yaml before comparing."""
    before = tiny.contents(run.path)
    other = tiny.config(data, seed=1, max_epochs=7, variant="x", new=2)
    with pytest.raises(InputError, match=r"seed: 0 there, 1 here; .*; and 1 more.*run=") as caught:
        Run.create(run.path, other)
    assert "\n" not in str(caught.value)
    assert tiny.contents(run.path) == before


def test_model_has_the_saved_weights(run):
    loaded = Run.load(run.path).model
    saved = tiny.model(seed=1)
    assert not loaded.training
    assert all(
        torch.equal(a, b)
        for a, b in zip(loaded.state_dict().values(), saved.state_dict().values(), strict=True)
    )


def test_data_is_the_configured_one(run):
    assert run.data.split("val").shape == (7, 1, 4, 4)


def test_no_run(tmp_path):
    with pytest.raises(InputError, match="no run at"):
        Run.load(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "just text", "", "\x00"])
def test_damaged_config(run, text):
    (run.path / "config.yaml").write_text(text)
    for call in (lambda: Run.load(run.path), lambda: Run.create(run.path, run.config)):
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
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged"):
        _ = Run.load(run.path).model


def test_weights_of_another_model(run):
    safetensors.torch.save_file({"other": torch.zeros(2)}, run.path / "weights.safetensors")
    with pytest.raises(InputError, match="belongs to another model") as caught:
        _ = Run.load(run.path).model
    assert "\n" not in str(caught.value)


def test_weights_of_another_size(run):
    state = {
        name: torch.zeros(*value.shape, 2) for name, value in tiny.model().state_dict().items()
    }
    safetensors.torch.save_file(state, run.path / "weights.safetensors")
    with pytest.raises(InputError, match=r"another model.*size mismatch"):
        _ = Run.load(run.path).model


@pytest.mark.parametrize(
    "change", [{"model": {"_target_": "pixelrnn.models.nope"}}, {"model": None}]
)
def test_config_without_a_model(tmp_path, data, change):
    with pytest.raises(InputError, match=r"config\.yaml"):
        _ = Run.create(tmp_path / "run", tiny.config(data, **change)).model


def test_model_of_other_images_than_the_data(tmp_path, data):
    config = tiny.config(data)
    config["model"]["head"]["levels"] = 5
    run = Run.create(tmp_path / "run", config)
    with pytest.raises(InputError, match="5 levels"):
        run.save_weights(run._build_model().state_dict()) or run.model


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"not a checkpoint"])
def test_damaged_checkpoint(run, content):
    """Fault: claiming first, reading later."""
    (run.path / "config.yaml").unlink()
    file = run.path / CHECKPOINT
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        Run.create(run.path, run.config)
    assert not (run.path / "config.yaml").exists()


def test_checkpoint_of_this_config_only(run):
    assert run.checkpoint is None
    (run.path / CHECKPOINT).parent.mkdir()
    torch.save({"config": run.config | {"seed": 1}}, run.path / CHECKPOINT)
    assert Run.create(run.path, run.config).checkpoint is None
    torch.save({"config": run.config}, run.path / CHECKPOINT)
    assert Run.create(run.path, run.config).checkpoint == run.path / CHECKPOINT


def test_new_claim_is_not_finished_by_an_old_file(run):
    """Fault: a training.json left behind under another config.yaml."""
    run.write("training.json", {})
    assert run.finished
    (run.path / "config.yaml").unlink()
    assert not Run.create(run.path, run.config | {"seed": 1}).finished


def test_json_round_trip_leaves_no_other_file(run):
    run.write("a.json", {"x": 1.5, "y": None})
    assert (
        run.read("a.json") == {"x": 1.5, "y": None} == json.loads((run.path / "a.json").read_text())
    )
    assert run.read("b.json") == {}
    assert not list(run.path.glob("*.new"))


def test_path_that_is_a_file(tmp_path, data):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to run="):
        Run.create(tmp_path / "file", tiny.config(data))


def test_devices():
    assert find_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="no device 'gpuu'"):
        find_device("gpuu")
