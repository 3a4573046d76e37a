"""Printing never fails the work: streams that spell what they lack, and outlive their reader."""

import codecs
import io
import os
import sys

_PLAIN = {
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "×": "x",
    "·": ".",
    "–": "-",
    "—": "-",
    "…": "...",
    "→": "->",
}
_ERRORS = "pixelrnn.spell"


def make_output_safe() -> None:
    """Replace stdout and stderr, unless somebody has replaced them already."""
    codecs.register_error(_ERRORS, spell)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: the next file opened must not get its number
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            setattr(sys, name, _open(descriptor, "utf-8"))
        elif stream is getattr(sys, f"__{name}__") and _has(stream, descriptor):
            stream.flush()
            setattr(sys, name, _open(descriptor, stream.encoding))


def spell(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding lacks: `<=` for ≤, otherwise `\\u2501`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    spelled = [_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking]
    return "".join(spelled), error.end


class _Unbreakable(io.RawIOBase):
    """A file descriptor that takes everything: what cannot be written is dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            return os.write(self._descriptor, data)
        except OSError:  # the reader has gone, or the disk is full
            return len(data)


def _open(descriptor: int, encoding: str) -> io.TextIOWrapper:
    raw = _Unbreakable(descriptor)
    buffered = io.BufferedWriter(raw)  # type: ignore[type-var]
    by_line = raw.isatty() or descriptor == 2
    return io.TextIOWrapper(
        buffered, encoding, errors=_ERRORS, line_buffering=by_line, write_through=descriptor == 2
    )


def _has(stream: io.TextIOBase, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):  # of a notebook, or under test
        return False
