"""Train a density model with Lightning.

    nll         the metric: nats per image and bits per dimension of a whole split
    density     the Lightning module: maximum likelihood
    distributed what becomes of several processes when one is gone
    schedules   learning rates over a run
    callbacks   what every run does: rows, the best weights, the checkpoint
    drawing     samples and completions while a model is trained
    progress    what one sees of it
    tracking    Weights & Biases
    run         the model and the images of a run directory

The names below are those that a configuration holds as `_target_`, and so does every run that was
made with it: a file may be renamed, they stay. They are imported on first use, because Lightning
takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelrnn.training.density import DensityModule
    from pixelrnn.training.drawing import Completions, SampleGrid
    from pixelrnn.training.nll import NLL
    from pixelrnn.training.progress import Progress
    from pixelrnn.training.schedules import constant, cosine, stepwise
    from pixelrnn.training.tracking import WeightsAndBiases, record_evaluation

_HOMES = {
    "Completions": "drawing",
    "DensityModule": "density",
    "NLL": "nll",
    "Progress": "progress",
    "SampleGrid": "drawing",
    "WeightsAndBiases": "tracking",
    "constant": "schedules",
    "cosine": "schedules",
    "record_evaluation": "tracking",
    "stepwise": "schedules",
}

__all__ = [
    "NLL",
    "Completions",
    "DensityModule",
    "Progress",
    "SampleGrid",
    "WeightsAndBiases",
    "constant",
    "cosine",
    "record_evaluation",
    "stepwise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
