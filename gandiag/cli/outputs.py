"""Where results go: looked at before the work, written before anything is printed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError
from gandiag.files import check_output, write_output

STANDARD = "-"
"""Names standard output in the place of a file."""

TABLE = "table"
"""What ``--output-format`` names unless it names another program's."""


def check_outputs(outputs: Mapping[str, str | None], *inputs: Any) -> None:
    """Refuse what could not be written, or would replace something that is read or written too.

    Args:
        outputs: option -> the file it names; None and ``-`` are passed over.
        inputs: what the verb reads, as it was typed; what names no file is passed over.

    Raises:
        GandiagError: with the option's file.
    """
    read = [path for each in inputs for path in _paths(each)]
    folders = [Path(each).expanduser() for each in inputs if _is_folder(each)]
    seen: dict[Path, str] = {}
    for option, name in outputs.items():
        if name is None or name == STANDARD:
            continue
        path = Path(name)
        check_output(path, inputs=read)
        for folder in folders:
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                raise GandiagError(
                    f"cannot write {name}: it is a file of {folder}, which is read; name another"
                )
        other = seen.setdefault(path.resolve(), option)
        if other != option and (not path.exists() or path.is_file()):
            raise GandiagError(f"{other} and {option} both name {name}; name two files")


def writing(name: str | None, text: Callable[[], str]) -> Iterator[Callable[[], None]]:
    """A step that writes `text` to the file, where one is named."""
    if name is not None and name != STANDARD:
        yield lambda: write_output(Path(name), text().encode())


def failures(steps: Iterable[Callable[[], None]]) -> list[str]:
    """Do all of them, and say what went wrong: one that fails takes no other along."""
    failed = []
    for step in steps:
        try:
            step()
        except GandiagError as error:
            failed.append(str(error))
    return failed


def _paths(given: Any) -> Iterator[Path]:
    """The file that ``NAME`` or ``features:NAME`` may mean."""
    if not isinstance(given, str):
        return
    for name in (given, given.partition(":")[2]):
        path = Path(name)
        if name and _is_file(path):
            yield path.expanduser()


def _is_folder(given: Any) -> bool:
    try:
        return isinstance(given, str) and Path(given).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        return False
