"""Train a model: the Lightning module, its callbacks, its loggers, and the directory that a run leaves behind."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "record_evaluation":
        from pixelrnn.training.tracking import record_evaluation

        return record_evaluation
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
