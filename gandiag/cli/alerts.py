"""Alerts as a person reads them in a terminal."""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from gandiag.monitors import Alert, Over

STYLES = {"INFO": "cyan", "WARN": "yellow", "ERROR": "bold red"}


def line(alert: Alert) -> Text:
    """What was seen, and below it what usually brings it about, and what to try."""
    text = Text(f"{alert.level:<5} ", style=STYLES[alert.level])
    text.append(f"{alert.pathology}", style="bold")
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in alert.evidence.items())
    text.append(
        f" at step {alert.step:,} (since {alert.since:,}): {alert.signal} {alert.value:.3g}, "
        f"threshold {alert.threshold:.3g}"
    )
    if numbers:
        text.append(f" ({numbers})", style="dim")
    for each in advice(alert, 3):
        text.append("\n").append_text(each)
    return text


def advice(alert: Alert, most: int) -> Iterator[Text]:
    """A line for each cause and each remedy, `most` of either."""
    for cause in alert.causes[:most]:
        yield Text(f"      often: {cause}", style="dim")
    for remedy in alert.remedies[:most]:
        yield Text(f"      try: {remedy}", style="dim")


def ended(over: Over) -> Text:
    """That it is over, since when, and which alert it was."""
    text = Text("over  ", style="green")
    text.append(over.pathology, style="bold")
    text.append(f" since step {over.since:,}: told at step {over.alerted:,}")
    return text


class Tell:
    """A sink that prints alerts, and their ends, on standard error as they come."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Nothing: `gandiag watch` shows them."""

    def alert(self, alert: Alert) -> None:
        """One line, and what to try."""
        self.console.print(line(alert))

    def over(self, over: Over) -> None:
        """One line."""
        self.console.print(ended(over))

    def close(self) -> None:
        """Nothing."""
