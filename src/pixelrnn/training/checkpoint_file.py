"""The file of a checkpoint: how it is written, and whether it is as it was written."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins import TorchCheckpointIO

from pixelrnn.files import is_sound_zip, replacing
from pixelrnn.runs.directory import PREVIOUS_CHECKPOINT


class CheckpointFile(TorchCheckpointIO):
    """Replace the checkpoint, and keep the one before.

    Lightning's own writer makes its temporary file in another place, and copies it over the old
    checkpoint from there: an interruption leaves neither.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write it beside the old one, which gets another name in the moment before."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as new:
            torch.save(checkpoint, new)
            if path.exists():
                path.replace(path.with_name(Path(PREVIOUS_CHECKPOINT).name))


def open_checkpoint(file: Path) -> dict[str, Any]:
    """Return its content, of which only what is looked at is read."""
    return torch.load(file, map_location="cpu", weights_only=True, mmap=True)


def is_sound(file: Path) -> bool:
    """Return whether a checkpoint is as it was written, as far as the file itself can tell."""
    about = file.stat()
    return _was_sound(file, about.st_size, about.st_mtime_ns, about.st_ino)


@lru_cache
def _was_sound(file: Path, *_: int) -> bool:
    try:
        if is_sound_zip(file):
            open_checkpoint(file)
            return True
    except (RuntimeError, OSError):  # the reader's, where the archive is at odds with itself
        return False
    except Exception:
        return True  # whole, but no plain data: `_read_checkpoint` says so
    return False
