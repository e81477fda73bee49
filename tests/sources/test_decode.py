"""Each kind of image file has one treatment."""

import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from pictures import encoded, pixels
from PIL import ExifTags, Image, ImageFile

from gandiag.sources.decode import UnreadableError, decode

RGB = pixels(1, 11, 7)[0]
GREY = RGB[..., 0]


def shown(data, extension="png"):
    """A file's bytes => (H, W, 3) and codes."""
    result = decode(data, extension)
    assert result.pixels.is_contiguous()
    return result.pixels.permute(1, 2, 0).numpy(), result.codes


def by_pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def palette(**options):
    return encoded(Image.fromarray(RGB).quantize(16), **options)


ORDINARY = {
    "png rgb": ("png", encoded(RGB)),
    "png grey": ("png", encoded(GREY)),
    "png palette": ("png", palette()),
    "png palette, opaque tRNS": ("png", palette(transparency=bytes([255] * 16))),
    "png black and white": ("png", encoded(Image.fromarray(GREY).convert("1"))),
    "png opaque rgba": ("png", encoded(Image.fromarray(RGB).convert("RGBA"))),
    "png opaque la": ("png", encoded(Image.fromarray(GREY).convert("LA"))),
    "png interlaced with colour profile": ("png", encoded(RGB, icc_profile=b"not applied")),
    "bmp": ("bmp", encoded(RGB, "BMP")),
    "bmp palette": ("bmp", palette(kind="BMP")),
    "gif": ("gif", palette(kind="GIF")),
    "tif": ("tif", encoded(RGB, "TIFF")),
    "tiff lzw": ("tiff", encoded(RGB, "TIFF", compression="tiff_lzw")),
    "tiff grey": ("tiff", encoded(GREY, "TIFF")),
    "webp lossless": ("webp", encoded(RGB, "WEBP", lossless=True)),
    "webp lossless with metadata": ("webp", encoded(RGB, "WEBP", lossless=True, xmp=b"<x/>")),
    "ppm": ("ppm", encoded(RGB, "PPM")),
    "pgm": ("pgm", encoded(GREY, "PPM")),
    "pnm": ("pnm", encoded(GREY, "PPM")),
}
LOSSY = {
    "jpg": ("jpg", encoded(RGB, "JPEG")),
    "jpeg grey, progressive": ("jpeg", encoded(GREY, "JPEG", progressive=True)),
    "webp": ("webp", encoded(RGB, "WEBP")),
    "webp with metadata": ("webp", encoded(RGB, "WEBP", xmp=b"<x/>")),
    "jp2": ("jp2", encoded(RGB, "JPEG2000")),
    "jp2 codestream": ("jp2", encoded(RGB, "JPEG2000", no_jp2=True)),
    "tiff of jpeg": ("tif", encoded(RGB, "TIFF", compression="jpeg")),
}


@pytest.mark.parametrize("kind", ORDINARY)
@pytest.mark.filterwarnings("ignore:Palette images with Transparency")  # from `by_pillow`
def test_ordinary_files_are_as_pillow_reads_them(kind):
    extension, data = ORDINARY[kind]
    image, codes = shown(data, extension)
    assert np.array_equal(image, by_pillow(data))
    assert codes == ()


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_files_are_as_pillow_reads_them_and_noted(kind):
    extension, data = LOSSY[kind]
    image, codes = shown(data, extension)
    assert np.array_equal(image, by_pillow(data))
    assert codes == ("lossy",)


def test_an_extension_of_another_format_is_noted():
    assert shown(encoded(RGB), "jpg")[1] == ("mislabelled",)
    image, codes = shown(encoded(RGB, "JPEG"), "png")
    assert codes == ("lossy", "mislabelled")
    assert np.array_equal(image, by_pillow(encoded(RGB, "JPEG")))


def transparent():
    rgba = np.dstack([RGB, np.full_like(GREY, 255)])
    rgba[3, 2, 3] = 254
    return Image.fromarray(rgba)


@pytest.mark.parametrize(
    "data",
    [
        encoded(transparent()),
        encoded(transparent().convert("LA")),
        encoded(transparent(), "TIFF"),
        encoded(transparent(), "WEBP", lossless=True, exact=True),
        palette(transparency=3),
        palette(transparency=bytes([255, 9, 255])),
        encoded(GREY, transparency=int(GREY[0, 0])),
        encoded(RGB, transparency=tuple(map(int, RGB[0, 0]))),
        palette(kind="GIF", transparency=3),
    ],
    ids=["rgba", "la", "tiff", "webp", "p index", "p bytes", "grey key", "rgb key", "gif"],
)
def test_alpha_is_dropped_as_pillow_drops_it(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, about transparency in bytes
        expected = by_pillow(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image, codes = shown(data)
    assert np.array_equal(image, expected)
    assert "alpha" in codes


def test_what_lies_under_full_transparency_appears():
    rgba = np.dstack([RGB, np.zeros_like(GREY)])
    assert np.array_equal(shown(encoded(rgba))[0], RGB)


def test_cmyk():
    data = encoded(Image.fromarray(RGB).convert("CMYK"), "TIFF")
    image, codes = shown(data, "tif")
    assert codes == ("cmyk",)
    assert np.array_equal(image, by_pillow(data))
    assert shown(encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG"), "jpg")[1] == (
        "lossy",
        "cmyk",
    )


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(kind):
    deep = np.arange(0, 65536, 97, dtype=np.uint16).reshape(26, 26)
    options = {"irreversible": False} if kind == "JPEG2000" else {}
    if kind == "PPM":  # which older Pillow reads and does not write
        data = b"P5 26 26 65535\n" + deep.astype(">u2").tobytes()
    else:
        data = encoded(Image.fromarray(deep), kind, **options)
    image, codes = shown(data, {"JPEG2000": "jp2", "PPM": "pgm"}.get(kind, kind.lower()))
    assert "16-bit" in codes
    assert np.array_equal(image, np.repeat(np.rint(deep / 257)[..., None], 3, axis=2))
    assert not np.array_equal(image, by_pillow(data))


def test_sixteen_bit_grey_keeps_what_eight_bits_can_say():
    image, _ = shown(encoded(Image.fromarray(GREY.astype(np.uint16) * 257)))
    assert np.array_equal(image[..., 0], GREY)


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(header, rows):
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def test_sixteen_bit_colour_keeps_the_high_byte():
    deep = pixels(1, 4, 5, 6)[0]
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    image, codes = shown(png(struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0), rows))
    assert codes == ("16-bit",)
    assert np.array_equal(image, deep[..., ::2])


def test_sixteen_bit_ppm():
    deep = pixels(1, 4, 5, 6)[0]
    image, codes = shown(b"P6 5 4 65535\n" + deep.tobytes(), "ppm")
    assert codes == ("16-bit",)
    assert np.abs(image.astype(int) - deep[..., ::2]).max() <= 1  # Pillow rounds here


def test_sixteen_bits_a_pixel_is_not_sixteen_bits_a_channel():
    # Five bits of red, six of green, five of blue: Pillow calls it "BGR;16".
    header = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 16, 3, 16, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    data = b"BM" + struct.pack("<IHHI", 82, 0, 0, 66) + header + masks + bytes(range(16))
    image, codes = shown(data, "bmp")
    assert codes == ()
    assert np.array_equal(image, by_pillow(data))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (GREY.astype(np.float32) / 255, "float"),
        (GREY.astype(np.int32) * 1000, "beyond 16 bits"),
        (-GREY.astype(np.int32), "beyond 16 bits"),
    ],
)
def test_pixels_of_unknown_range_are_refused(array, words):
    with pytest.raises(UnreadableError, match=words):
        decode(encoded(array, "TIFF"), "tif")


# Orientation => how to turn the stored pixels, from the definition of the tag: where the stored
# first row and first column are in the upright picture.
TURNS = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[:, ::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[::-1],
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, *TURNS, 9])
def test_exif_orientation_is_applied_once(kind, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(RGB, kind, exif=exif, **options)
    image, codes = shown(data, kind.lower())
    assert np.array_equal(image, TURNS.get(orientation, lambda a: a)(RGB))
    assert codes == (("exif-rotated",) if orientation in TURNS else ())


def test_exif_orientation_of_jpeg():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(RGB, "JPEG", exif=exif)
    image, codes = shown(data, "jpg")
    assert np.array_equal(image, TURNS[6](by_pillow(data)))
    assert codes == ("lossy", "exif-rotated")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.fromarray(frame) for frame in pixels(3, 11, 7)]
    if kind == "GIF":
        frames = [frame.quantize(16) for frame in frames]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    image, codes = shown(data, kind.lower())
    assert codes == ("animated",)
    assert np.array_equal(image, np.asarray(frames[0].convert("RGB")))


def test_one_frame_is_no_animation():
    assert shown(palette(kind="GIF", save_all=True), "gif")[1] == ()


def test_lossy_frames_of_an_animated_webp():
    frames = [Image.fromarray(frame) for frame in pixels(2, 11, 7)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=50)
    assert shown(data, "webp")[1] == ("lossy", "animated")


def test_empty():
    with pytest.raises(UnreadableError, match="0 bytes"):
        decode(b"", "png")


@pytest.mark.parametrize("data", [b"<!DOCTYPE html><html>", b"\0" * 1000, b"P7 1 1 255\n", b"B"])
def test_not_an_image(data):
    with pytest.raises(UnreadableError, match="begins with"):
        decode(data, "png")


@pytest.mark.parametrize("kind", [*ORDINARY, *LOSSY])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated File Read")
def test_a_truncated_file_is_refused_unless_no_pixel_is_lost(kind):
    extension, data = {**ORDINARY, **LOSSY}[kind]
    whole, _ = shown(data, extension)
    refused = 0
    for length in range(len(data)):
        try:
            image, _ = shown(data[:length], extension)
        except UnreadableError:
            refused += 1
        else:
            assert np.array_equal(image, whole), length
    # A PNG may lack its last chunk and the check sums, 21 bytes; nothing else may lack as much.
    assert refused >= len(data) - 21


def test_damaged():
    data = bytearray(encoded(RGB))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UnreadableError, match="its PNG data is truncated or damaged"):
        decode(bytes(data), "png")


def with_size(data, width, height):
    """A PNG whose header says another size."""
    header = struct.pack(">II", width, height) + data[24:29]
    return data[:8] + png_chunk(b"IHDR", header) + data[33:]


def webp_canvas(width, height):
    """An extended WebP whose canvas has another size."""
    data = bytearray(encoded(RGB, "WEBP", xmp=b"<x/>"))
    assert data[12:16] == b"VP8X"
    data[24:27] = (width - 1).to_bytes(3, "little")
    data[27:30] = (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "extension"),
    [
        (with_size(encoded(RGB), 10_000, 10_000), "png"),
        (with_size(encoded(RGB), 60_000, 60_000), "png"),
        (with_size(encoded(RGB), 2**31 - 1, 2**31 - 1), "png"),
        (b"P6 20000 20000 255\n", "ppm"),
        (webp_canvas(16_000, 16_000), "webp"),
        (b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + palette(kind="GIF")[10:], "gif"),
    ],
    ids=["10k", "60k", "2G", "ppm", "webp", "gif"],
)
def test_a_bomb_is_refused_from_its_header(data, extension, monkeypatch):
    def load(self):
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableError, match=r"x \d+ pixels, above the limit"):
            decode(data, extension)


def test_the_limit_itself_is_allowed(monkeypatch):
    monkeypatch.setattr("gandiag.sources.decode.MAX_PIXELS", 11 * 7)
    decode(encoded(RGB), "png")
    monkeypatch.setattr("gandiag.sources.decode.MAX_PIXELS", 11 * 7 - 1)
    with pytest.raises(UnreadableError, match="7 x 11 pixels, above the limit of 76 pixels"):
        decode(encoded(RGB), "png")


def test_no_size_at_all():
    with pytest.raises(UnreadableError, match=r"0 x 5 pixels|damaged"):
        decode(b"P6 0 5 255\n", "ppm")


def test_pillow_settings_are_left_alone():
    settings = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    for extension, data in ORDINARY.values():
        decode(data, extension)
    with pytest.raises(UnreadableError):
        decode(encoded(RGB)[:60], "png")
    assert settings == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)


def test_many_threads_give_the_same():
    extension, data = LOSSY["jpg"]
    expected = by_pillow(data)
    right = []

    def work():
        right.append(all(np.array_equal(shown(data, extension)[0], expected) for _ in range(20)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 8
