"""The `pixelrnn` command. Bad input ends in one line and exit code 2, before any work.

An error that nobody foresaw keeps its traceback, and HYDRA_FULL_ERROR=1 shows that of bad input,
too. An audit that finds a leak ends with 1; several jobs end with 1 if one of them failed or is
missing; Ctrl-C ends with 130.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn


def main() -> NoReturn:
    """Run the command line, and leave with its exit code.

    Everything else is imported in here, where Ctrl-C is expected.
    """
    try:
        from pixelrnn.command.output import make_output_safe

        make_output_safe()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        print("pixelrnn: interrupted", file=sys.stderr)
        code = 130
        # Python ends itself by the signal once more, as one that nobody handled, if it came while
        # text was executed, as dataclasses do; it forgets that when text is executed again.
        exec("")
    raise SystemExit(code)


def run(arguments: Sequence[str]) -> int:
    """Answer at once what needs no Hydra, or launch the verb. Returns the exit code."""
    from pixelrnn.command.words import check_words, read
    from pixelrnn.errors import InputError

    flags = set(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    if not arguments or flags & {"-h", "--help"}:
        from pixelrnn.command.help import help_on

        print(help_on(arguments))
        return 0
    if "--version" in flags:
        from pixelrnn import __version__

        print(f"pixelrnn {__version__}")
        return 0
    try:
        command = read(arguments)
        check_words(command)
    except InputError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"pixelrnn: {error}", file=sys.stderr)
        return 2
    from pixelrnn.command.launch import launch  # Hydra; torch comes later still

    before = signal.getsignal(signal.SIGTERM)
    if command.verb != "train":  # there Lightning ends a step first
        signal.signal(signal.SIGTERM, _stop)
    try:
        return launch(command)
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(*_: Any) -> NoReturn:
    print("pixelrnn: stopped by SIGTERM", file=sys.stderr)
    raise SystemExit(143)
