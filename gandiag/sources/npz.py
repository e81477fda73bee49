"""Images or points in an .npz, with their labels, their range, and statistics beside them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.arrays import channels_last, indexed, not_uint8
from gandiag.sources.how import How
from gandiag.sources.images import IndexedImages, Stamped
from gandiag.sources.members import LABEL_KEYS, Member, key_of, labels_in, members_of
from gandiag.sources.naming import display
from gandiag.sources.npy import are_points
from gandiag.sources.points import open_points

IMAGE_KEYS = ("arr_0", "images", "x", "samples")
STATISTICS_KEYS = ({"mu", "sigma"}, {"gandiag"})
"""An .npz with all of one set holds saved statistics, whatever else it holds."""


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
    images = Member.of(path, archive, members[key], f"{shown}[{key}]")
    points = are_points(images.header)
    if not points:
        channels_last(np.broadcast_to(np.uint8(0), images.header.shape), images.shown)
    headers = {
        label: Member.of(path, archive, members[label], f"{shown}[{label}]")
        for label in LABEL_KEYS
        if label in members
    }
    labels = labels_in(headers, key, images.header.shape[0])
    digest = fingerprint.of_whole(path)
    if points:
        array = images.load()
        return open_points(array, name, how, labels, digest=digest, stamped=stamped)
    if images.header.dtype.kind == "f" and "range" in members:
        own = Member.of(path, archive, members["range"], f"{shown}[range]").range()
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
    return indexed(array, name, how, labels, digest, stamped)


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


def holds_statistics(archive: zipfile.ZipFile) -> bool:
    """Whether an .npz holds saved statistics."""
    keys = {key_of(member) for member in archive.namelist()}
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
    member = Member.of(path, archive, members[key], f"{display(path)}[{key}]")
    readable = member.header.dtype == np.uint8 or (
        member.header.dtype.kind == "f" and "range" in members
    )
    return readable and member.header.nbytes > 0 and len(member.header.shape) == 4
