"""What one types, as Hydra wants it.

    sample run=a/model.layers=2,model=row_lstm images=9   ->   stage=sample run='a/model...' stage.images=9
    score run=a --maps one.png two.png                    ->   stage=score run=a stage.maps=true stage.files=['one...

A key of the stage's own YAML needs no `stage.`, unless one of the top level or a group has its name, and may be a flag;
bare words go to its list `files` (or `runs`). What isn't said with -m or `sweep=` is no sweep: commas, equals signs and
spaces in a path are its own. With them Hydra's grammar holds, and so it does for a value in brackets or quotes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pixelrnn.conf import CONF
from pixelrnn.errors import InputError

if TYPE_CHECKING:
    from argparse import ArgumentParser


def as_overrides(arguments: Sequence[str]) -> list[str]:
    """Hydra's flags, then `stage=...`, then overrides. Raises InputError for an unknown stage or flag."""
    stage = stage_of(arguments)
    if stage is None:
        return list(arguments)
    keys = stage_keys(stage)
    flags, words = _parse(_without_own_flags(arguments, keys), stage)
    words.remove(stage)
    files = [word for word in words if files_key(stage) and _is_path(word)]
    sweeping = is_sweep(flags, words)
    overrides = [_override(word, keys, sweeping) for word in words if word not in files]
    if files:
        overrides.append(f"stage.{files_key(stage)}=[{','.join(map(quote, files))}]")
    return [*flags, f"stage={stage}", *overrides]


def stage_of(arguments: Sequence[str]) -> str | None:
    """The first bare word. Raises InputError if there is no such stage."""
    words = _parser().parse_known_intermixed_args(arguments)[0].overrides
    stage = next((word for word in words if re.fullmatch(r"[\w-]+", word)), None)
    if stage and stage not in options("stage"):
        raise InputError(f"no stage {stage!r}{nearest(stage, options('stage'))}")
    return stage


def is_sweep(flags: Iterable[str], words: Iterable[str]) -> bool:
    """Whether several jobs are asked for."""
    named = any(
        word.startswith("sweep=") and word not in ("sweep=", "sweep=null") for word in words
    )
    return named or not {"-m", "--multirun"}.isdisjoint(flags)


def quote(text: str) -> str:
    """`text` as Hydra's grammar reads it literally, interpolations excepted."""
    return (
        "'" + re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + end[2].replace("'", r"\'"), text) + "'"
    )


def stage_keys(stage: str) -> dict[str, Any]:
    """The keys of a stage's own YAML with their defaults."""
    import yaml

    content = yaml.safe_load((CONF / "stage" / f"{stage}.yaml").read_text())
    return {key: default for key, default in content.items() if not key.startswith("_")}


def files_key(stage: str) -> str | None:
    """The key that bare words go to, if the stage has one."""
    return next((key for key in ("files", "runs") if key in stage_keys(stage)), None)


def groups() -> set[str]:
    """The configuration groups."""
    return {folder.name for folder in CONF.iterdir() if folder.is_dir()}


def options(group: str) -> list[str]:
    """What can be chosen in a group."""
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def nearest(name: str, names: Iterable[str]) -> str:
    """`: did you mean ...?`, or all there are."""
    names = sorted(names)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f": did you mean {' or '.join(near)}?"
    return f": there is {', '.join(names)}" if names else ""


def _parse(arguments: Sequence[str], stage: str) -> tuple[list[str], list[str]]:
    """Hydra's flags with their values, and the words between them. Raises InputError for another flag."""
    words, unknown = _parser().parse_known_intermixed_args(arguments)
    if unknown:
        flag = unknown[0].partition("=")[0]
        near = nearest(flag.strip("-"), [key.replace("_", "-") for key in stage_keys(stage)])
        raise InputError(f"no flag {flag}{near} (see pixelrnn {stage} --help)")
    if words.multirun and (words.cfg or words.info):
        raise InputError("a sweep has many configurations: leave -m out to see that of one job")
    flags = list(arguments)
    for word in words.overrides:
        flags.remove(word)
    return flags, words.overrides


def _parser() -> "ArgumentParser":
    from hydra._internal.utils import get_args_parser

    def refuse(message: str) -> NoReturn:
        raise InputError(f"{message} (see pixelrnn --help)")

    parser = get_args_parser()
    parser.allow_abbrev = False
    parser.error = refuse  # type: ignore[method-assign]
    return parser


def _without_own_flags(arguments: Sequence[str], keys: Mapping[str, Any]) -> list[str]:
    """`--dry-run` becomes `dry_run=true`, `--shape 1,8,8` and `--shape=1,8,8` become `shape=1,8,8`."""
    words, rest = [], iter(arguments)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        key = name.replace("-", "_")
        if not word.startswith("--") or key not in keys:
            words.append(word)
            continue
        if not equals:
            value = "true" if isinstance(keys[key], bool) else next(rest, "--")
        if value.startswith("--"):
            raise InputError(f"{word} needs a value: {word} ...")
        words.append(f"{key}={value}")
    return words


def _is_path(word: str) -> bool:
    """Also `folder/model.layers=2`, which looks like an override."""
    key, equals, _ = word.partition("=")
    if Path(word).exists():
        return True
    return not word.startswith("~") and (
        not equals or ("/" in key and not key.lstrip("+").startswith("hydra/"))
    )


def _override(word: str, keys: Mapping[str, Any], sweeping: bool) -> str:
    """With the full key; a value that means itself is quoted."""
    parts = re.fullmatch(r"(\+{0,2})([\w.]+)=(.*)", word, re.DOTALL)
    if parts is None:  # group@package=option, ~key, and what Hydra will refuse
        return word
    plus, key, value = parts.groups()
    if not sweeping and not key.startswith("hydra.") and value[:1] not in ("", "[", "{", "'", '"'):
        value = _value(word, value, keys.get(key.removeprefix("stage.")))
    own = key.split(".")[0] in keys.keys() - _top_level()
    return f"{plus}{'stage.' if own else ''}{key}={value}"


def _value(word: str, value: str, default: Any) -> str:
    """A single value, whatever it looks like. Raises InputError for several where one belongs."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if isinstance(default, list):
        return f"[{quote(value)}]"
    try:
        read = OverridesParser.create().parse_override(f"key={value}")
    except HydraException:
        return quote(value)
    if isinstance(default, str) and not re.fullmatch(
        r"\$\{(?!run\}).*\}", default
    ):  # a path, or another text
        return value if not read.is_sweep_override() and read.value() == value else quote(value)
    if read.is_sweep_override():
        raise InputError(f"{word}: several values: put a list into brackets, or add -m for a sweep")
    return value


def _top_level() -> set[str]:
    import yaml

    return groups() | yaml.safe_load((CONF / "config.yaml").read_text()).keys()
