"""The columns of the paper's table 1, as functions.

    7x7 convolution, mask A
    layers times:   PixelCNN          Row LSTM               Diagonal BiLSTM
                    3x3 conv, mask B  i-s 1x3 conv, mask B   i-s 1x1 conv, mask B
                                      s-s 1x3 conv           s-s over two neighbors
                    each between 2h -> h and h -> 2h, with a residual connection around, a skip connection to the output
    ReLU, 1x1 conv, mask B   (twice)
    softmax over 256 levels, or another head

All sizes are the paper's letters: a layer has `hidden` = h features inside and 2h between layers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F

from pixelrnn.errors import InputError
from pixelrnn.heads import Head
from pixelrnn.layers import (
    Chain,
    DiagonalBiLSTM,
    ExtraColumn,
    MaskedConv,
    Pointwise,
    RasterLayer,
    Residual,
    RowLSTM,
)
from pixelrnn.models.autoregressive import AutoregressiveModel

Shape = Sequence[int]  # (colors, rows, columns)


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
    context_features: int = 0,
) -> AutoregressiveModel:
    """PixelCNN (section 3.5): a bounded receptive field, a cone that grows by one row a layer."""

    def block(colors: int) -> RasterLayer:
        rows_and_columns = (kernel // 2 + 1, kernel)
        return Chain(
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
        )

    _check_kernel(kernel)
    network = _network(shape, head, hidden, layers, output_hidden, residual, skip, block)
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
    learned_state: bool = True,
    context_features: int = 0,
) -> AutoregressiveModel:
    """Row LSTM (section 3.1): a triangle that reaches to the top row, but not to the sides of it."""

    def block(colors: int) -> RasterLayer:
        lstm = RowLSTM(
            2 * hidden,
            hidden,
            kernel=kernel,
            colors=colors,
            learned_state=learned_state,
            context_features=context_features,
        )
        return Chain(lstm, MaskedConv(hidden, 2 * hidden, colors=colors))

    _check_kernel(kernel)
    network = _network(shape, head, hidden, layers, output_hidden, residual, skip, block)
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
    learned_state: bool = True,
    full_context: bool = False,
    context_features: int = 0,
) -> AutoregressiveModel:
    """Diagonal BiLSTM (section 3.2): the whole past of every pixel.

    Whole but for one pixel, in the paper's form: (i-1, W-1), the last one of the row above, reaches (i, j) through the
    first kernel's width only. `full_context` repairs that by an extra column on the right.
    """

    def block(colors: int) -> RasterLayer:
        lstm = DiagonalBiLSTM(
            2 * hidden,
            hidden,
            colors=colors,
            learned_state=learned_state,
            context_features=context_features,
        )
        return Chain(lstm, MaskedConv(hidden, 2 * hidden, colors=colors))

    network = _network(shape, head, hidden, layers, output_hidden, residual, skip, block)
    return AutoregressiveModel(shape, ExtraColumn(network) if full_context else network, head)


def _network(
    shape: Shape,
    head: Head,
    hidden: int,
    layers: int,
    output_hidden: int,
    residual: bool,
    skip: bool,
    block: Callable[[int], RasterLayer],
) -> RasterLayer:
    """Table 1 from top to bottom, around the variant's `block` (2h -> 2h features) of so many colors.

    Raises InputError for a shape or a size that cannot be.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(
            f"an image's shape is (colors, rows, columns), all at least 1, not {tuple(shape)}"
        )
    # How many colors the masks must tell apart: one where the head orders the colors itself.
    colors = len(head.passes(shape[0]))
    for name, size, least in (
        ("hidden", hidden, colors),
        ("layers", layers, 1),
        ("output_hidden", output_hidden, colors),
    ):
        _check_size(name, size, least)
    first = MaskedConv(shape[0], 2 * hidden, kernel=(4, 7), kind="A", colors=colors)
    blocks = [Residual(block(colors)) if residual else block(colors) for _ in range(layers)]
    skips = (
        [MaskedConv(2 * hidden, 2 * hidden, colors=colors) for _ in range(layers)] if skip else []
    )
    last = MaskedConv(output_hidden, head.num_features(shape[0]), colors=colors)
    # Nearly no weight on the features: the first distribution is the head's own, (almost) uniform.
    last.weight.data *= 0.1
    last.bias.data = head.initial_bias(shape[0])
    return Chain(
        first,
        Chain(*blocks, skips=skips),
        Pointwise(F.relu),
        MaskedConv(2 * hidden, output_hidden, colors=colors),
        Pointwise(F.relu),
        last,
    )


def _check_size(name: str, size: Any, least: int) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < least:
        why = ", one feature a color" if least > 1 else ""
        raise InputError(f"{name} must be a whole number of at least {least}{why}, not {size!r}")


def _check_kernel(kernel: Any) -> None:
    _check_size("kernel", kernel, 1)
    if kernel % 2 == 0:
        raise InputError(f"kernel must be odd, so that it has a middle, not {kernel}")
