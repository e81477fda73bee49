"""What files are called: which are images, which class they are of, how to show their names."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from gandiag.errors import closest
from gandiag.sources.base import Note
from gandiag.sources.decode import EXTENSIONS

UNREAD = frozenset("apng avif cls cr2 dng exr heic heif ico jfif jpe jxl nef psd svg tga".split())
"""Extensions of pictures, and of labels, that are not read."""

SHOWN_EXTENSIONS = " ".join(sorted(EXTENSIONS))


def display(name: str | os.PathLike[str]) -> str:
    r"""A file name as text that any terminal and any JSON file can hold.

    Bytes that are not UTF-8 and characters that do not print appear as ``\x..`` escapes.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def extension(name: str) -> str:
    """``a/B.PNG`` => ``png``; empty if there is none."""
    return os.path.splitext(name)[1][1:].lower()


def numbered(name: str, count: int) -> list[str]:
    """``name[0]``, ``name[1]`` ...: what images without names of their own are called."""
    return [f"{name}[{index}]" for index in range(count)]


def is_hidden(name: str) -> bool:
    """Whether one part of a path is housekeeping: a dot file, or what macOS adds to an archive."""
    return name.startswith(".") or name == "__MACOSX"


def class_labels(paths: Sequence[str]) -> list[str] | None:
    """The first-level folder of each path, if no image lies above those folders; else None."""
    if not all("/" in path for path in paths):
        return None
    return [display(path.split("/", 1)[0]) for path in paths]


def below_common_top(paths: Sequence[str]) -> Sequence[str]:
    """`paths` without their first folder, if it is the same for all."""
    tops = {path.split("/", 1)[0] if "/" in path else None for path in paths}
    if len(tops) == 1 and None not in tops:
        return [path.split("/", 1)[1] for path in paths]
    return paths


def passed_over(images: Iterable[str], others: Iterable[str], shown: str) -> Note | None:
    """A note of the files in a folder or an archive that are not read; None if there are none.

    What lies beside an image with its name, as captions do, goes with the image; but not another
    picture, nor a label.
    """
    stems = {stem(path) for path in images}
    left = [
        path
        for path in sorted(others, key=os.fsencode)
        if stem(path) not in stems or extension(path) in UNREAD
    ]
    return Note(len(left), os.path.join(shown, display(left[0]))) if left else None


def stem(path: str) -> str:
    """``a/7.seg.png`` => ``a/7``: a sample's name in WebDataset."""
    folder, name = os.path.split(path)
    return os.path.join(folder, name.split(".", 1)[0])


def no_image_in(shown: str, kind: str, paths: Iterable[str]) -> str:
    """One sentence about a folder or an archive that holds none but the files `paths`."""
    others = Counter(map(extension, paths))
    if not others:
        return f"{shown} is an empty {kind}; give one that holds images ({SHOWN_EXTENSIONS})"
    counts = ", ".join(
        f"{count} {'.' + display(extension) if extension else 'without extension'}"
        for extension, count in others.most_common(5)
    )
    return f"{shown} holds no image, only {counts}; give one of images ({SHOWN_EXTENSIONS})"


def did_you_mean(path: Path) -> str:
    """The end of a sentence about a missing path: the sibling most like it, or the parent too."""
    if not path.parent.is_dir():
        return f"there is no folder {display(path.parent)} either, check the path"
    try:
        sibling = closest(path.name, os.listdir(path.parent))
    except OSError:
        sibling = None
    return f"did you mean {display(path.parent / sibling)}?" if sibling else "check the path"
