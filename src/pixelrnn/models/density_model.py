"""What any density model of images offers: the contract that this package's own models keep."""

from typing import Protocol, runtime_checkable

import torch

from pixelrnn.types import Bool, Float, Images, Nats, Tensor


@runtime_checkable
class DensityModel(Protocol):
    """Score, draw and complete images `(b c h w)` of integer levels 0..K-1, or of real numbers.

    Whatever offers these eight can be trained, evaluated, sampled, audited and compared like this
    package's own models, and can be the small model of a `MultiScale`. There is nothing to inherit;
    a model that is trained is a `torch.nn.Module` besides. Arguments that cannot be are
    `InputError`s. A conditional model is a model, and what it becomes when it is told its condition
    is one too: see `ClassConditional`.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (colors, rows, columns) of an image."""

    @property
    def levels(self) -> int | None:
        """Return K: pixels are integers 0..K-1; None: real numbers, and `log_prob` is a density."""

    @property
    def exact(self) -> bool:
        """Return whether `log_prob` is the log-likelihood itself; if not, it is a lower bound."""

    def log_prob(self, x: Images) -> Nats:
        """Return the log-likelihood of images `(b c h w)`, in nats per image `(b)`.

        Images are int64 where they are of levels, float32 or better where of real numbers.

        It has a gradient with respect to the parameters. An image's nats do not depend on the
        images beside it.
        """

    def log_prob_map(self, x: Images) -> Float[Tensor, "b h w"]:
        """Return each pixel's share of `log_prob`, all its colors together: nats `(b h w)`.

        They add up to `log_prob`. In an autoregressive model a share is the log-probability of the
        pixel given those before it.
        """

    def sample(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> Images:
        """Draw `n` images `(n c h w)` on the model's device.

        The same state of `generator`, which is on that device, gives the same images. A
        `temperature` T >= 0 draws every color from p(level | all before)^(1/T), made to sum to one
        again.
        """

    def sample_and_log_prob(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> tuple[Images, Nats]:
        """Draw as `sample` does; with the exact log-probability of all that was drawn: nats `(n)`.

        Where the model is exact that is `log_prob` of the images. Where it is not, more was drawn
        than the images show, such as the small images of a Multi-Scale: it is the joint
        log-probability of both, which is no likelihood of the image alone. At any temperature the
        nats are those of the model itself, of temperature 1.
        """

    def complete(
        self,
        x: Images,
        known: int | Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Keep the `known` pixels of images `(b c h w)` and draw the others.

        `known` is a number of pixels in raster order, or a bool mask `(h w)`. Pixels that are not
        known may hold anything.
        """
