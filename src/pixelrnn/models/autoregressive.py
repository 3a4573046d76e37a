"""The density of an image, pixel by pixel (section 2.1):

    p(x) = prod_i p(x_i | x_1 ... x_{i-1})
    p(x_i | x_<i) = p(R | x_<i) p(G | x_<i, R) p(B | x_<i, R, G)

`log_prob` scores all pixels in parallel; `sample` draws them one after the other, stepping the
network once a pixel and color, never rerunning it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads import Head
from pixelrnn.layers import RasterLayer
from pixelrnn.models.checks import check_context, check_drawing, check_head, check_shape
from pixelrnn.models.scaling import scaling_of
from pixelrnn.ops.pixels import known_pixels
from pixelrnn.types import Bool, Context, Float, Images, Nats, Num, Output, Pixel, Tensor

Values = Num[Tensor, "b c"]
Pass = tuple[list[int], Float[Tensor, "b f"]]  # colors, and the features that tell of them


class Visit(NamedTuple):
    """A pixel that is about to be filled in, see `AutoregressiveModel.walk`."""

    head: Head
    values: Values
    passes: Iterator[Pass]


class AutoregressiveModel(nn.Module):
    """Score and draw images by a network that respects raster order, and a head that reads it.

    A `DensityModel`, and exact. Final: a variant is a function that builds `network`, not a
    subclass. `context` `(b e h w)` is a map that every pixel may see, for a conditional model
    (Multi-Scale); unconditional models leave it out. Raises InputError for a shape, a network or a
    head that are none.
    """

    exact = True  # log_prob is the log-likelihood itself, not a bound

    def __init__(self, shape: Sequence[int], network: RasterLayer, head: Head):
        super().__init__()
        check_head(head)
        if not isinstance(network, RasterLayer):
            raise InputError(
                f"the network must be a RasterLayer, not of type {type(network).__name__}"
            )
        self.shape = check_shape(shape)
        self.network = network
        self.head = head
        self.scaling = scaling_of(head.levels)

    @property
    def levels(self) -> int | None:
        """Return K: pixels are integers 0..K-1; None: they are real numbers."""
        return self.head.levels

    def forward(self, x: Images, context: Context | None = None) -> Output:
        """Return the head's features of every pixel, each computed from the pixels before it."""
        return self.network(self.scaling.to_network(x, self._dtype), context)

    def log_prob_map(self, x: Images, context: Context | None = None) -> Float[Tensor, "b h w"]:
        """Return the log-probability of each pixel given those before it, in nats.

        Of real numbers it is a log-density, in the unit of the data, as in all that follows.
        Raises InputError for other images than the model's.
        """
        self.scaling.check(x, self.shape, device=self._device)
        check_context(context, x)
        log_prob = self.head.log_prob(self(x, context), self.scaling.to_head(x))
        return self.scaling.in_own_unit(log_prob, self.shape[0])

    def log_prob(self, x: Images, context: Context | None = None) -> Nats:
        """Return the exact log-likelihood, in nats per image."""
        return self.log_prob_map(x, context).sum((1, 2))

    def sample(
        self,
        n: int,
        generator: torch.Generator | None = None,
        context: Context | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Draw `n` images `(n c h w)`, row by row, pixel by pixel, color by color.

        `temperature` sharpens (below 1) or flattens every draw, see `Head.sample`. Raises
        InputError for an n, a generator, a context or a temperature that cannot be.
        """
        return self.sample_and_log_prob(n, generator, context, temperature=temperature)[0]

    def sample_and_log_prob(
        self,
        n: int,
        generator: torch.Generator | None = None,
        context: Context | None = None,
        *,
        temperature: float = 1.0,
    ) -> tuple[Images, Nats]:
        """Draw `n` images and add up their nats while drawing; `log_prob` gives the same nats.

        They are the nats of the model itself, at whatever temperature the images are drawn.
        """
        check_whole(n=n)
        blank = self.scaling.blank((n, *self.shape), next(self.parameters()))
        nothing = known_pixels(0, *self.shape[1:])
        return self.fill(blank, nothing, generator, context, temperature=temperature)

    def complete(
        self,
        x: Images,
        known: int | Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        context: Context | None = None,
        *,
        temperature: float = 1.0,
    ) -> Images:
        """Keep the `known` pixels of each image and draw the rest.

        `known` counts pixels in raster order, which gives exact conditional samples, or is a mask,
        see `fill`. Unknown pixels may hold anything. Raises InputError for a count, a mask, images,
        a generator, a context or a temperature that cannot be.
        """
        mask = known_pixels(known, *self.shape[1:])
        return self.fill(x, mask, generator, context, temperature=temperature)[0]

    @torch.no_grad()
    def fill(
        self,
        x: Images,
        known: Bool[Tensor, "h w"],
        generator: torch.Generator | None = None,
        context: Context | None = None,
        *,
        temperature: float = 1.0,
    ) -> tuple[Images, Nats]:
        """Keep the pixels of `x` where `known`, draw the others in raster order; with their nats.

        Each is drawn given all that stand before it. Known pixels that come later in raster order
        do not inform earlier ones.
        """
        self.scaling.check(x, self.shape, known, self._device)
        check_context(context, x)
        check_drawing(generator, temperature, self._device)
        x = x.clone()
        nats = torch.zeros(len(x), dtype=self._dtype, device=x.device)
        colors = self.shape[0]
        for head, values, passes in self.walk(x, known, context):
            for drawn, features in passes:
                draw = self.scaling.from_head(head.sample(features, colors, generator, temperature))
                values[:, drawn] = draw[:, drawn].to(values.dtype)
            # The last pass's features serve all colors: those of a color depend on earlier colors
            # only.
            log_prob = head.log_prob(features, self.scaling.to_head(values))
            nats += self.scaling.in_own_unit(log_prob, colors)
        return x, nats

    def walk(
        self, x: Images, known: Bool[Tensor, "h w"], context: Context | None = None
    ) -> Iterator[Visit]:
        """Visit the pixels of `x` that are not `known`, in raster order, for the caller to fill in.

        A visit's `passes` yield what the pixels before, and the colors of earlier passes, say about
        the colors of this pass; the caller writes these into `values`, a view of `x`, before it
        asks for the next pass, and takes all passes before the next visit. What is known or filled
        in must be levels, or real numbers. Call it under `torch.no_grad()`: the network's state is
        written in place.
        """
        b, _, h, w = x.shape
        numbers = self.scaling.to_network(x, self._dtype)
        pixels = numbers.permute(0, 2, 3, 1).contiguous()
        state = self.network.init_state(b, w, context)
        given = known.tolist()
        for i in range(h):
            self.network.start_row(state, i)
            for j in range(w):
                pixel, values = pixels[:, i, j], x[:, :, i, j]
                if given[i][j]:
                    self.network.step(pixel, state, i, j)
                    continue
                yield Visit(self.head, values, self._passes(pixel, values, state, i, j))
                self.network.write(pixel, state, i, j)

    def _passes(self, pixel: Pixel, values: Values, state: Any, i: int, j: int) -> Iterator[Pass]:
        """Step once a pass; `pixel` is the network's copy of `values`, one pass behind."""
        for drawn in self.head.passes(values.shape[1]):
            yield drawn, self.network.step(pixel, state, i, j)
            pixel[:, drawn] = self.scaling.to_network(values[:, drawn], self._dtype)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device
