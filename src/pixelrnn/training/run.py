"""The model and the images of a run directory, and how a training claims one."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from pixelrnn.data.arrays import open_arrays, open_labels, read_description
from pixelrnn.errors import InputError
from pixelrnn.files import as_path, replacing
from pixelrnn.models.description import build_model
from pixelrnn.models.in_batches import Model, check_fit
from pixelrnn.runs import identity
from pixelrnn.runs.directory import (
    CHECKPOINT,
    CONFIG,
    GRIDS,
    METRICS,
    ORIGIN,
    PREVIOUS_CHECKPOINT,
    SAMPLING,
    TIMING,
    TRAINING,
    WEIGHTS,
    Config,
    RunDirectory,
)
from pixelrnn.runs.origin import code_md5
from pixelrnn.training.checkpoint_file import is_sound, open_checkpoint
from pixelrnn.types import Tensor

CHECKPOINTS = (CHECKPOINT, PREVIOUS_CHECKPOINT)


@dataclass(frozen=True)
class Run:
    """The files of a run and the configuration it was made with.

    `trust`: what the configuration may build besides the models of this package.
    """

    files: RunDirectory
    config: Config
    trust: str | Collection[str] = ()

    @classmethod
    def load(cls, path: str | Path, trust: str | Collection[str] = ()) -> "Run":
        """Return a run that is already there.

        A run may come from anybody, and nothing that it names is imported. `trust` names models
        and heads of your own, such as "my_package.my_model". Raises InputError if there is no run,
        or its config.yaml is damaged.
        """
        files = RunDirectory(as_path(path, "run"))
        return cls(files, files.read_config(), trust)

    @classmethod
    def claim(
        cls,
        path: str | Path,
        config: Config,
        data_md5: Mapping[str, str] | None = None,
        replace: bool = False,
    ) -> "Run":
        """Make a directory the run of `config` on data with these md5s, or come back to it.

        It comes back if what decides the result is the same (`pixelrnn.runs.identity`), also for
        more epochs where the rates don't depend on how many there are. A new claim deletes what
        isn't its own: a checkpoint of another configuration or other data, or one of a completed
        run (DVC keeps it when it removes the other outputs because the code changed), and old
        files. A directory without weights and checkpoint has nothing to lose, and is anybody's.

        Raises InputError, having written nothing, if it belongs to another configuration or other
        data, or if its checkpoint is damaged and there is none before it. With `replace` the new
        run takes the place of such a one instead, and of one that other code has trained: what the
        pipeline asks for.
        """
        run = cls(RunDirectory(as_path(path, "run")), config)
        held = run.files.read_config() if run.files.exists else None
        state = run._read_checkpoint()
        longer = held is not None and identity.grows(held, config)
        other = held is not None and (run.finished or state) and run._other(held, data_md5, longer)
        if other and not replace:
            raise InputError(
                f"{run.path} {other}: choose another directory with run=..., or delete this one"
            )
        strange = replace and run._code(state) not in (None, code_md5())
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            if other or strange:
                run.files.remove(CONFIG, WEIGHTS, *CHECKPOINTS, METRICS, SAMPLING)
                held, longer = None, False
            elif run._is_stale(state, data_md5, held):
                run.files.remove(*CHECKPOINTS)
            run._leave_damaged()
            if (
                held is None or longer
            ):  # of another run, or of a shorter one: the checkpoint has its weights
                run.files.remove(WEIGHTS)
            if not run.finished:
                run.files.remove(TRAINING)
            if held is None:
                run.files.remove(ORIGIN, TIMING, GRIDS)
        except OSError as error:
            raise InputError(f"cannot write to run={run.path}: {error.strerror}") from error
        if held != config:
            run.files.write_config(config)
        return run

    @property
    def path(self) -> Path:
        """The directory."""
        return self.files.path

    @property
    def finished(self) -> bool:
        """Whether training reached its end, and what it learned is here."""
        return self.files.finished

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint to continue from, if there is one: the last that is as it was written."""
        return next(filter(is_sound, self.files.checkpoints), None)

    @property
    def origin(self) -> dict[str, Any]:
        """origin.json; where it is gone, the checkpoint's copy; nothing before."""
        return self.files.read_here(ORIGIN) or self._read_checkpoint().get("origin", {})

    @cached_property
    def images(self) -> dict[str, np.ndarray]:
        """The images by split: uint8 (n, c, h, w), memory-mapped.

        Raises InputError if they are missing or damaged.
        """
        data = self._section("data")
        return open_arrays(data.get("path", ""), data.get("shape", ()), data.get("levels", 0))

    def split(self, name: str) -> np.ndarray:
        """Return the images of one split: uint8 (n, c, h, w).

        Raises InputError if there is no such split.
        """
        if name not in self.images:
            raise InputError(f"no split {name!r}: there is {', '.join(self.images)}")
        return self.images[name]

    def labels(self, split: str) -> np.ndarray | None:
        """Return the labels of one split, uint16 (n,); None where the data has none.

        Raises InputError if they are missing or damaged.
        """
        path = self._section("data").get("path", "")
        return open_labels(path)[split] if "classes" in read_description(path) else None

    @cached_property
    def model(self) -> Model:
        """The model with its weights, on the CPU, in evaluation mode.

        Raises InputError if they are not its own.
        """
        recorded = self.files.read(TRAINING).get("model_md5")
        if recorded and recorded != identity.model_md5(self.config):
            raise InputError(
                f"{self.path / CONFIG} describes another model than the one that was trained, by "
                f"the checksum in {TRAINING}: `dvc pull` it again, or train again elsewhere"
            )
        model = self.build_model()
        file = self.path / WEIGHTS
        try:
            model.load_state_dict(safetensors.torch.load(self._weights[0]))
        except safetensors.SafetensorError as error:
            raise InputError(f"{file} is damaged ({error}): train again") from error
        except RuntimeError as error:
            reason = str(error).splitlines()[1].strip()
            raise InputError(f"{file} belongs to another model than {CONFIG}: {reason}") from error
        data = self._section("data")  # as described: the prepared images need not be here
        check_fit(model, data.get("levels"), data.get("shape", ()))
        return model.eval()

    @property
    def weights_md5(self) -> str:
        """The checksum of the weights, as they were read."""
        return self._weights[1]

    @cached_property
    def _weights(self) -> tuple[bytes, str]:
        """The weights' file and its checksum, which is the one that training recorded."""
        file = self.path / WEIGHTS
        if not file.is_file():
            raise InputError(
                f"{file} is missing: finish the training with `pixelrnn train`, "
                "or `dvc pull` what was committed"
            )
        content = file.read_bytes()
        checksum = hashlib.md5(content).hexdigest()
        if (self.files.read(TRAINING).get("weights_md5") or checksum) != checksum:
            raise InputError(
                f"{file} is not as training left it, by the checksum in {TRAINING}: "
                "`dvc pull` it again, or delete it and train again"
            )
        return content, checksum

    def build_model(self) -> Model:
        """Build the model as it is before training.

        Raises InputError where its description can't be built.
        """
        try:
            return build_model(self._section("model"), self.trust)
        except InputError as error:
            raise InputError(f"{self.path / CONFIG}: {error}") from None

    def finish(
        self,
        state: Mapping[str, Tensor],
        training: Mapping[str, Any],
        timing: Mapping[str, Any] | None = None,
    ) -> None:
        """Write training.json, then the weights: from then on the run is finished.

        origin.json and timing.json are marked as those of these weights.
        """
        content = safetensors.torch.save(
            {name: value.contiguous() for name, value in state.items()}
        )
        checksum = hashlib.md5(content).hexdigest()
        own = {"weights_md5": checksum}
        self.files.write(TRAINING, {**training, **own})
        self.files.write(ORIGIN, self.origin | own)
        self.files.write_timing(**(timing or {}))
        with replacing(self.path / WEIGHTS) as new:
            new.write_bytes(content)
        self.files.remove(PREVIOUS_CHECKPOINT)

    def _section(self, key: str) -> Config:
        if not isinstance(self.config.get(key), dict):
            raise InputError(f"{self.path / CONFIG} is damaged: no {key!r} in it")
        return self.config[key]

    def _other(self, held: Config, data_md5: Mapping[str, str] | None, longer: bool) -> str:
        """Return why the directory is not this run's; nothing if it is."""
        changed = identity.differences(held, self.config)
        if changed and not longer:
            return f"holds a run of another configuration ({identity.spell(changed)})"
        if longer and not self.checkpoint:
            return "has no checkpoint, so it can't be trained for more epochs"
        files = identity.changed_data(self.files.read_data_md5(), data_md5)
        return f"holds a run on other data ({', '.join(files)} changed since)" if files else ""

    def _is_stale(
        self, state: Mapping[str, Any], data_md5: Mapping[str, str] | None, held: Config | None
    ) -> bool:
        """Return whether there is a checkpoint, but none to continue from."""
        if not state:
            return False
        if held is None and state.get("complete"):
            return True
        theirs = state.get("config")
        if not isinstance(theirs, dict):
            return True
        same = not identity.differences(theirs, self.config) or identity.grows(theirs, self.config)
        return not same or bool(
            identity.changed_data(state.get("origin", {}).get("data_md5"), data_md5)
        )

    def _code(self, state: Mapping[str, Any]) -> str | None:
        """Return the checksum of the code that trained what is here: None for nothing."""
        if self.finished:
            return self.files.read(TRAINING).get("code", "unknown")
        return state.get("origin", {}).get("code", "unknown") if state else None

    def _read_checkpoint(self) -> dict[str, Any]:
        """Return the content of the checkpoint to continue from; nothing if there is none."""
        file = self.checkpoint
        if not file and self.files.checkpoints:
            raise InputError(
                f"{self.files.checkpoints[0]} is damaged: delete it to train from scratch"
            )
        if not file:
            return {}
        try:
            return open_checkpoint(file)
        except Exception as error:  # so does the reader of checkpoints
            raise InputError(
                f"{file} holds code, which is not run, or is no checkpoint: "
                "delete it to train from scratch"
            ) from error

    def _leave_damaged(self) -> None:
        """Remove a damaged checkpoint for which the one before it stands in, and say so."""
        there = self.files.checkpoints
        if there and self.checkpoint not in (None, there[0]):
            print(f"{there[0]} is damaged: training goes on from {there[1].name}, the one before")
            there[0].unlink()
