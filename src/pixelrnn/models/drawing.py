"""Draw images of this package's own models, each from random numbers of its own.

A color becomes the level at which its distribution function passes its number from (0, 1). So a
seed and an image's number decide the image, whatever the batch. On the CPU the networks are
compiled (`pixelrnn.compiled`). Elsewhere, in another precision than float32, and where a layer or a
head is anyone's own, they step in torch with the same numbers: that gives the same images, but for
a number so close to an edge that rounding decides.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from pixelrnn.compiled.network import CompiledNetwork
from pixelrnn.compiled.program import NoInstructionError
from pixelrnn.compiled.upsample import CompiledUpsample
from pixelrnn.errors import InputError
from pixelrnn.heads.head import level_at
from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.models.classes import ClassConditional, Given
from pixelrnn.models.scales import MultiScale
from pixelrnn.ops.chance import uniform_numbers
from pixelrnn.types import Tensor

Model = AutoregressiveModel | MultiScale | ClassConditional  # what a run's config.yaml describes
# What the network is told of the images with some numbers before their first pixel.
Tell = Callable[[np.ndarray, np.ndarray, int, range, float], np.ndarray]
CLASSES = 2**32  # tells the random numbers of labels from those of scales


def is_own(model: object) -> bool:
    """Return whether all of the model is this package's, the small model of a Multi-Scale too."""
    if isinstance(model, MultiScale):
        return is_own(model.small)
    return isinstance(model, AutoregressiveModel | ClassConditional | Given)


class Drawing:
    """Draw by a model's weights as they are now; `scale` counts from the largest images down.

    A `Given` has a label for each of the images that will be drawn, by their numbers. Raises
    InputError for weights that are no numbers.
    """

    def __init__(self, model: Model | Given, scale: int = 0):
        self.labels: Tell | None = None
        if isinstance(model, Given):
            self.labels = partial(_labels_of, model)
            model = model.model
        elif isinstance(model, ClassConditional):
            self.labels = partial(_draw_labels, model, scale)
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
        """Draw the levels of int64 images (n c h w) that are not `known` (h w), in place.

        `images` are their numbers. A Multi-Scale completes the small image first, from its own
        known pixels.
        """
        told = None if self.labels is None else self.labels(x, known, seed, images, temperature)
        if self.smaller is not None:
            told = x[..., :: self.factor, :: self.factor].copy()
            small_known = known[:: self.factor, :: self.factor]
            self.smaller.fill(told, small_known, seed, images, temperature)
            if self.clamp:
                x[..., :: self.factor, :: self.factor] = told
                known = known | self.grid
        chance = uniform_numbers(seed, images, x.shape[1:], self.scale)
        self.step.fill(x, known, chance, told, temperature)


def _labels_of(
    model: Given, x: np.ndarray, known: np.ndarray, seed: int, images: range, temperature: float
) -> np.ndarray:
    """Return the labels that the images with these numbers were given (n)."""
    labels = model.labels.cpu().numpy()
    if labels.ndim and len(labels) < images.stop:
        raise InputError(f"there are {len(labels)} labels, none for image {images.stop - 1}")
    return labels[images] if labels.ndim else labels.repeat(len(images))


def _draw_labels(
    model: ClassConditional,
    scale: int,
    x: np.ndarray,
    known: np.ndarray,
    seed: int,
    images: range,
    temperature: float,
) -> np.ndarray:
    """Draw the class of each image (n), given its known pixels that come first."""
    with torch.no_grad():
        log_prob = model.classify(torch.tensor(x, device=model.counts.device), torch.tensor(known))
    chance = uniform_numbers(seed, images, (1, 1, 1), scale + CLASSES).reshape(-1)
    return level_at(torch.tensor(chance), log_prob.cpu(), temperature).numpy()


class Compiled:
    """Fill images by compiled code. Raises NoInstructionError for a model that has none."""

    def __init__(self, model: Model):
        parameter = next(model.parameters())
        if parameter.device.type != "cpu" or parameter.dtype != torch.float32:
            raise NoInstructionError(f"{parameter.device}, {parameter.dtype}")
        self.context: Callable[[np.ndarray], np.ndarray] | None = None
        if isinstance(model, MultiScale):
            self.context = CompiledUpsample(model.upsample, model.small.shape, model.levels)
            model = model.large
        elif isinstance(model, ClassConditional):
            self.context = partial(_spread, model.embedding.weight.detach().numpy(), model.shape)
            model = model.inner
        self.network = CompiledNetwork(model.network, model.head, model.shape)

    def fill(
        self,
        x: np.ndarray,
        known: np.ndarray,
        chance: np.ndarray,
        told: np.ndarray | None,
        temperature: float,
    ) -> None:
        """Draw the unknown levels in place from the numbers `chance` (n c h w).

        `told`: the small images, or the labels.
        """
        context = None
        if self.context is not None and told is not None:
            context = self.context(told)
        self.network.fill(x, known, chance, context, temperature)


def _spread(vectors: np.ndarray, shape: tuple[int, int, int], labels: np.ndarray) -> np.ndarray:
    """Return the vector of each image's class at every pixel: float32 (n h w e)."""
    at_one = vectors[labels][:, None, None]
    return np.tile(at_one, (1, *shape[1:], 1))


class Stepping:
    """Fill images by `RasterLayer.step`, on whatever device the model is."""

    def __init__(self, model: Model):
        self.context: Callable[[Tensor], Tensor] | None = None
        if isinstance(model, MultiScale):
            self.context, model = model.context, model.large
        elif isinstance(model, ClassConditional):
            self.context, model = model.context, model.inner
        self.model = model

    @torch.no_grad()
    def fill(
        self,
        x: np.ndarray,
        known: np.ndarray,
        chance: np.ndarray,
        told: np.ndarray | None,
        temperature: float,
    ) -> None:
        """Draw the unknown levels in place from the numbers `chance` (n c h w), as `Compiled`."""
        model, context = self.model, None
        parameter = next(model.parameters())
        device, dtype = parameter.device, torch.promote_types(parameter.dtype, torch.float32)
        if self.context is not None:
            context = self.context(torch.tensor(told, device=device))
        images = torch.tensor(x, device=device)
        numbers = torch.tensor(chance, dtype=dtype, device=device)
        visits = model.walk(images, torch.from_numpy(known), context)
        for (i, j), (head, levels, passes) in zip(np.argwhere(~known), visits, strict=True):
            for drawn, features in passes:
                for color in drawn:
                    log_probs = head.level_log_probs(features, levels, color)
                    levels[:, color] = level_at(numbers[:, color, i, j], log_probs, temperature)
        x[...] = images.cpu().numpy()
