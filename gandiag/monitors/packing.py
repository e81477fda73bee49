"""Arrays as JSON values, bit for bit."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt


def pack(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array of numbers as type, shape and base64 of its bytes."""
    data = np.ascontiguousarray(array)
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return {"dtype": data.dtype.str, "shape": list(array.shape), "base64": text}


def unpack(packed: dict[str, Any]) -> npt.NDArray[Any]:
    """What `pack` was given; writable."""
    data = np.frombuffer(base64.b64decode(packed["base64"]), np.dtype(packed["dtype"]))
    return data.reshape(packed["shape"]).copy()
