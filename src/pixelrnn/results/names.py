"""Short names for the jobs of a sweep, which are named after what varies between them.

    model-row_lstm_model.layers-2_seed-0     key, `-`, value; the parts joined by `_`
    model=row_lstm,model.layers=2,seed=0     the same in the first edition

People read `row_lstm layers=2 seed=0`: groups and sections say little beside their values.
"""

import re
from collections.abc import Sequence

# A key is a group of the configuration, the seed, or dotted; `no` stands before what was deleted.
# Without a list, the end of a value such as row_lstm could be the next key.
_KEY = (
    r"(?:no|seed|data|model|head|optimizer|scheduler|trainer|callbacks|recipe|experiment"
    r"|[A-Za-z]+\.[\w.]+?)"
)
_PART = re.compile(rf"({_KEY})-([^/]+?)(?:_(?={_KEY}-)|$)")
_JOB = re.compile(rf"(?:{_PART.pattern})+")

Part = tuple[str, str]  # key, empty where there is none, and value


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return a short name for each, without the parts that all of them share.

    A name that is not a job's stays as it is. Where two would become the same, or nothing would be
    left of one, all stay.
    """
    parts = {name: _parts(name) for name in names}
    shared: set[Part] = set()
    if len(parts) > 1:
        shared = set.intersection(*map(set, parts.values()))
    short = {
        name: " ".join(_spell(*part) for part in own if part not in shared)
        for name, own in parts.items()
    }
    unique = len(set(short.values())) == len(short)
    return short if unique and all(short.values()) else {name: name for name in names}


def _parts(name: str) -> list[Part]:
    if "=" in name:  # the first edition
        return [_divide(override) for override in name.split(",")]
    if _JOB.fullmatch(name):
        return [(key, value) for key, value in _PART.findall(name)]
    return [("", name)]


def _divide(override: str) -> Part:
    key, sign, value = override.partition("=")
    return (key, value) if sign and "/" not in key else ("", override)


def _spell(key: str, value: str) -> str:
    """Return the value alone where the key is a group, else the key's last part with it."""
    if key == "no":
        return f"no {value}"
    if key == "seed" or "." in key:
        return f"{key.rpartition('.')[2]}={value}"
    return value
