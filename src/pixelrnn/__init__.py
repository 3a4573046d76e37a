"""PixelRNN density models of images (van den Oord et al., 2016, arXiv:1601.06759).

In reading order:

    types       the alphabet of shapes
    errors      what users are meant to meet; files, figures, conf, terminal: leaves
    ops         masks, skewing, pixels and levels, the two recurrences: pure functions
    layers      masked and gated convolution, Row LSTM, Diagonal BiLSTM: one contract, two modes
    heads       the distribution of one pixel: Bernoulli, softmax, mixtures
    compiled    the same networks as programs that draw images on the CPU
    models      the variants, the one class that scores and samples them, Multi-Scale, classes
    data        raw files to arrays to batches
    runs        the run directory: what a training leaves behind, read without torch
    pictures    grids of images, and what each pixel costs
    training    the Lightning module, its callbacks and loggers, the model and the images of a run
    codec       images to files and back, losslessly, at the price of their likelihood
    exploration how new an image is to a model that learns as it looks: pseudo-counts
    causality   the audit: does any output of a network, ours or anyone's, see what comes later?
    results     runs side by side: tests, baselines, tables
    page        the comparison as a page for a browser
    stages      what the command line can do, one function each
    command     the command line: Hydra composes a configuration, a stage is called

The public names are imported on first use, so that the command line answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelrnn.causality import audit
    from pixelrnn.codec import compress, decompress
    from pixelrnn.heads import Bernoulli, GaussianMixture, LogisticMixture, Softmax
    from pixelrnn.models import (
        AutoregressiveModel,
        ClassConditional,
        DensityModel,
        MultiScale,
        class_conditional,
        diagonal_bilstm,
        gated_pixel_cnn,
        multi_scale,
        pixel_cnn,
        row_lstm,
    )
    from pixelrnn.models.in_batches import Sampler
    from pixelrnn.results.groups import groups
    from pixelrnn.results.paired import paired_differences
    from pixelrnn.runs.frame import config_differences, history, load_runs
    from pixelrnn.stages.score import out_of_distribution
    from pixelrnn.training.run import Run

__all__ = [
    "AutoregressiveModel",
    "Bernoulli",
    "ClassConditional",
    "DensityModel",
    "GaussianMixture",
    "LogisticMixture",
    "MultiScale",
    "Run",
    "Sampler",
    "Softmax",
    "audit",
    "class_conditional",
    "compress",
    "config_differences",
    "decompress",
    "diagonal_bilstm",
    "gated_pixel_cnn",
    "groups",
    "history",
    "load_runs",
    "multi_scale",
    "out_of_distribution",
    "paired_differences",
    "pixel_cnn",
    "row_lstm",
]

_HOMES = {
    "pixelrnn.causality": ["audit"],
    "pixelrnn.codec": ["compress", "decompress"],
    "pixelrnn.heads": ["Bernoulli", "GaussianMixture", "LogisticMixture", "Softmax"],
    "pixelrnn.models": [
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
    ],
    "pixelrnn.models.in_batches": ["Sampler"],
    "pixelrnn.results.groups": ["groups"],
    "pixelrnn.results.paired": ["paired_differences"],
    "pixelrnn.runs.frame": ["config_differences", "history", "load_runs"],
    "pixelrnn.stages.score": ["out_of_distribution"],
    "pixelrnn.training.run": ["Run"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOME:
        raise AttributeError(f"module 'pixelrnn' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow, and rarely asked for

    try:
        return version("pixelrnn")
    except PackageNotFoundError:  # a source tree that is not installed
        return "unknown"


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
