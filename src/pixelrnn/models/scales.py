"""Multi-Scale PixelRNN (section 3.6): first a small image, then the large one given the small.

    log p(small) + log p(x | small)

where small is every `factor`-th pixel of every `factor`-th row of x.

The paper's "one unconditional PixelRNN and one or more conditional ones": the small model may be
any `DensityModel`, and so another Multi-Scale, which makes three scales and more. Only the large
model is given a context.

The sum is the exact log-likelihood of all the images that are drawn, the small ones too. The large
model is free to draw other values at the small image's places, so that for x alone the sum is a
lower bound (its NLL an upper bound). With `clamp` the places of the small image are copied rather
than drawn, only the others are scored, and the sum is exact for x if the small model's is.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from pixelrnn.errors import InputError, check_whole
from pixelrnn.layers import Upsample
from pixelrnn.models.autoregressive import AutoregressiveModel, Visit
from pixelrnn.models.checks import build_variant, check_drawing, check_shape
from pixelrnn.models.density_model import DensityModel
from pixelrnn.ops.pixels import check_levels, known_pixels, normalize, subsample
from pixelrnn.types import Bool, Context, Float, Images, Nats, Scales, SmallImages, Tensor


class MultiScale(nn.Module):
    """Score and draw images by a model of small ones, and a large one conditioned on these.

    A `DensityModel`. Raises InputError unless `small` is one as well, of every `factor`-th pixel of
    every `factor`-th row of the large model's images and of the same number of levels.
    """

    def __init__(
        self,
        small: DensityModel,
        upsample: Upsample,
        large: AutoregressiveModel,
        factor: int,
        clamp: bool,
    ):
        super().__init__()
        _check_scales(small, large, factor)
        self.small = small
        self.upsample = upsample
        self.large = large
        self.factor = factor
        self.clamp = clamp

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return (colors, rows, columns) of the large image."""
        return self.large.shape

    @property
    def levels(self) -> int:
        """Return K: pixels are integers 0..K-1."""
        return self.large.levels

    @property
    def exact(self) -> bool:
        """Return whether `log_prob` is the log-likelihood itself; if not, it is a lower bound."""
        return self.clamp and self.small.exact

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """Return the shapes of the images of every scale, the smallest first."""
        smaller = self.small.shapes if isinstance(self.small, MultiScale) else [self.small.shape]
        return [*smaller, self.shape]

    @property
    def grid(self) -> Bool[Tensor, "h w"]:
        """Return the places of the small image within the large one."""
        grid = torch.zeros(self.shape[1:], dtype=torch.bool)
        grid[:: self.factor, :: self.factor] = True
        return grid

    def context(self, small: SmallImages) -> Context:
        """Return the context of the large model: the small images, upsampled to its size."""
        dtype = next(self.parameters()).dtype
        return self.upsample(normalize(small, self.levels, dtype))

    def log_prob(self, x: Images) -> Nats:
        """Return the log-likelihood in nats per image: exact if `exact`, else a lower bound.

        That is the log-probability of drawing x and, before it, small images that agree with it.
        """
        check_levels(x, self.shape, self.levels, device=self._device)
        small = subsample(x, self.factor)
        return self.small.log_prob(small) + self._large_map(small, x).sum((1, 2))

    def log_prob_map(self, x: Images) -> Float[Tensor, "b h w"]:
        """Return the nats of each pixel `(b h w)`, which add up to `log_prob`.

        At the small image's places stand what the small model gives its pixel and, without `clamp`,
        what the large model gives the same pixel once more, which it has seen: that part makes the
        sum a bound.
        """
        check_levels(x, self.shape, self.levels, device=self._device)
        small = subsample(x, self.factor)
        nats = self._large_map(small, x)
        nats[:, :: self.factor, :: self.factor] += self.small.log_prob_map(small)
        return nats

    def scales_log_prob(self, scales: Scales) -> Nats:
        """Return the log-probability of drawing these images one after the other, in nats `(b)`.

        `scales` are images of all `shapes`, the smallest first; InputError for others. Exact for
        them all together. Images that disagree with a smaller one which is clamped are impossible:
        -inf.
        """
        if [tuple(images.shape[1:]) for images in scales] != self.shapes:
            raise InputError(f"scales are images of {self.shapes} (colors, rows, columns) each")
        *smaller, x = scales
        small = smaller[-1]
        if isinstance(self.small, MultiScale):
            nats = self.small.scales_log_prob(smaller)
        else:
            nats = self.small.log_prob(small)
        nats = nats + self._large_map(small, x).sum((1, 2))
        if self.clamp:
            agree = (small == subsample(x, self.factor)).flatten(1).all(1)
            nats = nats.masked_fill(~agree, -torch.inf)
        return nats

    def _large_map(self, small: SmallImages, x: Images) -> Float[Tensor, "b h w"]:
        """Return the nats of each pixel that the large model draws, given the small images."""
        nats = self.large.log_prob_map(x, self.context(small))
        return nats.masked_fill(self.grid.to(x.device), 0) if self.clamp else nats

    def sample(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> Images:
        """Draw `n` images `(n c h w)`: small ones first; `temperature` is that of every scale."""
        return self.sample_and_log_prob(n, generator, temperature=temperature)[0]

    def sample_and_log_prob(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> tuple[Images, Nats]:
        """Draw `n` images; with the exact log-probability of the images of all scales together.

        If `exact`, that is `log_prob` of the images, since they hold all that was drawn. If not,
        see `sample_scales` for the small images that belong to these nats.
        """
        scales, nats = self.sample_scales(n, generator, temperature=temperature)
        return scales[-1], nats

    @torch.no_grad()
    def sample_scales(
        self, n: int, generator: torch.Generator | None = None, *, temperature: float = 1.0
    ) -> tuple[Scales, Nats]:
        """Draw `n` images of every scale, the smallest first, and add up their nats while drawing.

        The nats are those of `scales_log_prob`.
        """
        check_whole(n=n)
        check_drawing(generator, temperature, self._device)
        if isinstance(self.small, MultiScale):
            smaller, nats = self.small.sample_scales(n, generator, temperature=temperature)
        else:
            small, nats = self.small.sample_and_log_prob(n, generator, temperature=temperature)
            smaller = [small]
        blank = torch.zeros(n, *self.shape, dtype=torch.long, device=self._device)
        nothing = known_pixels(0, *self.shape[1:])
        large, large_nats = self._enlarge(blank, smaller[-1], nothing, generator, temperature)
        return [*smaller, large], nats + large_nats

    @torch.no_grad()
    def complete(
        self,
        x: Images,
        known: int | Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Keep the `known` pixels (a count in raster order, or a mask), draw the rest: small first.

        The small image is completed from its own known pixels, not from all of the large image's,
        so that this is the model's drawing order continued rather than an exact conditional sample.
        """
        mask = known_pixels(known, *self.shape[1:])
        check_levels(x, self.shape, self.levels, mask, self._device)
        check_drawing(generator, temperature, self._device)
        small_mask = mask[:: self.factor, :: self.factor]
        small = self.small.complete(
            subsample(x, self.factor), small_mask, generator, temperature=temperature
        )
        return self._enlarge(x, small, mask, generator, temperature)[0]

    def _enlarge(
        self,
        x: Images,
        small: SmallImages,
        known: Bool[Tensor, "h w"],
        generator: torch.Generator | None,
        temperature: float,
    ) -> tuple[Images, Nats]:
        """Draw the large image given the small one, keeping the known pixels of `x`."""
        if self.clamp:
            x = x.clone()
            x[..., :: self.factor, :: self.factor] = small
            known = known | self.grid
        return self.large.fill(x, known, generator, self.context(small), temperature=temperature)

    def walk(self, x: Images, known: Bool[Tensor, "h w"]) -> Iterator[Visit]:
        """Visit the pixels of `x` that are not `known`, those of the small image first.

        See `AutoregressiveModel.walk`. The small image's places are visited once, with `clamp` or
        without: a walker has seen them. Raises InputError for a small model that has no walk.
        """
        small = subsample(x, self.factor)  # a view: what is filled in there is filled in here
        if not isinstance(self.small, AutoregressiveModel | MultiScale):
            raise InputError(f"no walk through a small model of type {type(self.small).__name__}")
        yield from self.small.walk(small, known[:: self.factor, :: self.factor])
        yield from self.large.walk(x, known | self.grid, self.context(small))

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device


def multi_scale(
    shape: Sequence[int],
    small: Callable[..., DensityModel],
    large: Callable[..., AutoregressiveModel],
    factor: int = 2,
    *,
    features: int = 16,
    clamp: bool = False,
) -> MultiScale:
    """Build a Multi-Scale PixelRNN of two variants, which lack only their shapes.

    `small` is called with `shape`, `large` with `shape` and `context_features`; for three scales
    and more, `small` is a `partial(multi_scale, small=..., large=...)`. `factor`: how much smaller
    the small image is; `features`: of the upsampling network. Raises InputError where the image's
    sides are no multiples of the factor, and for sizes or variants that cannot be.
    """
    colors, h, w = check_shape(shape)
    check_whole(2, factor=factor)
    check_whole(features=features)
    if h % factor or w % factor:
        raise InputError(
            f"an image of {h}x{w} pixels cannot be divided by the multi-scale factor {factor}"
        )
    return MultiScale(
        small=build_variant("small", small, shape=(colors, h // factor, w // factor)),
        upsample=Upsample(colors, features, factor),
        large=build_variant("large", large, shape=(colors, h, w), context_features=features),
        factor=factor,
        clamp=clamp,
    )


def _check_scales(small: DensityModel, large: AutoregressiveModel, factor: int) -> None:
    """Raise InputError unless the two fit together."""
    check_whole(2, factor=factor)
    if not isinstance(small, DensityModel):
        raise InputError(
            f"the small model must be a DensityModel, not of type {type(small).__name__}"
        )
    if not isinstance(large, AutoregressiveModel):
        raise InputError(
            f"the large model must be an AutoregressiveModel, not of type {type(large).__name__}"
        )
    colors, h, w = large.shape
    if tuple(small.shape) != (colors, h / factor, w / factor):
        raise InputError(
            f"a small model of {small.shape} does not fit a large one of {large.shape}, "
            f"{factor} times its size"
        )
    if small.levels != large.levels:
        raise InputError(
            f"the small model has {small.levels} levels, the large one has {large.levels}"
        )
