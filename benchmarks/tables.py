"""The tables of benchmarks/README.md and of README.md, from the committed results.

    python -m benchmarks.tables           # write them anew
    python -m benchmarks.tables --check   # exit code 1 where one is not what its results say

A table stands between two lines ``<!-- NAME -->`` and ``<!-- end -->``.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from benchmarks import agreement, comparing, coverage, killing, memory
from benchmarks.detection import score
from benchmarks.detection import tables as detection
from benchmarks.digest import ROOT
from benchmarks.gpu import page as card_page
from benchmarks.gpu import results as card
from benchmarks.loops import figures, record
from benchmarks.scaling import paper
from benchmarks.scaling import results as scaling
from benchmarks.speed import record as speed
from benchmarks.tricks import tables as tricks
from gandiag.files import atomic_write
from reference_models.papers import EXPERIMENTS
from reference_models.papers.page import summary
from reference_models.papers.records import Record

PAGES = ROOT / "benchmarks/README.md", ROOT / "README.md"
REPRODUCED = ROOT / "benchmarks/results/reproduced"


def reproduced() -> Iterator[str]:
    """What `gandiag reproduce --all` found, an experiment a row; those of other code have none."""
    kept = (
        Record.kept(REPRODUCED / f"{each.name}.json", each, "default", 0) for each in EXPERIMENTS
    )
    yield from summary([record for record in kept if record is not None], "results/reproduced/")


def looped() -> Iterator[str]:
    """What the monitor said of the loops that are recorded so far."""
    order = sorted(record.runs())
    rows = sorted(
        filter(record.current, record.read()), key=lambda row: order.index(record.of_row(row))
    )
    verdicts = [figures.verdict(row) for row in rows]
    yield from (*figures.headline(verdicts), "", *figures.table(verdicts))


def detected(part: Callable[[Mapping[str, Any]], Iterable[str]]) -> Iterable[str]:
    """One of the tables of `benchmarks.detection.score`."""
    return part(json.loads(score.RESULTS.read_text()))


TABLES: Mapping[str, Callable[[], Iterable[str]]] = {
    "coverage": lambda: coverage.table(coverage.read(coverage.OUT)),
    "comparing": lambda: comparing.table(comparing.read(comparing.RESULTS)),
    "memory": lambda: memory.table(memory.read()),
    "speed": lambda: speed.table(speed.read()),
    "scaling": lambda: scaling.table(scaling.read()),
    "paper": paper.table,
    "lists": lambda: paper.errors([row for row in scaling.read() if row["work"] == "lists"]),
    "gpu": lambda: card_page.table(card.read()),
    "reproduced": reproduced,
    "tricks": tricks.table,
    "agreement": lambda: agreement.table(json.loads((ROOT / agreement.OUT).read_text())["rows"]),
    "detection": lambda: detected(detection.headline),
    "pathologies": lambda: detected(detection.details),
    "others": lambda: detected(detection.others),
    "misses": lambda: detected(detection.missed),
    "loops": looped,
    "killing": lambda: killing.table(killing.read()),
}
PLACE = re.compile(r"<!-- ([a-z]+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str) -> str:
    """The page with every table made anew.

    Raises:
        KeyError: a place has a name that is no table's.
    """

    def made(found: re.Match[str]) -> str:
        lines = "".join(f"{line}\n" for line in TABLES[found[1]]())
        return f"<!-- {found[1]} -->\n\n{lines}\n<!-- end -->"

    return PLACE.sub(made, text)


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    for page in PAGES:
        text = page.read_text()
        made = filled(text)
        if made == text:
            continue
        if check:
            sys.exit(f"{page} is not up to date: python -m benchmarks.tables")
        with atomic_write(page) as file:
            file.write(made.encode())


if __name__ == "__main__":
    main()
