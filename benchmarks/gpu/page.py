"""What the README says of a card: the parts that were measured, or that there is nothing to say."""

from collections.abc import Callable, Iterator, Mapping

from benchmarks.gpu import waits
from benchmarks.gpu.results import Kept
from benchmarks.gpu.rows import Row, failed

NOTHING = "Nothing is claimed: this code has run on no accelerator yet."


def table(kept: Kept) -> Iterator[str]:
    """What the README says, or that there is nothing to say."""
    if not kept:
        yield NOTHING
        return
    yield from devices(kept)
    for name, lines in LINES.items():
        if name in kept:
            yield ""
            yield from lines(kept[name]["rows"])


def devices(kept: Kept) -> Iterator[str]:
    """What was measured on what."""
    where: dict[str, list[str]] = {}
    for name, part in kept.items():
        where.setdefault(f"{part['device']}, torch {part['versions']['torch']}", []).append(name)
    for device, names in where.items():
        yield f"On {device}: {', '.join(names)}."


def _apart(rows: list[Row]) -> Iterator[str]:
    yield "| of | precision | largest difference | allowed | at |"
    yield "|---|---|---|---|---|"
    for row in rows:
        head = f"| {row['of']} | {row['precision']} |"
        if "error" in row:
            yield f"{head} failed: {row['error']} | | |"
            continue
        over = " (outside)" if failed(row) else ""
        yield f"{head} {row['difference']:.1e}{over} | {row['tolerance']:.0e} | {row['where']} |"


def _scores(rows: list[Row]) -> Iterator[str]:
    """The farthest and what failed: the others are within, and are counted."""
    shown = [row for row in rows if failed(row)]
    fine = [row for row in rows if not failed(row)]
    if fine:
        last = max(fine, key=lambda row: row["difference"] / row["tolerance"])
        yield f"{len(fine)} of {len(rows)} scores are within; the farthest of these:"
        yield ""
        shown = [last, *shown]
    yield from _apart(shown)


def _waits(rows: list[Row]) -> Iterator[str]:
    keys = [key for key in ("warned", *waits.CALLS, *waits.COPIES) if any(key in r for r in rows)]
    yield f"| while a scorer takes | {' | '.join(keys)} |"
    yield "|---" * (len(keys) + 1) + "|"
    for row in rows:
        found = [f"{row[key]:g}" if key in row else "" for key in keys]
        yield f"| {row['of']} | {' | '.join([row['error']] if 'error' in row else found)} |"


def _peaks(rows: list[Row]) -> Iterator[str]:
    yield "| | precision | teraflops |"
    yield "|---|---|---|"
    for row in rows:
        found = row["error"] if "error" in row else f"{row['teraflops']:.1f}"
        yield f"| {row['of']} | {row['precision']} | {found} |"


def _images(rows: list[Row]) -> Iterator[str]:
    yield "| network | precision | batch | images/s | of the peak | scorer | of the peak |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        head = f"| {row['of']} | {row['precision']} | {row['batch']} |"
        if "error" in row:
            yield f"{head} failed: {row['error']} | | | |"
            continue
        yield (
            f"{head} {row['network']:,.0f} | {row['share']:.0%} | {row['scorer']:,.0f} "
            f"| {row['scorer_share']:.0%} |"
        )


def _training(rows: list[Row]) -> Iterator[str]:
    yield "| recipe | steps/s | monitored | overhead | waits that the monitor adds, a step |"
    yield "|---|---|---|---|---|"
    for row in rows:
        if "error" in row:
            yield f"| {row['of']} | failed: {row['error']} | | | |"
            continue
        found = row["waits"]
        calls = f"{sum(found[name] for name in waits.CALLS):.2f}" if found else "not known"
        yield (
            f"| {row['of']} | {row['steps_per_second']:.0f} | {row['monitored']:.0f} "
            f"| {row['overhead']:+.1%} | {calls} |"
        )


LINES: Mapping[str, Callable[[list[Row]], Iterator[str]]] = {
    "features": _apart,
    "scores": _scores,
    "waits": _waits,
    "peaks": _peaks,
    "images": _images,
    "training": _training,
}
