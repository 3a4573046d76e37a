"""Numbers in a page: base64 of a typed array, which JavaScript reads without parsing a digit."""

import base64

import numpy as np
import numpy.typing as npt


def pack(values: npt.ArrayLike, kind: str) -> str:
    """Return base64 of little-endian numbers of the numpy `kind` ("u1", "u2", "i4", "f4")."""
    array = np.ascontiguousarray(values, dtype=np.dtype(f"<{kind}"))
    return base64.b64encode(array.tobytes()).decode()
