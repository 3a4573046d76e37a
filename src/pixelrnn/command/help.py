"""What `--help` prints: the configuration itself. Its comments are the documentation."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from pixelrnn.command.words import WORDS, Command
from pixelrnn.conf import CONF

WIDTH = 110

_MORE = {
    "pixelrnn VERB --help": "its words and keys, and an example",
    "pixelrnn VERB ... --cfg job": "the configuration that would be used",
    "pixelrnn train -m model=pixel_cnn,row_lstm seed=0,1": "all of them; again: what is missing",
    "pixelrnn train sweep=depth hydra/launcher=two": "a named sweep, two jobs at a time",
    "group=null": "where null is the default; otherwise ~group leaves a group out",
    "./x=y.png, or words after --": "a word that looks like key=value",
}


def help_on(arguments: Sequence[str]) -> str:
    """Return the help on the verb among the arguments, or on the command."""
    verb = next((word for word in arguments if word in WORDS), None)
    return verb_usage(verb) if verb else usage()


def usage() -> str:
    """Return the verbs with a line each, and the groups of `train` with their options."""
    verbs = [(f"{verb} {words}".strip(), _comment(verb)[0]) for verb, words in WORDS.items()]
    return "\n".join(
        [
            "pixelrnn VERB [WORD ...] [group=option ...] [key=value ...] [Hydra's flags ...]",
            *("", "verbs", *_table(verbs)),
            *("", "groups of train and prepare", *_table(_groups("train"))),
            *("", *_table(_MORE.items())),
        ]
    )


def verb_usage(verb: str) -> str:
    """Return a verb's usage, its keys with their comments, and the options of its groups."""
    text, example = _comment(verb)
    lines = [Command(verb).usage, "", *_wrap(text, WIDTH), f"  {example}"]
    if keys := _keys(verb):
        lines += ["", "keys and their defaults", *(f"  {line}" for line in keys)]
    if groups := _groups(verb):
        lines += ["", "groups and their defaults", *_table(groups)]
    return "\n".join(lines)


def options(group: str) -> list[str]:
    """Return what can be chosen in a group of the configuration."""
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def _comment(verb: str) -> tuple[str, str]:
    """Return the text at the top of a verb's configuration, and the example in it."""
    lines = []
    for line in _lines(verb):
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    text, _, example = lines[0].partition(": pixelrnn ")
    return " ".join([f"{text}.", *lines[1:]]), f"pixelrnn {example}"


def _keys(verb: str) -> list[str]:
    """Return the lines of a verb's own keys; not those that only pass a group on."""
    kept = []
    for line in _lines(verb):
        key, colon, value = line.partition(":")
        is_key = colon and re.fullmatch(r"[a-z]\w*", key) and key not in ("defaults", "hydra")
        if is_key and not value.startswith((" ${data", " {_target_")):
            kept.append(line)
    return kept


def _groups(verb: str) -> list[tuple[str, str]]:
    """Return a verb's groups with their defaults; beside each its options and its comment."""
    rows = []
    for line in _lines(verb):
        if entry := re.fullmatch(r"  - (\w+): (\w+)\s+# (.*)", line):
            group, default, comment = entry.groups()
            name = group if default == "null" else f"{group}={default}"
            rows.append((name, f"{', '.join(options(group))}   # {comment}"))
    return rows


def _lines(verb: str) -> list[str]:
    return Path(CONF, f"{verb}.yaml").read_text(encoding="utf-8").splitlines()


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return two columns, the second wrapped."""
    rows = list(rows)
    width = max(len(left) for left, _ in rows) + 2
    lines = []
    for left, right in rows:
        first, *others = _wrap(right, max(WIDTH - width, 40)) or [""]
        lines.append(f"  {left:<{width}}{first}".rstrip())
        lines += [f"  {'':<{width}}{other}" for other in others]
    return lines


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)
