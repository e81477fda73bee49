"""The format IDX, in which MNIST and its like are published."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gandiag.errors import GandiagError
from gandiag.sources.naming import display

MAX_IDX_BYTES = 1 << 30


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in a gzipped IDX file, the format of MNIST.

    Source: Yann LeCun's description beside MNIST: two zero bytes, the type (8: unsigned byte), the
    number of dimensions, each as a big-endian 32-bit integer, then the data.

    Raises:
        GandiagError: it is something else, truncated, or above a gigabyte.
    """
    try:
        with gzip.open(path) as file:
            zeros, kind, ndim = struct.unpack(">HBB", file.read(4))
            if (zeros, kind) != (0, 8) or not 1 <= ndim <= 4:
                raise ValueError("it does not begin as IDX of unsigned bytes does")
            shape = struct.unpack(f">{ndim}I", file.read(4 * ndim))
            count = math.prod(shape)
            if count > MAX_IDX_BYTES:
                raise ValueError(f"it says it has {count:,} bytes of data")
            data = file.read(count + 1)
            if len(data) != count:
                raise ValueError(f"it has not the {count:,} bytes of data that it says")
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise GandiagError(
            f"{display(path)} is not a whole gzipped IDX file ({error}); get it again"
        ) from error
    return np.frombuffer(data, np.uint8).reshape(shape)
