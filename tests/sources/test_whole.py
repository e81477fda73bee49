"""A picture of which a part is missing is unreadable, however orderly its file ends."""

import io
import struct
import zlib

import numpy as np
import pytest
from pictures import encoded, pixels
from PIL import Image

from gandiag.sources.decode import UnreadableError, decode
from gandiag.sources.whole import MARKER, PADDING, Component, Frame, Scan, lacks_scans, parsed

NOISE = pixels(1, 83, 61)[0]
SMOOTH = np.asarray(Image.fromarray(pixels(1, 7, 5)[0]).resize((61, 83), Image.Resampling.BICUBIC))
GREY_BELOW = SMOOTH.copy()
GREY_BELOW[40:] = 128
MIDDLE_GREY = np.full_like(SMOOTH, 128)

PICTURES = {
    "noise": Image.fromarray(NOISE),
    "smooth": Image.fromarray(SMOOTH),
    "grey": Image.fromarray(SMOOTH[..., 0]),
    "cmyk": Image.fromarray(np.dstack([SMOOTH, 255 - SMOOTH[..., 0]]), "CMYK"),
    "grey below": Image.fromarray(GREY_BELOW),
}
OPTIONS = {
    "baseline": {},
    "4:4:4": {"subsampling": 0, "quality": 98},
    "4:2:0": {"subsampling": 2, "quality": 40},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "a restart a row": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 5},
}
every = pytest.mark.parametrize("options", OPTIONS)


def jpeg(picture, options):
    return encoded(PICTURES[picture], "JPEG", **OPTIONS[options])


def refused(data, words, extension="jpg"):
    with pytest.raises(UnreadableError, match=words):
        decode(data, extension)


@every
@pytest.mark.parametrize("picture", PICTURES)
def test_whole_ones_are_read_as_by_pillow(picture, options):
    data = jpeg(picture, options)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(decode(data, "jpg").pixels.permute(1, 2, 0).numpy(), expected)
    trailing = decode(data + b"\xff\xd8 and more after the end", "jpg")
    assert np.array_equal(trailing.pixels.permute(1, 2, 0).numpy(), expected)


@every
@pytest.mark.parametrize("value", [0, 127, 128, 129, 255])
@pytest.mark.parametrize("size", [(1, 1), (8, 8), (61, 83), (17, 16)])
def test_pictures_of_the_colour_that_fills_gaps_are_whole(options, value, size):
    for mode in ("L", "RGB"):
        picture = Image.new(mode, size, (value,) * len(mode) if mode == "RGB" else value)
        assert decode(encoded(picture, "JPEG", **OPTIONS[options]), "jpg").pixels.shape[0] == 3


@every
@pytest.mark.parametrize("picture", ["noise", "smooth", "grey", "cmyk"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.9])
def test_the_end_mark_after_a_part_of_the_data(picture, options, share):
    data = jpeg(picture, options)
    # The part is of the last scan: those before it are whole.
    scan = parsed(data).scans[-1]
    length = int(share * (scan.end - scan.begin))
    part = data[: scan.begin + length].rstrip(b"\xff")
    refused(part + b"\xff\xd9", "its JPEG data is truncated or damaged")


@pytest.mark.parametrize("picture", ["noise", "smooth", "grey", "cmyk"])
def test_the_middle_of_a_scan_is_missing(picture):
    data = jpeg(picture, "progressive")
    for scan in parsed(data).scans:
        if scan.end - scan.begin > 40:
            middle = (scan.begin + scan.end) // 2
            refused(data[:middle].rstrip(b"\xff") + data[scan.end :], "its coded data ends")


@pytest.mark.parametrize("picture", ["smooth", "grey", "cmyk"])
@pytest.mark.parametrize("options", ["progressive", "progressive with restarts"])
def test_first_scans_of_a_progressive_one(picture, options):
    data = jpeg(picture, options)
    scans = parsed(data).scans
    assert len(scans) > 3
    for scan in scans[:-1]:
        refused(data[: scan.end] + b"\xff\xd9", "it lacks some of its scans")


@pytest.mark.parametrize("options", ["restarts", "a restart a row"])
def test_an_interval_that_is_missing(options):
    data = jpeg("noise", options)
    at = data.index(b"\xff\xd1")
    after = data.index(b"\xff\xd2")
    refused(data[:at] + data[after:], "1 of its [0-9]+ restarts are missing")


@pytest.mark.parametrize("picture", ["noise", "smooth", "grey", "cmyk"])
def test_a_header_of_more_than_the_data(picture):
    data = jpeg(picture, "baseline")
    at = data.index(b"\xff\xc0") + 5
    for height, width in ((84 + 16, 61), (900, 700), (2000, 2000)):
        larger = data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]
        refused(larger, "its JPEG data is truncated or damaged")


def test_what_a_spectral_selection_leaves_out():
    components = {1: Component(1, 2, 2), 2: Component(2, 1, 1)}
    dc = Scan((1, 2), 0, 0, 1, 0, 0, 0)
    finer = dc._replace(low=0)
    luma = Scan((1,), 1, 63, 0, 0, 0, 0)
    chroma = luma._replace(components=(2,))
    part = chroma._replace(last=62)

    def lacks(*scans):
        return lacks_scans(Frame(True, 8, 8, components, list(scans))) is not None

    assert not lacks(dc, luma, chroma, finer)
    assert lacks(dc, luma, chroma)
    assert lacks(dc, luma, finer)
    assert lacks(dc, luma, part, finer)
    assert not lacks(dc, luma, part, finer, part._replace(first=63, last=63))
    sequential = Frame(False, 8, 8, components, [luma._replace(first=0)])
    assert lacks_scans(sequential) is not None
    sequential.scans.append(chroma._replace(first=0))
    assert lacks_scans(sequential) is None


@pytest.mark.parametrize("options", ["baseline", "restarts", "progressive"])
def test_fill_bytes_before_markers(options):
    data = jpeg("grey below", options)
    pieces, at = [], 0
    for scan in parsed(data).scans:
        pieces += [data[at : scan.end], b"\xff\xff"]
        at = scan.end
    filled = b"".join([*pieces, data[at:]])
    assert np.array_equal(decode(filled, "jpg").pixels, decode(data, "jpg").pixels)


def test_padding_is_no_marker():
    assert b"\xff" not in PADDING
    assert MARKER.search(PADDING) is None


def test_most_pictures_are_decoded_once(monkeypatch):
    """A second decoding is for what could be filled up: here a few in a hundred by chance."""
    from gandiag.sources import whole

    asked = []
    original = whole.JpegImagePlugin.JpegImageFile
    files = [encoded(image, "JPEG") for image in pixels(200, 16, 16)]

    def count(*args):
        asked.append(args)
        return original(*args)

    monkeypatch.setattr(whole.JpegImagePlugin, "JpegImageFile", count)
    for data in files:
        decode(data, "jpg")
    assert len(asked) < 20


# -------------------------------------------------------------------------------------- PNG


def rows_removed(data, keep):
    """A PNG with a whole stream of the first `keep` bytes of its inflated data."""
    out, at, coded = [data[:8]], 8, b""
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IDAT":
            coded += body
            continue
        if kind == b"IEND":
            inflated = zlib.decompress(coded)
            out.append(chunk(b"IDAT", zlib.compress(inflated[: keep(len(inflated))])))
        out.append(chunk(kind, body))
    return b"".join(out)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


MODES = {
    mode: encoded(Image.fromarray(SMOOTH).convert(mode))
    for mode in ("RGB", "L", "1", "P", "RGBA", "LA")
}
MODES["16-bit"] = encoded(Image.fromarray(SMOOTH[..., 0].astype(np.uint16) * 257))
MODES["4 bits"] = encoded(Image.fromarray(SMOOTH).quantize(16), bits=4)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rows", [1, 40, 82])
def test_a_png_of_fewer_rows(mode, rows):
    whole = decode(MODES[mode], "png").pixels
    same = rows_removed(MODES[mode], lambda length: length)
    assert np.array_equal(decode(same, "png").pixels, whole)
    # Pillow refuses a part of a row by itself.
    refused(rows_removed(MODES[mode], lambda n: rows * n // 83), "fewer rows than its", "png")


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_a_png_whose_last_rows_are_black_is_whole(mode):
    black = SMOOTH.copy()
    black[40:] = 0
    picture = Image.fromarray(black).convert(mode)
    assert decode(encoded(picture), "png").pixels.shape == (3, 83, 61)
    refused(rows_removed(encoded(picture), lambda n: 41 * n // 83), "fewer rows than its", "png")


def interlaced(image):
    """(H, W) uint8 => an Adam7 PNG, by the definition."""
    steps = [
        *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
        *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
    ]
    lines = []
    for left, top, right, down in steps:
        part = image[top::down, left::right]
        lines += [b"\0" + row.tobytes() for row in part if part.shape[1]]
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 0, 0, 0, 1)
    coded = zlib.compress(b"".join(lines))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", coded) + chunk(b"IEND", b"")


@pytest.mark.parametrize("shape", [(83, 61), (1, 1), (3, 2), (8, 5), (2, 9)])
def test_interlaced(shape):
    image = pixels(1, *shape)[0, ..., 0]
    data = interlaced(image)
    assert np.array_equal(decode(data, "png").pixels[0], image)
    last = shape[1] + 1 if shape[0] > 1 else -(-shape[1] // 2)
    refused(rows_removed(data, lambda n: n - last), "fewer rows than its|truncated", "png")


def test_damaged_exif_beside_a_whole_picture():
    data = encoded(Image.fromarray(SMOOTH))
    broken = data[:33] + chunk(b"eXIf", b"MM\0*\xff\xff") + data[33:]
    assert np.array_equal(decode(broken, "png").pixels.permute(1, 2, 0), SMOOTH)
