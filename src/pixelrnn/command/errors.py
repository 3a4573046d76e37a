"""One line on what is wrong: Hydra's and OmegaConf's errors, with the nearest names."""

import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from hydra.errors import (
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from pixelrnn.command.help import options
from pixelrnn.command.words import Command, nearest, own_names
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.files import first_line

_EXTRAS = {"joblib": "sweep", "optuna": "sweep", "submitit_slurm": "slurm"}


def refuse(error: Exception, command: Command | None = None) -> NoReturn:
    """Print one line on stderr and leave with exit code 2."""
    print(f"pixelrnn: {explain(error, command)}", file=sys.stderr)
    raise SystemExit(2)


def is_bad_input(error: BaseException) -> bool:
    """Return whether an error is of a kind that bad input causes, and nothing else."""
    return isinstance(error, (InputError, HydraException, OmegaConfBaseException))


def explain(error: Exception, command: Command | None = None) -> str:
    """Return one line: what is wrong, and the nearest names. An error of ours comes with its type.

    `command` tells which verb's keys there are.
    """
    if isinstance(error.__cause__, InputError):
        error = error.__cause__
    if isinstance(error, InputError):
        return str(error)
    cause = error.__cause__
    if isinstance(error, OverrideParseException):
        return f"cannot read {error.override!r}: write key=value"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _no_option(error.missing_cfg_file, error.options or ())
    if isinstance(error, InstantiationException):
        key = re.search(r"full_key: (\S+)", str(error))
        return f"{key[1] if key else 'configuration'}: {_one_line(cause or error)}"
    if command and (unknown := re.match(r"Could not override '([^']+)'", str(error))):
        return no_key(unknown[1], cause, command)
    if several := re.match(r"Ambiguous value for argument '(.+)'$", first_line(error)):
        return f"{several[1]}: several values: put a list into brackets, or add -m for a sweep"
    kind = "" if is_bad_input(error) else f"{type(error).__name__}: "
    return f"{kind}{_one_line(error)}"


def no_key(key: str, cause: BaseException | None, command: Command) -> str:
    """Return what to say of a key that a verb has not: which keys there are in its place."""
    groups, keys = own_names(command.verb)
    parent = getattr(cause, "parent_node", None)
    top = key.partition(".")[0]
    if top == "run" and top not in keys:
        return f"no key 'run': a run is a word of its own: {command.usage}"
    if "." in key and top in {*groups, *keys, "hydra"} and isinstance(parent, DictConfig):
        siblings = [str(name) for name in parent if not str(name).startswith("_")]
        missing = str(getattr(cause, "full_key", key))
        hint = nearest(missing.rpartition(".")[2], siblings)
        return f"no key {missing!r}{hint}{_in_some_options(missing)}"
    below = _below(key, groups)
    if below:
        return f"no key {key!r}: did you mean {' or '.join(below)}?"
    return f"{command.verb} has no {key!r}{nearest(key, [*groups, *keys])}"


def _no_option(file: str, present: Sequence[str]) -> str:
    group, _, option = file.rpartition("/")
    if group.startswith("hydra/") and (extra := _EXTRAS.get(option)):
        return f"{option} isn't installed here; in the repository: pip install -e '.[{extra}]'"
    return f"no {group}={option}{nearest(option, present)}"


def _in_some_options(key: str) -> str:
    """Say how to sweep over a group of which only some options have the key."""
    group, _, rest = key.partition(".")
    having = [name for name, text in _texts(group) if re.search(rf"^{rest}:", text, re.MULTILINE)]
    return f" ({', '.join(having)} has it: in a sweep write ++{key}=...)" if having else ""


def _below(key: str, groups: dict[str, str | None]) -> list[str]:
    """Return where `key` stands in the default options of groups: for `lr`, optimizer.lr."""
    places = []
    for group, option in groups.items():
        for name, text in _texts(group):
            if name == option and re.search(rf"^{re.escape(key)}:", text, re.MULTILINE):
                places.append(f"{group}.{key}")
    return places


def _texts(group: str) -> list[tuple[str, str]]:
    return [
        (name, (CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in options(group)
    ]


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and "object_type=" not in line]
    return " ".join(kept) or first_line(error)
