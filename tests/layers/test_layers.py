"""One law for every layer: stepping in raster order reproduces `forward` exactly.

A new layer is one more line.
"""

import pytest
import torch
import torch.nn.functional as F

from pixelrnn.layers import (
    Chain,
    DiagonalBiLSTM,
    Dropout,
    ExtraColumn,
    GatedConv,
    GatedStacks,
    MaskedConv,
    Pointwise,
    Residual,
    RowLSTM,
)

F_, C = 7, 3  # features (not a multiple of the colors), colors

LAYERS = {
    "1x1": lambda e: MaskedConv(F_, 5, colors=C, context_features=e),
    "mask A": lambda e: MaskedConv(F_, 5, kernel=(4, 7), kind="A", colors=C, context_features=e),
    "mask B": lambda e: MaskedConv(F_, 5, kernel=(2, 3), colors=C, context_features=e),
    "row only": lambda e: MaskedConv(F_, 5, kernel=(1, 5), colors=C, context_features=e),
    "tall": lambda e: MaskedConv(F_, 5, kernel=(3, 1), colors=C, context_features=e),
    "row lstm": lambda e: RowLSTM(F_, 5, colors=C, context_features=e),
    "row lstm, kernel 5": lambda e: RowLSTM(F_, 5, kernel=5, colors=C, context_features=e),
    "row lstm, zero state": lambda e: RowLSTM(
        F_, 5, colors=C, learned_state=False, context_features=e
    ),
    "diagonal": lambda e: DiagonalBiLSTM(F_, 5, colors=C, context_features=e),
    "diagonal, zero state": lambda e: DiagonalBiLSTM(
        F_, 5, colors=C, learned_state=False, context_features=e
    ),
    "residual": lambda e: Residual(MaskedConv(F_, F_, colors=C, context_features=e)),
    "dropout": lambda e: Chain(MaskedConv(F_, 5, colors=C, context_features=e), Dropout(0.0)),
    "chain": lambda e: Chain(
        Pointwise(F.relu),
        MaskedConv(F_, 4, colors=C, context_features=e),
        DiagonalBiLSTM(4, 3, colors=C),
    ),
    "skips": lambda e: Chain(
        RowLSTM(F_, F_, context_features=e),
        MaskedConv(F_, F_, kernel=(2, 3)),
        skips=[MaskedConv(F_, 4), MaskedConv(F_, 4)],
    ),
    "gated": lambda e: GatedStacks(
        GatedConv(F_, 5, kernel=7, kind="A", colors=C, residual=False, context_features=e),
        GatedConv(5, 5, colors=C, context_features=e),
    ),
    "gated, skips": lambda e: GatedStacks(
        GatedConv(F_, 4, kernel=5, residual=False, context_features=e),
        GatedConv(4, 4, residual=False, context_features=e),
        skips=[MaskedConv(4, 3), MaskedConv(4, 3)],
    ),
    "extra column": lambda e: ExtraColumn(DiagonalBiLSTM(F_, 5, context_features=e)),
}


@pytest.mark.parametrize("shape", [(6, 9), (5, 2), (1, 4), (4, 1)])
@pytest.mark.parametrize("context_features", [0, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_step_is_forward(name, context_features, shape):
    torch.manual_seed(0)
    layer = LAYERS[name](context_features).double()
    for parameter in layer.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    x = torch.randn(2, F_, *shape, dtype=torch.float64)
    context = None
    if context_features:
        context = torch.randn(2, context_features, *shape, dtype=torch.float64)
    with torch.no_grad():
        expected = layer(x, context)
        state = layer.init_state(2, shape[1], context)
        for i in range(shape[0]):
            layer.start_row(state, i)
            for j in range(shape[1]):
                # A poorer input first, which must leave no trace.
                layer.step(torch.randn(2, F_, dtype=torch.float64), state, i, j)
                got = layer.step(x[:, :, i, j], state, i, j)
                torch.testing.assert_close(got, expected[:, :, i, j], rtol=1e-10, atol=1e-10)


def test_write_replaces_the_input_of_a_step():
    """A first layer sees a pixel's last color only after its last step."""
    torch.manual_seed(0)
    layer = MaskedConv(3, 4, kernel=(2, 3), kind="A", colors=3).double()
    x = torch.randn(1, 3, 2, 4, dtype=torch.float64)
    with torch.no_grad():
        expected = layer(x)
        state = layer.init_state(1, 4)
        for i in range(2):
            layer.start_row(state, i)
            for j in range(4):
                poor = x[:, :, i, j].clone()
                poor[:, 2] = 0  # B is not drawn yet
                got = layer.step(poor, state, i, j)
                torch.testing.assert_close(got, expected[:, :, i, j])
                layer.write(x[:, :, i, j], state, i, j)
