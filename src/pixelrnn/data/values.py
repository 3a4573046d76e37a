"""What a color of a pixel may be: one of K levels, or any real number.

    Levels(K)   whole numbers 0..K-1, in one byte up to K = 256, in two up to 65,536
    Reals()     numbers of any range, float32; a model of them is a density

A data set says which by its key `levels`: a number, or null. What depends on it in arrays and
pictures stands here, what depends on it in models in `pixelrnn.models.scaling`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixelrnn.data.forms import to_levels, to_reals
from pixelrnn.data.quantize import quantize, stretch
from pixelrnn.errors import InputError

MOST_LEVELS = 2**16
CHUNK = 2**22  # numbers looked at together
REPEATS = 10  # times that a number comes, on average: then it is one of a few values
REACH = 3  # standard deviations from black to middle gray, and on to white


@dataclass(frozen=True)
class Levels:
    """Whole numbers 0..count-1."""

    count: int

    @property
    def dtype(self) -> np.dtype:
        """The type of arrays of them."""
        return np.dtype(np.uint8 if self.count <= 256 else np.uint16)

    @property
    def number(self) -> np.dtype:
        """The type in which a model takes them."""
        return np.dtype(np.int64)

    def fault(self, images: np.ndarray) -> str:
        """Return a level that is too high, in words; where the type has none, nothing is read."""
        if self.count > np.iinfo(self.dtype).max or (highest := int(images.max())) < self.count:
            return ""
        return f"level {highest}"

    def check(self, what: str | Path, images: np.ndarray) -> None:
        """Raise InputError, on `what`, for a level that is too high."""
        if fault := self.fault(images):
            raise InputError(
                f"{what}: {fault} found, but levels={self.count} allows only "
                f"0..{self.count - 1}: set data.levels"
            )

    def describe(self, train: np.ndarray) -> dict[str, Any]:
        """Return what data.json says of them; `train` are the training images."""
        return {"levels": self.count}

    def spell_range(self, low: float, high: float) -> str:
        """Return the range that a split has, in words."""
        return f"levels {low}..{high} of {self.count}"

    def remarks(self, high: float, about: Mapping[str, Any], train: np.ndarray) -> list[str]:
        """Return what a reader should know of prepared arrays; `high`: the highest level of all."""
        if (high + 1) * 8 > self.count:
            return []
        remedy = f"set data.levels={max(2, high + 1)} if that is all there are"
        return [f"no level is above {high}, nearly black: {remedy}"]

    def read(self, what: str, values: np.ndarray, otherwise: str = "") -> np.ndarray:
        """Return anyone's numbers as levels, see `forms.to_levels`."""
        return to_levels(what, values, self.count, otherwise).astype(self.dtype)

    def from_pixels(self, what: str | Path, pixels: np.ndarray) -> np.ndarray:
        """Return pixels of 8 or 16 bits as levels, see `quantize`."""
        return quantize(pixels, self.count).astype(self.dtype)

    def to_bytes(self, images: np.ndarray) -> np.ndarray:
        """Return levels as bytes, black to white, see `stretch`."""
        return stretch(images, self.count)

    @property
    def label(self) -> str:
        """What stands behind a figure of likelihood: nothing, as it is of probabilities."""
        return ""

    def __str__(self) -> str:
        return f"{self.count} levels"


@dataclass(frozen=True)
class Reals:
    """Real numbers. Their likelihood is a density, in the unit that the numbers have."""

    @property
    def dtype(self) -> np.dtype:
        """The type of arrays of them."""
        return np.dtype(np.float32)

    @property
    def number(self) -> np.dtype:
        """The type in which a model takes them."""
        return np.dtype(np.float32)

    def fault(self, images: np.ndarray) -> str:
        """Return how many of them are not finite, in words."""
        missing = int((~np.isfinite(images)).sum())
        return f"{missing} values that are NaN or infinite" if missing else ""

    def check(self, what: str | Path, images: np.ndarray) -> None:
        """Raise InputError, on `what`, for numbers that are not finite."""
        if fault := self.fault(images):
            raise InputError(f"{what} has {fault}")

    def describe(self, train: np.ndarray) -> dict[str, Any]:
        """Return what data.json says of them: the mean and the standard deviation of `train`.

        Models standardise by these. Over all colors and pixels together, in float64. Raises
        InputError where all numbers are the same.
        """
        flat = train.reshape(-1)
        chunks = [slice(start, start + CHUNK) for start in range(0, len(flat), CHUNK)]
        mean = sum(float(flat[chunk].sum(dtype=np.float64)) for chunk in chunks) / len(flat)
        squares = (((flat[chunk].astype(np.float64) - mean) ** 2).sum() for chunk in chunks)
        scale = float(sum(squares) / len(flat)) ** 0.5
        if scale < np.finfo(np.float32).tiny:
            raise InputError(f"all numbers of the training images are {mean:g}: nothing to model")
        return {"levels": None, "mean": mean, "scale": scale}

    def spell_range(self, low: float, high: float) -> str:
        """Return the range that a split has, in words."""
        return f"real numbers {low:g} to {high:g}"

    def remarks(self, high: float, about: Mapping[str, Any], train: np.ndarray) -> list[str]:
        """Return what models standardise by, of what data.json says, and whether numbers repeat."""
        lines = [
            f"models standardise by the training images: mean {about['mean']:g}, standard "
            f"deviation {about['scale']:g}; their likelihoods are densities, in the data's unit"
        ]
        some = train.reshape(-1)[:CHUNK]
        different = len(np.unique(some))
        if different * REPEATS <= len(some):
            lines.append(
                f"only {different:,} different numbers among {len(some):,}: a density of such data "
                "has no upper bound, so take them as levels (data.levels)"
            )
        return lines

    def read(self, what: str, values: np.ndarray, otherwise: str = "") -> np.ndarray:
        """Return anyone's numbers as float32, see `forms.to_reals`."""
        return to_reals(what, values)

    def from_pixels(self, what: str | Path, pixels: np.ndarray) -> np.ndarray:
        """Raise InputError: a picture has levels."""
        raise InputError(f"{what}: a picture has levels, and real numbers are asked for: take .npy")

    def to_bytes(self, images: np.ndarray) -> np.ndarray:
        """Return them as bytes: middle gray is the mean of these, black 3 standard deviations less.

        Of those that are finite.
        """
        seen = images[np.isfinite(images)].astype(np.float64)
        middle, reach = (seen.mean(), REACH * seen.std()) if seen.size else (0.0, 0.0)
        shares = (np.nan_to_num(images.astype(np.float64)) - middle) / (reach or 1.0)
        return np.rint(127.5 * (1 + shares.clip(-1, 1))).astype(np.uint8)

    @property
    def label(self) -> str:
        """What stands behind a figure of likelihood, to be told from those of probabilities."""
        return " (density)"

    def __str__(self) -> str:
        return "real numbers"


Values = Levels | Reals


def values_of(levels: int | None) -> Values:
    """Return what `levels` stands for: so many levels, None for real numbers."""
    return Reals() if levels is None else Levels(levels)


def check_number_of_levels(levels: object, most: int = MOST_LEVELS) -> None:
    """Raise InputError unless it is a whole number from 2 to `most`, or None for real numbers."""
    whole = isinstance(levels, int) and not isinstance(levels, bool) and 2 <= levels <= most
    if levels is not None and not whole:
        raise InputError(
            f"levels is {levels}, expected a whole number from 2 to {most:,}, or null for real "
            "numbers"
        )
