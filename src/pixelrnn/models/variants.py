"""The columns of the paper's table 1, as functions.

    7x7 convolution, mask A
    layers times:   PixelCNN          Row LSTM               Diagonal BiLSTM
                    3x3 conv, mask B  i-s 1x3 conv, mask B   i-s 1x1 conv, mask B
                                      s-s 1x3 conv           s-s over two neighbors
                    each between 2h -> h and h -> 2h, with a residual connection around it
                    and a skip connection to the output
    ReLU, 1x1 conv, mask B   (twice)
    softmax over 256 levels, or another head

All sizes are the paper's letters: a layer has `hidden` = h features inside and 2h between layers.
`dropout` is the probability with which a feature that a block adds is dropped in training; the
paper has none. Gated PixelCNN is of the paper that followed.
The variants raise InputError for a shape, a head or a size that cannot be.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F

from pixelrnn.errors import InputError, check_whole
from pixelrnn.heads import Head
from pixelrnn.layers import (
    Chain,
    DiagonalBiLSTM,
    Dropout,
    ExtraColumn,
    GatedConv,
    GatedStacks,
    MaskedConv,
    Pointwise,
    RasterLayer,
    Residual,
    RowLSTM,
)
from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.models.checks import check_head, check_shape

Shape = Sequence[int]  # (colors, rows, columns)

MOST_LAYERS = 1000  # even one feature wide, ten thousand modules


def pixel_cnn(
    shape: Shape,
    head: Head,
    hidden: int = 16,
    layers: int = 7,
    *,
    kernel: int = 3,
    output_hidden: int = 32,
    residual: bool = True,
    skip: bool = True,
    dropout: float = 0.0,
    context_features: int = 0,
) -> AutoregressiveModel:
    """Build a PixelCNN (section 3.5): a bounded field of view, a cone, a row higher a layer."""

    def block(colors: int) -> list[RasterLayer]:
        rows_and_columns = (kernel // 2 + 1, kernel)
        return [
            Pointwise(F.relu),
            MaskedConv(2 * hidden, hidden, colors=colors),
            Pointwise(F.relu),
            MaskedConv(
                hidden,
                hidden,
                kernel=rows_and_columns,
                colors=colors,
                context_features=context_features,
            ),
            Pointwise(F.relu),
            MaskedConv(hidden, 2 * hidden, colors=colors),
        ]

    _check_kernel(kernel)
    network = _network(
        shape,
        head,
        block,
        hidden=hidden,
        layers=layers,
        output_hidden=output_hidden,
        residual=residual,
        skip=skip,
        dropout=dropout,
        context_features=context_features,
    )
    return AutoregressiveModel(shape, network, head)


def row_lstm(
    shape: Shape,
    head: Head,
    hidden: int = 16,
    layers: int = 7,
    *,
    kernel: int = 3,
    output_hidden: int = 32,
    residual: bool = True,
    skip: bool = True,
    dropout: float = 0.0,
    learned_state: bool = True,
    context_features: int = 0,
) -> AutoregressiveModel:
    """Build a Row LSTM (section 3.1): a triangle that reaches to the top row, not to its sides."""

    def block(colors: int) -> list[RasterLayer]:
        lstm = RowLSTM(
            2 * hidden,
            hidden,
            kernel=kernel,
            colors=colors,
            learned_state=learned_state,
            context_features=context_features,
        )
        return [lstm, MaskedConv(hidden, 2 * hidden, colors=colors)]

    _check_kernel(kernel)
    network = _network(
        shape,
        head,
        block,
        hidden=hidden,
        layers=layers,
        output_hidden=output_hidden,
        residual=residual,
        skip=skip,
        dropout=dropout,
        context_features=context_features,
    )
    return AutoregressiveModel(shape, network, head)


def diagonal_bilstm(
    shape: Shape,
    head: Head,
    hidden: int = 16,
    layers: int = 7,
    *,
    output_hidden: int = 32,
    residual: bool = True,
    skip: bool = True,
    dropout: float = 0.0,
    learned_state: bool = True,
    full_context: bool = False,
    context_features: int = 0,
) -> AutoregressiveModel:
    """Build a Diagonal BiLSTM (section 3.2): the whole past of every pixel.

    Whole but for one pixel, in the paper's form: (i-1, W-1), the last one of the row above, reaches
    (i, j) through the first kernel's width only. `full_context` repairs that by an extra column on
    the right.
    """

    def block(colors: int) -> list[RasterLayer]:
        lstm = DiagonalBiLSTM(
            2 * hidden,
            hidden,
            colors=colors,
            learned_state=learned_state,
            context_features=context_features,
        )
        return [lstm, MaskedConv(hidden, 2 * hidden, colors=colors)]

    network = _network(
        shape,
        head,
        block,
        hidden=hidden,
        layers=layers,
        output_hidden=output_hidden,
        residual=residual,
        skip=skip,
        dropout=dropout,
        context_features=context_features,
    )
    return AutoregressiveModel(shape, ExtraColumn(network) if full_context else network, head)


def gated_pixel_cnn(
    shape: Shape,
    head: Head,
    hidden: int = 16,
    layers: int = 7,
    *,
    kernel: int = 3,
    output_hidden: int = 32,
    residual: bool = True,
    skip: bool = True,
    dropout: float = 0.0,
    context_features: int = 0,
) -> AutoregressiveModel:
    """Build a Gated PixelCNN (2016b, section 2): a rectangle of context without a blind spot.

    `hidden`: the features p of each stack. The first layer has 7x7 kernels, mask A and no residual
    connection.
    """
    _check_kernel(kernel)
    colors = _colors(shape, head, hidden, layers, output_hidden, context_features)
    conv = partial(GatedConv, colors=colors, dropout=dropout, context_features=context_features)
    stacks = [conv(shape[0], hidden, kernel=7, kind="A", residual=False)]
    for _ in range(layers):
        stacks.append(conv(hidden, hidden, kernel=kernel, residual=residual))
    skips = [MaskedConv(hidden, hidden, colors=colors) for _ in stacks] if skip else []
    output = _output(shape, head, hidden, output_hidden, colors)
    return AutoregressiveModel(shape, Chain(GatedStacks(*stacks, skips=skips), *output), head)


def _network(
    shape: Shape,
    head: Head,
    block: Callable[[int], list[RasterLayer]],
    *,
    hidden: int,
    layers: int,
    output_hidden: int,
    residual: bool,
    skip: bool,
    dropout: float,
    context_features: int,
) -> RasterLayer:
    """Build table 1 from top to bottom; `block` lists a variant's layers (2h -> 2h) for colors."""
    colors = _colors(shape, head, hidden, layers, output_hidden, context_features)
    first = MaskedConv(shape[0], 2 * hidden, kernel=(4, 7), kind="A", colors=colors)
    blocks: list[RasterLayer] = [Chain(*block(colors), Dropout(dropout)) for _ in range(layers)]
    if residual:
        blocks = [Residual(layer) for layer in blocks]
    skips = []
    if skip:
        skips = [MaskedConv(2 * hidden, 2 * hidden, colors=colors) for _ in range(layers)]
    body = Chain(*blocks, skips=skips)
    return Chain(first, body, *_output(shape, head, 2 * hidden, output_hidden, colors))


def _colors(
    shape: Shape, head: Head, hidden: int, layers: int, output_hidden: int, context_features: int
) -> int:
    """Return how many colors the masks must tell apart: one where the head orders them itself.

    Raises InputError for sizes that cannot be.
    """
    image_colors, _, _ = check_shape(shape)
    check_head(head)
    check_whole(hidden=hidden, layers=layers, output_hidden=output_hidden)
    check_whole(0, context_features=context_features)
    if layers > MOST_LAYERS:
        raise InputError(f"layers={layers} must be at most {MOST_LAYERS}")
    colors = len(head.passes(image_colors))
    for name, features in (("hidden", hidden), ("output_hidden", output_hidden)):
        if features < colors:
            raise InputError(f"{name}={features} must be at least {colors}, one feature a color")
    return colors


def _output(
    shape: Shape, head: Head, features: int, output_hidden: int, colors: int
) -> list[RasterLayer]:
    """Return the layers from the last map of features to what the head reads."""
    last = MaskedConv(output_hidden, head.num_features(shape[0]), colors=colors)
    # Nearly no weight on the features: the first distribution is the head's own, almost uniform.
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.copy_(head.initial_bias(shape[0]))
    return [
        Pointwise(F.relu),
        MaskedConv(features, output_hidden, colors=colors),
        Pointwise(F.relu),
        last,
    ]


def _check_kernel(kernel: object) -> None:
    """Raise InputError unless it is an odd number."""
    check_whole(kernel=kernel)
    if kernel % 2 == 0:  # type: ignore[operator]
        raise InputError(f"kernel={kernel} must be odd, so that it has a middle")
