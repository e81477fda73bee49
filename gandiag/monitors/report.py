"""What a monitor watches, in a table."""

from typing import NamedTuple

from gandiag.monitors import notebook


class Line(NamedTuple):
    """A pathology: ``ok``, ``alerting`` or ``inactive``, with the alert or the reason.

    One that was alerted and has ended is ``ok``, with ``over since step N``.
    """

    pathology: str
    status: str
    detail: str


class Report(NamedTuple):
    """All pathologies, and what else a reader should know."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [
            f"{line.pathology:27} {line.status:9} {line.detail}".rstrip() for line in self.lines
        ]
        return "\n".join([*rows, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """A table, in a notebook."""
        return notebook.of_report(self.lines, self.notes)
