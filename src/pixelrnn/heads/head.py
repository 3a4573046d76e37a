"""The contract of a head: from a pixel's features to a distribution over its colors' values."""

import math
from abc import ABC, abstractmethod
from numbers import Real

import torch

from pixelrnn.errors import InputError, check_whole
from pixelrnn.types import Float, Int, Num, Tensor


class Head(ABC):
    """Read the distribution of one pixel off `num_features` numbers; a head has no parameters.

    The colors of a pixel are drawn in `passes`. Where each color has a pass of its own, the
    network's masks order the colors; where one pass draws them all, the head couples them and the
    masks treat a pixel as one. A head of K levels gives each a probability; one without levels is
    a density of real numbers, which it takes and gives standardised (`models.scaling`).
    """

    levels: int | None

    @abstractmethod
    def num_features(self, colors: int) -> int:
        """Return how many numbers a pixel's distribution takes."""

    @abstractmethod
    def passes(self, colors: int) -> list[list[int]]:
        """Return which colors are drawn together, in order."""

    @abstractmethod
    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Num[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        """Return the log-probability of the values `x`, in nats a pixel, for all its colors."""

    @abstractmethod
    def sample(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Num[Tensor, "b c *s"]:
        """Draw the values of every color; those that a pass does not draw are to be ignored.

        A `temperature` T >= 0 means the same for every head: a color is drawn from
        p(value | all before)^(1/T), made to sum to one again. 1: the model itself; less: likelier
        images, less varied; 0: the likeliest value each time.
        """

    @abstractmethod
    def level_log_probs(
        self, features: Float[Tensor, "b f *s"], x: Num[Tensor, "b c *s"], color: int
    ) -> Float[Tensor, "b *s k"]:
        """Return the log-probability of every level of one color given the colors before it.

        Of `x`, only the colors before `color` are looked at. Raises InputError for a density.
        """

    def draw_at(
        self,
        numbers: Float[Tensor, " b"],
        features: Float[Tensor, "b f"],
        x: Num[Tensor, "b c"],
        color: int,
        temperature: float,
    ) -> Num[Tensor, " b"]:
        """Return the value at which the distribution of one color passes a number from (0, 1).

        Given the colors before it, as `level_log_probs`, and at a temperature, as `sample`. So it
        is done from the table of all levels; a head of very many has a way of its own.
        """
        return level_at(numbers, self.level_log_probs(features, x, color), temperature)

    def initial_bias(self, colors: int) -> Float[Tensor, " f"]:
        """Return the features of an almost uniform distribution, for a first loss of log K."""
        return torch.zeros(self.num_features(colors))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


def draw_levels(
    log_weights: Float[Tensor, "*s k"], generator: torch.Generator | None, temperature: float
) -> Int[Tensor, "*s"]:
    """Draw level k with a probability proportional to exp(log_weights[..., k] / temperature)."""
    below_best = log_weights - log_weights.amax(-1, keepdim=True)
    chances = (below_best / above_zero(temperature)).softmax(-1)
    drawn = torch.multinomial(chances.flatten(0, -2), 1, generator=generator)
    return drawn.view(chances.shape[:-1])


def level_at(
    numbers: Float[Tensor, " b"], log_weights: Float[Tensor, "b k"], temperature: float
) -> Int[Tensor, " b"]:
    """Return the level at which the distribution of `draw_levels` passes a number from (0, 1)."""
    below_best = log_weights - log_weights.amax(-1, keepdim=True)
    shares = (below_best / above_zero(temperature)).exp().cumsum(-1)
    below = shares <= numbers[:, None] * shares[:, -1:]
    return below.sum(-1).clamp(max=log_weights.shape[-1] - 1)


def above_zero(temperature: float) -> float:
    """Return a number to divide by: temperature 0 is the limit, not a division by zero."""
    return max(temperature, torch.finfo(torch.float32).tiny)


def check_temperature(temperature: object) -> None:
    """Raise InputError unless it is a number of at least 0, and finite."""
    is_number = isinstance(temperature, Real) and not isinstance(temperature, bool)
    if not is_number or not 0 <= float(temperature) < math.inf:  # type: ignore[arg-type]
        raise InputError(
            f"temperature={temperature!r} must be a number of at least 0 (1: the model itself)"
        )


def check_number_of_levels(levels: object, most: int = 256) -> int:
    """Return the number. Raises InputError unless it is a whole one from 2 to `most`."""
    if levels is None:
        raise InputError("levels=null, real numbers, are for a density: set head=gaussian_mixture")
    check_whole(2, levels=levels)
    if levels > most:  # type: ignore[operator]
        remedy = ": set head=logistic_mixture" if most < 2**16 else ""
        raise InputError(f"levels={levels}: this head takes at most {most}{remedy}")
    return int(levels)  # type: ignore[call-overload]
