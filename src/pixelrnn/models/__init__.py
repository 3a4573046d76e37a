"""The PixelRNNs: one final class, the paper's variants as functions, Multi-Scale, and classes.

density_model.py is the contract that all of them keep, and that anybody's model may keep.
"""

from pixelrnn.models.autoregressive import AutoregressiveModel
from pixelrnn.models.classes import ClassConditional, class_conditional
from pixelrnn.models.density_model import DensityModel
from pixelrnn.models.scales import MultiScale, multi_scale
from pixelrnn.models.variants import diagonal_bilstm, gated_pixel_cnn, pixel_cnn, row_lstm

__all__ = [
    "AutoregressiveModel",
    "ClassConditional",
    "DensityModel",
    "MultiScale",
    "class_conditional",
    "diagonal_bilstm",
    "gated_pixel_cnn",
    "multi_scale",
    "pixel_cnn",
    "row_lstm",
]
