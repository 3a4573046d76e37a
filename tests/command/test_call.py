"""What the keys of a configuration become: text where text belongs."""

from typing import Any

import pytest

from pixelrnn.command.call import check_arguments
from pixelrnn.command.words import Command
from pixelrnn.errors import InputError

WANDB = "pytorch_lightning.loggers.WandbLogger"
FOLDER = "pixelrnn.data.image_folder"


def verb(source: Any = None, name: str = "", out: "str | None" = None, seed: int = 0):
    """Some function of a verb."""


@pytest.mark.parametrize(
    ("arguments", "typed", "message"),
    [
        ({"name": 2024}, ["data.name=2024"], "data.name=2024 must be text: quote it, data.name="),
        ({"name": 2024}, [], "name=2024 must be text: quote it, name=\"'2024'\""),
        ({"out": 1.5}, ["out=1.5"], "out=1.5 must be text"),
        ({"name": True}, ["name=true"], "must be text"),
        (
            {"source": {"_target_": FOLDER, "_partial_": True, "folder": 2024}},
            ["data.source.folder=2024"],
            "data.source.folder=2024 must be text: quote it, data.source.folder=\"'2024'\"",
        ),
        (
            {"source": {"wandb": {"_target_": WANDB, "project": 2024}}},
            ["logger.wandb.project=2024"],
            "logger.wandb.project=2024 must be text",
        ),
    ],
)
def test_a_number_where_text_belongs(arguments, typed, message):
    """Faults: a traceback of pydantic's; a folder called 2024 that is searched as a number."""
    with pytest.raises(InputError) as error:
        check_arguments(verb, arguments, Command("prepare", overrides=tuple(typed)))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "2024", "out": None, "seed": 3},
        {"source": {"_target_": FOLDER, "folder": "a", "val": 0.1}},
        {"source": {"_target_": "pytorch_lightning.Trainer", "devices": 2, "precision": 32}},
        {"source": {"_target_": "nowhere.at_all", "x": 2}},
    ],
)
def test_what_is_right_passes(arguments):
    check_arguments(verb, arguments, Command("prepare"))
