"""Images in a .safetensors file, of which only the image that is asked for is read.

Source: the format's own description (github.com/huggingface/safetensors): the length of the header
as a little-endian 64-bit number, a header in JSON, then the tensors.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.archive import damaged
from gandiag.sources.arrays import SEEN, channels_last, decoded, not_uint8
from gandiag.sources.decode import Decoded
from gandiag.sources.how import How
from gandiag.sources.images import IndexedImages
from gandiag.sources.naming import display, numbered

IMAGE_KEYS = ("images", "samples", "x")
LABELS = "labels"

BYTES = "U8"
FLOATS = ("F16", "F32", "F64")
"""The types of floats that numpy has, as the format calls them."""
INTEGERS = ("I8", "I16", "I32", "I64", BYTES)

PARAMETERS = ("weight", "bias")
"""How the last part of the name of a network's parameter usually reads."""

HEAD_BYTES = 1 << 26
"""Of refused floats at most so many bytes are looked at."""

MAX_HEADER = 100_000_000
"""Bytes of header that the format allows."""


def is_safetensors(head: bytes, kind: str) -> bool:
    """Whether a file is a .safetensors, by its first bytes or its extension."""
    begins = head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER
    return begins or kind == "safetensors"


def open_safetensors(path: Path, name: str, how: How) -> IndexedImages:
    """(N, 1|3|4, H, W), (N, H, W, 1|3|4) or (N, H, W), uint8 or floats with a stated range.

    The images are `images`, `samples`, `x` or the only tensor but for `labels`, which are N
    integers. If both outer axes could be the channels, they are (N, channels, H, W). Floats are
    quantised, see `arrays.quantised`.

    Raises:
        GandiagError: the file is damaged, no tensor or several could be the images, they are of
            another type or shape, or the labels do not fit.
    """
    shown = display(path)
    stamped = fingerprint.steady(path)
    try:
        # As numpy's: torch maps a file for writing, and then it must fit into memory.
        file: Any = safetensors.safe_open(path, "np")
        parts = {key: file.get_slice(key) for key in sorted(file.keys())}
    except safetensors.SafetensorError as error:
        raise damaged(path, "safetensors", error) from error
    kinds = {key: part.get_dtype() for key, part in parts.items()}
    key = _image_key(kinds, shown, how)
    images, called = parts[key], f"{shown}[{key}]"
    shape = images.get_shape()
    channels_last(np.broadcast_to(np.uint8(0), shape), called, torch_order=True)
    if kinds[key] == "BF16":
        raise GandiagError(
            f"{called} is bfloat16, which numpy has not; save it as uint8 or float32"
        )
    if kinds[key] != BYTES and (kinds[key] not in FLOATS or how.value_range is None):
        few = _few(images, shape) if kinds[key] in FLOATS else None
        raise not_uint8(kinds[key] if few is None else few.dtype, few, called)
    value_range = None if kinds[key] == BYTES else how.value_range

    def read(index: int) -> Decoded:
        one = channels_last(images[index : index + 1], called, torch_order=True)
        return decoded(one[0], value_range)

    return IndexedImages(
        name=name,
        names=numbered(name, shape[0]),
        read=read,
        labels=_labels(parts[LABELS], shown, shape[0]) if LABELS in parts else None,
        digest=fingerprint.of_whole(path),
        on_bad_image=how.on_bad_image,
        value_range=value_range,
        stamped=stamped,
    )


def _image_key(kinds: dict[str, str], shown: str, how: How) -> str:
    """The tensor that holds the images, of all by name with their types."""
    named = [key for key in IMAGE_KEYS if key in kinds]
    others = [key for key in kinds if key != LABELS]
    alone = len(others) == 1 and (
        kinds[others[0]] == BYTES
        or (how.value_range is not None and others[0].rpartition(".")[2] not in PARAMETERS)
    )
    if len(named) == 1 or (not named and alone):
        return (named or others)[0]
    ways = f"save the one you mean as {IMAGE_KEYS[0]}"
    listed = ", ".join(map(display, (named or others)[:5])) or "none"
    if not named and any(kinds[key] != BYTES for key in others):
        number = "1 tensor" if len(others) == 1 else f"{len(others):,} tensors"
        raise GandiagError(
            f"{shown} holds {number} ({listed}) as a network's state dict does; "
            f"score that with --generator MODULE:FUNCTION, or if it holds images, {ways}"
        )
    raise GandiagError(
        f"{shown} has {len(named or others)} tensors that could be the images ({listed}); {ways}"
    )


def _few(images: Any, shape: Sequence[int]) -> Any:
    """The first images, to look at; None if one alone is too large for that."""
    row = 8 * math.prod(shape[1:])  # as of float64
    count = min(shape[0], SEEN, HEAD_BYTES // row)
    return images[:count] if count else None


def _labels(part: Any, shown: str, count: int) -> list[str]:
    """(count,) integers => class names."""
    if part.get_shape() != [count] or part.get_dtype() not in INTEGERS:
        raise GandiagError(
            f"{shown}[{LABELS}] is {part.get_dtype()} of shape {tuple(part.get_shape())}, not "
            f"{count:,} labels; give one integer an image"
        )
    return [str(label) for label in part[:].tolist()]
