"""What comes from the command line, checked before any work."""

import math
from pathlib import Path

from pixelrnn.errors import InputError


def check_whole(least: int = 1, **numbers: object) -> None:
    """Raises InputError unless each is a whole number of at least `least`."""
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise InputError(f"{name}={number} must be a whole number of at least {least}")


def check_temperature(temperature: object) -> None:
    """Raises InputError unless it is a number of at least 0 (0: the likeliest level each time)."""
    if not isinstance(temperature, int | float) or isinstance(temperature, bool) or not 0 <= temperature < math.inf:
        raise InputError(f"temperature={temperature} must be a number of at least 0 (1: the model itself)")


def check_folder(out: str | Path) -> Path:
    """`out` as a path, there or not. Raises InputError if it is a file."""
    if Path(out).exists() and not Path(out).is_dir():
        raise InputError(f"out={out} is a file: name a folder")
    return Path(out)
