"""How often `gandiag compare` is wrong, and how often it tells: by simulation, for every score.

    python -m benchmarks.comparing                           # more draws of whatever lacks some
    python -m benchmarks.comparing --metrics kid prdc --draws 400 --seconds 60
    python -m benchmarks.comparing --table                   # the table, and no run

Features are drawn from known distributions, scored and judged as `compare` does it, with every
metric's defaults. Each draw has real rows and five generated sets of as many, A and B as the real
ones are, C and D shifted by .15 standard deviations and scaled by .9, E without one of ten classes:

- equal: A against B. Any verdict is a false alarm, due in 5 of 100 at most.
- equally far: C against D. Any verdict is a false alarm, too.
- shifted: A against C, and class dropped: A against E. The share of verdicts is the power; which
  way is not asked, for a narrower set has more precision.

A score alone is held to .05. The row "together" is the default set of scores under Holm's rule, and
counts draws with any verdict at all.

Populations: normal; Student's t with 5 degrees of freedom; a mixture of ten normals; all with a
standard deviation of 1 in every direction. Classes of the first two are tenths of the first
coordinate. Logits are twice the features; pictures are sixteen patterns, weighed by the features.

Results are lines of JSON, each of some more draws of a case; a line that was made by other code
than there is now does not count.
"""

import argparse
import ast
import hashlib
import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks import digest
from gandiag.metrics import METRICS, Known, Metric, SlicedPatches
from gandiag.metrics.paired import Contrast, contrast, levels
from gandiag.metrics.replicates import Replicates
from gandiag.statistics import Bank, Statistic

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "comparing.jsonl"
LEVEL = 0.05
TOGETHER = ("fid", "kid", "is", "prdc")
"""The scores of a comparison that names none."""
PAIRS = {"equal": "AB", "equally far": "CD", "shifted": "AC", "class dropped": "AE"}
INSTEAD: dict[str, Metric] = {"swd_patches": SlicedPatches(patches=2, directions=32)}
"""Of defaults that cost minutes a draw."""
LEFT_OUT = ("critic",)
"""Trained anew for every value: an hour a comparison."""
SIDE = 16
"""Of pictures."""


class Case(NamedTuple):
    """What sets are drawn from, and how large they are."""

    population: str
    width: int
    n: int


CASES = (
    Case("normal", 16, 200),
    Case("mixture", 16, 200),
    Case("t5", 16, 200),
    Case("mixture", 64, 1000),
    Case("mixture", 256, 1000),
)
Value = tuple[dict[str, float], Replicates]


def rows(case: Case, seed: int, dropped: bool = False) -> tuple[Tensor, Tensor]:
    """(n, width) float64 features and their classes, 0 to 9; the last one may be left out."""
    random = torch.Generator().manual_seed(seed)
    count = 2 * case.n if dropped else case.n
    x = torch.randn(count, case.width, generator=random, dtype=torch.float64)
    if case.population == "mixture":
        places = torch.Generator().manual_seed(0)
        means = 1.5 * torch.randn(10, case.width, generator=places, dtype=torch.float64)
        classes = torch.randint(0, 10, (count,), generator=random)
        x = x + means[classes]
        x = (x - means.mean(dim=0)) / (1 + means.var(dim=0, correction=0)).sqrt()
    else:
        if case.population == "t5":
            chi = torch.randn(count, 5, generator=random, dtype=torch.float64).square().sum(dim=1)
            x = x * (3 / chi).sqrt()[:, None]
        classes = torch.bucketize(x[:, 0].contiguous(), _tenths(case.population))
    if dropped:
        kept = classes < 9
        x, classes = x[kept][: case.n], classes[kept][: case.n]
    return x, classes


@cache
def _tenths(population: str) -> Tensor:
    from scipy import stats

    law = stats.norm() if population == "normal" else stats.t(5, scale=math.sqrt(3 / 5))
    return torch.tensor([law.ppf(i / 10) for i in range(1, 10)], dtype=torch.float64)


def sets(case: Case, draw: int) -> dict[str, tuple[Tensor, Tensor]]:
    """``real``, ``heldout`` and A to E of one draw."""
    names = ("real", "heldout", *"ABCDE")
    found = {
        name: rows(case, len(names) * draw + i, dropped=name == "E") for i, name in enumerate(names)
    }
    return found | {name: (0.9 * found[name][0] + 0.15, found[name][1]) for name in "CD"}


def bank(metric: Metric, x: Tensor, classes: Tensor) -> Bank:
    """The statistic that the metric reads of these features."""
    if metric.reads == "logits":
        x = 2 * x
    elif metric.name in ("ms_ssim", "swd_patches"):
        x = x @ _patterns(x.shape[1], width_of(metric, 0))
    labels = [str(each) for each in classes.tolist()]
    return Bank.of(x.float()).labelled(labels)


@cache
def _patterns(width: int, pixels: int) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return 10 * torch.randn(width, pixels, generator=random, dtype=torch.float64)


def width_of(metric: Metric, width: int) -> int:
    """Of what the metric reads."""
    if isinstance(metric, SlicedPatches):
        return metric.patches * 3 * metric.side**2
    return 3 * SIDE**2 if metric.name == "ms_ssim" else width


def ready(name: str, width: int) -> Metric:
    """A metric as it runs on features of that width."""
    metric = INSTEAD.get(name) or METRICS[name]()
    width = width_of(metric, width)
    network = "pixels" if name == "ms_ssim" else "net"
    classes = tuple(str(i) for i in range(width)) if width <= 1000 else ()
    known = Known(network, {"all": width}, "all", "all", classes=classes)
    return metric.on(known)


def judged(name: str, case: Case, draw: int) -> dict[str, dict[str, Contrast]]:
    """Pair => output => the difference, as `compare` finds it."""
    metric = ready(name, case.width)
    drawn = {key: bank(metric, *each) for key, each in sets(case, draw).items()}
    values = {letter: _value(metric, drawn, letter) for letter in "ABCDE"}
    found: dict[str, dict[str, Contrast]] = {}
    for pair, (first, second) in PAIRS.items():
        (one, ones), (other, others) = values[first], values[second]
        found[pair] = {
            output: contrast(one[output], other[output], (ones[output], others[output]))
            for output in one
        }
    return found


def _value(metric: Metric, drawn: Mapping[str, Bank], letter: str) -> Value:
    given: dict[str, Statistic] = {
        role: drawn[letter if role == "generated" else role] for role in metric.accepts
    }
    scores = {output: score.value for output, score in metric(**given).items()}
    return scores, metric.replicates(**given)


def told(name: str, case: Case, draw: int) -> dict[str, dict[str, list[float]]]:
    """Output => pair => whether there is a verdict, the difference, its variance as estimated."""
    if name != "together":
        return _by_output(judged(name, case, draw))
    all_of: dict[str, list[Contrast]] = defaultdict(list)
    for each in TOGETHER:
        for pair, found in judged(each, case, draw).items():
            all_of[pair] += found.values()
    decided = {}
    for pair, found in all_of.items():
        chances = [each.chance() for each in found if each.deviation]
        any_of = any(p <= level for p, level in zip(chances, levels(chances), strict=True))
        decided[pair] = [float(any_of), 0.0, 0.0]
    return {"together": decided}


def _by_output(found: dict[str, dict[str, Contrast]]) -> dict[str, dict[str, list[float]]]:
    by_output: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for pair, differences in found.items():
        for output, each in differences.items():
            verdict = float(each.chance() <= LEVEL)
            by_output[output][pair] = [verdict, each.value, each.deviation**2]
    return by_output


# --- the lines ---


def run(name: str, case: Case, first: int, last: int, seconds: float) -> dict[str, Any]:
    """A line: draws from `first` on, up to `last` or until the time is up; one at least."""
    start, draw = time.process_time(), first
    sums: dict[str, dict[str, list[float]]] = {}
    while draw < last and (draw == first or time.process_time() - start < seconds):
        for output, pairs in told(name, case, draw).items():
            for pair, (verdict, value, variance) in pairs.items():
                so_far = sums.setdefault(output, {}).setdefault(pair, [0.0] * 4)
                for i, each in enumerate((verdict, value, value**2, variance)):
                    so_far[i] += each
        draw += 1
    return {
        "metric": name,
        **case._asdict(),
        "code": code_of(name),
        "first": first,
        "draws": draw - first,
        "seconds": round(time.process_time() - start, 1),
        "verdicts, differences, their squares, estimated variances": sums,
    }


@cache
def code_of(name: str) -> str:
    """A digest of the files that decide a metric's verdicts, less which it declares to give none.

    Those that its own file imports among the metrics and statistics, and so on.
    """
    if name == "together":
        return hashlib.sha256("".join(map(code_of, TOGETHER)).encode()).hexdigest()[:16]
    due = {_file(METRICS[name].__module__), ROOT / "gandiag/metrics/paired.py"}
    texts: dict[Path, str] = {}
    while due:
        path = due.pop()
        texts[path] = _without_declaration(path.read_text(encoding="utf-8"))
        named = re.findall(r"^from (gandiag\.(?:metrics|statistics)[\w.]*)", texts[path], re.M)
        due |= {_file(module) for module in named} - {*texts}
    texts[Path(__file__)] = _without_declaration(Path(__file__).read_text(encoding="utf-8"))
    parts = (f"{path.relative_to(ROOT).as_posix()}\n{texts[path]}" for path in sorted(texts))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _file(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"


def _without_declaration(text: str) -> str:
    lines = text.splitlines()
    for each in reversed([*ast.walk(ast.parse(text))]):
        if isinstance(each, ast.FunctionDef) and each.name in UNSEEN:
            lines[each.lineno - 1 : each.end_lineno] = []
    kept = (line for line in lines if "gandiag.metrics.unjudged" not in line)
    return digest.code_of("\n".join(kept))


UNSEEN = ("unjudged", "table", "_line", "main", "read", "code_of", "_without_declaration")
"""Functions that move no number of a line."""


def read(path: Path) -> dict[tuple[str, Case], list[dict[str, Any]]]:
    """The lines of today's code."""
    found: dict[tuple[str, Case], list[dict[str, Any]]] = defaultdict(list)
    for text in path.read_text().splitlines() if path.exists() else []:
        line = json.loads(text)
        known = line["metric"] == "together" or line["metric"] in METRICS
        if known and line["code"] == code_of(line["metric"]):
            case = Case(line["population"], line["width"], line["n"])
            found[line["metric"], case].append(line)
    return found


def table(found: Mapping[tuple[str, Case], list[dict[str, Any]]]) -> Iterator[str]:
    """Shares in percent with the binomial error of 5 % at that number of draws."""
    yield "| score | population | N | draws | equal | equally far | shifted | class dropped | s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    order = ["together", *METRICS]
    places = {case: i for i, case in enumerate(CASES)}
    for (name, case), lines in sorted(
        found.items(), key=lambda each: (order.index(each[0][0]), places.get(each[0][1], 99))
    ):
        draws = sum(line["draws"] for line in lines)
        key = "verdicts, differences, their squares, estimated variances"
        for output in lines[0][key]:
            reasons = {} if name == "together" else ready(name, case.width).unjudged()
            shown = f"{output} (no verdict)" if output in reasons else output
            cells = []
            for pair in PAIRS:
                sums = [
                    sum(each)
                    for each in zip(*(line[key][output][pair] for line in lines), strict=True)
                ]
                cells.append(_line(sums, draws, pair))
            yield (
                f"| {shown} | {case.population}, {case.width} wide | {case.n:,} | {draws} | "
                + " | ".join(cells)
                + f" | {sum(line['seconds'] for line in lines) / draws:.2g} |"
            )


def _line(sums: list[float], draws: int, pair: str) -> str:
    share = sums[0] / draws
    text = f"{100 * share:.0f}"
    if pair not in ("equal", "equally far"):
        return text
    text += f" ± {100 * math.sqrt(LEVEL * (1 - LEVEL) / draws):.1f}"
    spread = sums[2] / draws - (sums[1] / draws) ** 2
    if draws > 1 and spread > 0 and sums[3]:
        text += f" (x {math.sqrt(sums[3] / (draws - 1) / spread):.2f})"
    return text


def main() -> None:
    """Draw what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ["together", *(name for name in METRICS if name not in LEFT_OUT)]
    parser.add_argument("--metrics", nargs="*", default=names, choices=names, metavar="NAME")
    parser.add_argument("--cases", nargs="*", type=int, default=[*range(len(CASES))])
    parser.add_argument("--draws", type=int, default=200, help="of each case, at most")
    parser.add_argument("--seconds", type=float, default=30.0, help="of processor, a case and run")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and draw nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for place in arguments.cases if not arguments.table else []:
        for name in arguments.metrics:
            lines = read(arguments.out).get((name, CASES[place]), [])
            first = max((line["first"] + line["draws"] for line in lines), default=0)
            if first < arguments.draws:
                line = run(name, CASES[place], first, arguments.draws, arguments.seconds)
                with arguments.out.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(name, CASES[place], line["draws"], line["seconds"], flush=True)
    print("\n".join(table(read(arguments.out))))


if __name__ == "__main__":
    main()
