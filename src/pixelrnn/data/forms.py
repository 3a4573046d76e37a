"""The forms that people's arrays have: colors first or last, whole numbers or fractions.

    images   (n, c, h, w) or (n, h, w, c), and (n, h, w) for one color; which one, the shape says.
             Colors are first where it could be either, which is so for 3x3 pixels alone.
    values   whole numbers are levels 0..K-1 as they are; fractions are intensities, 0 to 1, and
             become the nearest of K levels; true and false are two levels. Where a data set is
             of real numbers, `levels: null`, they are all taken as they are.

Whatever else there is, is refused rather than guessed at.
"""

from collections.abc import Sequence

import numpy as np

from pixelrnn.errors import InputError


def colors_first(images: np.ndarray, shape: Sequence[int]) -> np.ndarray | None:
    """Return several images of `shape` (c, h, w) as (n, c, h, w); None for any other form."""
    c, h, w = shape
    form = images.shape[1:]
    if form == (c, h, w):
        return images
    if form == (h, w, c):
        return images.transpose(0, 3, 1, 2)
    if form == (h, w) and c == 1:
        return images[:, None]
    return None


def describe_forms(shape: Sequence[int]) -> str:
    """Return the shapes that `colors_first` takes, in words."""
    c, h, w = shape
    forms = [f"(n, {c}, {h}, {w})", f"(n, {h}, {w}, {c})", f"(n, {h}, {w})"]
    return " or ".join(forms[: 3 if c == 1 else 2])


def to_levels(what: str, values: np.ndarray, levels: int, otherwise: str = "") -> np.ndarray:
    """Return whole numbers or fractions as levels, whole numbers of the same shape, not empty.

    Raises InputError, on `what`, for another type, NaN, and values out of range; `otherwise` is
    what else helps where there are other levels, without their number.
    """
    kind = values.dtype.kind
    if kind not in "biuf":
        raise InputError(f"{what}: type is {values.dtype}, expected whole numbers or fractions")
    if kind == "b" and levels != 2:
        raise InputError(
            f"{what}: type is bool, which is 2 levels, not {levels}: save fractions by "
            f"astype(np.float32){otherwise and f'{otherwise}=2'}"
        )
    if kind == "f" and (missing := int(np.isnan(values).sum())):
        raise InputError(f"{what}: {missing} of the values are NaN")
    low, high = values.min(), values.max()
    most = 1 if kind == "f" else levels - 1
    if low < 0 or high > most:
        expected = "fractions" if kind == "f" else f"levels={levels}, so whole numbers"
        raise InputError(
            f"{what}: values {low:g} to {high:g}, expected {expected} from 0 to {most}"
            + _advice(low, high, kind, levels, otherwise)
        )
    if kind == "f":
        values = np.rint(values * (levels - 1))
    return values.astype(np.uint8 if levels <= 256 else np.uint16)


def to_reals(what: str, values: np.ndarray) -> np.ndarray:
    """Return numbers of any range as float32 of the same shape.

    Raises InputError, on `what`, for another type, for NaN, and for what float32 can't hold.
    """
    if values.dtype.kind not in "biuf":
        raise InputError(f"{what}: type is {values.dtype}, expected numbers")
    with np.errstate(over="ignore"):
        reals = values.astype(np.float32)
    if missing := int((~np.isfinite(reals)).sum()):
        raise InputError(f"{what}: {missing} of the values are NaN, infinite or too large")
    return reals


def _advice(low: float, high: float, kind: str, levels: int, otherwise: str) -> str:
    """Return what to do about values out of range that one often meets."""
    if kind == "f" and -1 <= low < 0 and high <= 1:
        return ": save (x + 1) / 2"
    if low < 0 or high > 255:
        return _as_reals(otherwise) if kind == "f" else ""
    if kind == "f":
        return ": save x / 255, or whole numbers by astype(np.uint8)" + _as_reals(otherwise)
    more = otherwise and f"{otherwise}={int(high) + 1}"
    return f": save x.astype(int) * {levels} // 256 if they are bytes{more}"


def _as_reals(otherwise: str) -> str:
    return f"{otherwise}=null for real numbers" if otherwise else ""
