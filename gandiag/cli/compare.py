"""``gandiag compare``."""

import contextlib
import sys
from typing import Any

import click

from gandiag.cli.config import save_config, saved_to
from gandiag.cli.helpful import Helpful
from gandiag.cli.options import of_options
from gandiag.cli.outputs import STANDARD, TABLE, check_outputs, failures, writing
from gandiag.cli.terminal import bar, say
from gandiag.cli.user_code import find_function
from gandiag.errors import GandiagError
from gandiag.reporting.comparison import Comparison
from gandiag.reporting.comparison_formats import FORMATS
from gandiag.scoring import Comparer, Options

EPILOG = """\b
Every score of every pair of sets gets a verdict: which is better, or that it
cannot be told at this N and how many images probably would. The intervals hold
for all differences together in 95 %, however many scores and sets there are:
of sets that are equally good, one comparison in twenty finds any difference.

The sets are compared on the same real images, and at equal N: larger sets are
cut to the size of the smallest. At that N: a score that is biased at finite N,
as FID is, may rank two generators otherwise than it would with endless images.

\b
Examples:
  gandiag compare a/ b/ --real data/ --features lite0
  gandiag compare a/ b/ c/ --real data/ --metrics kid,prdc --html which.html
  gandiag compare runs/new runs/old --real dataset:digits --features digits
  gandiag compare new/ old/ --real data/ --fail-if-worse        exit code 1 if new/ is worse
  gandiag score old/ --real data/ --json old.json
  gandiag compare new/ --baseline old.json --real data/ --fail-if-worse
  gandiag compare new/ old/ --real data/ --fail-if-worse --output-format junit
"""


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("sets", metavar="A [B ...]", nargs=-1, required=True)
@click.option("--real", metavar="REAL", help="The real images that all are compared with.")
@click.option("--heldout", metavar="SRC", help="Real images not in REAL: ct and fld need them.")
@click.option(
    "--baseline",
    metavar="FILE.json",
    help="Compare with a report that gandiag score --json wrote; nothing is paired then.",
)
@click.option(
    "--fail-if-worse",
    is_flag=True,
    help="Exit with code 1 when A is certainly worse than another by any score.",
)
@of_options(without=("per_class",))
@click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the comparison as JSON; - prints it."
)
@click.option("--html", "html_file", metavar="FILE", help="Write a page with a picture of it.")
@click.option(
    "--generator",
    metavar="MODULE:FUNCTION",
    help="The sets are files of weights, and your FUNCTION(state, device) knows their network.",
)
@click.option(
    "--output-format",
    type=click.Choice([TABLE, *FORMATS]),
    default=TABLE,
    show_default=True,
    help="What is printed: junit has a case for each score of A against each other.",
)
@click.pass_context
def compare(
    context: click.Context,
    /,
    sets: tuple[str, ...],
    real: str | None,
    heldout: str | None,
    baseline: str | None,
    fail_if_worse: bool,
    json_file: str | None,
    html_file: str | None,
    generator: str | None,
    output_format: str,
    **options: Any,
) -> None:
    """Say which of several sets of generated images is better, with what certainty.

    A, B ... are what `gandiag score` takes: folders, archives, checkpoints.
    """
    if json_file == STANDARD and output_format != TABLE:
        raise GandiagError("--json - and --output-format both print; give --json a file")
    outputs = {"--json": json_file, "--html": html_file, "--save-config": saved_to(context)}
    check_outputs(outputs, *sets, real, heldout, baseline, options["features"])
    with contextlib.redirect_stdout(sys.stderr):
        code = None if generator is None else find_function(generator)
        chosen = Options(generator=code, progress=bar, **options)
        comparer = Comparer(*sets, real=real, heldout=heldout, baseline=baseline, options=chosen)
        save_config(context)
        result = comparer()

    def page() -> str:
        from gandiag.cards import meanings
        from gandiag.reporting.html import comparison_page, previews

        with contextlib.redirect_stdout(sys.stderr):
            shown = {
                letter: each["generated"].images
                for letter, each in zip(result.sets, comparer.inputs, strict=False)
            }
            if "real" in comparer.inputs[0]:
                shown["real"] = comparer.inputs[0]["real"].images
            pictures = previews(shown, comparer.plan.points)
            return comparison_page(result, pictures, meanings())

    def show() -> None:
        if json_file == STANDARD:
            say(result.to_json())
        else:
            say(result if output_format == TABLE else FORMATS[output_format](result))

    failed = failures([*writing(json_file, result.to_json), *writing(html_file, page), show])
    failed += dict.fromkeys(each.message for each in result.warnings if each.code == "not-cached")
    worse = _worse(result) if fail_if_worse else []
    if failed:
        raise GandiagError("; ".join([*failed, *worse]))
    if worse:
        click.echo(f"gandiag: {'; '.join(worse)}", err=True)
        raise SystemExit(1)


def _worse(result: Comparison) -> list[str]:
    by: dict[str, list[str]] = {}
    for each in result.worse("A"):
        values = f"{each.values[0]:.6g} against {each.values[1]:.6g}"
        by.setdefault(each.second, []).append(f"{each.name} ({values})")
    return [f"A is worse than {other} by {', '.join(names)}" for other, names in by.items()]
