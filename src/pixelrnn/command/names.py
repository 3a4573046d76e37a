"""The names that the project makes: run directories, sweeps' folders, jobs.

    artifacts/runs/digits-row_lstm            data and variant, or the experiment; then the recipe
    artifacts/sweeps/digits-depth_seed-3/     what the jobs of a sweep share
        model.layers-2                        what varies: a job

They hold letters, digits, `-`, `_` and `.` only and need no quoting anywhere; one is at most 120
bytes long, and a digest keeps apart what would otherwise be the same name. They are resolvers, so
that every process of a sweep makes the same.
"""

import re
import secrets
from collections.abc import Iterable, Mapping

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from pixelrnn.runs.group import plain
from pixelrnn.runs.identity import TRAINER_SHOWS

# They change nothing that is trained, or are named in another way.
_UNNAMED = {"sweep", "run", "data", "data.num_workers", "test", "wait", "logger", "replace"}
_UNNAMED |= {f"trainer.{key}" for key in TRAINER_SHOWS}


def run_name(data: str, variant: str, choices: Mapping[str, str | None]) -> str:
    """Return the name of a run directory: `digits-row_lstm`, `cifar10_row_lstm-modern`."""
    parts = [choices.get("experiment") or f"{data}-{variant}", choices.get("recipe")]
    return plain("-".join(part for part in parts if part))


def sweep_folder(
    data: str, sweep: str | None, task: Iterable[str], params: Mapping[str, str]
) -> str:
    """Return the folder of a sweep's runs: what was given as `run`, or what its jobs share.

    `task` are the overrides of the command, `params` the sweep's own. No value that varies is part
    of the name: the same command with more values goes on in the same folder.
    """
    overrides = parse(task)
    for override in overrides:
        if override.key_or_group == "run":
            return str(override.value())
    varied = varied_keys(task, params)
    by_command = [name_of(override) for override in overrides if override.is_sweep_override()]
    fixed = [spell(override) for override in overrides if _is_named(override, varied)]
    head = [] if {"data", "experiment"} & set(varied) else [str(data)]
    if sweep:
        head.append(sweep)
    parts = ["-".join(head), *sorted(by_command), *sorted(fixed)]
    return "artifacts/sweeps/" + plain("_".join(part for part in parts if part))


def job_name(task: Iterable[str], varied: Iterable[str]) -> str:
    """Return the name of a job: the keys in `varied` with their values, `model.layers-2_seed-0`."""
    keys = set(varied)
    own = [one for one in parse(task) if name_of(one) in keys and not one.is_sweep_override()]
    return plain("_".join(sorted(map(spell, own))))


def varied_keys(task: Iterable[str], params: Mapping[str, str]) -> list[str]:
    """Return the keys that differ between the jobs of a sweep, sorted.

    A key of the sweep's own that the command fixes does not vary.
    """
    given = {name_of(one): one for one in parse(as_overrides(params))}
    given |= {name_of(one): one for one in parse(task)}
    return sorted(name for name, one in given.items() if one.is_sweep_override())


def as_overrides(params: Mapping[str, str]) -> list[str]:
    """Return the parameters of a sweep as overrides."""
    return [f"{key}={value}" for key, value in params.items()]


def parse(overrides: Iterable[str]) -> list[Override]:
    """Read overrides by Hydra's grammar."""
    return OverridesParser.create().parse_overrides(list(overrides))


def name_of(override: Override) -> str:
    """Return the key that an override sets: of `model@model.small=...` what stands after the @."""
    return override.package or override.key_or_group


def spell(override: Override) -> str:
    """Return an override as a part of a name: `model.layers-2`."""
    if override.is_delete():
        return f"no-{name_of(override)}"
    value = override.value()
    text = value if isinstance(value, str) else override.get_value_element_as_str()
    if isinstance(value, bool):
        text = text.lower()
    return f"{name_of(override)}-{text.replace('e+', 'e')}"


def quoted(path: str) -> str:
    """Return a path as Hydra's grammar takes it: names of our own need no quotes."""
    return path if re.fullmatch(r"[\w./-]+", path) else "'" + path.replace("'", r"\'") + "'"


def _is_named(override: Override, varied: Iterable[str]) -> bool:
    name = name_of(override)
    return name not in {*varied, *_UNNAMED} and not name.startswith("logger.")


def register() -> None:
    """Make the names available to the configuration; cached are those that all jobs share."""
    for function, cached in (
        (run_name, False),
        (job_name, False),
        (varied_keys, True),
        (sweep_folder, True),
    ):
        OmegaConf.register_new_resolver(function.__name__, function, use_cache=cached, replace=True)
    OmegaConf.register_new_resolver(
        "temporary_folder",
        lambda: f".pixelrnn-{secrets.token_hex(4)}",
        use_cache=True,
        replace=True,
    )


register()
