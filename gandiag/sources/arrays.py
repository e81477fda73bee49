"""Images in one array: a tensor, a numpy array, or what a file holds.

uint8 is taken as it is. Floats (N, d) are points. Floats of other shapes are refused unless their
range is stated, because guessing it wrong moves every score and shows nowhere.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Array
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import Digest, IndexedImages, Stamped
from gandiag.sources.naming import numbered
from gandiag.sources.notes import ValueRange
from gandiag.sources.points import open_points

SEEN = 1024
"""Of refused floats at most so many images are looked at for their least and greatest value."""


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

    return indexed(pixels, name, how, labels, digest, digest)


def indexed(
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
        names=numbered(name, len(array)),
        read=lambda index: decoded(array[index], scale),
        labels=labels,
        digest=digest,
        on_bad_image=how.on_bad_image,
        value_range=scale,
        stamped=stamped,
    )


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
    if pixels is None or not pixels.size or not pixels.ndim or pixels.dtype.kind not in "biuf":
        return GandiagError(f"{shown} is {dtype}, not uint8; give uint8, or floats and value_range")
    part = pixels[:SEEN]
    low, high = float(part.min()), float(part.max())
    came = f"{shown} is {dtype} from {low:.4g} to {high:.4g}, not uint8"
    if pixels.dtype.kind != "f":
        return GandiagError(f"{came}; give uint8, 0 for black and 255 for white")
    fits = range_that_fits(low, high)
    also = f", or save {beside}=[{fits[0]}, {fits[1]}] beside it" if beside and fits else ""
    return GandiagError(f"{came}; {way_to_a_range(low, high)}{also}")


def range_that_fits(low: float, high: float) -> tuple[int, int] | None:
    """The usual range that floats from `low` to `high` are in, rounding apart; None for no one."""
    black, white = (-1, 1) if low < 0 else (0, 255) if 1.5 < high <= 255 else (0, 1)
    half = (white - black) / 510  # what `quantised` rounds to a level
    return (black, white) if black - half <= low and high < white + half else None


def way_to_a_range(low: float, high: float) -> str:
    """What to do about floats from `low` to `high` whose range is not known."""
    fits = range_that_fits(low, high)
    if fits is not None:
        return f"say which values are black and white, as value_range={fits} (--value-range)"
    usual = "[-1, 1]" if low < 0 else "[0, 1]"
    return (
        f"no usual range holds them: clamp them to {usual} if black and white are its ends, or say "
        "which values are, as value_range=(LOW, HIGH) (--value-range)"
    )


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
