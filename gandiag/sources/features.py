"""Features that an extractor gave elsewhere, in a .npy or an .npz."""

import zipfile
from pathlib import Path

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Array
from gandiag.sources.how import How
from gandiag.sources.images import IndexedImages
from gandiag.sources.members import Member, labels_in, members_of
from gandiag.sources.naming import display
from gandiag.sources.npy import are_points, mapped, read_header, unreadable
from gandiag.sources.points import open_points


def open_features(path: Path, name: str, how: How) -> IndexedImages:
    """A .npy or .npz of features that some extractor gave, floats (N, width), read as float32.

    In an .npz they are `features` or the only array of that kind; the labels are `labels`, `y` or
    `arr_1`.

    Raises:
        GandiagError: there is no such file or array, there are several, or labels do not fit.
    """
    shown = display(path)
    stamped = fingerprint.steady(path)
    with path.open("rb") as file:
        begin = file.read(4)
        file.seek(0)
        header = None if begin.startswith(b"PK") else read_header(file, shown)
    labels = None
    if header is None:
        array, labels = _features_in(path, shown)
    elif are_points(header):
        array = mapped(path, 0, header, shown)
    else:
        raise GandiagError(
            f"{shown} is {header.dtype} of shape {header.shape}, which is not features; "
            "give floats (N, width)"
        )
    return open_points(
        array,
        name,
        how,
        labels,
        digest=fingerprint.of_whole(path),
        stamped=stamped,
        kind="features",
    )


def _features_in(path: Path, shown: str) -> tuple[Array, list[str] | None]:
    """The features of an .npz, and their labels where there are any."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise unreadable(shown, error) from error
    members = members_of(archive, shown)
    headers = {
        key: Member.of(path, archive, info, f"{shown}[{key}]") for key, info in members.items()
    }
    found = [key for key, member in headers.items() if are_points(member.header)]
    if "features" in found:
        found = ["features"]
    if len(found) != 1:
        listed = ", ".join(display(key) for key in found) or "none"
        raise GandiagError(
            f"{shown} has {len(found)} arrays of floats (N, width) that could be the features "
            f"({listed}); save the one you mean as features"
        )
    member = headers[found[0]]
    return member.load(), labels_in(headers, found[0], member.header.shape[0])
