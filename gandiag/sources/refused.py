"""Files that are recognised and not read, each with the sentence that tells the way out."""

from pathlib import Path
from typing import NoReturn

from gandiag.errors import GandiagError
from gandiag.sources.archive import damaged
from gandiag.sources.decode import EXTENSIONS
from gandiag.sources.how import How
from gandiag.sources.naming import display, extension

PICKLES = frozenset({"pkl", "pickle", "pt", "pth", "ckpt"})
PROTOCOLS = (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")
"""First bytes of pickles that say which protocol they are of."""


def is_pickle(head: bytes, kind: str) -> bool:
    """Whether a file is a pickle, by its first bytes or its extension."""
    return kind in PICKLES or head.startswith(PROTOCOLS)


def refuse_pickle(path: Path, name: str, how: How) -> NoReturn:
    """No pickle is ever read."""
    raise GandiagError(
        f"{display(path)} is a pickle, which can run code when it is loaded, and is never read; "
        "save the images as a folder of PNG or a uint8 .npz"
    )


def is_called_otherwise(_: bytes, kind: str) -> bool:
    """Whether a file that does not begin as its extension says has one of these extensions."""
    return kind in ("zip", "npz", "npy")


def refuse_damaged(path: Path, name: str, how: How) -> NoReturn:
    """It does not begin as its extension says."""
    with path.open("rb") as file:
        head = file.read(8)
    raise damaged(path, extension(path.name), ValueError(f"it begins with {head!r}"))


def is_picture(_: bytes, kind: str) -> bool:
    """Whether a file is one image, by its extension."""
    return kind in EXTENSIONS


def refuse_picture(path: Path, name: str, how: How) -> NoReturn:
    """One image is no set of images."""
    raise GandiagError(f"{display(path)} is one image; give the folder that it lies in")
