"""What intervals would hold without the rules that leave some of them out.

    nice python -m benchmarks.without_rules --features FILE

Several metrics print no interval where one would not hold: of too few images, or where few rows
carry the variance. Here each rule is taken off in the setting that it was made for, and the
coverage of what would be printed is measured as `benchmarks.coverage` does it. These are the
figures in the docstrings of the constants. FILE is of `benchmarks.coverage_features`.
"""

import argparse
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks.coverage_draws import simulate
from benchmarks.coverage_populations import Case, populations
from gandiag.metrics import METRICS


class Rule(NamedTuple):
    """A constant, what it is without the rule, and where that shows."""

    module: str
    constant: str
    off: float
    metric: str
    population: str
    width: int
    n: int
    case: Case


RULES = (
    Rule("frechet", "CARRIED", 0, "fid", "heavy-tailed", 16, 1000, "null"),
    Rule("infinity", "FEW", 0, "fid_inf", "Gaussian", 64, 200, "null"),
    Rule("prdc", "HUBS", float("inf"), "prdc", "heavy-tailed", 256, 200, "null"),
    Rule("vendi", "A_FEATURE", 0, "vendi", "lite0", 1280, 200, "null"),
    Rule("ndb", "A_BIN", 0, "ndb", "mixture", 16, 200, "dropped"),
    Rule("p_precision", "RARE", 0, "p_pr", "Gaussian", 64, 200, "alternative"),
    Rule("modes", "A_MODE", 0, "modes", "vague classes", 100, 1000, "dropped"),
)


@contextmanager
def without(rule: Rule) -> Iterator[None]:
    """The package with its rule taken off, as long as the block lasts."""
    module = importlib.import_module(f"gandiag.metrics.{rule.module}")
    kept = getattr(module, rule.constant)
    setattr(module, rule.constant, rule.off)
    try:
        yield
    finally:
        setattr(module, rule.constant, kept)


def main() -> None:
    """A line for each output that has an interval without its rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=300, help="of a rule, about")
    parser.add_argument("--only", nargs="*", help="modules")
    options = parser.parse_args()
    torch.set_num_threads(1)
    there = {(each.name, each.width): each for each in populations(options.features)}
    for rule in RULES:
        if options.only and rule.module not in options.only:
            continue
        population = there[rule.population, rule.width]
        with without(rule):
            metric = METRICS[rule.metric]()
            found = simulate(metric, population, rule.n, rule.case, options.draws, options.seconds)
        for output, row in found.items():
            if "coverage" in row:
                where = f"{rule.population}, width {rule.width}, N = {rule.n:,}, {rule.case}"
                print(
                    f"{rule.module}.{rule.constant}: {output} held in {100 * row['coverage']:.0f} "
                    f"% of {row['draws']}, {row['ratio']:.1f} times as long as due ({where})",
                    flush=True,
                )


if __name__ == "__main__":
    main()
