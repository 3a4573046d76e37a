"""The kernels as Python itself runs them, number by number: the oracle of the compiled ones, and where faults are planted."""

from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from unittest.mock import patch

import pixelrnn.compiled
from pixelrnn.compiled import kernels


def interpret():
    """Return the module, not compiled."""
    spec = spec_from_file_location("plain_kernels", kernels.__file__)
    plain = module_from_spec(spec)
    with patch("numba.njit", lambda function, **_: function):
        spec.loader.exec_module(plain)
    return plain


@contextmanager
def interpreted(**faults):
    """Let networks run on kernels that are not compiled; `faults` take the place of functions there."""
    plain = interpret()
    for name, fault in faults.items():
        setattr(plain, name, fault(getattr(plain, name)))
    with patch.object(pixelrnn.compiled, "kernels", plain):
        yield plain
