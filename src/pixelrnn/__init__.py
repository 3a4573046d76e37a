"""PixelRNN density models of images (van den Oord, Kalchbrenner, Kavukcuoglu, 2016, arXiv:1601.06759).

In reading order:

    types       the alphabet of shapes
    ops         masks, skewing, pixels and levels, the two recurrences: pure functions
    layers      masked convolution, Row LSTM, Diagonal BiLSTM: one contract, two modes
    heads       the distribution of one pixel: Bernoulli, softmax, mixture of logistics
    models      the variants, and the one class that scores and samples them
    data        raw files to arrays to batches
    training    the Lightning module, its callbacks, and the run directory
    results     what runs left behind, side by side
    causality   the audit: does any output of a network, this package's or anyone's, see what comes later?
    stages      what the command line can do, one function each
    arguments   the words of the command line, as Hydra wants them; usage: its help, and what is wrong with a word
    sweeps      several trainings by one command: their folder, their failures, the table at the end
    cli         compose a configuration, call a stage

The public names are imported on first use, so that the command line answers at once.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "pixelrnn.causality": ["audit"],
    "pixelrnn.heads": ["Bernoulli", "LogisticMixture", "Softmax"],
    "pixelrnn.models": [
        "AutoregressiveModel",
        "MultiScale",
        "diagonal_bilstm",
        "multi_scale",
        "pixel_cnn",
        "row_lstm",
    ],
    "pixelrnn.runs.frame": ["config_differences", "history", "load_runs"],
    "pixelrnn.results.paired": ["paired_differences"],
    "pixelrnn.training.run": ["Run"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pixelrnn' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
