"""The configuration keys in which runs differ, and those of them that are columns of the table."""

import json
import math
from typing import Any

from pixelrnn.results.comparison import Comparison

# Columns of config keys that are shown unasked.
KEYS = 8
# What has a column of its own, and what no figure depends on: where files are, and the machine.
_NOT_COLUMNS = (
    "variant",
    "seed",
    "data.path",
    "data.source",
    "data.num_workers",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.enable_",
    "trainer.log_every_n_steps",
    "callbacks",
)
# Of a class or function of these packages its own name says enough.
_PACKAGES = ("pixelrnn.", "torch.", "pytorch_lightning.")

Settings = dict[str, Any]


def settings_of(
    comparison: Comparison,
) -> tuple[list[dict[str, Any]], dict[str, Settings], Settings]:
    """Return columns, each run's values of the keys in which runs differ, and what all agree in.

    Keys that agree in every run are one column, named after the shortest; those that say no more
    than the variant, and copies of another key, are left out. Shown unasked are the keys with at
    least two values: not those that only some variants have.
    """
    order = list(comparison.settings.columns)
    settings = {
        run: {key: _spell(config[key]) for key in order if key in config}
        for run, config in comparison.configs.items()
    }
    variants = {row.name: row.variant for row in comparison.rows}
    of_variant = tuple(variants.get(run) for run in settings)
    alike: dict[tuple[Any, ...], list[str]] = {}  # keys by their values in all runs
    for key in sorted(order, key=len):
        values = tuple(own.get(key) for own in settings.values())
        aside = key.startswith(_NOT_COLUMNS) or values == of_variant
        if not aside and not _is_copy(key, comparison.configs):
            alike.setdefault(values, []).append(key)
    groups = sorted(alike.items(), key=lambda group: order.index(group[1][0]))
    names = [key for _, (key, *_) in groups]
    columns: list[dict[str, Any]] = []
    for values, (key, *also) in groups:
        shown = len({*values} - {None}) > 1 and sum(own["shown"] for own in columns) < KEYS
        title = ", the same as ".join([key, *also])
        columns.append({"key": key, "label": _label(key, names), "title": title, "shown": shown})
    first = next(iter(comparison.configs.values()), {})
    common = {key: _spell(value) for key, value in first.items() if key not in set(order)}
    return columns, settings, common


def _is_copy(key: str, configs: dict[str, Settings]) -> bool:
    """Return whether a key says again, further in, what another does: model.small.head.levels."""
    parts = key.split(".")
    return any(
        all(
            key not in config or (end in config and config[end] == config[key])
            for config in configs.values()
        )
        for end in (".".join(parts[start:]) for start in range(1, len(parts) - 1))
    )


def _label(key: str, keys: list[str]) -> str:
    """Return as much of the end of a dotted key as no other of `keys` has."""
    parts = key.removesuffix("._target_").split(".")
    for start in range(len(parts) - 1, 0, -1):
        end = "." + ".".join(parts[start:])
        if not any(
            f".{other}".removesuffix("._target_").endswith(end) for other in keys if other != key
        ):
            return end[1:]
    return ".".join(parts)


def _spell(value: Any) -> str | float:
    """Return a setting as text, but numbers as they are, so that they sort.

    Of a class or function its own name says enough.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.rpartition(".")[2] if text.startswith(_PACKAGES) else text
