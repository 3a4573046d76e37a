"""The PixelRNNs: one final class, the paper's variants as functions that build its network, and the pair of two."""

from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.models.multi_scale import MultiScale, multi_scale
from pixelrnn.models.variants import diagonal_bilstm, pixel_cnn, row_lstm

__all__ = [
    "AutoregressiveModel",
    "MultiScale",
    "diagonal_bilstm",
    "multi_scale",
    "pixel_cnn",
    "row_lstm",
]
