"""What the command says when it isn't calling a stage: its help, and what is wrong with an argument."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pixelrnn.arguments import files_key, groups, nearest, options
from pixelrnn.conf import CONF
from pixelrnn.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig


def help_on(arguments: Sequence[str]) -> str:
    """Of the stage that is named among them, else of the command."""
    stage = next((word for word in arguments if word in options("stage")), None)
    return stage_usage(stage) if stage else usage()


def usage() -> str:
    """The stages with a line each, and the groups with their options, read off the folder of configurations."""
    stages = [
        (file.stem, _first_comment(file)[0]) for file in sorted((CONF / "stage").glob("*.yaml"))
    ]
    more = [
        ("pixelrnn <stage> --help", "its own keys, and an example"),
        ("pixelrnn <stage> ... --cfg job", "the configuration that would be used"),
        (
            "pixelrnn train -m model=pixel_cnn,row_lstm seed=0,1",
            "every combination; again: what is missing",
        ),
        ("pixelrnn train sweep=depth launcher=joblib", "a named sweep, two jobs at a time"),
    ]
    lines = [
        "pixelrnn <stage> [group=option ...] [key=value ...] [files ...]",
        "",
        "stages",
        *_table(stages),
    ]
    lines += ["", "groups", *_table(_described(groups() - {"stage"})), "", *_table(more)]
    return "\n".join(lines)


def stage_usage(stage: str) -> str:
    """A stage's first comment, its keys with their defaults and comments, and the groups it reads."""
    file = CONF / "stage" / f"{stage}.yaml"
    top = {key: (default, comment) for key, default, comment in _keys(CONF / "config.yaml")}
    keys, read = [], set(re.findall(r"\$\{(\w+)", file.read_text())) & groups()
    for key, default, comment in _keys(file):
        default, told = top.get(
            default.strip("${}"), (default, comment)
        )  # `run: ${run}`: what is said there
        if default and not re.fullmatch(r"\$\{[^}]+\}", default):
            keys.append((f"{key}={default}", comment or told))
    words = (
        ["[group=option ...]"] * bool(read)
        + ["[key=value ...]"]
        + ["[files ...]"] * (files_key(stage) is not None)
    )
    told, example = _first_comment(file)
    lines = [
        " ".join(["pixelrnn", stage, *words]),
        "",
        *_wrap(told, 110),
        *[f"  {example}"] * bool(example),
    ]
    lines += ["", "keys and their defaults", *_table(keys)] * bool(keys)
    lines += ["", "groups", *_table(_described(read))] * bool(read)
    return "\n".join(lines)


def explain(error: Exception) -> str:
    """One line: what is wrong, and the nearest names. For any exception; what isn't bad input comes with its type."""
    from hydra.errors import (
        HydraException,
        InstantiationException,
        MissingConfigException,
        OverrideParseException,
    )
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    cause = error.__cause__
    if isinstance(cause, InputError):
        error = cause
    if isinstance(error, OverrideParseException):
        return f"cannot read {error.override!r}: write key=value"
    if (
        isinstance(error, MissingConfigException)
        and error.missing_cfg_file
        and error.options is not None
    ):
        return _no_option(error.missing_cfg_file, error.options)
    if isinstance(error, InstantiationException):
        key = re.search(r"full_key: (\S+)", str(error))
        return f"{key[1].removeprefix('stage.') if key else 'stage'}: {_one_line(cause or error)}"
    if isinstance(cause, OmegaConfBaseException) and isinstance(cause.parent_node, DictConfig):
        return f"no key {cause.full_key!r}{_nearest_key(str(cause.key), cause.parent_node)}"
    if isinstance(error, (InputError, HydraException, OmegaConfBaseException)):
        return _one_line(error)
    return f"{type(error).__name__}: {_one_line(error)}"


def _no_option(file: str, known: Sequence[str]) -> str:
    group, _, option = file.rpartition("/")
    if group.startswith("hydra/") and option in ("joblib", "optuna"):
        return f"{option} isn't installed here; in the repository: pip install -e '.[sweep]'"
    return f"no {group}={option}{nearest(option, known)}"


def _nearest_key(key: str, parent: "DictConfig") -> str:
    """Among its siblings; at the top also the stage's own, and the same key further down (`lr`: optimizer.lr)."""
    from omegaconf import DictConfig

    siblings = {str(name) for name in parent if not str(name).startswith("_")}
    if parent._get_parent() is None:
        siblings = siblings - {"hydra"} | groups()  # a group without a choice has no key
        sections = {
            name: parent._get_node(name) for name in sorted(siblings & set(parent) - {"stage"})
        }
        below = [
            f"{name}.{key}"
            for name, node in sections.items()
            if isinstance(node, DictConfig) and key in node
        ]
        if below:
            return f": did you mean {' or '.join(below)}?"
        siblings |= {
            str(name) for name in parent.get("stage") or () if not str(name).startswith("_")
        }
    return nearest(key, siblings)


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return (
        " ".join(line for line in lines if line and "object_type=" not in line)
        or type(error).__name__
    )


def _first_comment(file: Path) -> tuple[str, str]:
    """What it says before and from `: pixelrnn`: the description and an example."""
    line = next(
        (line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("# ")), ""
    )
    told, colon, example = line.partition(": pixelrnn ")
    return told, colon[2:] + example


def _described(names: set[str]) -> list[tuple[str, str]]:
    return [(group, ", ".join(options(group)) or "(none yet)") for group in sorted(names)]


def _keys(file: Path) -> Iterator[tuple[str, str, str]]:
    """Key, default and comment of each line of the top level."""
    for line in file.read_text().splitlines():
        if found := re.fullmatch(r"([a-z]\w*):(?:\s+([^\s#].*?))?(?:\s+#\s*(.*))?", line):
            yield found[1], found[2] or "", found[3] or ""


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """Two columns, the second wrapped."""
    width = max((len(left) for left, _ in rows), default=0) + 2
    told = [_wrap(right, max(110 - width, 40)) or [""] for _, right in rows]
    return [
        f"  {left if i == 0 else '':<{width}}{line}".rstrip()
        for (left, _), lines in zip(rows, told, strict=True)
        for i, line in enumerate(lines)
    ]


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)
