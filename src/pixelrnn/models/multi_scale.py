"""Multi-Scale PixelRNN (section 3.6): first a small image, then the large one given the small.

    log p(small) + log p(x | small),    small = every `factor`-th pixel of every `factor`-th row of x

Two models, one interface. The sum is the exact log-likelihood of the *pair*; the large model is free to draw other
values at the small image's places, so that for x alone it is a lower bound (its NLL an upper bound). With `clamp` the
places of the small image are copied rather than drawn, only the others are scored, and the sum is exact for x.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from pixelrnn.errors import InputError
from pixelrnn.layers import Upsample
from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.ops.pixels import check_levels, known_pixels, normalize, subsample
from pixelrnn.types import Bool, Context, Float, Images, Nats, SmallImages, Tensor


class MultiScale(nn.Module):
    """A small model and a large one conditioned on what the small one drew."""

    def __init__(
        self,
        small: AutoregressiveModel,
        upsample: Upsample,
        large: AutoregressiveModel,
        factor: int,
        clamp: bool,
    ):
        super().__init__()
        self.small = small
        self.upsample = upsample
        self.large = large
        self.factor = factor
        self.clamp = clamp

    @property
    def shape(self) -> tuple[int, int, int]:
        """(colors, rows, columns) of the large image."""
        return self.large.shape

    @property
    def levels(self) -> int:
        """K: pixels are integers 0..K-1."""
        return self.large.levels

    @property
    def exact(self) -> bool:
        """Whether `log_prob` is the log-likelihood itself; if not, it is a lower bound."""
        return self.clamp

    @property
    def grid(self) -> Bool[Tensor, "h w"]:
        """The places of the small image within the large one."""
        grid = torch.zeros(self.shape[1:], dtype=torch.bool)
        grid[:: self.factor, :: self.factor] = True
        return grid

    def context(self, small: SmallImages) -> Context:
        """The small image, raised to the large one's size."""
        dtype = next(self.parameters()).dtype
        return self.upsample(normalize(small, self.levels, dtype))

    def log_prob(self, x: Images) -> Nats:
        """Log-likelihood in nats per image: exact with `clamp`, else a lower bound."""
        check_levels(x, self.shape, self.levels)
        return self.pair_log_prob(subsample(x, self.factor), x)

    def log_prob_map(self, x: Images) -> Float[Tensor, "b h w"]:
        """Nats a pixel `(b h w)`, which add up to `log_prob`.

        At the small image's places stand what the small model gives its pixel and, without `clamp`, what the large
        model gives the same pixel once more, knowing it: that part makes the sum a bound.
        """
        check_levels(x, self.shape, self.levels)
        small = subsample(x, self.factor)
        nats = self._large_map(small, x)
        nats[:, :: self.factor, :: self.factor] += self.small.log_prob_map(small)
        return nats

    def pair_log_prob(self, small: SmallImages, x: Images) -> Nats:
        """Exact log-likelihood of the pair, in nats. With `clamp` a pair that disagrees is impossible."""
        nats = self.small.log_prob(small) + self._large_map(small, x).sum((1, 2))
        if self.clamp:
            agree = (small == subsample(x, self.factor)).flatten(1).all(1)
            nats = nats.masked_fill(~agree, -torch.inf)
        return nats

    def _large_map(self, small: SmallImages, x: Images) -> Float[Tensor, "b h w"]:
        nats = self.large.log_prob_map(x, self.context(small))
        return nats.masked_fill(self.grid.to(x.device), 0) if self.clamp else nats

    def sample(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> Images:
        """Draw `n` images `(n c h w)`: a small one each, then the large one; `temperature` is that of both."""
        return self.sample_pair(n, generator, temperature=temperature)[1]

    @torch.no_grad()
    def sample_pair(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> tuple[SmallImages, Images, Nats]:
        """Small images, large images, and the nats of the pairs added up while drawing (those of `pair_log_prob`)."""
        small, small_nats = self.small.sample_and_log_prob(n, generator, temperature=temperature)
        blank = torch.zeros(n, *self.shape, dtype=torch.long, device=small.device)
        large, large_nats = self._enlarge(
            blank, small, known_pixels(0, *self.shape[1:]), generator, temperature
        )
        return small, large, small_nats + large_nats

    @torch.no_grad()
    def complete(
        self,
        x: Images,
        known: int | Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Keep the `known` pixels (a count in raster order, or a mask) and draw the rest: the small image, then x.

        The small image is completed from its own known pixels, not from all of the large image's, so that this is the
        model's drawing order continued rather than an exact conditional sample.
        """
        known = known_pixels(known, *self.shape[1:])
        check_levels(x, self.shape, self.levels, known)
        small_known = known[:: self.factor, :: self.factor]
        small = self.small.complete(
            subsample(x, self.factor), small_known, generator, temperature=temperature
        )
        return self._enlarge(x, small, known, generator, temperature)[0]

    def _enlarge(
        self,
        x: Images,
        small: SmallImages,
        known: Bool[Tensor, "h w"],
        generator: torch.Generator | None,
        temperature: float,
    ) -> tuple[Images, Nats]:
        if self.clamp:
            x = x.clone()
            x[..., :: self.factor, :: self.factor] = small
            known = known | self.grid
        return self.large.fill(x, known, generator, self.context(small), temperature=temperature)


def multi_scale(
    shape: Sequence[int],
    small: Callable[..., AutoregressiveModel],
    large: Callable[..., AutoregressiveModel],
    factor: int = 2,
    *,
    features: int = 16,
    clamp: bool = False,
) -> MultiScale:
    """A Multi-Scale PixelRNN of two variants: `small` and `large` are variants that lack only their shape.

    `factor`: how much smaller the small image is; `features`: of the upsampling network. Raises `InputError` where the
    image's sides are no multiples of the factor.
    """
    colors, h, w = shape
    if factor < 2:
        raise InputError(f"the multi-scale factor must be at least 2, not {factor}")
    if h % factor or w % factor:
        raise InputError(
            f"an image of {h}x{w} pixels cannot be divided by the multi-scale factor {factor}"
        )
    if features < 1:
        raise InputError(f"features must be at least 1, not {features}")
    return MultiScale(
        small=small(shape=(colors, h // factor, w // factor)),
        upsample=Upsample(colors, features, factor),
        large=large(shape=(colors, h, w), context_features=features),
        factor=factor,
        clamp=clamp,
    )
