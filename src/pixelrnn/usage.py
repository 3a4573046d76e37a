"""What the command says when it isn't calling a stage: its help, and what is wrong with an argument."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pixelrnn.errors import InputError
from pixelrnn.stages.compose import CONF

if TYPE_CHECKING:
    from omegaconf import DictConfig


def usage() -> str:
    """The stages with a line each, and the groups with their options, read off the folder of configurations."""
    lines = ["pixelrnn <stage> [group=option ...] [key=value ...]", "", "stages"]
    lines += [f"  {file.stem:<10} {_first_comment(file)}" for file in sorted((CONF / "stage").glob("*.yaml"))]
    lines += ["", "groups"]
    lines += [f"  {group:<10} {', '.join(_options(group)) or '(none yet)'}" for group in sorted(_groups() - {"stage"})]
    lines += [
        "",
        "pixelrnn <stage> ... --cfg job   the configuration that would be used",
        "pixelrnn -m <stage> model=pixel_cnn,row_lstm seed=0,1   every combination, one after the other",
    ]
    return "\n".join(lines)


def as_overrides(arguments: Sequence[str]) -> list[str]:
    """`train -m x=1,2` as Hydra wants it: `-m stage=train x=1,2`. Raises InputError for an unknown stage or flag."""
    from hydra._internal.utils import get_args_parser

    arguments = sorted(arguments, key=lambda argument: argument not in ("-m", "--multirun"))
    parser = get_args_parser()
    parser.error = _refuse_flag  # type: ignore[method-assign]
    words = parser.parse_args(arguments).overrides
    stage = next((word for word in words if re.fullmatch(r"[\w-]+", word)), None)
    if stage is None:
        return arguments
    if stage not in _options("stage"):
        raise InputError(f"no stage {stage!r}{_nearest(stage, _options('stage'))}")
    arguments[arguments.index(stage)] = f"stage={stage}"
    return arguments


def explain(error: Exception) -> str:
    """One line: what is wrong, and the nearest names. For InputError and the errors of Hydra and OmegaConf."""
    from hydra.errors import InstantiationException, MissingConfigException, OverrideParseException
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    cause = error.__cause__
    if isinstance(cause, InputError):
        error = cause
    if isinstance(error, OverrideParseException):
        return f"cannot read {error.override!r}: write key=value"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return f"no {group}={option}{_nearest(option, error.options)}"
    if isinstance(error, InstantiationException):
        key = re.search(r"full_key: (\S+)", str(error))
        return f"{key[1].removeprefix('stage.') if key else 'stage'}: {_one_line(cause or error)}"
    if isinstance(cause, OmegaConfBaseException) and isinstance(cause.parent_node, DictConfig):
        return f"no key {cause.full_key!r}{_nearest_key(str(cause.key), cause.parent_node)}"
    return _one_line(error)


def _nearest_key(key: str, parent: "DictConfig") -> str:
    """Among its siblings; at the top also the same key further down (`lr`: did you mean optimizer.lr?)."""
    from omegaconf import DictConfig

    siblings = {str(name) for name in parent if not str(name).startswith("_")}
    if parent._get_parent() is None:
        siblings = siblings - {"hydra"} | _groups()  # a group without a choice has no key
        sections = {name: parent._get_node(name) for name in sorted(siblings & set(parent))}
        below = [f"{name}.{key}" for name, node in sections.items() if isinstance(node, DictConfig) and key in node]
        if below:
            return f": did you mean {' or '.join(below)}?"
    return _nearest(key, siblings)


def _nearest(name: str, names: Iterable[str]) -> str:
    names = sorted(names)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f": did you mean {' or '.join(near)}?"
    return f": there is {', '.join(names)}" if names else ""


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line and "object_type=" not in line) or type(error).__name__


def _refuse_flag(message: str) -> NoReturn:
    raise InputError(f"{message} (see pixelrnn --help)")


def _first_comment(file: Path) -> str:
    return next((line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("# ")), "")


def _groups() -> set[str]:
    return {folder.name for folder in CONF.iterdir() if folder.is_dir()}


def _options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))
