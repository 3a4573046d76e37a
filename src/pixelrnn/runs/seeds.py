"""Runs that differ in nothing but the seed are one group: a configuration, trained several times.

What decides a result but the seed is compared (`identity.deciding`), not the names. A group is
named by what its runs' names share: `model.layers-2_seed-0` and `model.layers-2_seed-1` are
`model.layers-2`. A run alone gives its own name.

Where one seed came twice, something else differs, such as the code: then a group is within one
folder, and where that does not tell them apart, each run is alone.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pixelrnn.errors import InputError
from pixelrnn.runs.directory import RunDirectory
from pixelrnn.runs.identity import deciding
from pixelrnn.runs.record import Record

_SEED = re.compile(r"(^|_)seed[-=]\d+(?=_|,|$)")


def group_names(runs: Sequence[Record]) -> list[str]:
    """Return the name of the group of each run, in their order."""
    groups = [group for alike in _by(runs, _configuration) for group in _apart(alike)]
    names = _unique([_name(group) for group in groups])
    named = {run.run: name for group, name in zip(groups, names, strict=True) for run in group}
    return [named[run.run] for run in runs]


def _apart(alike: list[Record]) -> list[list[Record]]:
    """Return runs of one configuration in groups without two of one seed."""
    if _seeds_differ(alike):
        return [alike]
    groups: list[list[Record]] = []
    for near in _by(alike, lambda run: str(run.folder.parent)):
        groups += [near] if _seeds_differ(near) else [[run] for run in near]
    return groups


def _seeds_differ(runs: Sequence[Record]) -> bool:
    return len({run.seed for run in runs}) == len(runs)


def _by(runs: Iterable[Record], key: Callable[[Record], str]) -> list[list[Record]]:
    parts: dict[str, list[Record]] = {}
    for run in runs:
        parts.setdefault(key(run), []).append(run)
    return list(parts.values())


def _configuration(run: Record) -> str:
    """Return all that decides the result but the seed, as text; of a damaged run its own path."""
    try:
        config = RunDirectory(run.folder).read_config()
    except InputError:
        return f"damaged {run.path}"
    decides = {key: value for key, value in deciding(config).items() if key != "seed"}
    about = [decides, run.shape, run.levels, run.split, run.variant]
    return json.dumps(about, sort_keys=True, default=str)


def _name(members: Sequence[Record]) -> str:
    first = members[0]
    if len(members) == 1:
        return first.run
    shared = {_SEED.sub("", member.run).strip("_,/") for member in members}
    name = shared.pop() if len(shared) == 1 else first.run
    return name or str(first.variant)


def _unique(names: Sequence[str]) -> list[str]:
    """Tell apart what would have the same name, by a number."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique
