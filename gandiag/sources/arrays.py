"""Images or points in one array: a .npz or .npy file, a tensor, a numpy array.

uint8 is taken as it is. Floats (N, d) are points. Floats of other shapes are refused unless their
range is stated beside them, because guessing it wrong moves every score and shows nowhere.
"""

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Points
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.images import Digest, IndexedImages, OnBadImage
from gandiag.sources.mixtures import Mixture
from gandiag.sources.naming import display

Array = NDArray[np.generic]

IMAGE_KEYS = ("arr_0", "images", "x", "samples")
LABEL_KEYS = ("labels", "y", "arr_1")
STATISTICS_KEYS = ({"mu", "sigma"}, {"gandiag"})
"""An .npz with all of one set holds saved statistics, whatever else it holds."""

CONVERT_TENSOR = (
    "convert to uint8 first, from [-1, 1] with "
    "(x * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)"
)
CONVERT_NUMPY = (
    "convert to uint8 first, from [-1, 1] with "
    "(x * 127.5 + 127.5).round().clip(0, 255).astype('uint8')"
)
STATE_RANGE = (
    "convert to uint8, or save an .npz with the range beside it: images=..., range=[-1, 1]"
)


def open_array(
    array: Array | Tensor,
    name: str,
    on_bad_image: OnBadImage,
    labels: Sequence[str] | None = None,
) -> IndexedImages:
    """(N, 1|3|4, H, W), (N, H, W, 1|3|4) or (N, H, W) uint8, in memory and not copied.

    Floats (N, d) are points, see `open_points`.

    Raises:
        GandiagError: another dtype, a shape that is something else or could be two things.
    """
    if array.ndim == 2 and not isinstance(array, Tensor) and array.dtype.kind == "f":
        return open_points(array, name, on_bad_image, labels)
    if array.ndim == 2 and isinstance(array, Tensor) and array.is_floating_point():
        # Through float32, for numpy has no bfloat16; points are kept in float32 in any case.
        return open_points(array.detach().float().cpu().numpy(), name, on_bad_image, labels)
    pixels = as_images(array, name)
    return _indexed(
        lambda index: decoded(pixels[index]),
        len(pixels),
        name,
        on_bad_image,
        labels,
        lambda _: fingerprint.of_array(pixels, labels),
    )


def open_points(
    array: Array,
    name: str,
    on_bad_image: OnBadImage,
    labels: Sequence[str] | None = None,
    *,
    mixture: Mixture | None = None,
    digest: Digest | None = None,
) -> IndexedImages:
    """(N, d) floats => points, read as float32.

    A point with NaN or an infinity is a bad image.

    Args:
        array: the points, not copied.
        name: what to call them.
        on_bad_image: what to do about a bad one.
        labels: a class each, if there are classes.
        mixture: what they were drawn from, where that is known.
        digest: of the content; None to read it all.

    Raises:
        GandiagError: there is no point, or no coordinate.
    """
    count, width = array.shape
    if not count or not width:
        raise GandiagError(f"{name} is {count} x {width}, which holds no point; give at least one")

    def read(index: int) -> Decoded:
        with np.errstate(over="ignore"):
            point = torch.from_numpy(array[index].astype(np.float32))
        if not torch.isfinite(point).all():
            raise UnreadableError("it holds NaN, or more than float32 does")
        return Decoded(point)

    digest = digest or (lambda _: fingerprint.of_array(array, labels))
    source = _indexed(read, count, name, on_bad_image, labels, digest)
    return replace(source, points=Points(width, mixture, labels is not None))


def open_npy(path: Path, name: str, on_bad_image: OnBadImage) -> IndexedImages:
    """A .npy of uint8 images, or of points as floats (N, d), mapped into memory and not loaded.

    Raises:
        GandiagError: see `open_array`; or the file is truncated, or pickled.
    """
    shown = display(path)
    with path.open("rb") as file:
        header = _header(file, shown)
    if _are_points(header):
        points = _mapped(path, 0, header, shown)
        return open_points(points, name, on_bad_image, digest=lambda _: fingerprint.of_file(path))
    if header.dtype != np.uint8:
        raise GandiagError(f"{shown} is {header.dtype}, not uint8; {STATE_RANGE}")
    array = channels_last(_mapped(path, 0, header, shown), shown)
    return _indexed(
        lambda index: decoded(array[index]),
        len(array),
        name,
        on_bad_image,
        None,
        lambda _: fingerprint.of_file(path),
    )


def holds_statistics(archive: zipfile.ZipFile) -> bool:
    """Whether an .npz holds saved statistics."""
    keys = {_key(member) for member in archive.namelist()}
    return any(wanted <= keys for wanted in STATISTICS_KEYS)


def open_npz(
    path: Path, archive: zipfile.ZipFile, name: str, on_bad_image: OnBadImage
) -> IndexedImages:
    """An .npz with an array of images, and optionally labels and the range of float images.

    Floats (N, d) are points.

    The images are `arr_0`, `images`, `x`, `samples` or the only array; the labels `labels`, `y` or
    `arr_1`; the range `range`, two numbers. If the array is not compressed it is mapped into memory
    and not loaded. Floats are quantised to floor(255 * (v - low) / (high - low) + 1/2), so that
    halves round up; a value that would fall outside 0 .. 255 is a bad image, and so is NaN.

    Raises:
        GandiagError: see `open_array`; or there are several arrays to choose from, labels do not
            fit, an array is pickled, truncated, or larger than this machine's memory.
    """
    shown = display(path)
    members = {_key(info.filename): info for info in archive.infolist()}
    key = _image_key(members, shown)
    # All headers are checked before anything is decompressed.
    images = _Member.of(path, archive, members[key], f"{shown}[{key}]")
    points = _are_points(images.header)
    if not points:
        channels_last(np.broadcast_to(np.uint8(0), images.header.shape), images.shown)
    label_key = next((label for label in LABEL_KEYS if label in members and label != key), None)
    labels = label_key and _Member.of(
        path, archive, members[label_key], f"{shown}[{label_key}]"
    ).labels(images.header.shape[0])
    if points:
        return open_points(
            images.load(),
            name,
            on_bad_image,
            labels or None,
            digest=lambda _: fingerprint.of_file(path),
        )
    scale = None
    if images.header.dtype != np.uint8:
        if "range" not in members or not np.issubdtype(images.header.dtype, np.floating):
            raise GandiagError(f"{images.shown} is {images.header.dtype}, not uint8; {STATE_RANGE}")
        scale = _Member.of(path, archive, members["range"], f"{shown}[range]").range()
    array = channels_last(images.load(), images.shown)
    return _indexed(
        lambda index: decoded(quantised(array[index], *scale) if scale else array[index]),
        len(array),
        name,
        on_bad_image,
        labels or None,
        lambda _: fingerprint.of_file(path),
    )


def as_images(images: Array | Tensor, shown: str) -> Array:
    """uint8 images with any order of axes => (N, H, W, 1|3|4), the same memory.

    Raises:
        GandiagError: see `bytes_of` and `channels_last`.
    """
    return channels_last(bytes_of(images, shown), shown, torch_order=isinstance(images, Tensor))


def bytes_of(array: Array | Tensor, shown: str) -> Array:
    """A tensor or an array of uint8 => the same memory as an array; a copy if it is not on the CPU.

    Raises:
        GandiagError: it is of another dtype.
    """
    if isinstance(array, Tensor):
        if array.dtype != torch.uint8:
            raise GandiagError(f"{shown} is {array.dtype}, not uint8; {CONVERT_TENSOR}")
        pixels: Array = array.detach().cpu().numpy()
        return pixels
    if array.dtype != np.uint8:
        raise GandiagError(f"{shown} is {array.dtype}, not uint8; {CONVERT_NUMPY}")
    return array


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


def decoded(pixels: Array) -> Decoded:
    """(H, W, 1|3|4) uint8 => (3, H, W): grey is repeated, alpha dropped."""
    codes = ("alpha",) if pixels.shape[2] == 4 and bool((pixels[..., 3] != 255).any()) else ()
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., :3]
    # A copy: the memory may be mapped from a file for reading, or be the user's.
    return Decoded(torch.from_numpy(np.array(colour.transpose(2, 0, 1), order="C")), codes)


def quantised(pixels: Array, low: float, high: float) -> NDArray[np.uint8]:
    """Floats in [low, high] => uint8, rounded to the nearest and halves up.

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
    read: Callable[[int], Decoded],
    count: int,
    name: str,
    on_bad_image: OnBadImage,
    labels: Sequence[str] | None,
    digest: Digest,
) -> IndexedImages:
    return IndexedImages(
        name=name,
        names=[f"{name}[{index}]" for index in range(count)],
        read=read,
        labels=labels,
        digest=digest,
        on_bad_image=on_bad_image,
    )


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
            return _mapped(self.path, _data_start(self.path, self.info), self.header, self.shown)
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
