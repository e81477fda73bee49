"""``gandiag explain``."""

from collections.abc import Iterator

import click
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.padding import Padding
from rich.text import Text

from gandiag.cards import METRIC_NOTES, names
from gandiag.cards import explain as card_of
from gandiag.cards.card import PLAIN, WIDEST
from gandiag.cli.helpful import Helpful
from gandiag.cli.terminal import printer, say
from gandiag.reporting.tables import as_text


@click.command(
    cls=Helpful,
    epilog="""\b
Examples:
  gandiag explain                   all names
  gandiag explain fid               what it is, its bias, what its interval covers
  gandiag explain recall            a number of prdc: the card of prdc
  gandiag explain small-sample      a warning: why it misleads, what to do
  gandiag explain mode-collapse     an alert: its signals, causes and remedies
""",
)
@click.argument("name", required=False)
def explain(name: str | None) -> None:
    """Say what a metric, a warning or an alert means, and what to do about it.

    NAME is as reports print it: a metric or one of its numbers, the code in brackets after a
    warning, or the pathology of an alert. Without it, all names are listed.
    """
    shown: RenderableType = listing() if name is None else card_of(name)
    say(shown if printer().is_terminal else as_text(shown, PLAIN))


def listing() -> RenderableType:
    """All names by kind, in columns."""
    return Constrain(Group(*_listed()), WIDEST)


def _listed() -> Iterator[RenderableType]:
    known = names()
    groups = {
        "Metrics": known["metric"][: len(METRIC_NOTES)],
        "Their numbers, and other names of them": known["metric"][len(METRIC_NOTES) :],
        "Warnings": known["warning"],
        "Pathologies of training": known["pathology"],
    }
    for heading, group in groups.items():
        yield Text(heading, style="bold")
        columns = Columns(map(Text, sorted(group)), padding=(0, 2), equal=True, column_first=True)
        yield Padding(columns, (0, 0, 1, 2))
    yield Text("gandiag explain NAME says what it means.", style="dim")
