"""``gandiag report``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gandiag.cli.helpful import Helpful
from gandiag.cli.outputs import check_outputs
from gandiag.cli.terminal import say
from gandiag.errors import GandiagError
from gandiag.files import write_output

if TYPE_CHECKING:
    from gandiag.monitors import Alert

EPILOG = """\b
Examples:
  gandiag report runs/a -o run.html               a training: signals, alerts, samples over time
  gandiag report runs/a runs/b -o both.html       two beside each other
  gandiag score samples/ --real data/ --json scores.json
  gandiag report scores.json -o scores.html       scores, a curve or a comparison that was kept
"""


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("things", metavar="RUN|JSON [RUN ...]", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE.html", required=True, help="The page.")
def report(things: tuple[str, ...], output: str) -> None:
    """Write a page of trainings, or of scores that were kept as JSON: one file, to look at.

    It needs nothing from elsewhere, and sends nothing anywhere.
    """
    check_outputs({"-o": output})
    files = [each for each in things if each.endswith(".json")]
    if files and len(things) > 1:
        raise GandiagError(
            f"{files[0]} is a report of scores, which has a page of its own; name it alone, or runs"
        )
    text = _scores(files[0]) if files else _runs(things)
    write_output(Path(output), text.encode())
    say(f"{output}: {len(text.encode()) / 1e6:.1f} MB; open it in a browser")


def _runs(runs: tuple[str, ...]) -> str:
    from gandiag.cli.run_frames import made
    from gandiag.live import Run
    from gandiag.live.follow import look_at
    from gandiag.live.still import page

    followed = [Run(each) for each in dict.fromkeys(runs)]
    look_at(followed)
    for run in followed:
        if run.trouble:
            raise GandiagError(run.trouble)
    frames = {run.name: made(Path(run.name).expanduser()) for run in followed}
    shown = {name: each for name, each in frames.items() if each is not None}
    return page(followed, relevant([each for run in followed for each in run.found.alerts]), shown)


def relevant(alerts: "Sequence[Alert]") -> tuple[str, ...]:
    """All signals: those that alerts rest on first, then what `gandiag watch` shows."""
    from gandiag.live.shown import SHOWN
    from gandiag.monitors import SIGNALS

    evidence = [name for each in alerts for name in (each.signal, *each.evidence)]
    return tuple(name for name in dict.fromkeys((*evidence, *SHOWN, *SIGNALS)) if name in SIGNALS)


def _scores(name: str) -> str:
    """By what the JSON holds; the pictures were not kept with it."""
    from gandiag.cards import meanings
    from gandiag.reporting.comparison import Comparison
    from gandiag.reporting.curve import Curve
    from gandiag.reporting.html import comparison_page, curve_page, page
    from gandiag.reporting.report import Report
    from gandiag.reporting.saved import parsed

    _, whole = parsed(name, "gandiag score --json")
    if "checkpoints" in whole:
        return curve_page(Curve.from_json(name), {}, meanings())
    if "differences" in whole:
        return comparison_page(Comparison.from_json(name), {}, meanings())
    return page(Report.from_json(name), {}, meanings=meanings())
