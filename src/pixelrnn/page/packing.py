"""Numbers in a page: base64 of a typed array, which JavaScript reads back without parsing a digit."""

import base64

import numpy as np
import numpy.typing as npt


def pack(values: npt.ArrayLike, kind: str) -> str:
    """Base64 of little-endian numbers of the numpy `kind` ("u1", "u2", "i4", "f4")."""
    return base64.b64encode(
        np.ascontiguousarray(values, dtype=np.dtype(f"<{kind}")).tobytes()
    ).decode()
