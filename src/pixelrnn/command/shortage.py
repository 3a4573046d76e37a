"""What the machine lacks, in one line: the file that can't be written, or what to lower.

`OSError`, `MemoryError` and what torch raises in their place become bad input here and nowhere
else. What was being written is as it was before: files are replaced whole (`pixelrnn.files`).
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from omegaconf import DictConfig, OmegaConf

from pixelrnn.errors import InputError
from pixelrnn.files import first_line, in_one_line

_REMEDIES = {
    errno.ENOSPC: "make room, and give the same command again",
    errno.EDQUOT: "make room, and give the same command again",
    errno.EFBIG: "raise the limit (ulimit -f), and give the same command again",
    errno.EROFS: "choose another place",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EMFILE: "raise the limit (ulimit -n)",
    errno.ENFILE: "raise the limit (ulimit -n)",
    errno.ENOMEM: "free some memory",
    errno.ENAMETOOLONG: "choose a shorter name",
}
# What torch says, in a RuntimeError, where it gets no memory (of the CPU, of CUDA) or no disk.
_NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "not enough memory",
    "Cannot allocate memory",
)
_NO_DISK = ("PytorchStreamWriter failed", "inline_container")


@contextmanager
def in_a_line(verb: str, config: DictConfig) -> Iterator[None]:
    """Raise InputError, with a line, in the place of an error that tells what the machine lacks."""
    key = "data.batch_size" if verb == "train" else "batch_size"
    size = OmegaConf.select(config, key, throw_on_missing=False)
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(_of_file(error)) from error
    except (MemoryError, RuntimeError) as error:
        said = str(error)
        if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
            now = "" if size is None else f", which is {size}"
            lower = f"lower {key}{now}, or take a smaller model or fewer images"
            raise InputError(f"out of memory ({first_line(error)}): {lower}") from error
        if any(words in said for words in _NO_DISK):
            reason = f"a file can't be written ({first_line(error)})"
            raise InputError(f"{reason}: {_REMEDIES[errno.ENOSPC]}") from error
        raise


def _of_file(error: OSError) -> str:
    reason = error.strerror or first_line(error)
    file = "" if error.filename is None else f"{in_one_line(str(error.filename))}: "
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{file}{reason}" + (f": {remedy}" if remedy else "")
