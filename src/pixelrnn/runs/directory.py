"""A run is a directory, and everything about it is in its files.

    config.yaml            the resolved configuration; whoever wrote it owns the directory
    origin.json            where it comes from: command, revision, DVC stage, W&B run
    timing.json            seconds and memory that it took here
    checkpoints/last.ckpt  where training stands: continues after an interruption
    checkpoints/previous.ckpt    the one before, should the last be damaged
    history.csv            one row an epoch
    grids.npy              what it drew every few epochs, and after the last
    training.json          what training gave, on which data and by which code
    weights.safetensors    the model of the best epoch; written last: its presence means finished
    metrics.json           what `evaluate` measured, by split
    <split>_nll.npy, <split>_nll_map.npy    the same by image and by pixel
    <split>_class_nll.npy  by image and class, of a class-conditional model
    samples.png, ...       what other verbs add

Files are replaced, never changed (`pixelrnn.files`): a reader finds an old one or a new one, not
half of one. On a like machine all but origin.json and timing.json are the same each time: those two
belong to this machine and this training, are in no version, and count for no other weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pixelrnn.errors import InputError
from pixelrnn.files import first_line, read_json, write_json, write_text
from pixelrnn.reading import read_yaml

CONFIG = "config.yaml"
ORIGIN = "origin.json"
TIMING = "timing.json"
CHECKPOINT = "checkpoints/last.ckpt"
PREVIOUS_CHECKPOINT = "checkpoints/previous.ckpt"
HISTORY = "history.csv"
TRAINING = "training.json"
WEIGHTS = "weights.safetensors"
METRICS = "metrics.json"
SAMPLING = "sampling.json"
SAMPLES = "samples.npy"
SAMPLES_PICTURE = "samples.png"
COMPLETIONS = "completions.npy"
COMPLETIONS_PICTURE = "completions.png"
GRID_PICTURE = "grid.png"  # of the latest epoch
GRIDS = "grids.npy"  # of every epoch that was drawn after

Config = dict[str, Any]


def nll_name(split: str) -> str:
    """Return the file of a split's NLL by image: float64 (n,), nats."""
    return f"{split}_nll.npy"


def class_nll_name(split: str) -> str:
    """Return the file of a split's NLL given each class: float64 (n, classes), nats."""
    return f"{split}_class_nll.npy"


def nll_map_name(split: str) -> str:
    """Return the file of a split's NLL by pixel: float16 (n, h, w), nats."""
    return f"{split}_nll_map.npy"


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run. Nothing is read before it is asked for."""

    path: Path

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        return (self.path / name).is_file()

    @property
    def exists(self) -> bool:
        """Whether it is a run: whether it holds a configuration."""
        return self.has(CONFIG)

    @property
    def finished(self) -> bool:
        """Whether training reached its end, and what it learned is here."""
        return self.has(WEIGHTS)

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoints that there are, the last first."""
        return [self.path / name for name in (CHECKPOINT, PREVIOUS_CHECKPOINT) if self.has(name)]

    def missing(self, tested: bool) -> list[str]:
        """Return the files that a finished run has and this one lacks, in the order of writing.

        `tested`: whether it was to be evaluated and sampled as well.
        """
        names = [CONFIG, WEIGHTS]
        if tested:
            names += [METRICS, SAMPLING]
        return [name for name in names if not self.has(name)]

    def read_config(self) -> Config:
        """Read config.yaml. Raises InputError if there is no run here, or it is damaged."""
        file = self.path / CONFIG
        if not file.is_file():
            raise InputError(
                f"no run at {self.path}: train one there with `pixelrnn train run={self.path} ...`"
            )
        try:
            config = read_yaml(file)
        except (OSError, ValueError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split()) or first_line(error)
            raise InputError(f"{file} is damaged ({reason}): take another directory") from None
        if not isinstance(config, dict):
            raise InputError(
                f"{file} is damaged (it holds no configuration): take another directory"
            )
        return config

    def read(self, name: str) -> dict[str, Any]:
        """Read a JSON file; nothing if there is none. Raises InputError if it is damaged."""
        return read_json(self.path / name) if self.has(name) else {}

    def read_here(self, name: str) -> dict[str, Any]:
        """Read origin.json or timing.json; nothing where it tells of other weights.

        Those here may have come from elsewhere since, by `dvc pull`. Raises InputError for a
        damaged file.
        """
        content = self.read(name)
        theirs, here = content.get("weights_md5"), self.read(TRAINING).get("weights_md5")
        return {} if theirs and here and theirs != here else content

    def read_data_md5(self) -> dict[str, str] | None:
        """Read the checksums of the data that it was trained on, None where none are recorded."""
        return self.read(TRAINING).get("data_md5") or self.read(ORIGIN).get("data_md5")

    def write_timing(self, **figures: Any) -> None:
        """Add figures to timing.json; those of other weights go."""
        here = {"weights_md5": self.read(TRAINING).get("weights_md5")}
        self.write(TIMING, self.read_here(TIMING) | here | figures)

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a JSON file."""
        write_json(self.path / name, content)

    def write_config(self, config: Config) -> None:
        """Make the directory the run of `config`. Raises InputError if it can't be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_text(self.path / CONFIG, yaml.safe_dump(config, sort_keys=False))
        except OSError as error:
            raise InputError(f"cannot write to run={self.path}: {error.strerror}") from error

    def remove(self, *names: str) -> None:
        """Remove files, there or not."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def read_metrics(self) -> dict[str, dict[str, Any]]:
        """Read what was measured on each split. Raises InputError if the file is damaged.

        Runs of the first edition have the figures of one split, which names itself.
        """
        metrics = self.read(METRICS)
        if "split" in metrics:
            metrics = {str(metrics["split"]): metrics}
        if not all(isinstance(figures, dict) for figures in metrics.values()):
            raise InputError(
                f"{self.path / METRICS} is damaged (figures belong to a split): evaluate again"
            )
        return metrics

    def write_metrics(self, split: str, figures: Mapping[str, Any]) -> None:
        """Replace the figures of one split; those of the others stay."""
        self.write(METRICS, self.read_metrics() | {split: dict(figures)})
