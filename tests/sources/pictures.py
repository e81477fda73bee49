"""Small images in files, in every shape that a source can be opened from."""

import io
import os
import tarfile
import zipfile

import numpy as np
from PIL import Image


def pixels(count, height=10, width=8, channels=3, seed=0):
    """(count, height, width, channels) uint8."""
    return np.random.default_rng(seed).integers(
        0, 256, (count, height, width, channels), dtype=np.uint8
    )


def encoded(array, kind="PNG", **options):
    """(H, W, 3) or (H, W) or a Pillow image => the bytes of a file."""
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_folder(root, files):
    """{relative path: bytes} => `root`, with the files written last name first."""
    for name in sorted(files, reverse=True):
        path = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(files[name])
    return root


def write_zip(path, files, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in sorted(files, reverse=True):
            archive.writestr(name, files[name])
    return path


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name in sorted(files, reverse=True):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            archive.addfile(info, io.BytesIO(files[name]))
    return path


def read(source, size=64):
    """All batches of a pass => images as a list of (H, W, 3) arrays, names, labels."""
    images, names, labels = [], [], []
    for batch in source.batches(size):
        images += list(batch.images.permute(0, 2, 3, 1).numpy())
        names += batch.names
        labels += batch.labels or ()
    return images, names, labels or None
