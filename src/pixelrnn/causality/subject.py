"""Any network as the audit sees it: a function from images `(b c h w)` to outputs `(b o k h w)`.

o counts the outputs of a pixel whose order is to be checked: one for each color, or a single one.
k counts the numbers of an output: logits, parameters of a mixture, one log-probability.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from pixelrnn.causality.layouts import arrange, choose_layout, fitting_layouts
from pixelrnn.causality.order import Shape
from pixelrnn.errors import InputError
from pixelrnn.files import first_line
from pixelrnn.models import AutoregressiveModel, ClassConditional, DensityModel, MultiScale
from pixelrnn.types import Float, Tensor

Function = Callable[[Tensor], Tensor]

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
ROUNDING = 1e-6  # nats by which a log-probability may exceed 0


@contextmanager
def strangers_code(failure: str) -> Iterator[None]:
    """Run anyone's code. Raises InputError, "failure: what the code raised", whatever that is."""
    try:
        yield
    except Exception as error:
        kind, reason = type(error).__name__, first_line(error)
        raise InputError(f"{failure}: {kind if reason == kind else f'{kind}: {reason}'}") from error


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Let `torch.zeros(...)` make tensors of this type: a network that asks for none gets it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


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
    other_layouts: list[str] = field(default_factory=list)  # that its outputs could have as well
    notes: list[str] = field(default_factory=list)

    @property
    def groups(self) -> int:
        """Count the outputs of a pixel: one for each color, or a single one."""
        return self.shape[0] if "c" in self.layout else 1

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw `n` random images `(n c h w)`: integers, or floats of `dtype`."""
        size = (n, *self.shape)
        if self.levels is not None:
            return torch.randint(self.levels, size, generator=generator)
        low, high = self.input_range
        uniform = torch.rand(size, generator=generator, dtype=torch.float64).to(self.dtype)
        return low + (high - low) * uniform

    def redraw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Draw images that differ from `images` everywhere."""
        if self.levels is None:
            return self.draw(len(images), generator)
        steps = torch.randint(1, self.levels, images.shape, generator=generator)
        return (images + steps) % self.levels

    def run(self, images: Tensor) -> Any:
        """Return what the network returns for `images`. Raises InputError if it fails."""
        values = "floats" if self.levels is None else f"integers 0..{self.levels - 1}"
        failure = f"the network fails on {values} of shape {tuple(images.shape)}"
        with strangers_code(failure), default_dtype(self.dtype):
            return self.function(images.clone())  # which it may change in place

    def __call__(self, images: Tensor) -> Float[Tensor, "b o k h w"]:
        """Return the outputs, each at the pixel that it describes. Raises InputError as `run`."""
        outputs = arrange(self.run(images), self.layout, len(images), self.shape)
        if not self.shift:
            return outputs
        sequence = F.pad(outputs.flatten(-2), (1, 0))[..., :-1]  # none describes the first pixel
        return sequence.unflatten(-1, self.shape[1:])


def own_parts(model: DensityModel, seed: int) -> list[Subject]:
    """Return the networks of a model that knows its own conventions, the smallest image first.

    This package's networks are fed with numbers from -1 to 1. A Multi-Scale model draws its small
    image first and then the large one given the small one. Each of the two is drawn in raster
    order, so each is a part. The large one is conditioned on a random small image; the small one
    may consist of several scales itself. A class-conditional model is told a random class: where
    each class is causal, their sum is. Of any other model `log_prob_map` is what is audited.
    """
    return _parts(frozen(model, torch.float64), seed)


def _parts(model: DensityModel, seed: int, name: str = "") -> list[Subject]:
    if isinstance(model, AutoregressiveModel):
        return [_part(model, None, name)]
    generator = torch.Generator().manual_seed(seed)
    if isinstance(model, ClassConditional):
        label = torch.randint(model.classes, (1,), generator=generator)
        return [_part(model.inner, model.context(label), f"{name} given its class".strip())]
    if not isinstance(model, MultiScale):
        return [_scores(model, name)]
    small = torch.randint(model.levels, (1, *model.small.shape), generator=generator)
    large_size, small_size = _size(model.shape), _size(model.small.shape)
    return [
        *_parts(model.small, seed, f"{small_size} image"),
        _part(model.large, model.context(small), f"{large_size} image, given the {small_size} one"),
    ]


def _part(model: AutoregressiveModel, context: Tensor | None, name: str) -> Subject:
    def network(x: Tensor) -> Tensor:
        if context is None:
            return model.network(x, None)
        return model.network(x, context.expand(len(x), -1, -1, -1))

    colors = model.shape[0]
    layout, notes = "b (k c) h w", []
    if colors == 1:
        layout = "b k h w"
    elif len(model.head.passes(colors)) == 1:
        layout = "b k h w"
        notes = ["the head orders the colors of a pixel; to the network a pixel is one"]
    return Subject(network, model.shape, layout, input_range=(-1.0, 1.0), name=name, notes=notes)


def _scores(model: DensityModel, name: str) -> Subject:
    note = "audited by its log_prob_map, as if each pixel was drawn given those before it"
    return Subject(
        model.log_prob_map,
        model.shape,
        layout="b h w",
        levels=model.levels,
        log_probs=True,
        name=name,
        notes=[note],
    )


def _size(shape: Shape) -> str:
    return f"{shape[1]}x{shape[2]}"


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

    A module is copied, moved to the CPU, to float64 and into evaluation mode. Raises InputError if
    the call fails, or if the outputs are no maps of the image's size, could be read in several
    ways, aren't finite, or differ between calls.
    """
    _check_conventions(shape, levels, input_range)
    (c, h, w), (low, high) = shape, input_range
    draft = Subject(network, (c, h, w), layout or "", levels, (low, high), shift, log_probs)
    draft, outputs = _first_call(draft)
    fitting = fitting_layouts(outputs.shape, draft.shape, log_probs)
    if log_probs and (levels is None or not fitting):
        raise InputError(
            "log_probs are one number for each pixel or color, of integer pixels: "
            "give levels=... too"
        )
    layout = layout or choose_layout(outputs.shape, draft.shape, fitting)
    others = [other for other in fitting if other != layout]
    subject = replace(draft, layout=layout, other_layouts=others)
    _check_outputs(subject)
    return subject


def _check_conventions(shape: Any, levels: Any, input_range: Any) -> None:
    def holds(value: Any, n: int, kind: Any) -> bool:
        if not isinstance(value, Sequence) or len(value) != n:
            return False
        return all(isinstance(x, kind) for x in value)

    if not holds(shape, 3, int) or min(shape) < 1:
        raise InputError(
            f"shape={shape}: give the [colors,rows,columns] of an image, all at least 1"
        )
    if levels is not None and (not isinstance(levels, int) or levels < 2):
        raise InputError(f"levels={levels} must be a whole number of at least 2")
    if not holds(input_range, 2, int | float) or not input_range[0] < input_range[1]:
        raise InputError(
            f"input_range={input_range}: give the smallest and the largest input, such as [-1,1]"
        )


def _first_call(draft: Subject) -> tuple[Subject, Tensor]:
    """Return the subject, in float32 if float64 fails, and its outputs for two images."""
    notes = []
    try:
        subject, outputs = _call_in(torch.float64, draft)
    except InputError as refusal:
        subject, outputs = _call_in(torch.float32, draft)
        reason = first_line(refusal.__cause__ or refusal)
        notes = [f"in float32: the network doesn't compute in float64 ({reason})"]
    if not isinstance(outputs, Tensor):
        raise InputError(
            f"the network returns a {type(outputs).__name__}: return the tensor of outputs alone"
        )
    return replace(subject, notes=notes + _notes(subject.function)), outputs


def _call_in(dtype: torch.dtype, draft: Subject) -> tuple[Subject, Any]:
    subject = replace(draft, function=frozen(draft.function, dtype), dtype=dtype)
    with torch.no_grad():
        return subject, subject.run(subject.draw(2, torch.Generator().manual_seed(0)))


def _check_outputs(subject: Subject) -> None:
    images = subject.draw(2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        first, second = subject(images), subject(images)
    if not first.isfinite().all():
        raise InputError(
            "the outputs aren't finite: are the inputs what the network expects? "
            "(levels, input_range)"
        )
    if not torch.equal(first, second):
        raise InputError(
            "two calls with the same images give different outputs: "
            "switch off dropout and whatever else is random"
        )
    if subject.log_probs and (first > ROUNDING).any():
        raise InputError(
            f"log_probs are at most 0, these reach {first.max():.3g}: without a sign, in nats"
        )


def frozen(module: Any, dtype: torch.dtype) -> Any:
    """Return a copy on the CPU in evaluation mode, whose weights are constants of this type.

    What is no module is returned as it is. Raises InputError if a module cannot be copied: a
    freshly built one can.
    """
    if not isinstance(module, nn.Module):
        return module
    with strangers_code("the network can't be copied, audit a freshly built one"):
        twin = copy.deepcopy(module)
    return twin.cpu().to(dtype).eval().requires_grad_(False)


def _notes(network: Any) -> list[str]:
    """Return what to know about a module's own state, a sentence each."""
    notes: list[str] = []
    if not isinstance(network, nn.Module):
        return notes
    if any(isinstance(module, BATCH_NORMS) for module in network.modules()):
        notes.append(
            "BatchNorm: audited in evaluation mode; in training mode its statistics see all pixels "
            "of all images"
        )
    weights = [item for item in network.named_parameters() if not item[0].endswith("bias")]
    silent = [name for name, value in weights if not value.any()]
    if silent:
        more = f" and {len(silent) - 1} more" if len(silent) > 1 else ""
        notes.append(
            f"{silent[0]}{more} is all zero: what it would let through is not seen; "
            "audit a trained network too"
        )
    return notes
