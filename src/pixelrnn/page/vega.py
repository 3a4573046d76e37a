"""The plotting library: Vega, Vega-Lite and Vega-Embed as one script."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CODE = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())"


@contextmanager
def bundling() -> Iterator[Callable[[], str]]:
    """Start to bundle; calling what is given waits for the script.

    Bundling takes a second or two and Python's lock with it, so it has a process of its own beside
    the reading of runs. The call raises RuntimeError if it fails, which only a broken installation
    of vl-convert-python does.
    """
    command = [sys.executable, "-c", CODE]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def script() -> str:
        out, error = process.communicate()
        if process.returncode:
            reason = error.decode().strip()
            raise RuntimeError(f"vl_convert cannot bundle the plotting library: {reason}")
        return out.decode()

    try:
        yield script
    finally:
        process.kill()
        process.communicate()
