"""What makes two configurations the same run: the keys that decide the result, and no others.

All is recorded. Compared are the seed, the data, the model, the optimizer, the schedule, and what
changes the weights among the arguments of the trainer and the callbacks. Where a run computes, what
it shows and how its images are loaded may change at any time. Batches are compared as those of all
processes together: two processes go on with what one began, at half its data.batch_size.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

Config = Mapping[str, Any]

SECTIONS = ("seed", "model", "optimizer", "scheduler")
# The bytes of the data are compared by their md5.
DATA = ("name", "shape", "levels", "batch_size", "flip", "resample", "mutate")
# Arguments of Lightning's Trainer that say where it computes and what it shows.
TRAINER_SHOWS = frozenset(
    [
        "_target_",
        "_partial_",
        "accelerator",
        "devices",
        "num_nodes",
        "strategy",
        "plugins",
        "profiler",
        "logger",
        "benchmark",
        "detect_anomaly",
        "default_root_dir",
        "enable_checkpointing",
        "enable_model_summary",
        "enable_progress_bar",
        "log_every_n_steps",
        "num_sanity_val_steps",
        "use_distributed_sampler",
        "enable_autolog_hparams",
        "barebones",
        "max_time",
    ]
)
# Callbacks that look at a training without changing it, by the last part of their names.
CALLBACKS_SHOW = frozenset(
    [
        "Progress",
        "SampleGrid",
        "Completions",
        "Summary",
        "ModelSummary",
        "RichModelSummary",
        "TQDMProgressBar",
        "RichProgressBar",
        "LearningRateMonitor",
        "DeviceStatsMonitor",
        "ModelCheckpoint",
        "OnExceptionCheckpoint",
        "ThroughputMonitor",
    ]
)
EPOCHS = "trainer.max_epochs"
_ABSENT = "nothing"
_OF_MODEL = ("model.", "data.shape", "data.levels")


def deciding(config: Config) -> dict[str, Any]:
    """Return the keys that decide a run's result, dotted, with their values."""
    data, trainer = _section(config, "data"), _section(config, "trainer")
    kept: dict[str, Any] = {key: config.get(key) for key in SECTIONS}
    kept["data"] = {key: data[key] for key in DATA if data.get(key) not in (None, False)}
    if isinstance(size := data.get("batch_size"), int):
        kept["data"]["batch_size"] = size * _processes(trainer)
    kept["trainer"] = {key: value for key, value in trainer.items() if key not in TRAINER_SHOWS}
    kept["callbacks"] = {
        name: callback
        for name, callback in _section(config, "callbacks").items()
        if _class_name(callback) not in CALLBACKS_SHOW
    }
    return {key: _renamed(key, value) for key, value in flat(kept) if value not in (None, {})}


def _processes(trainer: Config) -> int:
    """Return how many processes a trainer starts; 1 where only the machine can tell."""
    devices, nodes = trainer.get("devices"), trainer.get("num_nodes")
    count = len(devices) if isinstance(devices, list) else devices
    numbers = [number for number in (count, nodes) if isinstance(number, int) and number > 0]
    return math.prod(numbers)


def differences(there: Config, here: Config) -> dict[str, tuple[Any, Any]]:
    """Return the deciding keys in which two configurations differ, with both values."""
    one, other = deciding(there), deciding(here)
    pairs = {key: (one.get(key, _ABSENT), other.get(key, _ABSENT)) for key in one | other}
    return {key: (before, now) for key, (before, now) in pairs.items() if before != now}


def grows(there: Config, here: Config) -> bool:
    """Return whether `here` is the training of `there`, only longer.

    That is possible where the rate ignores the run's length.
    """
    changed = differences(there, here)
    if set(changed) != {EPOCHS} or depends_on_length(here.get("scheduler")):
        return False
    before, after = changed[EPOCHS]
    return isinstance(before, int) and isinstance(after, int) and before < after


def depends_on_length(scheduler: Any) -> bool:
    """Return whether a schedule's rates depend on how long the run is.

    A constant rate without warm-up does not.
    """
    if not scheduler:
        return False
    return _class_name(scheduler) != "constant" or bool(scheduler.get("warmup"))


def spell(changed: Mapping[str, tuple[Any, Any]], most: int = 3) -> str:
    """Return `optimizer.lr: 0.01 there, 0.1 here; ...`, the first `most` keys."""
    first = list(changed.items())[:most]
    lines = [f"{key}: {there} there, {here} here" for key, (there, here) in first]
    if len(changed) > most:
        lines.append(f"and {len(changed) - most} more")
    if EPOCHS in changed and len(changed) == 1:
        lines.append(
            "the rates of this schedule depend on the length, so another length is another run"
        )
    return "; ".join(lines)


def model_md5(config: Config) -> str:
    """Return a checksum of what a configuration says of the model: its keys and its images."""
    told = {key: value for key, value in deciding(config).items() if key.startswith(_OF_MODEL)}
    return hashlib.md5(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def changed_data(then: Mapping[str, str] | None, now: Mapping[str, str] | None) -> list[str]:
    """Return the files of the data whose md5 is not what it was; none where it is not recorded."""
    if then is None or now is None:
        return []
    return [name for name, md5 in then.items() if now.get(name, md5) != md5]


def flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a nested configuration by their dotted keys."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _section(config: Config, key: str) -> Mapping[str, Any]:
    section = config.get(key)
    return section if isinstance(section, Mapping) else {}


def _class_name(description: Any) -> str:
    target = description.get("_target_", "") if isinstance(description, Mapping) else ""
    return str(target).rpartition(".")[2]


def _renamed(key: str, value: Any) -> Any:
    """Return a value under today's names: the first edition recorded the file of a schedule."""
    if key.endswith("_target_") and isinstance(value, str):
        return value.replace("pixelrnn.training.schedules.", "pixelrnn.training.")
    return value
