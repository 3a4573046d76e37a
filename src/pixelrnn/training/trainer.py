"""Lightning's trainer with what every training needs, and without what a likelihood can't have."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from pixelrnn.errors import InputError, check_whole
from pixelrnn.files import first_line
from pixelrnn.training.checkpoint_file import CheckpointFile
from pixelrnn.training.checkpoints import LastStep

Part = TypeVar("Part", Callback, Logger)


def parts_of(key: str, kind: type[Part], parts: Mapping[str, Part | None] | None) -> list[Part]:
    """Return the parts that there are. Raises InputError for what is none of Lightning's."""
    if parts is None:
        return []
    if not isinstance(parts, Mapping):
        raise InputError(f"{key}: give it a name of its own, as in {key}.mine._target_=...")
    there = {name: part for name, part in parts.items() if part is not None}
    for name, part in there.items():
        if not isinstance(part, kind):
            raise InputError(
                f"{key}.{name}={part} is no {kind.__name__} of Lightning's: name one by _target_"
            )
    return list(there.values())


def build_trainer(trainer: Callable[..., Trainer], **options: Any) -> Trainer:
    """Return Lightning's trainer.

    Raises InputError for arguments that it refuses, or that a likelihood can't be trained with.
    """
    given = getattr(trainer, "keywords", {})
    steps = given.get("max_steps", -1)
    if steps != -1:
        check_whole(**{"trainer.max_steps": steps})
        options |= {"max_steps": -1, "callbacks": [LastStep(steps), *options["callbacks"]]}
    options["plugins"] = [*_as_list(given.get("plugins")), CheckpointFile()]
    try:
        built = trainer(**options)
    except (TypeError, ValueError, MisconfigurationException) as error:
        raise InputError(f"trainer: {first_line(error)}") from error
    if not isinstance(built.max_epochs, int) or built.max_epochs < 1:
        raise InputError(
            f"trainer.max_epochs={built.max_epochs} must be a whole number of at least 1"
        )
    if built.check_val_every_n_epoch == 0:
        raise InputError("trainer.check_val_every_n_epoch=0 must be at least 1, or null")
    if built.limit_train_batches == 0:
        raise InputError("trainer.limit_train_batches=0 leaves nothing to train on")
    if built.precision in ("16-true", "bf16-true"):
        mixed = built.precision.replace("true", "mixed")
        raise InputError(
            f"trainer.precision={built.precision} keeps the weights in 16 bits, "
            f"too few for a likelihood: take {mixed}"
        )
    strategy = str(given.get("strategy"))
    if any(way in strategy for way in ("spawn", "fork", "notebook")):
        raise InputError(
            "trainer.strategy: what is learned would stay in the processes that it starts: take ddp"
        )
    return built


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
