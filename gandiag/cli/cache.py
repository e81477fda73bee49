"""``gandiag cache``."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gandiag.cli.helpful import HelpfulGroup
from gandiag.cli.outputs import STANDARD, check_outputs
from gandiag.cli.terminal import say
from gandiag.errors import GandiagError
from gandiag.files import write_output
from gandiag.reporting.tables import table
from gandiag.scoring.cache import Entry, StatisticsCache, limit
from gandiag.statistics import describe_statistics

DAY = 86_400
"""Seconds."""


@click.group(
    cls=HelpfulGroup,
    epilog="""\b
Examples:
  gandiag cache list
  gandiag cache clear
  gandiag cache clear --older-than 30
  GANDIAG_CACHE_GIB=5 gandiag score samples/ --real data/

\b
GANDIAG_CACHE names the folder, and GANDIAG_CACHE_GIB how much it may hold (20):
beyond it, what was not used for longest goes first.
""",
)
def cache() -> None:
    """List and clear the statistics of real images, which can be computed again.

    Weights and datasets lie elsewhere and stay.
    """


@cache.command(
    "list",
    epilog="""\b
Examples:
  gandiag cache list
  gandiag cache list --json
""",
)
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    is_flag=False,
    flag_value=STANDARD,
    help="Write it as JSON; - prints it, and so does --json alone.",
)
def list_(json_file: str | None) -> None:
    """Show what is kept: of which images, which features, how large, when it was last used."""
    check_outputs({"--json": json_file})
    kept = StatisticsCache.default()
    entries = kept.entries()
    told = [*map(_told, entries)]
    if json_file is not None:
        text = json.dumps({"folder": str(kept.folder), "entries": told}, indent=2)
        if json_file == STANDARD:
            say(text)
        else:
            write_output(Path(json_file), text.encode())
        return
    rows = (
        (str(each["images"]), str(each["n"]), str(each["what"]), f"{each['bytes'] / 1e6:.1f}",
         str(each["used"]).replace("T", " "))
        for each in told
    )  # fmt: skip
    if entries:
        say(table("~images", ">n", "what", ">MB", "last used", rows=rows))
    total = sum(entry.size for entry in entries)
    say(f"{_size(total)} of {_size(limit())} in {kept.folder}")


@cache.command(
    epilog="""\b
Examples:
  gandiag cache clear
  gandiag cache clear --older-than 30
"""
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=0,
    metavar="DAYS",
    help="Only what was not used for so many days.",
)
def clear(older_than: float) -> None:
    """Remove what is kept of real images; the next scoring reads them again."""
    kept = StatisticsCache.default()
    before = time.time() - older_than * DAY
    staying = sum(entry.size for entry in kept.entries() if older_than and entry.used >= before)
    gone = kept.shrink(staying)
    say(f"removed {len(gone)} of {kept.folder}: {_size(sum(entry.size for entry in gone))}")


def _told(entry: Entry) -> dict[str, Any]:
    try:
        keys, meta = describe_statistics(entry.path)
    except GandiagError:
        keys, meta = (), {"name": "damaged"}
    return {
        "images": meta.get("name", ""),
        "n": meta.get("n") or 0,
        "what": ", ".join(keys),
        "bytes": entry.size,
        "used": datetime.fromtimestamp(entry.used).isoformat(timespec="minutes"),
        "file": str(entry.path),
    }


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
