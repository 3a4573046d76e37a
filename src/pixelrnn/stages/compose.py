"""Resolved configurations as files: what a model's training depends on, for DVC to watch."""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from pixelrnn.conf import CONF
from pixelrnn.errors import InputError
from pixelrnn.files import as_folder, write_text

# What a run records of its configuration: all that its objects were built from, no logger and no
# place.
RECORDED = (
    *("seed", "variant", "data", "model", "head"),
    *("optimizer", "scheduler", "trainer", "callbacks"),
)


def compose(
    *overrides: str, out: str | Path = "artifacts/configs", models: Sequence[str] | None = None
) -> list[Path]:
    """Write what `pixelrnn train model=<model> <overrides>` would record to `out`/<model>.yaml.

    Without `models` one for each of conf/model/*.yaml; and what `pixelrnn prepare` would read of
    the data set to `out`/prepare.yaml. The text depends on nothing but conf/ and the overrides: no
    time, no machine. Other files in `out` stay. Returns the files. Raises InputError for an unknown
    model.
    """
    folder = as_folder(out)
    present = sorted(file.stem for file in (CONF / "model").glob("*.yaml"))
    for model in models or ():
        if model not in present:
            raise InputError(f"no model {model!r} in conf/model: choose from {', '.join(present)}")
    texts = {}
    inside = GlobalHydra.instance().is_initialized()  # called by the command, not by a notebook
    with nullcontext() if inside else initialize_config_dir(str(CONF), version_base="1.3"):
        for model in models or present:
            choices = [*overrides, f"model={model}", f"variant={model}"]
            plain = record(hydra_compose("train", choices))
            texts[folder / f"{model}.yaml"] = OmegaConf.to_yaml(OmegaConf.create(plain))
        choices = [word for word in overrides if re.match(r"\+*data[.=]", word)]
        texts[folder / "prepare.yaml"] = OmegaConf.to_yaml(_prepared(choices))
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        write_text(file, text)
    return list(texts)


def record(config: DictConfig) -> dict[str, Any]:
    """Return what a run records of the configuration of `train`: plain, resolved values."""
    return {
        key: OmegaConf.to_container(config[key], resolve=True, throw_on_missing=True)
        if OmegaConf.is_config(config[key])
        else config[key]
        for key in RECORDED
        if key in config
    }


def _prepared(choices: list[str]) -> DictConfig:
    """Return what decides the prepared arrays; of the data set not how it is loaded."""
    config = hydra_compose("prepare", choices)
    OmegaConf.resolve(config)
    return OmegaConf.masked_copy(
        config, [str(key) for key in config if key not in ("data", "_target_")]
    )
