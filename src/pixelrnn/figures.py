"""Figures as people read them: a value ± its standard error, the mark of a bound; nats and bits.

bits/dim = nats per image / (dimensions · log 2),    dimensions = colors · rows · columns
"""

import math
from typing import Any, TypeVar

Number = TypeVar("Number", bound=Any)  # a float, an array, a tensor


def bits_per_dim(nats: Number, dims: int) -> Number:
    """Convert nats per image to bits per dimension.

    >>> round(bits_per_dim(80.3, dims=64), 3)
    1.81
    """
    return nats / nats_of_one_bit(dims)


def nats_of_one_bit(dims: int) -> float:
    """Return what one bit per dimension is in nats per image."""
    return dims * math.log(2)


def spell(
    value: float | None, error: float | None = None, bound: str | None = "exact", digits: int = 3
) -> str:
    """Return a figure as text: `≤ 1.859 ± 0.014`.

    The ≤ stands where `bound` is "upper", the ± where there is a standard error.

    A missing value is a dash.

    >>> spell(1.8592, 0.0141, bound="upper")
    '≤ 1.859 ± 0.014'
    >>> spell(None)
    '–'
    """
    if value is None:
        return "–"
    sign = "≤ " if bound == "upper" else ""
    return f"{sign}{value:,.{digits}f}" + ("" if error is None else f" ± {error:,.{digits}f}")


def in_words(text: str) -> str:
    """Replace the ≤ by words, for a font that has none: the one that Pillow brings.

    >>> in_words("≤ 1.859")
    'at most 1.859'
    """
    return text.replace("≤", "at most")
