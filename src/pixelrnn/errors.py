"""The exceptions that users are meant to meet, and the check that nearly every argument needs."""

from numbers import Integral


class InputError(ValueError):
    """Bad input: one line that says what is wrong and what to do.

    The command line prints it and exits with 2.
    """


class LeakFound(Exception):
    """A verdict: the audit has told and written what it found. The command line exits with 1."""


def check_seed(**seeds: object) -> None:
    """Raise InputError unless each is a whole number that every generator takes."""
    check_whole(0, **seeds)
    for name, seed in seeds.items():
        if seed >= 2**32:  # type: ignore[operator]
            raise InputError(f"{name}={seed} must be below 2**32")


def check_whole(least: int = 1, **numbers: object) -> None:
    """Raise InputError unless each is a whole number of at least `least`; numpy's integers are."""
    for name, number in numbers.items():
        if not isinstance(number, Integral) or isinstance(number, bool) or number < least:
            raise InputError(f"{name}={number!r} must be a whole number of at least {least}")
