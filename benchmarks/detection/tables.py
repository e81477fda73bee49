"""Results as tables in Markdown."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.detection.judges import FAULTS, Example


def percent(found: Mapping[str, Any]) -> str:
    """89 % [76, 95] (34/38)."""
    if not found["count"]:
        return "none"
    return (
        f"{100 * found['value']:.0f} % [{100 * found['low']:.0f}, {100 * found['high']:.0f}] "
        f"({found['hits']}/{found['count']})"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _lead(values: Sequence[float | None], unit: float, digits: int) -> str:
    shown = ["miss" if v is None else f"{unit * v:.{digits}f}" for v in values]
    return f"{shown[1]} ({shown[0]} to {shown[2]})"


def report(result: Mapping[str, Any], chosen: Sequence[Example]) -> None:
    """Print everything, worst first."""
    runs = len(chosen)
    print(f"# Detection on {runs} runs\n\n{json.dumps(result['corpus'])}\n")
    _pathologies(result["held_out"])
    _in_short(result["held_out"])
    print("\n## As the README tells people to write it\n")
    _compare("setting", {"with a budget": result["held_out"], **result["as_written"]})
    print("\n## Worst cells\n")
    worst = [(c["label"], c["family"], c["loss"], percent(c)) for c in result["cells"][:20]]
    print(table(("label", "family", "loss", "right"), worst))
    print("\n## Warnings given, % of the runs with a label\n")
    shares = [
        (name, *(f"{100 * row[other]:.0f}" for other in FAULTS))
        for name, row in result["confusion"].items()
    ]
    print(table(("label", *FAULTS), shares))
    print("\n## Rules of other tools, on the same runs\n")
    _compare("rule", {"gandiag": result["held_out"], **result["baselines"]})
    print("\n## Without a part of the rules\n")
    _compare("without", {"nothing": result["held_out"], **result["without"]})
    shuffled = percent(result["shuffled_healthy"])
    print(f"\nHealthy rows in another order: {shuffled} with a warning.")
    for half in result.get("half_of_one_family", ()):
        print(f"\n## Thresholds chosen on half of {half['family']}, {half['runs']} runs\n")
        names = {"first_guess": "first guess", "chosen_on": "that half", "others": "all other runs"}
        _compare("on", {names[key]: half[key] for key in names})
    for key in ("leave_one_family_out", "leave_one_loss_out"):
        if key in result:
            print(f"\n## {key.replace('_', ' ')}\n")
            groups = {**result[key]["groups"], "all": result[key]["all"]}
            order = sorted(groups.items(), key=lambda item: item[1]["macro_detection"])
            _compare("left out", dict(order))
    print("\n## What was intended, and what happened\n")
    print(intended(chosen))


def _pathologies(found: Mapping[str, Any]) -> None:
    print("## Detection, worst first\n")
    rows = sorted(
        ((n, d) for n, d in found["detection"].items() if d["count"]), key=lambda r: r[1]["value"]
    )
    header = ("pathology", "detected", "lead, steps: median (quartiles)", "lead, % of the run")
    lines = [
        (n, percent(d), _lead(d["lead_steps"], 1, 0), _lead(d["lead_share"], 100, 1))
        for n, d in rows
    ]
    print(table(header, lines))


def _in_short(found: Mapping[str, Any]) -> None:
    print("\n## In short\n")
    print(f"runs {found['runs']}, macro detection {found['macro_detection']:.3f}\n")
    for name in (
        *("any_warning_in_faulty", "right_named", "first_right", "warnings_right", "false_alarms"),
        *("false_alarms_hard", "alarms_unlabelled", "plateau_remarks_healthy"),
        "plateau_remarks_too_soon",
    ):
        print(f"- {name.replace('_', ' ')}: {percent(found[name])}")


def _compare(what: str, results: Mapping[str, Mapping[str, Any]]) -> None:
    header = (what, "runs", "macro detection", "named right", "false alarms", "of hard negatives")
    lines = [
        (
            name,
            found["runs"],
            f"{found['macro_detection']:.2f}",
            *(percent(found[key]) for key in ("right_named", "false_alarms", "false_alarms_hard")),
        )
        for name, found in results.items()
    ]
    print(table(header, lines))


def intended(chosen: Sequence[Example]) -> str:
    """What rows intend against what their runs did."""
    grouped: dict[str, list[Example]] = defaultdict(list)
    for e in chosen:
        grouped[e.trace.case.name].append(e)
    rows = []
    for name, some in grouped.items():
        counts: dict[str, int] = defaultdict(int)
        for e in some:
            for label in set(e.labels) - {"plateau"} or {"unlabelled"}:
                counts[label] += 1
        did = ", ".join(f"{k} {v}" for k, v in sorted(counts.items(), key=lambda i: (-i[1], i[0])))
        rows.append((name, some[0].trace.case.intends, len(some), did))
    return table(("case", "intends", "runs", "did"), rows)
