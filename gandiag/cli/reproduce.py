"""``gandiag reproduce``."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.cli.helpful import Helpful
from gandiag.cli.outputs import STANDARD, check_outputs
from gandiag.cli.params import SEED
from gandiag.cli.reproduce_large import Asked, asked_experiment, plan, shown
from gandiag.cli.terminal import bar, quietly, say
from gandiag.cli.threads import one_unless_told
from gandiag.errors import GandiagError
from gandiag.files import atomic_write, write_output
from gandiag.reporting.plots import png
from gandiag.reporting.tables import Sheet, table

if TYPE_CHECKING:
    from reference_models.papers import Budget, Experiment, Judgement
    from reference_models.papers.records import Record

EPILOG = """\b
Examples:
  gandiag reproduce --list
  gandiag reproduce mescheder2018-dirac
  gandiag reproduce naeem2020-prdc --seed 1 --json ours.json --picture ours.png
  gandiag reproduce binkowski2018-fid-bias --budget small
  gandiag reproduce --all -o reproduced/        once more to go on after a stop
  gandiag reproduce sngan-cifar10 --dry-run     what it needs, and hours on this device
  gandiag reproduce sngan-cifar10 -o runs/sn    trains on the GPU; once more to go on
  gandiag reproduce sngan-cifar10 --generator models:make --state g.safetensors

\b
The published recipes of `gandiag train --list` take a GPU for hours, and need their
data and weights; --all leaves them out. Without a GPU they start only with
--device cpu.
"""

STYLES = {
    "reproduces": "green",
    "direction holds": "green",
    "does not reproduce": "bold red",
    "direction does not hold": "bold red",
}
MINUTE = 60


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="List the experiments, their cost and needs.")
@click.option("--all", "every", is_flag=True, help="Run all of them, and write a report.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=SEED,
    metavar="S",
    help="Of all that is drawn at random.",
)
@click.option(
    "--budget",
    default="default",
    show_default=True,
    type=click.Choice(["small", "default", "full"]),
    help="small only shows that it runs; full has the paper's sizes.",
)
@click.option("--json", "json_file", metavar="FILE|-", help="Write all of it as JSON; - prints it.")
@click.option("--picture", metavar="FILE.png", help="Draw it: ours beside the published points.")
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    help="With --all: a JSON and a picture an experiment, and report.md; of a training, its run.",
)
@click.option("--dry-run", is_flag=True, help="What it needs and costs, timed on this device.")
@click.option("--device", metavar="D", help="Where to train: cpu, cuda or mps; default: a GPU.")
@click.option(
    "--generator",
    metavar="MODULE:FUNCTION",
    help="Score a checkpoint in the place of a training: FUNCTION(state, device) knows it.",
)
@click.option("--state", metavar="FILE", help="The weights of that generator.")
@quietly()
def reproduce(
    name: str | None,
    listing: bool,
    every: bool,
    seed: int,
    budget: "Budget",
    json_file: str | None,
    picture: str | None,
    out: str | None,
    dry_run: bool,
    device: str | None,
    generator: str | None,
    state: str | None,
) -> None:
    """Run a published experiment again: the paper's numbers, ours, and a verdict.

    The criterion of each number was declared before it was run. Exit code 1 says that something
    does not reproduce.
    """
    from reference_models.papers import EXPERIMENTS, FAILED, LARGE
    from reference_models.papers.records import described

    if [name is not None, listing, every].count(True) != 1:
        raise GandiagError(
            "name one experiment, or give --list or --all; `gandiag reproduce --list` shows them"
        )
    if every and (out is None or json_file or picture):
        raise GandiagError(
            "--all goes with -o FOLDER, where it writes all results; --json and --picture are for "
            "a single experiment"
        )
    check_outputs({"--json": json_file, "--picture": picture})
    asked = Asked(device, None if out is None else Path(out), generator, state, dry_run)
    if listing:
        if json_file is None:
            say(_catalogue([*EXPERIMENTS, *LARGE]))
        else:
            _write_json(json_file, [described(each) for each in (*EXPERIMENTS, *LARGE)])
        return
    if every:
        records = _all(EXPERIMENTS, budget, seed, Path(str(out)))
        say(f"left out: {len(LARGE)} published trainings that take a GPU or hours; see --list")
    else:
        if dry_run and name in {each.name for each in LARGE}:
            _say_plan(str(name), asked, json_file)
            return
        records = [_single(str(name), budget, seed, asked)]
        if picture is not None:
            write_output(Path(picture), png(records[0].experiment.draw(records[0].result)))
        if json_file is not None:
            _write_json(json_file, records[0].to_json())
        if json_file != STANDARD:
            say(_shown(records[0]))
    if any(record.verdict in FAILED for record in records):
        sys.exit(1)


def _single(name: str, budget: "Budget", seed: int, asked: Asked) -> "Record":
    from reference_models.papers import LARGE, find
    from reference_models.papers.records import Record
    from reference_models.recipes import PUBLISHED

    if name not in {each.name for each in LARGE}:
        experiment = find(name)
        if any(asked):
            raise GandiagError(
                f"{name} runs here in {_cost(experiment, budget)}: leave out --dry-run, --device, "
                "--generator, --state and -o, which are for what takes a GPU"
            )
        return _one(experiment, budget, seed)
    if budget != "default":
        raise GandiagError(f"{name} is trained as it was published; leave --budget out")
    return Record.make(asked_experiment(PUBLISHED[name], asked), "full", seed)


def _say_plan(name: str, asked: Asked, json_file: str | None) -> None:
    from reference_models.papers.large import declared
    from reference_models.recipes import PUBLISHED

    recipe = PUBLISHED[name]
    found = plan(recipe, asked.device)
    if json_file is not None:
        _write_json(json_file, found.to_json())
    if json_file != STANDARD:
        say(shown(found, declared(recipe)))


def _one(experiment: "Experiment", budget: "Budget", seed: int) -> "Record":
    from reference_models.papers.records import Record

    with one_unless_told(), bar(f"{experiment.name}, about {_cost(experiment, budget)}", None):
        return Record.make(experiment, budget, seed)


def _all(
    experiments: "Sequence[Experiment]", budget: "Budget", seed: int, folder: Path
) -> "list[Record]":
    """Run what is not there yet; the report is written anew after each."""
    records: list[Record] = []
    failures: dict[str, str] = {}
    _write_page(folder, records, failures)  # before the long work, for it may not be writable
    for experiment in experiments:
        try:
            record = _kept_or_made(experiment, budget, seed, folder)
        except GandiagError as error:
            failures[experiment.name] = str(error)
            say(Text(f"{experiment.name}: not run: {error}"))
        else:
            records.append(record)
            say(_verdict(record))
        _write_page(folder, records, failures)
    say(f"{folder / 'report.md'}: {len(records)} of {len(experiments)} experiments")
    return records


def _kept_or_made(experiment: "Experiment", budget: "Budget", seed: int, folder: Path) -> "Record":
    from reference_models.papers.records import Record

    path = folder / f"{experiment.name}.json"
    record = Record.kept(path, experiment, budget, seed)
    if record is None:
        record = _one(experiment, budget, seed)
        picture = png(experiment.draw(record.result))
        with atomic_write(folder / f"{experiment.name}.png") as file:
            file.write(picture)
        # Last, for it says that the experiment is done.
        record.save(path)
    return record


def _write_page(folder: Path, records: "list[Record]", failures: dict[str, str]) -> None:
    from reference_models.papers.page import markdown

    with atomic_write(folder / "report.md") as file:
        file.write(markdown(records, failures).encode())


def _verdict(record: "Record") -> Text:
    from reference_models.papers.page import tally

    verdict = Text(record.verdict, STYLES.get(record.verdict, ""))
    return Text(f"{record.experiment.name}: ") + verdict + Text(f" ({tally(record.judgements)})")


def _write_json(name: str, what: object) -> None:
    text = json.dumps(what, indent=1, ensure_ascii=False, allow_nan=False)
    if name == STANDARD:
        click.echo(text)
    else:
        write_output(Path(name), text.encode())


def _cost(experiment: "Experiment", budget: "Budget" = "default") -> str:
    if budget not in experiment.seconds:
        return "-"
    seconds = experiment.seconds[budget]
    if seconds is None:
        return "unknown: --dry-run"
    if seconds < MINUTE:
        return "seconds"
    return "minutes" if seconds < 60 * MINUTE else "hours"


def _catalogue(experiments: "Sequence[Experiment]") -> Sheet:
    titles = ("experiment", "cost", "full", "numbers", "needs", "~claim")
    return table(*titles, rows=map(_listed, experiments))


def _listed(experiment: "Experiment") -> Iterator[str]:
    kinds = [each.kind for each in experiment.published]
    yield experiment.name
    yield _cost(experiment) if "default" in experiment.seconds else experiment.kind
    yield _cost(experiment, "full")
    yield ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    yield experiment.needs or "nothing"
    yield experiment.claim


def _shown(record: "Record") -> RenderableType:
    experiment = record.experiment
    return Group(
        Text(experiment.citation, "dim"),
        Text(experiment.claim, "bold"),
        Text(experiment.protocol),
        Text(),
        _numbers(record.judgements),
        Text(),
        _verdict(record),
    )


def _numbers(judgements: "Sequence[Judgement]") -> Sheet:
    from reference_models.papers.page import ours, theirs

    titles = ("~number", ">published", ">ours", "kind", "status", "~criterion", "found", "verdict")
    rows = (
        (
            Text(each.published.what),
            Text(theirs(each.published)),
            Text(ours(each.measured)),
            Text(each.published.kind),
            Text(each.published.status),
            Text(each.criterion),
            Text(each.found),
            Text(each.verdict, STYLES.get(each.verdict, "dim")),
        )
        for each in judgements
    )
    return table(*titles, rows=rows)
