"""The density of an image, pixel by pixel (section 2.1):

    p(x) = prod_i p(x_i | x_1 ... x_{i-1})
    p(x_i | x_<i) = p(R | x_<i) p(G | x_<i, R) p(B | x_<i, R, G)

`log_prob` scores all pixels in parallel; `sample` draws them one after the other, stepping the
network once a pixel and color, never rerunning it.
"""

from collections.abc import Sequence

import torch
from torch import nn

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads import Head
from pixelrnn.layers import RasterLayer
from pixelrnn.models.checks import check_context, check_drawing, check_head, check_shape
from pixelrnn.ops.pixels import check_levels, known_pixels, normalize
from pixelrnn.types import Bool, Context, Float, Images, Nats, Output, Tensor


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

    @property
    def levels(self) -> int:
        """Return K: pixels are integers 0..K-1."""
        return self.head.levels

    def forward(self, x: Images, context: Context | None = None) -> Output:
        """Return the head's features of every pixel, each computed from the pixels before it."""
        return self.network(normalize(x, self.levels, self._dtype), context)

    def log_prob_map(self, x: Images, context: Context | None = None) -> Float[Tensor, "b h w"]:
        """Return the log-probability of each pixel given those before it, in nats.

        Raises InputError for other images than the model's.
        """
        check_levels(x, self.shape, self.levels, device=self._device)
        check_context(context, x)
        return self.head.log_prob(self(x, context), x)

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
        blank = torch.zeros(n, *self.shape, dtype=torch.long, device=self._device)
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
        check_levels(x, self.shape, self.levels, known, self._device)
        check_context(context, x)
        check_drawing(generator, temperature, self._device)
        b, colors, h, w = x.shape
        x = x.clone()
        pixels = normalize(x, self.levels, self._dtype).permute(0, 2, 3, 1).contiguous()
        nats = pixels.new_zeros(b)
        state = self.network.init_state(b, w, context)
        given = known.tolist()
        for i in range(h):
            self.network.start_row(state, i)
            for j in range(w):
                pixel = pixels[:, i, j]
                if given[i][j]:
                    self.network.step(pixel, state, i, j)
                    continue
                for drawn in self.head.passes(colors):
                    features = self.network.step(pixel, state, i, j)
                    level = self.head.sample(features, colors, generator, temperature)
                    x[:, drawn, i, j] = level[:, drawn]
                    pixel[:, drawn] = normalize(x[:, drawn, i, j], self.levels, self._dtype)
                # The last step's features serve all colors: those of a color depend on earlier
                # colors only.
                nats += self.head.log_prob(features, x[:, :, i, j])
                self.network.write(pixel, state, i, j)
        return x, nats

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device
