"""Map a feature map to a feature map: each layer in two modes, the whole map and pixel by pixel.

raster.py is the contract and its plumbing; then one file a layer, in the paper's order.
"""

from pixelrnn.layers.diagonal_lstm import DiagonalBiLSTM
from pixelrnn.layers.gated_conv import GatedConv, GatedStacks
from pixelrnn.layers.masked_conv import MaskedConv
from pixelrnn.layers.raster import (
    Chain,
    Dropout,
    ExtraColumn,
    Pointwise,
    RasterLayer,
    Residual,
)
from pixelrnn.layers.row_lstm import RowLSTM
from pixelrnn.layers.upsample import Upsample

__all__ = [
    "Chain",
    "DiagonalBiLSTM",
    "Dropout",
    "ExtraColumn",
    "GatedConv",
    "GatedStacks",
    "MaskedConv",
    "Pointwise",
    "RasterLayer",
    "Residual",
    "RowLSTM",
    "Upsample",
]
