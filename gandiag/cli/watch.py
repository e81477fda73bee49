"""``gandiag watch``."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from gandiag.cli.alerts import ended, line
from gandiag.cli.params import Names
from gandiag.cli.terminal import printer, say
from gandiag.errors import unknown
from gandiag.monitors import SIGNALS, Recording, pathologies, read
from gandiag.reporting.plots import sparkline
from gandiag.reporting.tables import Sheet, table

EPILOG = """\b
Examples:
  gandiag watch runs/digits                     live, until the run ends or Ctrl-C
  gandiag watch runs/digits --once
  gandiag watch runs/digits --signals energy,churn,auc_real_fake
  gandiag watch runs/digits --signals all --once
"""

SHOWN = (
    *("energy", "tv_to_real", "missing_mass", "diversity", "spread", "churn", "forgetting"),
    *("auc_real_fake", "auc_train_heldout", "loss_slope", "reach", "lipschitz_median"),
    *("dead_units", "d_loss", "g_loss", "d_grad_norm", "g_grad_norm"),
)
"""Without --signals: samples first, then the discriminator, then the usual curves."""

WIDTH = 48
"""Checks in a sparkline; of a longer run each bar is the mean of several."""


@click.command(epilog=EPILOG)
@click.argument("run", metavar="RUN")
@click.option("--signals", type=Names(), help="Which to show, or all.")
@click.option("--once", is_flag=True, help="Show what there is and stop.")
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0.05),
    help="How often to look.",
)
def watch(run: str, signals: tuple[str, ...] | None, once: bool, every: float) -> None:
    """Show the signals and alerts of a running or finished RUN, a folder with a monitor.jsonl."""
    path = Path(run)
    path = path / "monitor.jsonl" if path.is_dir() else path
    names = _chosen(signals)
    console = printer()
    found = read(path)
    if once or not console.is_terminal:
        say(view(run, found, names))
        return
    with Live(view(run, found, names), console=console, auto_refresh=False) as live:
        while not _ended(found):
            time.sleep(every)
            found = read(path)
            live.update(view(run, found, names), refresh=True)


def view(run: str, found: Recording, names: Sequence[str]) -> RenderableType:
    """A run so far: each signal with its course, then the alerts, then what cannot be seen."""
    parts: list[RenderableType] = [_headline(run, found), Text(), _signals(found, names), Text()]
    parts += _alerts(found) or [Text("no alerts", style="green")]
    parts += [Text(f"note: {note.message}", style="yellow") for note in found.notes]
    inactive = pathologies.inactive(found.context) if found.context else {}
    if inactive:
        parts.append(Text())
    parts += [Text(f"inactive: {name}, {why}", style="dim") for name, why in inactive.items()]
    return Group(*parts)


def _alerts(found: Recording) -> list[Text]:
    """Each alert and each end, in the order they came."""
    told = [(alert.step, line(alert)) for alert in found.alerts]
    told += [(over.step, ended(over)) for over in found.overs]
    return [text for _, text in sorted(told, key=lambda each: each[0])]


def thinned(values: Sequence[float], width: int) -> list[float]:
    """At most `width` values, each the mean of equally many neighbours (the last of fewer)."""
    size = -(-len(values) // width)
    parts = (values[i : i + size] for i in range(0, len(values), size))
    return [sum(part) / len(part) for part in parts]


def _headline(run: str, found: Recording) -> Text:
    step = found.rows[-1][0] if found.rows else 0
    budget = found.context.budget if found.context else None
    of = f" of {budget:,}" if budget else ""
    count = len(found.alerts)
    alerts = f"{count} alert{'' if count == 1 else 's'}"
    return Text(f"{run}: generator step {step:,}{of}, {alerts}", style="bold")


def _signals(found: Recording, names: Sequence[str]) -> Sheet:
    courses = {name: [row[name] for _, row in found.rows if name in row] for name in names}
    return table(
        "signal",
        *(">now", ">lowest", ">highest", "course"),
        rows=(_cells(name, values) for name, values in courses.items() if values),
    )


def _cells(name: str, values: Sequence[float]) -> Iterator[str | Text]:
    yield name
    yield f"{values[-1]:.4g}"
    yield Text(f"{min(values):.4g}", style="dim")
    yield Text(f"{max(values):.4g}", style="dim")
    yield Text(sparkline(thinned(values, WIDTH)), style="cyan")


def _chosen(signals: tuple[str, ...] | None) -> Sequence[str]:
    if signals is None:
        return SHOWN
    if "all" in signals:
        return tuple(SIGNALS)
    for name in signals:
        if name not in SIGNALS:
            raise unknown("signal", name, SIGNALS)
    return signals


def _ended(found: Recording) -> bool:
    if found.ended:
        return True
    budget = found.context.budget if found.context else None
    return budget is not None and bool(found.rows) and found.rows[-1][0] >= budget
