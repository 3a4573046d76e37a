"""One process at a time writes to a run directory.

The lock is the system's own (flock), so that a crash frees it; the file says who holds it, also to
other machines that share the file system.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixelrnn.errors import InputError

LOCK = ".lock"
_held: set[Path] = set()  # by this process, which may evaluate what it has just trained


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from writing to a run directory, which is made if there is none.

    Raises InputError, with the process and the machine that hold it, if somebody is there already.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 (resolve would follow links)
    if folder in _held:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(folder / LOCK)
    except OSError as error:
        raise InputError(f"cannot write to run={folder}: {error.strerror}") from error
    _held.add(folder)
    try:
        yield
    finally:
        _held.discard(folder)
        (folder / LOCK).unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(file: Path) -> int:
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(file, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "a process"
            os.close(descriptor)
            raise InputError(
                f"{file.parent} is being written to by {holder}: wait for it, or take another run="
            ) from None
        # Whoever held it before may have removed the file in between: then this one is nobody's.
        if file.exists() and os.path.samestat(os.fstat(descriptor), file.stat()):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
            return descriptor
        os.close(descriptor)
