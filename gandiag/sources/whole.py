"""Whether an image file holds all of the picture that its header promises.

Decoders fill what is missing with grey or black and say nothing that Pillow passes on. What is cut
off without an end mark, Pillow does refuse; here is looked for what ends too early in good order.
"""

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from PIL import ImageFile, JpegImagePlugin

MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the coded data of a scan: no stuffed byte, fill byte or restart."""

RESTART = re.compile(rb"\xff[\xd0-\xd7]")

FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Start of a frame: baseline, extended and progressive, all with Huffman codes."""

PADDING = b"".join(hashlib.sha256(bytes([i])).digest() for i in range(16)).replace(b"\xff", b"\xfe")
"""Coded data that says something, whatever the codes are, and is no marker."""


ADAM7 = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
"""Passes of an interlaced PNG: the first column and row, and the steps between them."""


class Component(NamedTuple):
    """One channel of a JPEG, and how often it is sampled across and down."""

    id: int
    across: int
    down: int


@dataclass
class Frame:
    """A JPEG's header."""

    progressive: bool
    height: int
    width: int
    components: dict[int, Component]
    scans: list["Scan"] = field(default_factory=list)


class Scan(NamedTuple):
    """One pass over a JPEG's picture."""

    components: tuple[int, ...]
    first: int
    last: int
    low: int
    """Bits of each coefficient that are still missing after it."""
    interval: int
    """Units between two restarts, or 0."""
    begin: int
    end: int
    """Where its coded data lies."""


def jpeg_lacks(data: bytes, image: ImageFile.ImageFile) -> str | None:
    """What is missing in a JPEG, or None if nothing is, or it cannot be told.

    Args:
        data: the file.
        image: what Pillow made of it, loaded.
    """
    frame = parsed(data)
    if frame is None:
        return None
    return lacks_scans(frame) or _lacks_restarts(frame, data) or _lacks_data(frame, data, image)


def parsed(data: bytes) -> Frame | None:
    """The frame of a JPEG, and its scans up to the first mark of an end.

    None if it is of no kind that is known here (arithmetic codes, lossless), or broken in a way
    that decoders see.

    Source: ITU-T T.81, annex B.
    """
    frame: Frame | None = None
    interval, at = 0, 2
    try:
        while True:
            if data[at] != 0xFF:
                return None
            kind = data[at + 1]
            if kind == 0xFF:  # a fill byte
                at += 1
                continue
            if kind == 0xD9:
                return frame
            if kind == 0x01 or 0xD0 <= kind <= 0xD7:
                at += 2
                continue
            (length,) = struct.unpack_from(">H", data, at + 2)
            body = data[at + 4 : at + 2 + length]
            at += 2 + length
            if kind == 0xDD:
                (interval,) = struct.unpack(">H", body)
            elif kind in FRAMES:
                height, width, count = struct.unpack_from(">HHB", body, 1)
                rows = [body[6 + 3 * i : 9 + 3 * i] for i in range(count)]
                found = [Component(row[0], row[1] >> 4, row[1] & 15) for row in rows]
                frame = Frame(kind == 0xC2, height, width, {each.id: each for each in found})
            elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
                return None
            elif kind == 0xDA:
                if frame is None:
                    return None
                found_end = MARKER.search(data, at)
                if found_end is None:
                    return None
                count = body[0]
                ids = tuple(body[1 + 2 * i] for i in range(count))
                first, last, bits = body[1 + 2 * count : 4 + 2 * count]
                end = found_end.start()
                while data[end - 1] == 0xFF:  # fill bytes belong to the marker
                    end -= 1
                frame.scans.append(Scan(ids, first, last, bits & 15, interval, at, end))
                at = end
    except (IndexError, ValueError, struct.error):
        return None


def lacks_scans(frame: Frame) -> str | None:
    """Whether some component, or some bits of a coefficient, are in no scan."""
    missing = {(each, k): 16 for each in frame.components for k in range(64)}
    for scan in frame.scans:
        for each in scan.components:
            for k in range(scan.first, scan.last + 1) if frame.progressive else range(64):
                missing[each, k] = scan.low if frame.progressive else 0
    return "it lacks some of its scans" if any(missing.values()) else None


def _units(frame: Frame, scan: Scan) -> int:
    """Coded units of a scan: blocks of one component, or groups of blocks of several."""
    across = max(each.across for each in frame.components.values())
    down = max(each.down for each in frame.components.values())
    if len(scan.components) > 1:
        return -(-frame.width // (8 * across)) * -(-frame.height // (8 * down))
    own = frame.components[scan.components[0]]
    width, height = -(-frame.width * own.across // across), -(-frame.height * own.down // down)
    return -(-width // 8) * -(-height // 8)


def _lacks_restarts(frame: Frame, data: bytes) -> str | None:
    for scan in frame.scans:
        if scan.interval:
            expected = -(-_units(frame, scan) // scan.interval) - 1
            found = sum(1 for _ in RESTART.finditer(data, scan.begin, scan.end))
            if found < expected:
                return f"{expected - found} of its {expected} restarts are missing"
    return None


def _lacks_data(frame: Frame, data: bytes, image: ImageFile.ImageFile) -> str | None:
    """Whether the coded data of a scan ends before the picture does.

    What libjpeg needs beyond the end is taken for zeros, which makes grey; so more data is put
    before each end. A decoder that had enough never reads it, and gives the same picture.
    """
    if not frame.progressive and len(frame.scans) == 1 and not _may_be_filled(image):
        return None
    pieces, at = [], 0
    for scan in frame.scans:
        pieces += [data[at : scan.end], PADDING]
        at = scan.end
    pieces.append(data[at:])
    again = JpegImagePlugin.JpegImageFile(io.BytesIO(b"".join(pieces)))
    again.load()
    return "its coded data ends too early" if again.tobytes() != image.tobytes() else None


def _may_be_filled(image: ImageFile.ImageFile) -> bool:
    """Whether the last pixel, which comes last in a single scan, is as bright as the filling.

    Its colour is no sign, because that is smoothed with the colour above it.
    """
    if image.mode not in ("L", "RGB"):
        return True
    corner = image.crop((image.width - 1, image.height - 1, image.width, image.height))
    low, high = corner.convert("L").getextrema()
    return isinstance(low, (int, float)) and isinstance(high, (int, float)) and abs(low - 128) <= 3


def png_lacks(data: bytes, image: ImageFile.ImageFile) -> str | None:
    """What is missing in a PNG, or None.

    A loaded picture of which the last row is not all zeros is whole: rows come in order, and what
    is missing is zeros. An interlaced one is always looked through.
    """
    try:
        width, height, depth, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
        bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    except (struct.error, KeyError):
        return None
    if not interlace and _last_row_says_something(image):
        return None
    passes = ADAM7 if interlace else ((0, 0, 1, 1),)
    expected = sum(
        rows * (1 + -(-columns * bits // 8))
        for left, top, right, down in passes
        if (columns := -(-(width - left) // right)) > 0 and (rows := -(-(height - top) // down)) > 0
    )
    inflater, found = zlib.decompressobj(), 0
    for part in _idat(data):
        rest = part
        while rest and found < expected:
            try:
                found += len(inflater.decompress(rest, 1 << 20))
            except zlib.error:
                return "its coded data is damaged"
            rest = inflater.unconsumed_tail
    return None if found >= expected else "it has fewer rows than its header says"


def _last_row_says_something(image: ImageFile.ImageFile) -> bool:
    row = image.crop((0, image.height - 1, image.width, image.height))
    return any(row.tobytes())


def _idat(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length


LACKS: dict[str, Callable[[bytes, ImageFile.ImageFile], str | None]] = {
    "JPEG": jpeg_lacks,
    "PNG": png_lacks,
}
"""Format => what a loaded picture of it lacks."""
