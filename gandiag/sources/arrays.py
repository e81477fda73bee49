"""Images or points in one array: a .npz or .npy file, a tensor, a numpy array.

uint8 is taken as it is. Floats (N, d) are points. Floats of other shapes are refused unless their
range is stated, because guessing it wrong moves every score and shows nowhere.
"""

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.files import BLOCK
from gandiag.sources import fingerprint
from gandiag.sources.base import Points
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import Digest, IndexedImages, Stamped
from gandiag.sources.mixtures import Mixture
from gandiag.sources.naming import display
from gandiag.sources.notes import ValueRange

Array = NDArray[np.generic]

IMAGE_KEYS = ("arr_0", "images", "x", "samples")
LABEL_KEYS = ("labels", "y", "arr_1")
STATISTICS_KEYS = ({"mu", "sigma"}, {"gandiag"})
"""An .npz with all of one set holds saved statistics, whatever else it holds."""

SEEN = 1024
"""Of refused floats at most so many images are looked at for their least and greatest value."""

HEAD_BYTES = 1 << 26
"""And at most at so many bytes."""


def open_array(
    array: Array | Tensor,
    name: str,
    how: How,
    labels: Sequence[str] | None = None,
) -> IndexedImages:
    """(N, 1|3|4, H, W), (N, H, W, 1|3|4) or (N, H, W) uint8, in memory and not copied.

    Floats with a stated range are quantised, see `quantised`. Floats (N, d) are points, see
    `open_points`.

    Raises:
        GandiagError: another dtype, a shape that is something else or could be two things.
    """
    if array.ndim == 2 and not isinstance(array, Tensor) and array.dtype.kind == "f":
        return open_points(array, name, how, labels)
    if array.ndim == 2 and isinstance(array, Tensor) and array.is_floating_point():
        # Through float32, for numpy has no bfloat16; points are kept in float32 in any case.
        return open_points(array.detach().float().cpu().numpy(), name, how, labels)
    pixels = as_images(array, name, how.value_range)

    def digest(_: Sequence[int]) -> str:
        return fingerprint.of_array(pixels, labels)

    return _indexed(pixels, name, how, labels, digest, digest)


def open_points(
    array: Array,
    name: str,
    how: How,
    labels: Sequence[str] | None = None,
    *,
    mixture: Mixture | None = None,
    digest: Digest | None = None,
    stamped: Stamped | None = None,
    kind: Literal["points", "features"] = "points",
) -> IndexedImages:
    """(N, d) floats => points, read as float32.

    A point with NaN or an infinity is a bad image.

    Args:
        array: the points, not copied.
        name: what to call them.
        how: what to do about a bad one.
        labels: a class each, if there are classes.
        mixture: what they were drawn from, where that is known.
        digest: of the content; None to read it all.
        stamped: see `ImageSource.stamp`; None to read it all.
        kind: features are points that an extractor made.

    Raises:
        GandiagError: there is no point, or no coordinate.
    """
    count, width = array.shape
    if not count or not width:
        raise GandiagError(
            f"{name} is {count} x {width}, which holds no {kind[:-1]}; give at least one"
        )

    def read(index: int) -> Decoded:
        with np.errstate(over="ignore"):
            point = torch.from_numpy(array[index].astype(np.float32))
        if not torch.isfinite(point).all():
            raise UnreadableError("it holds NaN, or more than float32 does")
        return Decoded(point)

    def content(_: Sequence[int]) -> str:
        return fingerprint.of_array(array, labels)

    return IndexedImages(
        name=name,
        names=_numbered(name, count),
        read=read,
        labels=labels,
        digest=digest or content,
        on_bad_image=how.on_bad_image,
        points=Points(width, mixture, labels is not None, kind),
        stamped=stamped or content,
    )


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
    digest = _digest_of(path)
    with path.open("rb") as file:
        header = _header(file, shown)
    if _are_points(header):
        points = _mapped(path, 0, header, shown)
        return open_points(points, name, how, digest=digest, stamped=stamped)
    array = bytes_of(_mapped(path, 0, header, shown), shown, how.value_range)
    array = channels_last(array, shown)
    return _indexed(array, name, how, None, digest, stamped)


def open_features(path: Path, name: str, how: How) -> IndexedImages:
    """A .npy or .npz of features that some extractor gave, floats (N, width), read as float32.

    In an .npz they are `features` or the only array of that kind; the labels are `labels`, `y` or
    `arr_1`.

    Raises:
        GandiagError: there is no such file or array, there are several, or labels do not fit.
    """
    shown = display(path)
    stamped = fingerprint.steady(path)
    with path.open("rb") as file:
        begin = file.read(4)
        file.seek(0)
        header = None if begin.startswith(b"PK") else _header(file, shown)
    labels = None
    if header is None:
        array, labels = _features_in(path, shown)
    elif _are_points(header):
        array = _mapped(path, 0, header, shown)
    else:
        raise GandiagError(
            f"{shown} is {header.dtype} of shape {header.shape}, which is not features; "
            "give floats (N, width)"
        )
    return open_points(
        array,
        name,
        how,
        labels,
        digest=_digest_of(path),
        stamped=stamped,
        kind="features",
    )


def _features_in(path: Path, shown: str) -> tuple[Array, list[str] | None]:
    """The features of an .npz, and their labels where there are any."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _unreadable(shown, error) from error
    members = members_of(archive, shown)
    headers = {
        key: _Member.of(path, archive, info, f"{shown}[{key}]") for key, info in members.items()
    }
    found = [key for key, member in headers.items() if _are_points(member.header)]
    if "features" in found:
        found = ["features"]
    if len(found) != 1:
        listed = ", ".join(display(key) for key in found) or "none"
        raise GandiagError(
            f"{shown} has {len(found)} arrays of floats (N, width) that could be the features "
            f"({listed}); save the one you mean as features"
        )
    member = headers[found[0]]
    return member.load(), _labels_in(headers, found[0], member.header.shape[0])


def members_of(archive: zipfile.ZipFile, shown: str) -> dict[str, zipfile.ZipInfo]:
    """The arrays of an .npz by key.

    Raises:
        GandiagError: two have one name, and tools differ in which of them they give.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        key = _key(info.filename)
        if key in members:
            raise GandiagError(f"{shown} holds {display(key)} twice; save it again with numpy")
        members[key] = info
    return members


def holds_statistics(archive: zipfile.ZipFile) -> bool:
    """Whether an .npz holds saved statistics."""
    keys = {_key(member) for member in archive.namelist()}
    return any(wanted <= keys for wanted in STATISTICS_KEYS)


def holds_images(path: Path, archive: zipfile.ZipFile) -> bool:
    """Whether an .npz of statistics also holds images that can be read, under a usual name.

    Reference batches of guided diffusion do: `arr_0` is a part of the images, `mu` and `sigma` are
    of all of them.
    """
    members = members_of(archive, display(path))
    key = next((key for key in IMAGE_KEYS if key in members), None)
    if key is None:
        return False
    member = _Member.of(path, archive, members[key], f"{display(path)}[{key}]")
    readable = member.header.dtype == np.uint8 or (
        member.header.dtype.kind == "f" and "range" in members
    )
    return readable and member.header.nbytes > 0 and len(member.header.shape) == 4


def open_npz(
    path: Path,
    archive: zipfile.ZipFile,
    name: str,
    how: How,
    stamped: Stamped | None = None,
) -> IndexedImages:
    """An .npz with an array of images, and optionally labels and the range of float images.

    Floats (N, d) are points.

    The images are `arr_0`, `images`, `x`, `samples` or the only array; the labels `labels`, `y` or
    `arr_1`; the range `range`, two numbers. If the array is not compressed it is mapped into memory
    and not loaded, once its checksum was found right. Floats are quantised, see `quantised`.

    Raises:
        GandiagError: see `open_array`; or there are several arrays to choose from, labels do not
            fit, an array is pickled, truncated, or larger than this machine's memory, its checksum
            is wrong, or its range is another one than the stated one.
    """
    shown = display(path)
    stamped = stamped or fingerprint.steady(path)
    members = members_of(archive, shown)
    key = _image_key(members, shown)
    # All headers are checked before anything is decompressed.
    images = _Member.of(path, archive, members[key], f"{shown}[{key}]")
    points = _are_points(images.header)
    if not points:
        channels_last(np.broadcast_to(np.uint8(0), images.header.shape), images.shown)
    headers = {
        label: _Member.of(path, archive, members[label], f"{shown}[{label}]")
        for label in LABEL_KEYS
        if label in members
    }
    labels = _labels_in(headers, key, images.header.shape[0])
    digest = _digest_of(path)
    if points:
        array = images.load()
        return open_points(array, name, how, labels, digest=digest, stamped=stamped)
    if images.header.dtype.kind == "f" and "range" in members:
        own = _Member.of(path, archive, members["range"], f"{shown}[range]").range()
        if how.value_range is not None and how.value_range != own:
            raise GandiagError(
                f"{shown} says that its range is {own}, and value_range is {how.value_range}; "
                "leave value_range out, or save the file with the right range"
            )
        how = how._replace(value_range=own)
    if images.header.dtype != np.uint8:
        if images.header.dtype.kind != "f":
            raise not_uint8(images.header.dtype, None, images.shown)
        if how.value_range is None:
            raise not_uint8(images.header.dtype, images.head(), images.shown, "range")
    array = channels_last(images.load(), images.shown)
    return _indexed(array, name, how, labels, digest, stamped)


def as_images(images: Array | Tensor, shown: str, value_range: ValueRange | None = None) -> Array:
    """Images with any order of axes => (N, H, W, 1|3|4), the same memory.

    They are uint8, or floats if their range is stated; `decoded` takes either.

    Raises:
        GandiagError: see `bytes_of` and `channels_last`.
    """
    array = bytes_of(images, shown, value_range)
    return channels_last(array, shown, torch_order=isinstance(images, Tensor))


def bytes_of(array: Array | Tensor, shown: str, value_range: ValueRange | None = None) -> Array:
    """A tensor or an array of uint8 => the same memory as an array; a copy if it is not on the CPU.

    Floats are let through if their range is stated.

    Raises:
        GandiagError: it is of another dtype, or of floats without a range.
    """
    dtype = array.dtype
    if isinstance(array, Tensor):
        array = array.detach().cpu()
        # numpy has no bfloat16.
        array = array.float() if array.dtype == torch.bfloat16 else array
        pixels: Array = array.numpy()
    else:
        pixels = array
    if pixels.dtype == np.uint8 or (pixels.dtype.kind == "f" and value_range is not None):
        return pixels
    raise not_uint8(dtype, pixels, shown)


def not_uint8(
    dtype: object, pixels: Array | None, shown: str, beside: str | None = None
) -> GandiagError:
    """The sentence about images of another type.

    Args:
        dtype: which.
        pixels: the images, to tell what they run from and to; None if they are not to be read.
        shown: what to call them.
        beside: the name of the array that could state the range in a file.
    """
    if pixels is None or not pixels.size or pixels.dtype.kind not in "biuf":
        return GandiagError(f"{shown} is {dtype}, not uint8; give uint8, or floats and value_range")
    part = pixels[:SEEN]
    low, high = float(part.min()), float(part.max())
    came = f"{shown} is {dtype} from {low:.4g} to {high:.4g}, not uint8"
    if pixels.dtype.kind != "f":
        return GandiagError(f"{came}; give uint8, 0 for black and 255 for white")
    fits = range_that_fits(low, high)
    also = f", or save {beside}=[{fits[0]}, {fits[1]}] beside it" if beside else ""
    return GandiagError(
        f"{came}; say which values are black and white, as value_range={fits}{also}"
    )


def range_that_fits(low: float, high: float) -> tuple[int, int]:
    """The usual range that floats from `low` to `high` are in."""
    if low < 0:
        return -1, 1
    return (0, 255) if 1.5 < high <= 255 else (0, 1)


def channels_last(array: Array, shown: str, torch_order: bool = False) -> Array:
    """Images in any order of axes => (N, H, W, 1|3|4), a view.

    The axis of 1 or 3 is the channels, else the axis of 4: images that are 3 or 1 pixels wide or
    high are rarer than those of 4. If both outer axes could be, the order of torch tensors is
    (N, channels, height, width), and that of arrays is not guessed.

    Raises:
        GandiagError: the shape is something else, could be two things, or is empty.
    """
    shape = array.shape
    size = " x ".join(map(str, shape)) or "a single number"
    ways = "give (N, height, width, channels) or (N, channels, height, width), channels 1, 3 or 4"
    if array.ndim not in (3, 4):
        raise GandiagError(f"{shown} is {size}, which is not images; {ways}")
    if 0 in shape:
        raise GandiagError(f"{shown} is {size}, which holds no image; give at least one")
    if array.ndim == 3:
        # Three grey images or one in colour? One grey image is the same either way.
        if shape[0] in (3, 4) or shape[2] in (1, 3, 4):
            raise GandiagError(f"{shown} is {size}, one colour image or several grey ones; {ways}")
        return array[..., np.newaxis]
    first, last = (_likeness_to_channels(shape[axis]) for axis in (1, 3))
    if first == last == 0:
        raise GandiagError(f"{shown} is {size}, which is not images; {ways}")
    if first == last and not torch_order:
        raise GandiagError(
            f"{shown} is {size}, of which either axis could be the channels; "
            "give a torch tensor (N, channels, height, width)"
        )
    return array if last > first else np.moveaxis(array, 1, 3)


def _likeness_to_channels(length: int) -> int:
    return 2 if length in (1, 3) else 1 if length == 4 else 0


def decoded(pixels: Array, value_range: ValueRange | None = None) -> Decoded:
    """(H, W, 1|3|4) uint8, or floats in `value_range` => (3, H, W): grey repeated, alpha dropped.

    Raises:
        UnreadableError: a value lies outside the range.
    """
    if pixels.dtype == np.uint8:
        value_range = None
    if value_range is not None:
        pixels = quantised(pixels, *value_range)
    codes = ("alpha",) if pixels.shape[2] == 4 and bool((pixels[..., 3] != 255).any()) else ()
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., :3]
    # A copy: the memory may be mapped from a file for reading, or be the user's.
    image = torch.from_numpy(np.array(colour.transpose(2, 0, 1), order="C"))
    return Decoded(image, codes, value_range=value_range)


def quantised(pixels: Array, low: float, high: float) -> NDArray[np.uint8]:
    """Floats in [low, high] => floor(255 (v - low) / (high - low) + 1/2) as uint8.

    That is rounded to the nearest, halves up.

    Raises:
        UnreadableError: a value is NaN or would fall outside 0 .. 255.
    """
    levels = np.floor(255 * (pixels.astype(np.float64) - low) / (high - low) + 0.5)
    if not (levels.min() >= 0 and levels.max() <= 255):  # false for NaN, too
        values = f"{pixels.min()} to {pixels.max()}"
        raise UnreadableError(
            f"its values run from {values}, outside the stated range {low} to {high}"
        )
    result: NDArray[np.uint8] = levels.astype(np.uint8)
    return result


def _indexed(
    array: Array,
    name: str,
    how: How,
    labels: Sequence[str] | None,
    digest: Digest,
    stamped: Stamped,
) -> IndexedImages:
    """Images (N, H, W, 1|3|4), uint8 or floats in the stated range."""
    scale = None if array.dtype == np.uint8 else how.value_range
    return IndexedImages(
        name=name,
        names=_numbered(name, len(array)),
        read=lambda index: decoded(array[index], scale),
        labels=labels,
        digest=digest,
        on_bad_image=how.on_bad_image,
        value_range=scale,
        stamped=stamped,
    )


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}[{index}]" for index in range(count)]


def _digest_of(path: Path) -> Digest:
    return lambda _: fingerprint.of_file(path)


def _labels_in(members: Mapping[str, "_Member"], images: str, count: int) -> list[str] | None:
    """The labels beside the array with the key `images`."""
    key = next((key for key in LABEL_KEYS if key in members and key != images), None)
    return members[key].labels(count) or None if key is not None else None


def _key(member: str) -> str:
    return member.removesuffix(".npy")


def _image_key(keys: Mapping[str, object], shown: str) -> str:
    """The array that holds the images."""
    named = [key for key in IMAGE_KEYS if key in keys]
    others = [key for key in keys if key not in (*LABEL_KEYS, "range")]
    candidates = named or others
    if len(candidates) == 1:
        return candidates[0]
    listed = ", ".join(display(key) for key in candidates) or "none"
    raise GandiagError(
        f"{shown} has {len(candidates)} arrays that could be the images ({listed}); "
        "save the one you mean alone, or as arr_0"
    )


def _are_points(header: "_Header") -> bool:
    return len(header.shape) == 2 and header.dtype.kind == "f"


class _Header(NamedTuple):
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


class _Member(NamedTuple):
    """One array of an .npz of which only the header is read."""

    path: Path
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    shown: str
    header: _Header

    @classmethod
    def of(
        cls, path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, shown: str
    ) -> "_Member":
        """Read the header.

        Raises:
            GandiagError: it is encrypted or pickled, or its size is not what the header says.
        """
        if info.flag_bits & 1:
            raise GandiagError(f"{shown} is encrypted; save it without a password")
        try:
            with archive.open(info) as file:
                header = _header(file, shown)
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise _unreadable(shown, error) from error
        if info.file_size != header.length + header.nbytes:
            raise _truncated(shown, header, info.file_size)
        return cls(path, archive, info, shown, header)

    def load(self) -> Array:
        """The array: mapped for reading if it is stored, else decompressed.

        Raises:
            GandiagError: it is damaged, or larger than this machine's memory.
        """
        shape, fortran, dtype, length = self.header
        if self.info.compress_type == zipfile.ZIP_STORED:
            begin = _data_start(self.path, self.info)
            array = _mapped(self.path, begin, self.header, self.shown)
            if (
                _checksum(self.path, fingerprint.status_of(self.path), begin, self.info.file_size)
                != self.info.CRC
            ):
                raise _unreadable(self.shown, ValueError("bad CRC-32"))
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
            raise _unreadable(self.shown, error) from error
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


def _header(file: IO[bytes], shown: str) -> _Header:
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
        raise _unreadable(shown, error) from error
    if dtype.hasobject:
        raise GandiagError(
            f"{shown} holds pickled Python objects, which can run code and are never loaded; "
            "save a uint8 array"
        )
    return _Header(shape, fortran, dtype, length)


def _mapped(path: Path, begin: int, header: _Header, shown: str) -> Array:
    """The array whose header begins at byte `begin`, mapped for reading."""
    shape, fortran, dtype, length = header
    there = path.stat().st_size - begin
    if there < length + header.nbytes:
        raise _truncated(shown, header, there)
    if not header.nbytes:  # an empty file region cannot be mapped
        return np.empty(shape, dtype)
    order: Literal["C", "F"] = "F" if fortran else "C"
    return np.memmap(path, dtype, mode="r", offset=begin + length, shape=shape, order=order)


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


def _truncated(shown: str, header: _Header, there: int) -> GandiagError:
    return GandiagError(
        f"{shown} is truncated or damaged: its header says {header.nbytes:,} bytes of data, and "
        f"{max(0, there - header.length):,} are there; get it again"
    )


def _unreadable(shown: str, error: Exception) -> GandiagError:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return GandiagError(f"{shown} is not a whole numpy array ({reason}); save it again with numpy")


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
