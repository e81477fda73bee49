"""Runs as `gandiag watch` shows them: all of it, or what fits a screen."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from gandiag.cli.alerts import STYLES, advice, ended, line
from gandiag.cli.terminal import duration
from gandiag.live import Run
from gandiag.monitors import SIGNALS, Alert, pathologies
from gandiag.reporting.plots import sparkline
from gandiag.reporting.tables import Sheet, table

WIDTH = 48
"""Checks in a sparkline, where there is room; of a longer run each bar is the mean of several."""

COLUMN = 60
"""Columns that a run needs to stand beside another."""

LEAST = 3
"""Lines that a run has at least on a screen: what it is, its worst alert, a signal."""

COURSE = 8
"""Bars that a course on a screen has at least; without room for them there is none."""

ADVISED = 12
"""Lines that are left for signals where the worst alert has its advice below it."""

NAMED = 16
"""Signs of a long name that are always shown."""

HINT = "what signals mean: gandiag watch --legend    all of it: --once    stop: Ctrl-C"


# --- all of it ---


def view(run: Run, names: Sequence[str]) -> RenderableType:
    """A run so far: each signal with its course, then the alerts, then what cannot be seen."""
    found = run.found
    parts: list[RenderableType] = [Text(headline(run), style="bold"), *_told(run), Text()]
    parts += [_signals(run, names), Text()]
    told = [(alert.step, line(alert)) for alert in found.alerts]
    told += [(over.step, ended(over)) for over in found.overs]
    parts += [text for _, text in sorted(told, key=lambda each: each[0])]
    parts += [] if told else [Text("no alerts", style="green")]
    parts += [Text(f"note: {note.message}", style="yellow") for note in found.notes]
    inactive = pathologies.inactive(found.context) if found.context else {}
    if inactive:
        parts.append(Text())
    parts += [Text(f"inactive: {name}, {why}", style="dim") for name, why in inactive.items()]
    return Group(*parts)


def views(runs: Sequence[Run], names: Sequence[str]) -> RenderableType:
    """Several, one below the other."""
    parts: list[RenderableType] = []
    for run in runs:
        parts += [*[Text()] * bool(parts), view(run, names)]
    return Group(*parts)


def legend(names: Sequence[str]) -> Sheet:
    """What signals mean, and in which unit."""
    known = (SIGNALS[name] for name in names)
    return table("signal", "~meaning", "unit", rows=((e.name, e.meaning, e.unit) for e in known))


def headline(run: Run) -> str:
    """Its name, how far it is, what was told of it."""
    return f"{run.name}: {', '.join(_facts(run))}"


def _facts(run: Run) -> Iterator[str]:
    of = f" of {run.budget:,}" if run.budget else ""
    yield f"generator step {run.step:,}{of}"
    count, standing = len(run.found.alerts), len(run.standing)
    alerts = f"{count} alert{'' if count == 1 else 's'}"
    yield alerts if standing == count else f"{alerts} ({standing} not over)"
    if run.over:
        yield "ended"
    elif run.silence >= 1:
        yield f"last line {duration(run.silence)} ago"


def _told(run: Run) -> Iterator[Text]:
    """What is wrong with the record itself."""
    if run.trouble and not run.awaited:
        yield Text(run.trouble, style="red")
    elif run.changed is None:
        yield Text("nothing recorded yet", style="yellow")
    elif run.silent:
        since = f"nothing has come for {duration(run.silence)}: the run may have been killed"
        yield Text(since, style="yellow")
    if run.restarts:
        yield Text(f"began anew {run.restarts} times while it was watched", style="dim")


def thinned(values: Sequence[float], width: int) -> list[float]:
    """At most `width` values, each the mean of equally many neighbours (the last of fewer)."""
    size = -(-len(values) // width)
    parts = (values[i : i + size] for i in range(0, len(values), size))
    return [sum(part) / len(part) for part in parts]


def _signals(run: Run, names: Sequence[str]) -> Sheet:
    shown = [name for name in names if name in run.extremes]
    rows = (_cells(run, name, WIDTH) for name in shown)
    return table("signal", ">now", ">lowest", ">highest", "course", rows=rows)


def _cells(run: Run, name: str, width: int) -> tuple[Text, ...]:
    values = [value for _, value in run.course(name)]
    low, high = run.extremes[name]
    return (
        Text(name),
        Text(f"{values[-1]:.4g}" if values else "-"),
        Text(f"{low:.4g}", style="dim"),
        Text(f"{high:.4g}", style="dim"),
        Text(sparkline(thinned(values, width)), style="cyan"),
    )


# --- what fits a screen ---


def screen(runs: Sequence[Run], names: Sequence[str], width: int, height: int) -> Group:
    """Runs beside or below one another, in at most `height` lines of `width` columns.

    What is lasting of the alerts comes before the signals, and lines break between words alone.
    """
    hint = Text(HINT, style="dim")
    if height < LEAST + 1 or hint.cell_len > width:
        hint = Text()
    height -= bool(hint)
    beside = width // COLUMN if len(runs) > 1 else 1
    columns = max(1, min(beside, len(runs)))
    shown = runs[: columns * max(1, height // LEAST)]
    if len(shown) < len(runs):
        shown = runs[: columns * max(1, (height - 1) // LEAST)]
        more = Text(f"and {len(runs) - len(shown)} more runs, for which there is no room here")
        return Group(*_grid(shown, names, width, height - 1, columns), more, hint)
    return Group(*_grid(shown, names, width, height, columns), *[hint] * bool(hint))


def _grid(
    runs: Sequence[Run], names: Sequence[str], width: int, height: int, columns: int
) -> list[Text]:
    rows = [runs[i : i + columns] for i in range(0, len(runs), columns)]
    room = (width - 2 * (columns - 1)) // columns
    lines: list[Text] = []
    for index, row in enumerate(rows):
        # What one leaves of its share goes to those below it.
        share = (height - len(lines)) // (len(rows) - index)
        blocks = [block(run, names, room, share) for run in row]
        for place in range(max(map(len, blocks))):
            joined = Text()
            for number, each in enumerate(blocks):
                part = each[place].copy() if place < len(each) else Text()
                if number < len(blocks) - 1:
                    part.pad_right(room + 2 - part.cell_len)
                joined.append_text(part)
            lines.append(joined)
    return lines


def block(run: Run, names: Sequence[str], width: int, height: int) -> list[Text]:
    """A run in at most `height` lines of `width` columns: its alerts, then signals, then advice."""
    facts = f": {', '.join(_facts(run))}"
    name = _short(run.name, max(NAMED, width - len(facts)))
    lines = _folded(Text(name + facts, style="bold"), width)
    for each in _told(run):
        lines += _folded(each, width)
    standing = run.standing
    alerts = [_folded(_brief(alert), width) for alert in standing]
    told = [[each for text in advice(a, 1) for each in _folded(text, width)] for a in standing]
    room = max(1, height - len(lines) - 1)
    if alerts and sum(map(len, (*alerts, told[0]))) + ADVISED <= room:
        alerts[0] += told.pop(0)
    kept, count = _fitting(alerts, room)
    if count < len(alerts):
        kept, count = _fitting(alerts, room - 1)
        kept.append(Text(f"and {len(alerts) - count} more alerts", style="bold red"))
    lines = [*lines, *kept][:height]
    lines += _rows(run, _first(names, standing), width, height - len(lines))
    told += [_folded(ended(over), width) for over in reversed(run.found.overs)]
    notes = (Text(f"note: {each.message}", "yellow") for each in reversed(run.found.notes))
    told += [_folded(note, width) for note in notes]
    return lines + _fitting(told, height - len(lines))[0]


def _fitting(parts: Sequence[list[Text]], height: int) -> tuple[list[Text], int]:
    """The lines of the first that fit, and how many these are."""
    lines: list[Text] = []
    for count, part in enumerate(parts):
        if len(lines) + len(part) > height:
            return lines, count
        lines += part
    return lines, len(parts)


def _brief(alert: Alert) -> Text:
    text = Text(f"{alert.level} ", style=STYLES.get(alert.level, ""))
    text.append(f"{alert.of}: {alert.pathology}" if alert.of else alert.pathology, style="bold")
    return text.append(
        f" at step {alert.step:,}: {alert.signal} {alert.value:.3g}, "
        f"threshold {alert.threshold:.3g}"
    )


def _first(names: Sequence[str], standing: Sequence[Alert]) -> list[str]:
    """Signals with those that alerts are of before the others."""
    of_alerts = {name for alert in standing for name in (alert.signal, *alert.evidence)}
    return sorted(names, key=lambda name: name not in of_alerts)


def _rows(run: Run, names: Sequence[str], width: int, height: int) -> list[Text]:
    """Signals in lines: name, value, lowest, highest, and its course in what is left."""
    shown = [name for name in names if name in run.extremes]
    if not shown or height < 1:
        return []
    kept = shown[: max(1, height - 1)]
    first = "signal" if len(kept) == len(shown) else f"{len(kept)} of {len(shown)}"
    titles = [Text(each) for each in (first, "now", "lowest", "highest", "course")]
    rows = [titles] if height > 1 else []
    rows += [list(_cells(run, name, 1)) for name in kept]
    widths = [max(row[at].cell_len for row in rows) for at in range(4)]
    columns = 4 if sum(widths) + 8 + COURSE <= width else 2
    room = width - sum(widths[:columns]) - 2 * columns
    if room >= COURSE:
        for name, row in zip(kept, rows[-len(kept) :], strict=True):
            row[4] = _cells(run, name, room)[4]
    lines: list[Text] = []
    for row in rows:
        made = Text(style="dim" if row is titles else "")
        for at in range(columns):
            cell = row[at]
            (cell.pad_left if at else cell.pad_right)(widths[at] - cell.cell_len)
            made.append_text(cell).append("  ")
        if room >= COURSE:
            made.append_text(row[4])
        made.rstrip()
        lines += _folded(made, width)
    return lines[:height]


def _folded(text: Text, width: int) -> list[Text]:
    lines = list(text.wrap(Console(width=width), width, overflow="fold"))
    for each in lines:
        each.rstrip()
    return lines


def _short(name: str, room: int) -> str:
    """The end of a long path."""
    return name if len(name) <= room else "…" + name[1 - room :]
