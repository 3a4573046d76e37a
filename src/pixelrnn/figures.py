"""Figures as people read them: a value ± its standard error, marked where it is a bound; nats and bits per dimension.

bits/dim = nats per image / (dimensions · log 2)
"""

import math


def bits_per_dim(nats: float, dims: int) -> float:
    """Convert nats per image to bits per dimension; `dims` is colors × rows × columns."""
    return nats / (dims * math.log(2))


def spell(
    value: float | None, error: float | None = None, bound: str | None = "exact", digits: int = 3
) -> str:
    """Return `≤ 1.859 ± 0.014`: the ≤ where `bound` is "upper", the ± where there is a standard error.

    A missing value is a dash.
    """
    if value is None:
        return "–"
    sign = "≤ " if bound == "upper" else ""
    return f"{sign}{value:,.{digits}f}" + ("" if error is None else f" ± {error:,.{digits}f}")


def in_words(text: str) -> str:
    """Replace the ≤ by words, for a font that has none: the one that Pillow brings."""
    return text.replace("≤", "at most")
