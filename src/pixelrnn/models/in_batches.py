"""Draw and score any number of images: in batches, so that memory stays bounded.

Images come and go as arrays of levels or real numbers, see `data.values`. Likelihoods are computed
in float32 or better, whatever training's precision was, and added up in float64.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from torch import nn

from pixelrnn.data.values import values_of
from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads.head import check_temperature
from pixelrnn.models.classes import ClassConditional, Given
from pixelrnn.models.density_model import DensityModel
from pixelrnn.models.drawing import Drawing, Model, is_own
from pixelrnn.models.scaling import scaling_of
from pixelrnn.ops.pixels import known_pixels
from pixelrnn.types import Bool, Tensor


class Sampler:
    """A model and how to draw from it: a seed, temperature, how many images at a time.

    The same seed gives the same images: the first ten of a thousand are those of ten, in any
    batches, see `Drawing`. (Anyone's own `DensityModel` draws batch by batch from torch's random
    numbers, and the same seed and batch size give the same images.) Raises InputError for a
    temperature that cannot be.
    """

    def __init__(
        self, model: DensityModel, seed: int = 0, temperature: float = 1.0, batch_size: int = 256
    ) -> None:
        check_temperature(temperature)
        self.model, self.temperature, self.batch_size = model, float(temperature), batch_size
        self.seed, self.drawn = seed, 0
        self.dtype = values_of(model.levels).dtype
        self.generator = torch.Generator(device_of(model)).manual_seed(seed)

    def draw(self, n: int) -> Iterator[np.ndarray]:
        """Draw `n` images, batch by batch: (b, c, h, w) of `dtype`."""
        if is_own(self.model):
            blank = np.broadcast_to(np.zeros((), self.dtype), (n, *self.model.shape))
            yield from self._fill(blank, known_pixels(0, *self.model.shape[1:]))
            return
        for first in range(0, n, self.batch_size):
            size = min(self.batch_size, n - first)
            drawn = self.model.sample(size, self.generator, temperature=self.temperature)
            yield drawn.cpu().numpy().astype(self.dtype)

    def sample(self, n: int) -> np.ndarray:
        """Draw `n` images at once, after those that were drawn before: (n, c, h, w) of `dtype`.

        Raises InputError for an n that is no whole number from 1.
        """
        check_whole(n=n)
        return np.concatenate(list(self.draw(n)))

    def complete(
        self, images: np.ndarray, known: int | Bool[Tensor, "h w"], times: int = 1
    ) -> np.ndarray:
        """Return each image, followed by `times` completions of its `known` pixels.

        (n, c, h, w) -> (n, 1 + times, c, h, w). `known` is a mask, or counts pixels in raster
        order. Raises InputError for images or a count that cannot be.
        """
        known = known_pixels(known, *self.model.shape[1:])
        repeated = images.repeat(times, axis=0)
        own = is_own(self.model)
        drawn = list(self._fill(repeated, known) if own else self._complete(repeated, known))
        completions = np.concatenate(drawn).reshape(len(images), times, *images.shape[1:])
        return np.concatenate([images[:, None], completions], axis=1)

    def _fill(self, images: np.ndarray, known: Bool[Tensor, "h w"]) -> Iterator[np.ndarray]:
        """Draw what is not known of images, which get the next numbers, by a model of ours."""
        numbers = as_numbers(images, torch.device("cpu"))
        scaling_of(self.model.levels).check(numbers, self.model.shape, known)
        drawing = Drawing(cast(Model, self.model))
        for first in range(0, len(images), self.batch_size):
            x = numbers[first : first + self.batch_size].numpy()
            drawn = range(self.drawn, self.drawn + len(x))
            drawing.fill(x, known.numpy(), self.seed, drawn, self.temperature)
            self.drawn += len(x)
            yield x.astype(self.dtype)

    def _complete(self, images: np.ndarray, known: Bool[Tensor, "h w"]) -> Iterator[np.ndarray]:
        """Draw what is not known of images, by anyone's model."""
        for first in range(0, len(images), self.batch_size):
            x = as_numbers(images[first : first + self.batch_size], self.generator.device)
            drawn = self.model.complete(x, known, self.generator, temperature=self.temperature)
            yield drawn.cpu().numpy().astype(self.dtype)


def nll_maps(model: DensityModel, images: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Score images batch by batch: (n, c, h, w) -> the nats of each pixel, float64 (b, h, w).

    A map adds up to its image's negative log-likelihood. Raises InputError where the model gives no
    number.
    """
    parameter, device = _first_parameter(model), device_of(model)
    if parameter is not None and torch.finfo(parameter.dtype).bits < 32:
        cast(nn.Module, model).float()  # in place
    for first in range(0, len(images), batch_size):
        batch = as_numbers(images[first : first + batch_size], device)
        with torch.inference_mode(), full_precision(device):
            nats = -model.log_prob_map(batch).double().cpu().numpy()
        finite = np.isfinite(nats).all(axis=(1, 2))
        if not finite.all():
            bad = first + int(finite.argmin())
            raise InputError(f"the model gives image {bad} no finite likelihood: train it again")
        yield nats


def class_nats(
    model: ClassConditional, images: np.ndarray, batch_size: int
) -> Iterator[np.ndarray]:
    """Score images as of every class, batch by batch: -log p(x | y) in nats, float64 (b, classes).

    Of a model that `nll_maps` has taken: with a finite likelihood, in float32 or better.
    """
    device = device_of(model)
    for first in range(0, len(images), batch_size):
        batch = as_numbers(images[first : first + batch_size], device)
        with torch.inference_mode(), full_precision(device):
            yield -model.class_log_prob(batch).cpu().numpy()


def spread(images: np.ndarray, n: int) -> np.ndarray:
    """Return at most `n` images, evenly spaced: some data sets are sorted by what they show."""
    return images[np.linspace(0, len(images) - 1, min(n, len(images))).astype(int)]


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Multiply float32 numbers in float32: no autocast, and no TF32, CUDA's default."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    no_tf32 = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
    try:
        with no_tf32, torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def find_device(name: str) -> torch.device:
    """Return `auto` (CUDA if there is one, else the CPU) or a device by torch's name.

    Raises InputError for an unknown one.
    """
    try:
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InputError(f"no device {name!r}: {str(error).splitlines()[0]}") from error
    return device


def device_of(model: DensityModel) -> torch.device:
    """Return where a model's parameters are; the CPU for a model that has none."""
    parameter = _first_parameter(model)
    return torch.device("cpu") if parameter is None else parameter.device


def as_numbers(images: np.ndarray, device: torch.device) -> Tensor:
    """Return levels as the integers that models take, and real numbers as float32."""
    number = np.float32 if images.dtype.kind == "f" else np.int64
    return torch.from_numpy(images.astype(number)).to(device)


def of_class(model: Model, class_: int | None) -> DensityModel:
    """Return the model of the images of one class; for None the model itself, of all.

    Raises InputError for a class that the model has not.
    """
    return model if class_ is None else _conditional(model, class_).given(class_)


def of_every_class(model: Model, n: int) -> Given:
    """Return the model of `n` images of each class, one class after the other."""
    model = _conditional(model, "all")
    return model.given(torch.arange(model.classes).repeat_interleave(n))


def _conditional(model: Model, class_: object) -> ClassConditional:
    if not isinstance(model, ClassConditional):
        raise InputError(
            f"class={class_}: the model knows no classes: train one by model=class_conditional"
        )
    return model


def check_fit(model: DensityModel, levels: int | None, shape: Sequence[int]) -> None:
    """Raise InputError unless the model is of images with these levels and this shape."""
    theirs, ours = _describe(levels, shape), _describe(model.levels, model.shape)
    if ours != theirs:
        remedy = ""
        if levels is None and model.levels is not None:
            remedy = ": real numbers take head=gaussian_mixture"
        elif levels is not None and model.levels is None:
            remedy = ": a density is of real numbers, data.levels=null"
        raise InputError(f"the model is of images with {ours}, the data has {theirs}{remedy}")


def _describe(levels: int | None, shape: Sequence[int]) -> str:
    return f"{values_of(levels)}, shape {tuple(shape)}"


def _first_parameter(model: DensityModel) -> nn.Parameter | None:
    return next(model.parameters(), None) if isinstance(model, nn.Module) else None
