"""The format .npy: a header, and an array of images or of points."""

import math
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
from numpy.lib import format as npy

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.arrays import bytes_of, channels_last, indexed
from gandiag.sources.base import Array
from gandiag.sources.how import How
from gandiag.sources.images import IndexedImages
from gandiag.sources.naming import display
from gandiag.sources.points import open_points


def is_npy(head: bytes, _: str) -> bool:
    """Whether a file is a .npy, by its first bytes."""
    return head.startswith(npy.MAGIC_PREFIX)


def open_npy(path: Path, name: str, how: How) -> IndexedImages:
    """A .npy of images, or of points as floats (N, d), mapped into memory and not loaded.

    Raises:
        GandiagError: see `open_array`; or the file is truncated, or pickled.
    """
    shown = display(path)
    stamped = fingerprint.steady(path)
    digest = fingerprint.of_whole(path)
    with path.open("rb") as file:
        header = read_header(file, shown)
    if are_points(header):
        points = mapped(path, 0, header, shown)
        return open_points(points, name, how, digest=digest, stamped=stamped)
    array = bytes_of(mapped(path, 0, header, shown), shown, how.value_range)
    array = channels_last(array, shown)
    return indexed(array, name, how, None, digest, stamped)


class Header(NamedTuple):
    """What a .npy says of itself before its data."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[np.generic]
    length: int
    """Bytes before the data."""

    @property
    def nbytes(self) -> int:
        """Bytes of data."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes], shown: str) -> Header:
    """Read a .npy's header; nothing in it is executed or unpickled.

    Raises:
        GandiagError: it is not a .npy, or holds pickled objects.
    """
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}")
        length = file.tell()
    except Exception as error:  # numpy's parser raises whatever the bytes make it stumble over
        raise unreadable(shown, error) from error
    if dtype.hasobject:
        raise GandiagError(
            f"{shown} holds pickled Python objects, which can run code and are never loaded; "
            "save a uint8 array"
        )
    return Header(shape, fortran, dtype, length)


def are_points(header: "Header") -> bool:
    """Whether an array is of points or features: floats (N, d)."""
    return len(header.shape) == 2 and header.dtype.kind == "f"


def mapped(path: Path, begin: int, header: Header, shown: str) -> Array:
    """The array whose header begins at byte `begin`, mapped for reading."""
    shape, fortran, dtype, length = header
    there = path.stat().st_size - begin
    if there < length + header.nbytes:
        raise truncated(shown, header, there)
    if not header.nbytes:  # an empty file region cannot be mapped
        return np.empty(shape, dtype)
    order: Literal["C", "F"] = "F" if fortran else "C"
    return np.memmap(path, dtype, mode="r", offset=begin + length, shape=shape, order=order)


def truncated(shown: str, header: Header, there: int) -> GandiagError:
    """The sentence about an array of which less is there than its header says."""
    return GandiagError(
        f"{shown} is truncated or damaged: its header says {header.nbytes:,} bytes of data, and "
        f"{max(0, there - header.length):,} are there; get it again"
    )


def unreadable(shown: str, error: Exception) -> GandiagError:
    """The sentence about something that is no array of numpy's, or a damaged one."""
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return GandiagError(f"{shown} is not a whole numpy array ({reason}); save it again with numpy")
