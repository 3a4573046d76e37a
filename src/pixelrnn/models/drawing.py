"""Draw images of this package's own models, each from random numbers of its own.

A color becomes the value at which its distribution function passes its number from (0, 1). So a
seed and an image's number decide the image, whatever the batch. On the CPU the networks are
compiled (`pixelrnn.compiled`). Elsewhere, in another precision than float32, and where a layer or a
head is anyone's own, they step in torch with the same numbers: that gives the same images, but for
a number so close to an edge that rounding decides.
"""

import numpy as np
import torch

from pixelrnn.compiled.network import CompiledNetwork
from pixelrnn.compiled.program import NoInstructionError
from pixelrnn.compiled.upsample import CompiledUpsample
from pixelrnn.errors import InputError
from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.models.scales import MultiScale
from pixelrnn.ops.chance import uniform_numbers

Model = AutoregressiveModel | MultiScale


def is_own(model: object) -> bool:
    """Return whether all of the model is this package's, the small model of a Multi-Scale too."""
    if isinstance(model, MultiScale):
        return is_own(model.small)
    return isinstance(model, AutoregressiveModel)


class Drawing:
    """Draw by a model's weights as they are now; `scale` counts from the largest images down.

    Raises InputError for weights that are no numbers.
    """

    def __init__(self, model: Model, scale: int = 0):
        if not all(parameter.isfinite().all() for parameter in model.parameters()):
            raise InputError("the model has weights that are no finite numbers: train it again")
        self.scale = scale
        self.step: Compiled | Stepping
        try:
            self.step = Compiled(model)
        except NoInstructionError:
            self.step = Stepping(model)
        self.smaller: Drawing | None = None
        if isinstance(model, MultiScale):
            self.smaller = Drawing(model.small, scale + 1)  # type: ignore[arg-type]
            self.factor, self.clamp, self.grid = model.factor, model.clamp, model.grid.numpy()

    def fill(
        self, x: np.ndarray, known: np.ndarray, seed: int, images: range, temperature: float
    ) -> None:
        """Draw the values of images (n c h w) that are not `known` (h w), in place.

        `images` are their numbers. A Multi-Scale completes the small image first, from its own
        known pixels.
        """
        small = None
        if self.smaller is not None:
            small = x[..., :: self.factor, :: self.factor].copy()
            small_known = known[:: self.factor, :: self.factor]
            self.smaller.fill(small, small_known, seed, images, temperature)
            if self.clamp:
                x[..., :: self.factor, :: self.factor] = small
                known = known | self.grid
        chance = uniform_numbers(seed, images, x.shape[1:], self.scale)
        self.step.fill(x, known, chance, small, temperature)


class Compiled:
    """Fill images by compiled code. Raises NoInstructionError for a model that has none."""

    def __init__(self, model: Model):
        parameter = next(model.parameters())
        if parameter.device.type != "cpu" or parameter.dtype != torch.float32:
            raise NoInstructionError(f"{parameter.device}, {parameter.dtype}")
        part = model.large if isinstance(model, MultiScale) else model
        self.network = CompiledNetwork(part.network, part.head, part.shape)
        self.upsample = None
        if isinstance(model, MultiScale):
            self.upsample = CompiledUpsample(model.upsample, model.small.shape, self.network.levels)

    def fill(
        self,
        x: np.ndarray,
        known: np.ndarray,
        chance: np.ndarray,
        small: np.ndarray | None,
        temperature: float,
    ) -> None:
        """Draw the unknown values in place from the numbers `chance` (n c h w)."""
        context = None
        if self.upsample is not None and small is not None:
            context = self.upsample(small)
        self.network.fill(x, known, chance, context, temperature)


class Stepping:
    """Fill images by `RasterLayer.step`, on whatever device the model is."""

    def __init__(self, model: Model):
        self.model = model

    @torch.no_grad()
    def fill(
        self,
        x: np.ndarray,
        known: np.ndarray,
        chance: np.ndarray,
        small: np.ndarray | None,
        temperature: float,
    ) -> None:
        """Draw the unknown values in place from the numbers `chance` (n c h w)."""
        model, context = self.model, None
        parameter = next(model.parameters())
        device, dtype = parameter.device, torch.promote_types(parameter.dtype, torch.float32)
        if isinstance(model, MultiScale):
            context = model.context(torch.tensor(small, device=device))
            model = model.large
        images = torch.tensor(x, device=device)
        numbers = torch.tensor(chance, dtype=dtype, device=device)
        visits = model.walk(images, torch.from_numpy(known), context)
        to_head, from_head = model.scaling.to_head, model.scaling.from_head
        for (i, j), (head, values, passes) in zip(np.argwhere(~known), visits, strict=True):
            for colors, features in passes:
                for color in colors:
                    number = numbers[:, color, i, j]
                    drawn = head.draw_at(number, features, to_head(values), color, temperature)
                    values[:, color] = from_head(drawn)
        x[...] = images.cpu().numpy()
