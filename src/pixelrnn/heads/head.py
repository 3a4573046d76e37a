"""The contract of a head: from the features at a pixel to a distribution over the levels of its colors."""

from abc import ABC, abstractmethod

import torch

from pixelrnn.types import Float, Int, Tensor

ABSOLUTE_ZERO = torch.finfo(
    torch.float32
).tiny  # temperature 0 is the limit, not a division by zero


class Head(ABC):
    """A distribution over one pixel, read off `num_features` numbers; it has no parameters of its own.

    The colors of a pixel are drawn in `passes`. Where each color has a pass of its own, the network's masks order the
    colors; where one pass draws them all, the head couples them and the masks treat a pixel as one.
    """

    levels: int

    @abstractmethod
    def num_features(self, colors: int) -> int:
        """How many numbers a pixel's distribution takes."""

    @abstractmethod
    def passes(self, colors: int) -> list[list[int]]:
        """Which colors are drawn together, in order."""

    @abstractmethod
    def log_prob(
        self, features: Float[Tensor, "b f *s"], x: Int[Tensor, "b c *s"]
    ) -> Float[Tensor, "b *s"]:
        """Log-probability of the levels `x`, in nats a pixel (all its colors together)."""

    @abstractmethod
    def sample(
        self,
        features: Float[Tensor, "b f *s"],
        colors: int,
        generator: torch.Generator | None = None,
        temperature: float = 1.0,
    ) -> Int[Tensor, "b c *s"]:
        """Draw the levels of every color; those that a pass does not draw are to be ignored.

        A `temperature` T >= 0 means the same for every head: a color is drawn from p(level | all before)^(1/T), made to
        sum to one again. 1: the model itself; less: likelier images, less varied; 0: the likeliest level each time.
        """

    def initial_bias(self, colors: int) -> Float[Tensor, " f"]:
        """The features of an (almost) uniform distribution, so that the first loss is log K."""
        return torch.zeros(self.num_features(colors))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


def draw_levels(
    log_weights: Float[Tensor, "*s k"], generator: torch.Generator | None, temperature: float
) -> Int[Tensor, "*s"]:
    """Draw level k with a probability proportional to exp(log_weights[..., k] / temperature)."""
    below_best = log_weights - log_weights.amax(-1, keepdim=True)
    chances = (below_best / max(temperature, ABSOLUTE_ZERO)).softmax(-1)
    return torch.multinomial(chances.flatten(0, -2), 1, generator=generator).view(
        chances.shape[:-1]
    )
