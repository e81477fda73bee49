"""The report of all experiments: a page in Markdown, with the pictures beside it."""

from collections.abc import Iterator, Mapping, Sequence

from reference_models.papers.experiment import Measured, Published
from reference_models.papers.records import Record
from reference_models.papers.verdicts import FAILED, Judgement


def plus_minus(value: float | None, error: float | None) -> str:
    """``6.3 ± 0.5``; a dash where there is no number."""
    if value is None:
        return "-"
    return f"{value:.6g}" + (f" ± {error:.2g}" if error else "")


def theirs(published: Published) -> str:
    """The published number."""
    return plus_minus(published.value, published.error)


def ours(measured: Measured | None) -> str:
    """The measured one."""
    return "-" if measured is None else plus_minus(measured.value, measured.error)


def tally(judgements: Sequence[Judgement]) -> str:
    """``5 of 6 reproduce; 2 of 2 directions hold; 1 not run``."""
    counts = dict.fromkeys(("reproduces", "direction holds", *FAILED, "not run"), 0)
    for each in judgements:
        if each.verdict in counts:
            counts[each.verdict] += 1
    parts = []
    numbers = counts["reproduces"] + counts["does not reproduce"]
    directions = counts["direction holds"] + counts["direction does not hold"]
    if numbers:
        parts.append(f"{counts['reproduces']} of {numbers} reproduce")
    if directions:
        parts.append(f"{counts['direction holds']} of {directions} directions hold")
    if counts["not run"]:
        parts.append(f"{counts['not run']} not run at this budget")
    return "; ".join(parts)


def markdown(records: Sequence[Record], failures: Mapping[str, str]) -> str:
    """The page; pictures are named as the experiments are.

    Args:
        records: in the order to show.
        failures: experiment -> why it could not be run.
    """
    return "\n".join(_lines(records, failures)) + "\n"


def summary(records: Sequence[Record], folder: str = "") -> Iterator[str]:
    """A table, a row an experiment.

    Args:
        records: in the order to show.
        folder: of the page that the links lead to, where it is another than the table's.
    """
    page = f"{folder}report.md" if folder else ""
    yield "| experiment | what is claimed | verdict | of the numbers |"
    yield "|---|---|---|---|"
    for each in records:
        yield (
            f"| [{each.experiment.name}]({page}#{each.experiment.name}) | {each.experiment.claim} "
            f"| {each.verdict} | {tally(each.judgements)} |"
        )


def _lines(records: Sequence[Record], failures: Mapping[str, str]) -> Iterator[str]:
    yield "# Published results, run again"
    yield ""
    yield (
        "Numbers of the kind *exact* are held to a tolerance, those of the *same protocol* to "
        "three standard errors, theirs and ours together. *Scaled* is another size, other data "
        "or a claim without a number: only the direction is judged, and the numbers stand there to "
        "be read. Criteria were declared before the runs."
    )
    yield ""
    yield from summary(records)
    for name, reason in failures.items():
        yield f"| {name} | | not run | {reason} |"
    for each in records:
        yield from _section(each)


def _section(record: Record) -> Iterator[str]:
    experiment, made = record.experiment, record.provenance
    yield from ("", f"## {experiment.name}", "")
    yield from (f"{experiment.citation}.", "")
    yield from (f"**{experiment.claim}** {record.verdict.capitalize()}.", "")
    yield from (experiment.protocol, "")
    yield "| what | published | status | kind | ours | criterion | found | verdict |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in record.judgements:
        published = each.published
        cells = (
            published.what,
            theirs(published),
            published.status,
            published.kind,
            ours(each.measured),
            each.criterion,
            each.found,
            each.verdict,
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""
    yield f"![{experiment.claim}]({experiment.name}.png)"
    yield ""
    versions = ", ".join(f"{name} {number}" for name, number in made["versions"].items())
    machine = made["machine"]
    yield (
        f"Budget {record.budget}, seed {record.seed}; {made['seconds']:.0f} s on "
        f"{machine['processor']} with {machine['threads']} threads, {made['date']}; {versions}."
    )
