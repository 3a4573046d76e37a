"""One job of a sweep: skipped, run, or failed with its reason kept."""

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixelrnn.errors import InputError
from pixelrnn.usage import explain

if TYPE_CHECKING:
    from omegaconf import DictConfig

FAILURE = "failure.txt"


def run_job(folder: Path, config: "DictConfig", call: Callable[[], Any]) -> float | None:
    """Call the stage. A failure stays in this job: one line on stderr, and what else there is to say in failure.txt.

    A training runs in `folder`, and not at all if it is finished. Returns its validation NLL in bits per dimension.
    """
    training = "config" in config.stage
    if training:
        config.run = str(folder)
    (folder / FAILURE).unlink(missing_ok=True)
    try:
        if training and is_finished(folder, config.stage):
            print(f"{folder} is finished", flush=True)
        else:
            print(f"{folder}:", flush=True)
            call()
        return (
            json.loads((folder / "training.json").read_text())["val_bits_per_dim"]
            if training
            else None
        )
    except Exception as error:
        details = "" if isinstance(error, InputError) else f"\n{traceback.format_exc()}"
        (folder / FAILURE).write_text(f"{explain(error)}\n{details}")
        print(f"pixelrnn: {folder}: {explain(error)}", file=sys.stderr, flush=True)
        return None


def missing(folder: Path, tested: bool) -> list[str]:
    """The files that a finished job leaves, in the order in which it does, and this one has not."""
    files = ["config.yaml", "training.json", *["metrics.json", "sampling.json"] * tested]
    return [name for name in files if not (folder / name).exists()]


def is_finished(folder: Path, stage: "DictConfig") -> bool:
    """Whether the directory holds all that this job is to leave, of the same configuration. Needs no torch."""
    import yaml
    from omegaconf import OmegaConf

    if missing(folder, stage.test):
        return False
    config = OmegaConf.to_container(stage.config, resolve=True)
    assert isinstance(config, dict)
    try:
        held = yaml.safe_load((folder / "config.yaml").read_text())
        same_data = _is_of_same_data(folder, config["data"]["path"])
    except (OSError, ValueError, yaml.YAMLError):
        return False  # training will say what is wrong
    return same_data and held == {
        key: value for key, value in config.items() if not str(key).startswith("_")
    }


def _is_of_same_data(folder: Path, data: str) -> bool:
    from pixelrnn.data.arrays import read_description

    then = json.loads((folder / "origin.json").read_text()).get("data_md5") or {}
    now = read_description(data).get("md5") or {}
    return all(now.get(name, md5) == md5 for name, md5 in then.items())
