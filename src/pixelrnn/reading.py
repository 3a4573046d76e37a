"""Files that may be anybody's: looked at before they are read.

A name may lead to a pipe that never ends or to a device, a file may be as large as the disk, and
a few lines of YAML may stand for more values than fit into memory.
"""

import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from pixelrnn.errors import InputError

MOST_TEXT = 2**26  # bytes of a text that is read whole
MOST_YAML = 2**20  # ... of a configuration
DEEPEST = 64  # levels of lists and mappings
MOST_VALUES = 10**5  # of a configuration, each as often as an alias names it

# libyaml reads the configurations of a sweep ten times faster.
_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def open_regular(file: str | Path) -> BinaryIO:
    """Open a file to read its bytes, if it is a file: no pipe, no device, no folder.

    Raises InputError for those, OSError as `open` does.
    """
    # Without waiting, as a pipe would let one do for its other end.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{file} is no regular file")
    return os.fdopen(descriptor, "rb")


def check_regular(file: str | Path) -> None:
    """Raise InputError for what is there and no regular file; OSError for what is not there."""
    if not stat.S_ISREG(Path(file).stat().st_mode):
        raise InputError(f"{file} is no regular file")


def read_text(file: str | Path, most: int = MOST_TEXT) -> str:
    """Read a text in UTF-8.

    Raises InputError unless it is a file of at most so many bytes, OSError and UnicodeDecodeError
    as others do.
    """
    with open_regular(file) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise InputError(f"{file} has more than {most:,} bytes")
    return content.decode("utf-8")


def read_yaml(file: str | Path) -> Any:
    """Read plain values from a YAML file.

    Raises InputError for more or deeper values than a configuration has, and yaml.YAMLError for
    what is no YAML, or anything but plain.
    """
    text = read_text(file, MOST_YAML)
    depth = 0
    for event in yaml.parse(text, _YAML):  # which needs no recursion, as building does
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise InputError(f"{file} is nested more than {DEEPEST} deep")
    content = yaml.load(text, _YAML)
    if _count(content, {}) > MOST_VALUES:
        raise InputError(f"{file} stands for more than {MOST_VALUES:,} values")
    return content


def _count(value: Any, counted: dict[int, float]) -> float:
    """Return how many values one holds, as often as it holds them; infinity where it holds itself.

    `counted` has what has been counted already: a value that is named often is looked at once.
    """
    if not isinstance(value, dict | list | set | tuple):
        return 1
    if id(value) not in counted:
        counted[id(value)] = float("inf")  # until it is known
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        counted[id(value)] = 1 + sum(_count(one, counted) for one in parts)
    return counted[id(value)]
