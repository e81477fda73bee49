"""``gandiag score``."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from gandiag.cli.config import save_config, saved_to
from gandiag.cli.helpful import Helpful
from gandiag.cli.options import of_options
from gandiag.cli.outputs import STANDARD, check_outputs
from gandiag.cli.params import Bound
from gandiag.cli.terminal import bar, say
from gandiag.cli.user_code import find_function
from gandiag.errors import GandiagError
from gandiag.files import write_output
from gandiag.metrics import METRICS, Role
from gandiag.reporting.curve import Curve
from gandiag.reporting.formats import FORMATS
from gandiag.reporting.gates import Gate, judged, of_holding
from gandiag.reporting.report import Report
from gandiag.scoring import PROTOCOLS, Options, Scorer, score_checkpoints
from gandiag.scoring.opening import Opened
from gandiag.scoring.options import silent
from gandiag.scoring.together import Together, together
from gandiag.sources import ImageSource, checkpoints

TABLE = "table"


def listed(lines: Mapping[str, str]) -> str:
    """Names and what they mean, in two columns."""
    width = max(map(len, lines))
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in lines.items())


SCORES = listed({name: metric.summary for name, metric in METRICS.items()})
TOOLS = listed({row.name: row.summary for row in PROTOCOLS.values()})

EPILOG = f"""\b
Scores:
{SCORES}

\b
Protocols:
{TOOLS}

\b
FAKE, REAL and SRC are a folder, a .zip, .tar, .npz, .npy or .safetensors file,
saved statistics (gandiag stats), dataset:NAME, features:FILE.npz, or a
checkpoint of a generator. A checkpoint makes as many images as REAL holds, or
--max-images, each with a seed of its own; of a run (gandiag train) it is the
newest.

\b
Examples:
  gandiag score samples/ --real data/
  gandiag score samples/ --real data/ --features lite0          no weights to fetch
  gandiag score samples/ --real data/ --metrics "fid,prdc(k=3),fid(layer=pool1)"
  gandiag score samples.zip --real dataset:cifar10 --protocol torch-fidelity
  gandiag score samples/ --real real.npz --metrics fid --json -
  gandiag score samples/ --real train/ --heldout test/ --html report.html
  gandiag score samples/ --real data/ --metrics realism --per-sample each.csv
  gandiag score samples/ --real data/ --fail-above fid=20       exit code 1 above 20
  gandiag score samples/ --real data/ --fail-below recall=0.4 --output-format junit
  gandiag score samples/ --real data/ --metrics fid,kid --save-config score.toml
  gandiag score samples/ --real data/ --config score.toml
  gandiag score runs/a --real dataset:digits --features pixels  a run's newest checkpoint
  gandiag score runs/a --real data/ --every-checkpoint --html curve.html
  gandiag score g.safetensors --generator models:make --real data/
  torchrun --nproc-per-node 4 -m gandiag score samples/ --real data/
"""


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("fake", metavar="FAKE")
@click.option("--real", metavar="REAL", help="The real images to compare with.")
@click.option(
    "--heldout",
    metavar="SRC",
    help="Real images not in REAL: what a perfect generator would get; ct and fld need them.",
)
@of_options()
@click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the scores as JSON; - prints it."
)
@click.option("--html", "html_file", metavar="FILE", help="Write a page with scores and samples.")
@click.option(
    "--per-sample",
    "per_sample_file",
    metavar="FILE.csv",
    help="Write the numbers of each generated image: realism, rarity and more.",
)
@click.option(
    "--every-checkpoint", is_flag=True, help="FAKE is a run: score each of its checkpoints."
)
@click.option(
    "--generator",
    metavar="MODULE:FUNCTION",
    help="FAKE is a file of weights, and your FUNCTION(state, device) knows its network.",
)
@click.option(
    "--fail-above",
    type=Bound(above=True),
    multiple=True,
    help="Exit with code 1 when a score is above VALUE.",
)
@click.option(
    "--fail-below",
    type=Bound(above=False),
    multiple=True,
    help="Exit with code 1 when a score is below VALUE.",
)
@click.option(
    "--output-format",
    type=click.Choice([TABLE, *FORMATS]),
    default=TABLE,
    show_default=True,
    help="What is printed: junit has a case for each --fail-above and --fail-below.",
)
@click.pass_context
def score(context: click.Context, /, **given: Any) -> None:
    """Score the generated images FAKE against REAL ones.

    Prints each score with its interval, and whatever could mislead its reader.
    """
    with together() as processes:
        _score(context, processes, **given)


def _score(
    context: click.Context,
    processes: Together,
    *,
    fake: str,
    real: str | None,
    heldout: str | None,
    json_file: str | None,
    html_file: str | None,
    per_sample_file: str | None,
    every_checkpoint: bool,
    generator: str | None,
    fail_above: tuple[Gate, ...],
    fail_below: tuple[Gate, ...],
    output_format: str,
    **options: Any,
) -> None:
    gates = (*fail_above, *fail_below)

    def ready() -> tuple[Scorer, dict[Role, Opened]]:
        """All that can be known to be wrong is, before an image is read."""
        if every_checkpoint and generator is not None:
            raise GandiagError(
                "--every-checkpoint reads a run, --generator a file: give one of them"
            )
        if every_checkpoint and per_sample_file is not None:
            raise GandiagError(
                "--per-sample is of one set of images, --every-checkpoint of many: give one of them"
            )
        if every_checkpoint and processes.total > 1:
            raise GandiagError("--every-checkpoint scores with one process; leave torchrun out")
        if json_file == STANDARD and output_format != TABLE:
            raise GandiagError("--json - and --output-format both print; give --json a file")
        if output_format == "junit" and not gates:
            raise GandiagError("junit has a case for each gate; add one, as --fail-above fid=20")
        outputs = {
            "--json": json_file,
            "--html": html_file,
            "--per-sample": per_sample_file,
            "--save-config": saved_to(context),
        }
        check_outputs(outputs, fake, real, heldout, options["features"])
        code = None if generator is None else find_function(generator)
        each = per_sample_file is not None
        device = processes.device(options.pop("device"))
        progress = bar if processes.first else silent
        chosen = Options(
            generator=code, progress=progress, per_sample=each, device=device, **options
        )
        scorer = Scorer(real, heldout=heldout, options=chosen, processes=processes)
        inputs = _first(fake, scorer) if every_checkpoint else scorer.open(fake)
        scorer.prepared(inputs)
        for gate in gates:
            scorer.check_bound(gate.name, inputs)
        if processes.first:
            save_config(context)
        return scorer, inputs

    # What the user's code prints, and be it at every sample, must not come before the JSON.
    with contextlib.redirect_stdout(sys.stderr):
        scorer, inputs = processes.alike(ready)
        if every_checkpoint:
            result: Report | Curve = score_checkpoints(fake, scorer)
        else:
            gathered = scorer.gathered(inputs)
            if not processes.first:
                return
            result = scorer.reported(*gathered)
    verdicts = judged(result, gates)

    def write_page() -> None:
        with contextlib.redirect_stdout(sys.stderr):
            text = _page(fake, result, scorer, inputs)
        write_output(Path(str(html_file)), text.encode())

    def show() -> None:
        if json_file == STANDARD:
            say(result.to_json())
        elif output_format == TABLE:
            say(result)
        else:
            say(FORMATS[output_format](result, verdicts))

    steps: list[Callable[[], None]] = []
    if json_file is not None and json_file != STANDARD:
        data = result.to_json().encode()
        steps.append(lambda: write_output(Path(json_file), data))
    if isinstance(result, Report) and result.per_sample is not None:
        table = result.per_sample.to_csv().encode()
        steps.append(lambda: write_output(Path(str(per_sample_file)), table))
    if html_file is not None:
        steps.append(write_page)
    # Printing comes last: what is written by then stays, whatever becomes of standard output.
    failed = [*_failures([*steps, show]), *of_holding(verdicts, None)]
    failed += dict.fromkeys(each.message for each in result.warnings if each.code == "not-cached")
    broken = [*of_holding(verdicts, False)]
    if failed:
        raise GandiagError("; ".join([*failed, *broken]))
    if broken:
        click.echo(f"gandiag: {'; '.join(broken)}", err=True)
        raise SystemExit(1)


def _first(run: str, scorer: Scorer) -> dict[Role, Opened]:
    """The newest checkpoint of a run that can be opened, to check all demands by.

    Raises:
        GandiagError: there is none.
    """
    *older, (_, newest) = _checkpoints(run)
    try:
        return scorer.open(newest)
    except GandiagError:
        for _, each in reversed(older):
            with contextlib.suppress(GandiagError):
                return scorer.open(each)
        raise


def _checkpoints(run: str) -> list[tuple[int, Path]]:
    try:
        return checkpoints(Path(run).expanduser())
    except RuntimeError as error:  # there is no such user
        raise GandiagError(f"{run} is no folder: {error}; name a run") from error


def _failures(steps: list[Callable[[], None]]) -> list[str]:
    """Do all of them, and say what went wrong: one that fails takes no other along."""
    failed = []
    for step in steps:
        try:
            step()
        except GandiagError as error:
            failed.append(str(error))
    return failed


def _page(fake: str, result: Report | Curve, scorer: Scorer, inputs: Mapping[Role, Opened]) -> str:
    from gandiag.cards import meanings
    from gandiag.reporting.ends import ends
    from gandiag.reporting.html import curve_page, page, previews
    from gandiag.reporting.pairs import closest

    if isinstance(result, Curve):
        folders = dict(_checkpoints(fake))
        inputs = scorer.open(folders[result.points[-1][0]])
    points = scorer.plan.points if scorer.plan is not None else None
    sources: dict[str, ImageSource | None] = {role: each.images for role, each in inputs.items()}
    pictures = previews(sources, points)
    if isinstance(result, Curve):
        return curve_page(result, pictures, meanings())
    if points is not None:
        return page(result, pictures, meanings=meanings())
    pairs, extremes = closest(result, sources), ends(result, sources)
    return page(result, pictures, pairs, extremes, meanings())
