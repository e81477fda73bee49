"""What a file with the signature of zip is: images, numpy arrays, saved statistics, or a pickle."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.archive import damaged, open_zip
from gandiag.sources.how import How, checked_range
from gandiag.sources.images import IndexedImages, OnBadImage
from gandiag.sources.naming import display, extension
from gandiag.sources.notes import ValueRange
from gandiag.sources.npz import holds_images, holds_statistics, open_npz


@dataclass(frozen=True)
class StatisticsFile:
    """An .npz of saved statistics, in place of the images they were taken of."""

    path: Path
    name: str
    images: bool = False
    """Whether it also holds images, which `images_of` opens."""


def is_zip(head: bytes, _: str) -> bool:
    """Whether a file is a .zip or an .npz, by its first bytes."""
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def open_zipped(path: Path, name: str, how: How) -> IndexedImages | StatisticsFile:
    """A .zip of images, or an .npz of images, points or statistics, by what is in it.

    Raises:
        GandiagError: see `open_zip` and `open_npz`; or it is damaged, or a pickle of torch's.
    """
    stamped = fingerprint.steady(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(path, "npz" if extension(path.name) == "npz" else "zip", error) from error
    members = [member for member in archive.namelist() if not member.endswith("/")]
    if any(member.endswith("data.pkl") for member in members):
        raise GandiagError(
            f"{display(path)} is a pickle of torch's, which can run code when it is loaded, and is "
            "never read; save the images as a folder of PNG or a uint8 .npz"
        )
    if not members or not all(member.endswith(".npy") for member in members):
        return open_zip(path, archive, name, how, stamped)
    if holds_statistics(archive):
        return StatisticsFile(path, name, holds_images(path, archive))
    return open_npz(path, archive, name, how, stamped)


def images_of(
    file: StatisticsFile, *, on_bad_image: OnBadImage, value_range: ValueRange | None = None
) -> IndexedImages:
    """The images that lie in an .npz beside statistics.

    Raises:
        GandiagError: there are none, see `StatisticsFile.images`, or the file cannot be read.
    """
    shown = display(file.path)
    if not file.images:
        raise GandiagError(f"{shown} holds statistics and no images; give the images themselves")
    stamped = fingerprint.steady(file.path)
    try:
        archive = zipfile.ZipFile(file.path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(file.path, "npz", error) from error
    how = How(on_bad_image, checked_range(value_range))
    return open_npz(file.path, archive, file.name, how, stamped)
