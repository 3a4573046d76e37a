"""The contract of a layer: two modes, one law.

`forward` maps a whole feature map in parallel: training. `step` computes one pixel from what came
before it: sampling. The law, tested for every layer: **stepping in raster order reproduces
`forward` exactly.**

The split of a step is the paper's own. *What comes from above* is there for a whole row at once
(`start_row`: the Row LSTM's state-to-state convolution, the Diagonal BiLSTM's right-to-left pass
over the finished row above); *what comes from the left* is one `step` a pixel. State is a value
that is passed: each layer keeps in it the few rows that it will need again, and `step(i, j)` writes
only slot (i, j), so that stepping one pixel three times, each time one color richer, draws R, then
G, then B.

Maps are `(b f h w)` in every signature, but the scans leave them features first in memory,
`(f h w b)`, and the layers between two scans keep them so: a 1x1 convolution is then one product
that copies nothing. `ops.products.features_first` asks which of both a map is. Values do not depend
on it, but for the last bits.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch.nn.functional as F
from torch import nn

from pixelrnn.errors import InputError
from pixelrnn.types import Context, Features, Output, Pixel, PixelOutput, Tensor


class RasterLayer(nn.Module, ABC):
    """Map features so that an output depends only on earlier pixels and earlier or equal colors."""

    @abstractmethod
    def forward(self, x: Features, context: Context | None = None) -> Output:
        """Return the whole map at once, `(b f h w) -> (b g h w)`.

        Every pixel may see all of `context`, `(b e h w)`.
        """

    @abstractmethod
    def init_state(self, batch: int, width: int, context: Context | None = None) -> Any:
        """Return what `step` must remember, before the first row.

        The masked weights are prepared here, once.
        """

    @abstractmethod
    def start_row(self, state: Any, i: int) -> None:
        """Do the row-at-once part of row `i`, now that every row above it is final."""

    @abstractmethod
    def step(self, x: Pixel, state: Any, i: int, j: int) -> PixelOutput:
        """Return the output `(b g)` at (i, j), where the input is `x` `(b f)`.

        May be repeated with a richer `x`.
        """

    def write(self, x: Pixel, state: Any, i: int, j: int) -> None:
        """Make `x` the input at (i, j) from now on.

        For a first layer, whose pixel is complete only after its last step. Layers behind it need
        no such call, since their input does not depend on a pixel's last color.
        """


class Pointwise(RasterLayer):
    """Apply a function of each number alone, such as ReLU."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Features, context: Context | None = None) -> Output:
        return self.function(x)

    def init_state(self, batch: int, width: int, context: Context | None = None) -> None:
        return None

    def start_row(self, state: None, i: int) -> None:
        return None

    def step(self, x: Pixel, state: None, i: int, j: int) -> PixelOutput:
        return self.function(x)


class Dropout(RasterLayer):
    """Drop features in training, each with the given probability, and scale up those that stay.

    Nothing in evaluation, and nothing in `step`: images are drawn by the whole network. Raises
    InputError for a probability that cannot be.
    """

    def __init__(self, probability: float):
        super().__init__()
        number = isinstance(probability, Real) and not isinstance(probability, bool)
        if not (number and 0 <= probability < 1):
            raise InputError(f"dropout={probability!r} must be a number of at least 0 and below 1")
        self.probability = float(probability)

    def forward(self, x: Features, context: Context | None = None) -> Output:
        return F.dropout(x, self.probability, self.training)

    def init_state(self, batch: int, width: int, context: Context | None = None) -> None:
        return None

    def start_row(self, state: None, i: int) -> None:
        return None

    def step(self, x: Pixel, state: None, i: int, j: int) -> PixelOutput:
        return x


class Residual(RasterLayer):
    """Return `x + layer(x)` (section 3.3, figure 5)."""

    def __init__(self, layer: RasterLayer):
        super().__init__()
        self.layer = layer

    def forward(self, x: Features, context: Context | None = None) -> Output:
        # In this order, since a sum takes the memory layout of its first term.
        return self.layer(x, context) + x

    def init_state(self, batch: int, width: int, context: Context | None = None) -> Any:
        return self.layer.init_state(batch, width, context)

    def start_row(self, state: Any, i: int) -> None:
        self.layer.start_row(state, i)

    def step(self, x: Pixel, state: Any, i: int, j: int) -> PixelOutput:
        return x + self.layer.step(x, state, i, j)


class Chain(RasterLayer):
    """Apply one layer after the other.

    With `skips`, one for each layer, return the sum of what they make of the layers' outputs
    (section 3.3).
    """

    def __init__(self, *layers: RasterLayer, skips: Sequence[RasterLayer] = ()):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.skips = nn.ModuleList(skips)

    def forward(self, x: Features, context: Context | None = None) -> Output:
        if not self.skips:
            for layer in self.layers:
                x = layer(x, context)
            return x
        sent = []
        for layer, skip in zip(self.layers, self.skips, strict=True):
            x = layer(x, context)
            sent.append(skip(x))
        return sum(sent[1:], sent[0])

    def init_state(self, batch: int, width: int, context: Context | None = None) -> list[Any]:
        return [layer.init_state(batch, width, context) for layer in self._all()]

    def start_row(self, state: list[Any], i: int) -> None:
        for layer, layer_state in zip(self._all(), state, strict=True):
            layer.start_row(layer_state, i)

    def step(self, x: Pixel, state: list[Any], i: int, j: int) -> PixelOutput:
        layers, n = self._all(), len(self.layers)
        if not self.skips:
            for layer, layer_state in zip(layers, state, strict=True):
                x = layer.step(x, layer_state, i, j)
            return x
        sent = []
        for layer, layer_state, skip, skip_state in zip(
            layers[:n], state[:n], layers[n:], state[n:], strict=True
        ):
            x = layer.step(x, layer_state, i, j)
            sent.append(skip.step(x, skip_state, i, j))
        return sum(sent[1:], sent[0])

    def write(self, x: Pixel, state: list[Any], i: int, j: int) -> None:
        self._all()[0].write(x, state[0], i, j)

    def _all(self) -> list[RasterLayer]:
        """Return the layers, then the skips: the order of the states."""
        return [*self.layers, *self.skips]


@dataclass
class ExtraColumnState:
    """The inner layer's state, the width of the image, and an empty pixel."""

    inner: Any
    width: int
    nothing: Tensor | None = None


class ExtraColumn(RasterLayer):
    """Run a layer on a map with one more, empty, column on the right, which comes last in its row.

    What it is for: the features of the Diagonal BiLSTM's right-to-left pass at the last column see
    the pixels *before* that column only, so that (i-1, W-1) stays hidden from the far side of row
    i. Those of the extra column see it.
    """

    def __init__(self, layer: RasterLayer):
        super().__init__()
        self.layer = layer

    def forward(self, x: Features, context: Context | None = None) -> Output:
        wider = None if context is None else F.pad(context, (0, 1))
        return self.layer(F.pad(x, (0, 1)), wider)[..., :-1]

    def init_state(
        self, batch: int, width: int, context: Context | None = None
    ) -> ExtraColumnState:
        wider = None if context is None else F.pad(context, (0, 1))
        return ExtraColumnState(self.layer.init_state(batch, width + 1, wider), width)

    def start_row(self, state: ExtraColumnState, i: int) -> None:
        if state.nothing is not None:
            self.layer.step(state.nothing, state.inner, i - 1, state.width)
        self.layer.start_row(state.inner, i)

    def step(self, x: Pixel, state: ExtraColumnState, i: int, j: int) -> PixelOutput:
        if state.nothing is None:
            state.nothing = x.new_zeros(x.shape)
        return self.layer.step(x, state.inner, i, j)

    def write(self, x: Pixel, state: ExtraColumnState, i: int, j: int) -> None:
        self.layer.write(x, state.inner, i, j)
