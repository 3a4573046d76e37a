"""A run is a directory, and everything about it is in its files.

    config.yaml            the resolved configuration; whoever wrote it owns the directory
    origin.json            where it comes from: command, revision, DVC stage, data, W&B run; see `training.origin`
    checkpoints/last.ckpt  where training stands: continues after an interruption
    history.csv            one row an epoch
    weights.safetensors    the model of the best epoch on the validation split
    training.json          what training took; written last, so that its presence means finished
    metrics.json, samples.png, ...   what later stages add

Files are replaced, never changed: a reader finds an old one or a new one, not half of one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from pixelrnn.data import ImageData
from pixelrnn.errors import InputError
from pixelrnn.training import Model
from pixelrnn.training.origin import changed_data
from pixelrnn.types import Tensor

CHECKPOINT = "checkpoints/last.ckpt"

Config = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """The directory `path` and the configuration it was made with."""

    path: Path
    config: Config

    @classmethod
    def create(
        cls, path: str | Path, config: Config, data_md5: Mapping[str, str] | None = None
    ) -> "Run":
        """Claim a directory for `config` and the data with these md5s, or come back to it.

        A new claim deletes what isn't its own: a checkpoint of another configuration or other data, or one of a
        completed run (DVC keeps it when it removes the other outputs because the code changed), and old files.

        Raises InputError, having written nothing, if it belongs to another configuration or other data, or if its
        checkpoint is damaged.
        """
        run = cls(Path(path), config)
        held = run._read_config() if run._file("config.yaml").exists() else None
        if held not in (None, config):
            raise InputError(
                f"{run.path} holds a run of another configuration ({_differ(held, config)}): "
                "choose another directory with run=..., or delete this one"
            )
        if held and (changed := changed_data(run.read("origin.json").get("data_md5"), data_md5)):
            raise InputError(
                f"{run.path} holds a run on other data ({', '.join(changed)} changed since): "
                "choose another directory with run=..., or delete this one"
            )
        state = run._read_checkpoint() or {}
        other_data = changed_data(state.get("origin", {}).get("data_md5"), data_md5)
        stale = (
            state.get("config") != config or other_data or (held is None and state.get("complete"))
        )
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            if stale:
                run._file(CHECKPOINT).unlink(missing_ok=True)
            if held is None:
                for name in ("training.json", "origin.json"):  # of whoever's config.yaml it was
                    run._file(name).unlink(missing_ok=True)
                run.write("config.yaml", OmegaConf.to_yaml(OmegaConf.create(config)))
        except OSError as error:
            raise InputError(f"cannot write to run={run.path}: {error.strerror}") from error
        return run

    @classmethod
    def load(cls, path: str | Path) -> "Run":
        """A run that is already there. Raises InputError if there is none, or its config.yaml is damaged."""
        run = cls(Path(path), {})
        if not run._file("config.yaml").is_file():
            raise InputError(
                f"no run at {run.path}: train one there with `pixelrnn train run={run.path} ...`"
            )
        return cls(run.path, run._read_config())

    @property
    def finished(self) -> bool:
        """Whether training reached its end."""
        return self._file("training.json").exists()

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint to continue from, if there is one."""
        file = self._file(CHECKPOINT)
        return file if file.exists() else None

    @property
    def origin(self) -> dict[str, Any]:
        """origin.json; where DVC removed it before it ran the stage again, the checkpoint's copy; nothing before."""
        return self.read("origin.json") or (self._read_checkpoint() or {}).get("origin", {})

    @cached_property
    def data(self) -> ImageData:
        """The images it is trained and evaluated on. Raises InputError if they are missing or damaged."""
        data = self._section("data")
        keys = ("path", "shape", "levels", "batch_size", "num_workers", "flip", "resample")
        return ImageData(**{key: data[key] for key in keys if key in data})

    @cached_property
    def model(self) -> Model:
        """The model with its weights, on the CPU, in evaluation mode. Raises InputError if they are not its own."""
        model = self._build_model()
        file = self._file("weights.safetensors")
        if not file.exists():
            raise InputError(f"{file} is missing: finish training first with `pixelrnn train`")
        try:
            model.load_state_dict(safetensors.torch.load_file(file))
        except safetensors.SafetensorError as error:
            raise InputError(f"{file} is damaged ({error}): train again") from error
        except RuntimeError as error:
            reason = str(error).splitlines()[1].strip()
            raise InputError(
                f"{file} belongs to another model than config.yaml: {reason}"
            ) from error
        data = self._section(
            "data"
        )  # as described: the prepared images need not be here to use a model
        check_fit(model, data.get("levels"), data.get("shape", ()))
        return model.eval()

    def write(self, name: str, content: str | Mapping[str, Any]) -> None:
        """Replace the file `name` by a text, or by a mapping as JSON."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
        new = self._file(name + ".new")
        new.write_text(text)
        new.replace(self._file(name))

    def read(self, name: str) -> dict[str, Any]:
        """The JSON file `name`; nothing if there is none. Raises InputError if it is damaged."""
        file = self._file(name)
        try:
            return json.loads(file.read_text()) if file.exists() else {}
        except ValueError as error:
            raise InputError(f"{file} is damaged: delete it") from error

    def save_weights(self, state: Mapping[str, Tensor]) -> None:
        """Replace weights.safetensors by a state dict."""
        new = self._file("weights.safetensors.new")
        safetensors.torch.save_file(
            {name: value.contiguous() for name, value in state.items()}, new
        )
        new.replace(self._file("weights.safetensors"))

    def _file(self, name: str) -> Path:
        return self.path / name

    def _section(self, key: str) -> Config:
        if not isinstance(self.config.get(key), dict):
            raise InputError(f"{self._file('config.yaml')} is damaged: no {key!r} in it")
        return self.config[key]

    def _build_model(self) -> Model:
        try:
            return instantiate(self._section("model"), _convert_="all")
        except InstantiationException as error:
            reason = (
                error.__cause__
                if isinstance(error.__cause__, InputError)
                else str(error).splitlines()[0]
            )
            raise InputError(f"{self._file('config.yaml')}: model: {reason}") from error

    def _read_config(self) -> Config:
        file = self._file("config.yaml")
        try:
            config = yaml.safe_load(file.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            config = None
        if not isinstance(config, dict):
            raise InputError(
                f"{file} is damaged: delete the directory or choose another with run=..."
            )
        return config

    def _read_checkpoint(self) -> dict[str, Any] | None:
        file = self._file(CHECKPOINT)
        if not file.exists():
            return None
        try:
            return torch.load(
                file, map_location="cpu", weights_only=True, mmap=True
            )  # only what is looked at is read
        except Exception as error:  # so does the reader of checkpoints
            raise InputError(f"{file} is damaged: delete it to train from scratch") from error


def _differ(held: Config, wanted: Config, most: int = 3) -> str:
    """`optimizer.lr: 0.01 there, 0.1 here; ...`, the first few keys."""
    there, here = dict(_flat(held)), dict(_flat(wanted))
    keys = [key for key in there | here if there.get(key, _ABSENT) != here.get(key, _ABSENT)]
    told = [
        f"{key}: {there.get(key, _ABSENT)} there, {here.get(key, _ABSENT)} here"
        for key in keys[:most]
    ]
    return "; ".join(told) + (f"; and {len(keys) - most} more" if len(keys) > most else "")


_ABSENT = "nothing"


def _flat(config: Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def check_fit(model: Model, levels: int | None, shape: Sequence[int]) -> None:
    """Raises InputError for a model of other images than the data's, which have so many levels and such a shape."""
    theirs, ours = (levels, tuple(shape)), (model.levels, tuple(model.shape))
    if ours != theirs:
        told = "{} levels, shape {}".format
        raise InputError(f"the model is of images with {told(*ours)}, the data has {told(*theirs)}")


def find_device(name: str) -> torch.device:
    """`auto` (CUDA if there is one, else the CPU) or a device by torch's name. Raises InputError for an unknown one."""
    try:
        device = torch.device(
            ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
        )
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"no device {name!r}: {str(error).splitlines()[0]}") from error
    return device
