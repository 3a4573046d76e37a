"""Any network as the audit sees it: a function from images `(b c h w)` to outputs `(b o k h w)`.

o counts the outputs of a pixel whose order is to be checked: one a color, or one for the whole pixel. k is whatever
describes it: logits, parameters of a mixture, one log-probability.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from pixelrnn.causality.layouts import arrange, find_layout, fitting
from pixelrnn.causality.order import Shape
from pixelrnn.errors import InputError
from pixelrnn.models import AutoregressiveModel, MultiScale
from pixelrnn.types import Float, Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Subject:
    """A network, its conventions, and what to feed it. `examine` and `own_parts` make them."""

    function: Function
    shape: Shape
    layout: str  # of its outputs, as einops writes it: b, c colors, k numbers, h, w
    levels: int | None = None  # it takes integers 0..K-1, else floats from `input_range`
    input_range: tuple[float, float] = (0.0, 1.0)
    shift: bool = False  # its output at a pixel describes the next pixel in raster order
    log_probs: bool = False  # its outputs are the log-probabilities of the pixels
    dtype: torch.dtype = torch.float64
    name: str = ""
    others: list[str] = field(default_factory=list)  # layouts that its outputs could have as well
    notes: list[str] = field(default_factory=list)

    @property
    def orders(self) -> int:
        """How many outputs a pixel has: one a color, or one."""
        return self.shape[0] if "c" in self.layout else 1

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """`n` random images."""
        size = (n, *self.shape)
        if self.levels is not None:
            return torch.randint(self.levels, size, generator=generator)
        low, high = self.input_range
        return low + (high - low) * torch.rand(size, generator=generator, dtype=torch.float64).to(
            self.dtype
        )

    def redraw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images that differ from `images` everywhere."""
        if self.levels is not None:
            return (
                images + torch.randint(1, self.levels, images.shape, generator=generator)
            ) % self.levels
        return self.draw(len(images), generator)

    def __call__(self, images: Tensor) -> Float[Tensor, "b o k h w"]:
        """The outputs, moved to the pixels that they describe. Raises InputError if the network fails."""
        try:
            with default_dtype(self.dtype):
                outputs = self.function(images.clone())  # which may be changed in place
        except Exception as error:  # anyone's network may raise anything
            raise InputError(f"the network fails: {one_line(error)}") from error
        y = arrange(outputs, self.layout, len(images), self.shape)
        if not self.shift:
            return y
        return F.pad(y.flatten(-2), (1, 0))[..., :-1].unflatten(
            -1, self.shape[1:]
        )  # none describes the first pixel


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """What `torch.zeros(...)` makes: a network that asks for no type gets the audit's."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def own_parts(model: AutoregressiveModel | MultiScale, seed: int) -> list[Subject]:
    """The networks of one of this package's models, fed with numbers from -1 to 1 as its pixels are.

    A Multi-Scale model draws the small image first, then the large one given all of the small: two parts, each in
    raster order, the second conditioned on a random small image.
    """
    model = frozen(model, torch.float64)
    if isinstance(model, AutoregressiveModel):
        return [_own(model, None, "")]
    small = torch.randint(
        model.levels, (1, *model.small.shape), generator=torch.Generator().manual_seed(seed)
    )
    return [
        _own(model.small, None, "small image"),
        _own(model.large, model.context(small), "large image, given it"),
    ]


def _own(model: AutoregressiveModel, context: Tensor | None, name: str) -> Subject:
    def network(x: Tensor) -> Tensor:
        return model.network(x, None if context is None else context.expand(len(x), -1, -1, -1))

    colors = model.shape[0]
    coupled = colors > 1 and len(model.head.passes(colors)) == 1
    layout = "b k h w" if coupled or colors == 1 else "b (k c) h w"
    notes = (
        ["the head orders the colors of a pixel; to the network a pixel is one"] if coupled else []
    )
    return Subject(network, model.shape, layout, input_range=(-1.0, 1.0), name=name, notes=notes)


def examine(
    network: Function,
    shape: Any,
    *,
    layout: str | None = None,
    levels: int | None = None,
    input_range: Sequence[float] = (0.0, 1.0),
    shift: bool = False,
    log_probs: bool = False,
) -> Subject:
    """Call anyone's network on two images and find out how to read it.

    A module is copied, moved to the CPU, to float64 and into evaluation mode. Raises InputError if the call fails, the
    outputs are no maps of the image's size or could be read in several ways, aren't finite, or differ between calls.
    """
    _check_conventions(shape, levels, input_range)
    (c, h, w), (low, high) = shape, input_range
    draft = Subject(network, (c, h, w), layout or "", levels, (low, high), shift, log_probs)
    draft, outputs = _first_call(draft)
    found = fitting(outputs.shape, draft.shape, log_probs)
    if log_probs and (levels is None or not found):
        raise InputError(
            "log_probs are one number for each pixel or color, of integer pixels: give levels=... too"
        )
    layout = layout or find_layout(outputs.shape, draft.shape, found)
    subject = replace(draft, layout=layout, others=[other for other in found if other != layout])
    _check_outputs(subject)
    return subject


def _check_conventions(shape: Any, levels: Any, input_range: Any) -> None:
    def are(value: Any, n: int, kind: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and len(value) == n
            and all(isinstance(x, kind) for x in value)
        )

    if not are(shape, 3, int) or min(shape) < 1:
        raise InputError(
            f"shape={shape}: give the [colors,rows,columns] of an image, all at least 1"
        )
    if levels is not None and (not isinstance(levels, int) or levels < 2):
        raise InputError(f"levels={levels} must be a whole number of at least 2")
    if not are(input_range, 2, int | float) or not input_range[0] < input_range[1]:
        raise InputError(
            f"input_range={input_range}: give the smallest and the largest input, such as [-1,1]"
        )


def _first_call(draft: Subject) -> tuple[Subject, Tensor]:
    """In float64, or if the network insists, in float32."""
    error: Exception | None = None
    network = draft.function
    for dtype in (torch.float64, torch.float32):
        subject = replace(draft, dtype=dtype)
        try:
            if isinstance(network, nn.Module):
                subject = replace(subject, function=frozen(network, dtype))
            with default_dtype(dtype), torch.no_grad():
                outputs = subject.function(subject.draw(2, torch.Generator().manual_seed(0)))
        except InputError:
            raise
        except Exception as failure:  # anyone's network may raise anything
            error = failure
            continue
        if not isinstance(outputs, Tensor):
            raise InputError(
                f"the network returns a {type(outputs).__name__}: return the tensor of outputs alone"
            )
        notes = (
            [f"in float32: the network doesn't compute in float64 ({one_line(error)})"]
            if error
            else []
        )
        return replace(subject, notes=notes + _notes(network)), outputs
    kind = f"integers 0..{draft.levels - 1}" if draft.levels is not None else "floats"
    raise InputError(
        f"the network fails on {kind} of shape {(2, *draft.shape)}: {one_line(error)}"
    ) from error


def _check_outputs(subject: Subject) -> None:
    images = subject.draw(2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = subject(images), subject(images)
    if not first.isfinite().all():
        raise InputError(
            "the outputs aren't finite: are the inputs what the network expects? (levels, input_range)"
        )
    if not torch.equal(first, second):
        raise InputError(
            "two calls with the same images give different outputs: switch off dropout and whatever else is random"
        )
    if subject.log_probs and (first > 1e-6).any():
        raise InputError(
            f"log_probs are at most 0, these reach {first.max():.3g}: without a sign, in nats"
        )


def frozen(module: Any, dtype: torch.dtype) -> Any:
    """A copy on the CPU in evaluation mode, its weights constants. Raises InputError if it cannot be copied."""
    try:
        twin = copy.deepcopy(module)
    except Exception as error:
        raise InputError(
            f"the network can't be copied ({one_line(error)}): audit a freshly built one"
        ) from error
    return twin.cpu().to(dtype).eval().requires_grad_(False)


def _notes(network: Any) -> list[str]:
    """What to know about a module's own state."""
    notes: list[str] = []
    if not isinstance(network, nn.Module):
        return notes
    if any(isinstance(module, _BatchNorm) for module in network.modules()):
        notes.append(
            "BatchNorm: audited in evaluation mode; in training mode its statistics see all pixels of all images"
        )
    silent = [
        name
        for name, value in network.named_parameters()
        if not value.any() and not name.endswith("bias")
    ]
    if silent:
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        notes.append(
            f"{silent[0]}{more} is all zero: what it would let through is not seen; audit a trained network too"
        )
    return notes


def one_line(error: Exception | None) -> str:
    """The first line of what it says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
