"""Kinds of bad images and folders: each a function of an empty folder => what names it."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def png(side=8, seed=0, mode="RGB"):
    shape = (side, side, 3) if mode == "RGB" else (side, side)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(side=64, seed=0, **options):
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header_only(width, height):
    """A PNG that claims a size, with data for one row of eight pixels."""
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 25)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def beside(root: Path, name: str, data: bytes) -> Path:
    """A folder of eight good images and one bad."""
    folder = root / "set"
    folder.mkdir()
    for index in range(8):
        (folder / f"good{index}.png").write_bytes(png(seed=index))
    (folder / name).write_bytes(data)
    return folder


BAD: dict[str, bytes] = {
    "empty file": b"",
    "text": b"no image",
    "a PNG cut in its header": png()[:20],
    "a PNG cut in its data": png(64)[:-4000],
    "a PNG with a byte of data changed": png(64)[:200] + b"\xff\x00\xff" + png(64)[203:],
    "a PNG that claims 60,000 x 60,000": header_only(60_000, 60_000),
    "a PNG that claims 9,000 x 9,000": header_only(9_000, 9_000),
    "a PNG with too few rows": header_only(8, 64),
    "a PNG of no width": header_only(0, 8),
    "the PNG signature alone": b"\x89PNG\r\n\x1a\n",
    "a JPEG cut in half": jpeg()[: len(jpeg()) // 2],
    "a JPEG cut in half with its end mark": jpeg()[: len(jpeg()) // 2] + b"\xff\xd9",
    "a progressive JPEG of its first scans": jpeg(progressive=True)[:900] + b"\xff\xd9",
    "the JPEG mark alone": b"\xff\xd8\xff\xe0",
    "a GIF header": b"GIF89a\x08\x00\x08\x00",
    "a WebP header": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    "a BMP header": b"BM" + b"\0" * 24,
    "a TIFF header": b"II*\0\x08\0\0\0",
    "zeros": b"\0" * 4096,
    "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07canary!\x94.",
    "HTML": b"<html><script>alert(1)</script></html>",
}
"""Content of a file called like an image => refused, or passed over on request."""


def loop(root: Path) -> Path:
    folder = root / "set"
    (folder / "a").mkdir(parents=True)
    (folder / "x.png").write_bytes(png())
    (folder / "y.png").write_bytes(png(seed=1))
    os.symlink(folder, folder / "a" / "again")
    return folder


def doubling(root: Path) -> Path:
    """Links that double at each of 24 levels: 16 million ways to one image."""
    folder = root / "set"
    folder.mkdir()
    (folder / "x.png").write_bytes(png())
    (folder / "y.png").write_bytes(png(seed=1))
    below = folder
    for level in range(24):
        upper = root / f"level{level}"
        upper.mkdir()
        os.symlink(below, upper / "a")
        os.symlink(below, upper / "b")
        below = upper
    return below


def dangling(root: Path) -> Path:
    folder = beside(root, "x.png", png(seed=9))
    os.symlink(root / "nowhere.png", folder / "link.png")
    return folder


def pipe(root: Path) -> Path:
    folder = beside(root, "x.png", png(seed=9))
    os.mkfifo(folder / "pipe.png")
    return folder
