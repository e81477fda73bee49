"""The figures of `benchmarks.detection.score`, as tables of benchmarks/README.md."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]


def percent(found: Found) -> str:
    """``12 % [3, 34] (2/17)``, or ``no run``."""
    if not found["count"]:
        return "no run"
    value, low, high = (100 * found[key] for key in ("value", "low", "high"))
    return f"{value:.0f} % [{low:.0f}, {high:.0f}] ({found['hits']}/{found['count']})"


def number(value: float | None, digits: int = 2) -> str:
    """A dash for none."""
    return "-" if value is None else f"{value:.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Markdown."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def headline(found: Found) -> Iterator[str]:
    """How often the warnings are right, by what the rules had seen."""
    keys = ("first_right", "warnings_right", "healthy_warned", "odd_warned")
    yield from table(
        (
            *("runs", "number", "macro detection", "the first warning right", "warnings right"),
            *("healthy runs warned of", "odd-looking ones among them"),
        ),
        [
            (name, each["runs"], number(each["macro_detection"]), *(percent(each[k]) for k in keys))
            for name, each in found["groups"].items()
        ],
    )


def details(found: Found) -> Iterator[str]:
    """Each pathology, each family, and what else is said of the runs that nothing was made on."""
    unseen = found["groups"]["unseen, both"]
    yield from table(
        ("pathology", "detected, of unseen runs", "median delay, steps", "of seen runs"),
        [
            (
                *(name, percent(each), number(each["delay"], 0)),
                percent(found["groups"]["seen cases"]["detection"][name]),
            )
            for name, each in unseen["detection"].items()
        ],
    )
    yield ""
    yield from table(
        ("family, unseen runs", "number", "macro detection", "warnings right", "healthy warned of"),
        [
            (
                *(name, each["runs"], number(each["macro_detection"])),
                *(percent(each["warnings_right"]), percent(each["healthy_warned"])),
            )
            for name, each in found["families"].items()
        ],
    )
    yield ""
    yield from table(
        ("of the unseen runs", "share"),
        [
            ("broken ones that are warned of at all", percent(unseen["broken_warned"])),
            ("the right pathology among their warnings", percent(unseen["right_named"])),
            ("warnings in a broken run, mean", number(unseen["warnings_per_broken"], 1)),
            (
                "neither healthy nor of a known fault: warned of",
                percent(unseen["unlabelled_warned"]),
            ),
            ("a fault that did no harm: warned", percent(unseen["harmless_warned"])),
            ("all healthy ones, rows in another order: warned", percent(found["shuffled"])),
            ("all healthy ones, every other row: warned", percent(found["thinned"])),
        ],
    )


def others(found: Found) -> Iterator[str]:
    """Rules of other tools on the unseen runs."""
    yield from table(
        (
            *("rule, at its best settings", "macro detection", "of what it can name"),
            *("gandiag, of these", "healthy runs warned of"),
        ),
        [
            (
                *(name, number(each["all"]["macro_detection"])),
                number(each["what it can name"]["macro_detection"]),
                number(each["gandiag on these"]["macro_detection"]),
                percent(each["all"]["healthy_warned"]),
            )
            for name, each in found["baselines"].items()
        ],
    )


def missed(found: Found) -> Iterator[str]:
    """Unseen runs in which something was missed, or was warned of wrongly."""
    rows = [each for each in found["runs"] if each["half"] != "seen" and each["wrong"]]
    yield from table(
        ("unseen run", "seed", "is", "warned of", "missed or wrong"),
        [
            (
                *(each["case"], each["seed"], ", ".join(each["labels"]) or each["kind"]),
                *("; ".join(each["warned"]) or "nothing", "; ".join(each["wrong"])),
            )
            for each in rows
        ],
    )
