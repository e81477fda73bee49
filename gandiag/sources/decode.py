"""The bytes of one image file => its pixels, and what was done to them on the way.

What a file holds decides how it is read, never its name. Each kind has one treatment; for ordinary
8-bit grey, palette and RGB files the result is, to the byte, Pillow's ``convert("RGB")``, as the
published tools take it.

============================  ==================================================  ================
The file is                   Treatment                                           Code
============================  ==================================================  ================
grey, black and white         the value is repeated in the three channels
palette                       looked up in the palette
partly transparent            alpha is dropped, not composited: what lies under   ``alpha``
                              it appears, as in the published tools
CMYK                          Pillow's conversion, without colour management      ``cmyk``
16-bit grey                   round(value / 257): Pillow alone would clip at 255  ``16-bit``
16-bit colour                 the high byte of each channel, by Pillow            ``16-bit``
turned by EXIF                turned as viewers do; the published tools do not    ``exif-rotated``
animated, several pages       the first frame                                     ``animated``
JPEG, JPEG 2000, lossy WebP   as it is (JPEG 2000 counts as lossy even where it   ``lossy``
                              was told not to be)
named as another format       read as what it is                                  ``mislabelled``
with a colour profile         the profile is not applied, as in the published
                              tools
float, 32-bit beyond 16 bits  refused: the range that means white is unknown
============================  ==================================================  ================

No global setting of Pillow is read for a decision or changed, with one exception that Pillow does
not leave to us: a process that sets ``ImageFile.LOAD_TRUNCATED_IMAGES`` gets truncated images.
"""

import io
import re
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from torch import Tensor

from gandiag.sources.whole import LACKS

MAX_PIXELS = 89_478_485
"""Larger images are refused from their header: a quarter of a gigabyte once decoded to RGB.

It is where Pillow starts to warn; Pillow itself refuses at twice that.
"""

MAX_BYTES = 1 << 30
"""Larger image files are refused unread: no file of `MAX_PIXELS` pixels needs as much."""


class UnreadableError(Exception):
    """Why one image cannot be read, without its name: ``it is empty (0 bytes)``."""


class Decoded(NamedTuple):
    """One image, ready to be stacked."""

    pixels: Tensor
    """(3, height, width) uint8, contiguous."""
    codes: tuple[str, ...] = ()
    """What a reader of the score should know of it, see the module's table."""
    label: str | None = None
    """Its class, where only reading the image tells."""
    value_range: tuple[float, float] | None = None
    """Of the floats that it was made of, if it was."""


class Format(NamedTuple):
    """One file format: how it begins, what it is called, how it is opened."""

    begins: re.Pattern[bytes]
    extensions: tuple[str, ...]
    open: Callable[[io.BytesIO], ImageFile.ImageFile]


# Pillow's classes are called directly, for Image.open warns of large images, and a warning cannot
# be silenced for one thread alone. They read no further than the header.
FORMATS: Mapping[str, Format] = {
    "PNG": Format(re.compile(rb"\x89PNG\r\n\x1a\n"), ("png",), PngImagePlugin.PngImageFile),
    "JPEG": Format(re.compile(rb"\xff\xd8\xff"), ("jpg", "jpeg"), JpegImagePlugin.JpegImageFile),
    "WebP": Format(re.compile(rb"RIFF.{4}WEBP", re.S), ("webp",), WebPImagePlugin.WebPImageFile),
    "BMP": Format(re.compile(rb"BM"), ("bmp",), BmpImagePlugin.BmpImageFile),
    "GIF": Format(re.compile(rb"GIF8[79]a"), ("gif",), GifImagePlugin.GifImageFile),
    "TIFF": Format(
        re.compile(rb"II[*+]\0|MM\0[*+]", re.S), ("tif", "tiff"), TiffImagePlugin.TiffImageFile
    ),
    "JPEG 2000": Format(
        re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"),
        ("jp2",),
        Jpeg2KImagePlugin.Jpeg2KImageFile,
    ),
    "PNM": Format(re.compile(rb"P[1-6]\s"), ("ppm", "pgm", "pnm"), PpmImagePlugin.PpmImageFile),
}

EXTENSIONS: Mapping[str, str] = {
    extension: name for name, format_ in FORMATS.items() for extension in format_.extensions
}
"""Extension in lower case, without the dot => the format that it promises."""

LOSSY_IN_TIFF = frozenset({"jpeg", "tiff_jpeg", "webp"})
TURNED = range(2, 9)  # 1 is upright; beyond 8 nothing is defined


def decode(data: bytes, extension: str) -> Decoded:
    """A file's bytes => (3, height, width) uint8.

    Args:
        data: The whole file.
        extension: In lower case and without a dot; only to tell whether it is ``mislabelled``.

    Raises:
        UnreadableError: it is empty, truncated, damaged, not an image, too large or float.
    """
    name = _sniff(data)
    try:
        image = _open(name, data)
        codes = _codes(name, image, data)
        if EXTENSIONS.get(extension) != name:
            codes.append("mislabelled")
        # Before the pixels are loaded, because TIFF's plugin then turns them itself and forgets it.
        if name == "PNG":
            image.load()  # its EXIF may lie behind the pixels
        turned = _orientation(image) in TURNED
        image.load()
        lacks = LACKS[name](data, image) if name in LACKS else None
        if lacks is not None:
            raise UnreadableError(f"its {name} data is truncated or damaged ({lacks})")
        upright = ImageOps.exif_transpose(image) if turned else image
        if turned:
            codes.append("exif-rotated")
        rgb, more = to_rgb(upright)
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:
        # Pillow's plugins raise a dozen kinds: SyntaxError, struct.error, EOFError, zlib.error ...
        detail = str(error).rstrip(". ") or type(error).__name__
        raise UnreadableError(f"its {name} data is truncated or damaged ({detail})") from error
    return Decoded(to_tensor(rgb), tuple(dict.fromkeys([*codes, *more])))


def to_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Any Pillow image => the same in mode RGB, and codes for what that changed.

    Raises:
        UnreadableError: its pixels are float, or integers beyond 16 bits.
    """
    codes: list[str] = []
    if image.mode == "F":
        raise UnreadableError(
            "its pixels are float, and what value is white is unknown; save as 8-bit"
        )
    if image.mode.startswith("I"):
        return Image.fromarray(_sixteen_to_eight(np.asarray(image))).convert("RGB"), ["16-bit"]
    if image.mode == "CMYK":
        codes.append("cmyk")
    if image.has_transparency_data:
        lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
        if isinstance(lowest, (int, float)) and lowest < 255:
            codes.append("alpha")
        # Without it the colours are the same, and Pillow does not warn that it is lost.
        image.info.pop("transparency", None)
    return image.convert("RGB"), codes


def to_tensor(rgb: Image.Image) -> Tensor:
    """A Pillow image in mode RGB => (3, height, width) uint8, contiguous."""
    width, height = rgb.size
    flat = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
    return flat.view(height, width, 3).permute(2, 0, 1).contiguous()


def _orientation(image: ImageFile.ImageFile) -> object:
    """What EXIF says of it; None also where EXIF is damaged, which the pixels need not be."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # as many kinds as there are bytes to damage
        return None


def _sniff(data: bytes) -> str:
    """The format that the first bytes tell."""
    if not data:
        raise UnreadableError("it is empty (0 bytes)")
    for name, format_ in FORMATS.items():
        if format_.begins.match(data):
            return name
    raise UnreadableError(
        f"it begins with {data[:8]!r}, which is none of the formats {', '.join(FORMATS)}"
    )


def _open(name: str, data: bytes) -> ImageFile.ImageFile:
    """The image with its header read; its size has been checked, its pixels are not yet decoded."""
    if name == "WebP":
        # Its plugin allocates the whole canvas when it is opened.
        _check_size(_webp_size(data))
    if name == "JPEG 2000" and b"\xff\xd9" not in data:
        # Its decoder fills what is missing with grey; the mark cannot occur within coded data.
        raise UnreadableError("its JPEG 2000 data is truncated or damaged (it has no end)")
    image = FORMATS[name].open(io.BytesIO(data))
    _check_size(image.size)
    return image


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise UnreadableError(
            f"it says it is {width} x {height} pixels, above the limit of {MAX_PIXELS:,} pixels"
        )
    if width * height == 0:
        raise UnreadableError(f"it says it is {width} x {height} pixels")


def _codes(name: str, image: ImageFile.ImageFile, data: bytes) -> list[str]:
    """What the header tells."""
    codes = []
    lossy = {
        "JPEG": True,
        "JPEG 2000": True,
        "WebP": name == "WebP" and _webp_is_lossy(data),
        "TIFF": image.info.get("compression") in LOSSY_IN_TIFF,
    }
    if lossy.get(name, False):
        codes.append("lossy")
    if getattr(image, "is_animated", False):
        codes.append("animated")
    if any(_is_sixteen_bit(tile[0], tile[3]) for tile in image.tile):
        codes.append("16-bit")
    return codes


def _is_sixteen_bit(codec: str, args: object) -> bool:
    """Whether the arguments of Pillow's decoder say so: ``RGB;16B``, or a PNM's largest value."""
    raw, *more = args if isinstance(args, tuple) else (args,)
    if codec.startswith("ppm"):
        return bool(more and isinstance(more[0], int) and more[0] > 255)
    # Not BMP's "BGR;16", which is 16 bits a pixel.
    return isinstance(raw, str) and re.search(r";16[BLN]", raw) is not None


def _sixteen_to_eight(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """0 .. 65535 => 0 .. 255, rounded to the nearest (257 is odd, so that nothing is a tie)."""
    wide = values.astype(np.int64)
    if wide.min() < 0 or wide.max() > 65535:
        raise UnreadableError(
            f"its integer pixels run from {wide.min()} to {wide.max()}, beyond 16 bits; "
            "save as 8-bit"
        )
    scaled: NDArray[np.uint8] = ((wide + 128) // 257).astype(np.uint8)
    return scaled


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the canvas.

    Source: RFC 9649, sections 2.5 to 2.7.
    """
    kind = data[12:16]
    try:
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        if kind == b"VP8X":
            low, high, low2, high2 = struct.unpack_from("<HBHB", data, 24)
            return (low | high << 16) + 1, (low2 | high2 << 16) + 1
    except struct.error as error:
        raise UnreadableError(
            "its WebP data is truncated or damaged (the header is cut)"
        ) from error
    raise UnreadableError(f"its WebP data is damaged (it begins with the chunk {kind!r})")


def _webp_is_lossy(data: bytes) -> bool:
    """Whether its first frame is a ``VP8`` chunk (lossy) or a ``VP8L`` chunk (lossless)."""
    position = 12
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8 ")
        # A frame of an animation holds the chunks of its picture after 16 bytes of its own.
        position += 8 + (16 if kind == b"ANMF" else size + size % 2)
    return False
