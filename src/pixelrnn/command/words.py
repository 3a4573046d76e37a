"""What was typed, taken apart: the verb, its bare words, Hydra's flags, overrides.

    pixelrnn score RUN a.png folder/ fit=crop --cfg job -- x=y.png

A bare word begins with no `-` and is no override (`key=value`, `~key`); after `--` every word is
one. They are runs and files, taken literally, and never become part of the configuration. The rest
is Hydra's grammar, unaltered, but for one thing: Hydra has no `group=null`, which is dropped here
where null is the default.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import yaml

from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.files import as_path

# The bare words of each verb: `...` for any number of them, brackets where they may be left out.
WORDS = {
    "prepare": "",
    "train": "",
    "evaluate": "RUN",
    "sample": "RUN",
    "score": "RUN FILE...",
    "complete": "RUN FILE...",
    "compress": "RUN FILE...",
    "decompress": "FILE",
    "compare": "[RUN...]",
    "runs": "[RUN...]",
    "audit": "[RUN]",
    "compose": "[-- OVERRIDE...]",
    "dashboard": "GROUP",
}

# Hydra's flags: None for those without a value, else the values that there are, () for any.
_INFOS = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
_FLAGS: dict[str, tuple[str, ...] | None] = {
    **dict.fromkeys(("--multirun", "-m", "--run", "-r", "--resolve", "--hydra-help")),
    **dict.fromkeys(("--shell-completion", "-sc")),
    **dict.fromkeys(("--cfg", "-c"), ("job", "hydra", "all")),
    **dict.fromkeys(("--info", "-i"), _INFOS),
    **dict.fromkeys(("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"), ()),
    **dict.fromkeys(("--package", "-p", "--experimental-rerun"), ()),
}

_OVERRIDE = re.compile(r"\+{0,2}[A-Za-z_][\w./@:-]*=.*|~[A-Za-z_][\w.@:-]*(=.*)?", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """A command line, taken apart."""

    verb: str
    words: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """How to call the verb."""
        return f"pixelrnn {self.verb} {WORDS[self.verb]}".rstrip() + " [key=value ...]"


def read(arguments: Sequence[str]) -> Command:
    """Take a command line apart. Raises InputError for an unknown verb or flag."""
    words: list[str] = []
    flags: list[str] = []
    overrides: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif argument == "--json":  # as other commands have it
            overrides.append("json=true")
        elif argument.startswith("-"):
            flags.extend(_read_flag(argument, rest))
        elif _OVERRIDE.fullmatch(argument):
            overrides.append(argument)
        else:
            words.append(argument)
    if not words:
        raise InputError(f"say what to do: pixelrnn {' | '.join(WORDS)} (see pixelrnn --help)")
    verb, *others = words
    if verb not in WORDS:
        raise InputError(f"no verb {verb!r}{nearest(verb, WORDS)}")
    if verb == "compose":  # its words are overrides of a training
        others = _without_nulls(others, own_names("train")[0])
    kept = _without_nulls(overrides, own_names(verb)[0])
    return Command(verb, tuple(others), tuple(flags), tuple(kept))


def check_words(command: Command) -> None:
    """Raise InputError for a wrong number of words, a run that is none, a file that is missing."""
    expected = WORDS[command.verb]
    least = len(re.sub(r"\[.*\]", "", expected).split())
    most = None if "..." in expected else len(expected.split())
    count = len(command.words)
    if count < least:
        raise InputError(f"{expected.split()[count]} is missing: {command.usage}")
    if most is not None and count > most:
        raise InputError(f"{command.words[most]!r} is one word too many: {command.usage}")
    several = "RUN..." in expected
    runs = len(command.words) if several else int("RUN" in expected)
    for word in command.words[:runs]:
        _check_run(word, several)
    if "skip=true" not in command.overrides and "FILE" in expected:
        for word in command.words[runs:]:
            if not as_path(word, "file").exists():
                raise InputError(f"{word} is missing")


def own_names(verb: str) -> tuple[dict[str, str | None], list[str]]:
    """Return a verb's groups with their defaults, and its own keys."""
    content = yaml.safe_load((CONF / f"{verb}.yaml").read_text(encoding="utf-8"))
    groups: dict[str, str | None] = {}
    for entry in content["defaults"]:
        if isinstance(entry, dict):
            groups.update(entry)
    hidden = ("_", "defaults", "hydra")
    return groups, [key for key in content if not key.startswith(hidden)]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `: did you mean ...?`, or all there are."""
    names = sorted(names)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f": did you mean {' or '.join(near)}?"
    return f": there is {', '.join(names)}" if names else ""


def _read_flag(argument: str, rest: Iterable[str]) -> list[str]:
    """Return a flag, with its value, which may be the next of the `rest`.

    Raises InputError for a flag or a value that Hydra has not.
    """
    flag, equals, value = argument.partition("=")
    if flag not in _FLAGS:
        key = flag.strip("-").replace("-", "_")
        raise InputError(f"no flag {argument}: a key is set by {key}=value (see pixelrnn --help)")
    values = _FLAGS[flag]
    if not equals and (values is None or values is _INFOS):  # --info takes one, but needs none
        return [flag]
    if values is None:
        raise InputError(f"{flag} takes no value")
    if not equals:
        value = next(iter(rest), "")
    if not value or (values and value not in values):
        raise InputError(f"{argument} needs {' or '.join(values) or 'a value'}, as in {flag}=...")
    return [f"{flag}={value}"]


def _without_nulls(overrides: Iterable[str], groups: Mapping[str, str | None]) -> list[str]:
    """Drop `group=null` where null is the default. Raises InputError where it is not."""
    kept = []
    for override in overrides:
        group, _, value = override.partition("=")
        if value != "null" or group not in groups:
            kept.append(override)
        elif groups[group] is not None:
            raise InputError(f"{override}: leave {group} out by ~{group}")
    return kept


def _check_run(word: str, several: bool) -> None:
    """Raise InputError unless a run is there; or, with `several`, a folder or a pattern."""
    run = as_path(word, "run")
    if several and (run.exists() or set(word) & set("*?[")):
        return
    if not (run / "config.yaml").is_file():
        raise InputError(f"no run at {run}: train one there with `pixelrnn train run={run} ...`")
