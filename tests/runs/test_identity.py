"""What makes two configurations the same run."""

import copy

import pytest
from tests.support import tiny

from pixelrnn.runs.identity import changed_data, deciding, differences, grows, spell


@pytest.fixture
def config():
    ema = {"_target_": "pytorch_lightning.callbacks.EMAWeightAveraging", "decay": 0.99}
    grid = {"_target_": "pixelrnn.training.SampleGrid", "every": 5}
    return tiny.config("data") | {
        "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.01},
        "trainer": {"max_epochs": 3, "devices": 1, "gradient_clip_val": 1.0},
        "callbacks": {"samples": grid, "ema": ema},
    }


def changed(config, key, value):
    other = copy.deepcopy(config)
    *sections, last = key.split(".")
    section = other
    for name in sections:
        section = section.setdefault(name, {})
    section[last] = value
    return other


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.num_workers", 2),
        ("data.path", "elsewhere"),
        ("data.source", {"_target_": "x"}),
        ("data.flip", False),
        ("variant", "mine"),
        ("trainer.accelerator", "gpu"),
        ("trainer.devices", "auto"),
        ("trainer.strategy", "ddp"),
        ("trainer.enable_progress_bar", False),
        ("trainer.log_every_n_steps", 1),
        ("trainer.limit_train_batches", None),
        ("callbacks.samples.every", 10),
        ("callbacks.progress", {"_target_": "pixelrnn.training.Progress"}),
        ("logger", {"csv": {"_target_": "pytorch_lightning.loggers.CSVLogger"}}),
    ],
)
def test_where_and_how_it_is_shown_does_not_decide(config, key, value):
    """Fault: a run that can't be resumed on another machine."""
    assert differences(config, changed(config, key, value)) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 1),
        ("data.batch_size", 8),
        ("data.flip", True),
        ("data.levels", 4),
        ("model.hidden", 3),
        ("model.head.levels", 5),
        ("optimizer.lr", 0.02),
        ("scheduler.warmup", 0.2),
        ("trainer.precision", "bf16-mixed"),
        ("trainer.gradient_clip_val", 2.0),
        ("trainer.accumulate_grad_batches", 2),
        ("callbacks.ema.decay", 0.9),
        ("callbacks.mine", {"_target_": "mine.Callback"}),
    ],
)
def test_what_changes_the_weights_decides(config, key, value):
    """Fault: a result under the name of another configuration."""
    different = differences(config, changed(config, key, value))
    assert [name.startswith(key) for name in different] == [True]
    assert "\n" not in spell(different)
    assert key in spell(different)


@pytest.mark.parametrize("where", [{"devices": 2}, {"devices": [0, 3]}, {"num_nodes": 2}])
def test_batches_are_compared_as_those_of_all_processes(config, where):
    """Faults: a training of one process continued by two, each with as many images as it had;
    two that split its batches refused.
    """
    config["trainer"].pop("devices")
    both = config | {"trainer": config["trainer"] | where}
    assert differences(config, both) == {"data.batch_size": (4, 8)}
    assert differences(config, changed(both, "data.batch_size", 2)) == {}


def test_a_longer_training_is_the_same_where_the_rate_ignores_its_length(config):
    longer = changed(config, "trainer.max_epochs", 5)
    assert not grows(config, longer)
    assert "another length is another run" in spell(differences(config, longer))
    for scheduler in (None, {"_target_": "pixelrnn.training.constant", "warmup": 0.0}):
        assert grows(config | {"scheduler": scheduler}, longer | {"scheduler": scheduler})
        assert not grows(longer | {"scheduler": scheduler}, config | {"scheduler": scheduler})
    warming = {"scheduler": {"_target_": "pixelrnn.training.constant", "warmup": 0.1}}
    assert not grows(config | warming, longer | warming)


def test_only_the_first_few_keys_are_spelled(config):
    other = config
    for key in ("seed", "data.batch_size", "model.hidden", "optimizer.lr", "scheduler.warmup"):
        other = changed(other, key, 77)
    assert spell(differences(config, other)).endswith("; and 2 more")


def test_damaged_sections_are_differences_not_errors():
    assert deciding({"data": None, "trainer": [], "callbacks": "x", "model": 3}) == {"model": 3}


def test_changed_data():
    assert changed_data({"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == ["b"]
    assert changed_data(None, {"a": "1"}) == changed_data({"a": "1"}, None) == []
