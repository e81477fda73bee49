"""The arrays that an .npz is made of: their headers, their data, and its checksum."""

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gandiag.errors import GandiagError
from gandiag.files import BLOCK
from gandiag.sources import fingerprint
from gandiag.sources.arrays import SEEN
from gandiag.sources.base import Array
from gandiag.sources.naming import display
from gandiag.sources.npy import Header, mapped, read_header, truncated, unreadable

LABEL_KEYS = ("labels", "y", "arr_1")

HEAD_BYTES = 1 << 26
"""Of refused floats at most so many bytes are looked at, and at most `SEEN` images."""


def members_of(archive: zipfile.ZipFile, shown: str) -> dict[str, zipfile.ZipInfo]:
    """The arrays of an .npz by key.

    Raises:
        GandiagError: two have one name, and tools differ in which of them they give.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        key = key_of(info.filename)
        if key in members:
            raise GandiagError(f"{shown} holds {display(key)} twice; save it again with numpy")
        members[key] = info
    return members


def key_of(member: str) -> str:
    """``x.npy`` => ``x``: what numpy calls a member."""
    return member.removesuffix(".npy")


def labels_in(members: Mapping[str, "Member"], images: str, count: int) -> list[str] | None:
    """The labels beside the array with the key `images`."""
    key = next((key for key in LABEL_KEYS if key in members and key != images), None)
    return members[key].labels(count) or None if key is not None else None


class Member(NamedTuple):
    """One array of an .npz of which only the header is read."""

    path: Path
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    shown: str
    header: Header

    @classmethod
    def of(
        cls, path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, shown: str
    ) -> "Member":
        """Read the header.

        Raises:
            GandiagError: it is encrypted or pickled, or its size is not what the header says.
        """
        if info.flag_bits & 1:
            raise GandiagError(f"{shown} is encrypted; save it without a password")
        try:
            with archive.open(info) as file:
                header = read_header(file, shown)
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise unreadable(shown, error) from error
        if info.file_size != header.length + header.nbytes:
            raise truncated(shown, header, info.file_size)
        return cls(path, archive, info, shown, header)

    def load(self) -> Array:
        """The array: mapped for reading if it is stored, else decompressed.

        Raises:
            GandiagError: it is damaged, or larger than this machine's memory.
        """
        shape, fortran, dtype, length = self.header
        if self.info.compress_type == zipfile.ZIP_STORED:
            begin = _data_start(self.path, self.info)
            array = mapped(self.path, begin, self.header, self.shown)
            if (
                _checksum(self.path, fingerprint.status_of(self.path), begin, self.info.file_size)
                != self.info.CRC
            ):
                raise unreadable(self.shown, ValueError("bad CRC-32"))
            return array
        if self.header.nbytes > _memory():
            raise GandiagError(
                f"{self.shown} would take {self.header.nbytes / 2**30:,.1f} GiB, more than this "
                "machine's memory; save it as .npy, which is read in place"
            )
        try:
            with self.archive.open(self.info) as file:
                file.read(length)
                data = file.read()
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise unreadable(self.shown, error) from error
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")

    def head(self) -> Array | None:
        """The first images, to look at; None if they cannot be read alone."""
        shape, fortran, dtype, length = self.header
        row = self.header.nbytes // max(1, shape[0])
        if fortran or not 0 < row <= HEAD_BYTES:
            return None
        try:
            with self.archive.open(self.info) as file:
                file.read(length)
                data = file.read(min(shape[0], SEEN, HEAD_BYTES // row) * row)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
            return None
        return np.frombuffer(data[: len(data) // row * row], dtype).reshape(-1, *shape[1:])

    def labels(self, count: int) -> list[str]:
        """(count,) integers or strings => class names."""
        shape, _, dtype, _ = self.header
        if shape != (count,) or dtype.kind not in "iuUS":
            raise GandiagError(
                f"{self.shown} is {dtype} of shape {shape}, not {count:,} labels; "
                "give one integer or string an image"
            )
        return [
            display(label) if dtype.kind in "US" else str(label) for label in self.load().tolist()
        ]

    def range(self) -> tuple[float, float]:
        """The two numbers that mean black and white."""
        if self.header.shape != (2,) or self.header.dtype.kind not in "iuf":
            raise GandiagError(f"{self.shown} is not two numbers; save range=[low, high]")
        low, high = map(float, self.load().tolist())
        if not -math.inf < low < high < math.inf:
            raise GandiagError(
                f"{self.shown} is {low} to {high}; save range=[low, high], low < high"
            )
        return low, high


@lru_cache(maxsize=16)
def _checksum(path: Path, status: tuple[int, ...], begin: int, size: int) -> int:
    """CRC-32 of a part of a file, computed once while the file is as `status` says."""
    checksum = 0
    with path.open("rb") as file:
        file.seek(begin)
        while size and (block := file.read(min(size, BLOCK))):
            checksum = zlib.crc32(block, checksum)
            size -= len(block)
    return checksum


def _data_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's data begins: after its local header, name and extra field.

    Source: APPNOTE 4.3.7; the extra field there may differ from the one in the directory.
    """
    with path.open("rb") as file:
        file.seek(info.header_offset)
        local = file.read(30)
    name, extra = struct.unpack_from("<HH", local, 26)
    return int(info.header_offset + 30 + name + extra)


def _memory() -> float:
    """Bytes of memory that this machine has, or infinity if it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf
