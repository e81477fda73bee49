"""``gandiag score``."""

import math
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gandiag.cli.options import of_options, save_config
from gandiag.cli.terminal import bar, printer
from gandiag.errors import GandiagError
from gandiag.files import atomic_write
from gandiag.metrics import METRICS, Role
from gandiag.reporting.curve import Curve
from gandiag.reporting.report import Report
from gandiag.scoring import PROTOCOLS, Options, Scorer, score_checkpoints
from gandiag.scoring.opening import Opened
from gandiag.sources import Generator, checkpoints

SCORES = "\n".join(f"  {name:<8} {metric.summary}" for name, metric in METRICS.items())
TOOLS = "\n".join(f"  {row.name:<28} {row.summary}" for row in PROTOCOLS.values())

EPILOG = f"""\b
Scores:
{SCORES}

\b
Protocols:
{TOOLS}

\b
FAKE, REAL and SRC are a folder, a .zip, .tar, .npz or .npy file, saved
statistics (gandiag stats), dataset:NAME, features:FILE.npz, or a checkpoint of
a generator. A checkpoint makes as many images as REAL holds, or --max-images,
each with a seed of its own; of a run (gandiag train) it is the newest.

\b
Examples:
  gandiag score samples/ --real data/
  gandiag score samples/ --real data/ --features lite0          no weights to fetch
  gandiag score samples/ --real data/ --metrics "fid,prdc(k=3),fid(layer=pool1)"
  gandiag score samples.zip --real dataset:cifar10 --protocol torch-fidelity
  gandiag score samples/ --real real.npz --metrics fid --json -
  gandiag score samples/ --real train/ --heldout test/ --html report.html
  gandiag score samples/ --real data/ --fail-above fid=20       exit code 1 above 20
  gandiag score samples/ --real data/ --config score.toml
  gandiag score runs/a --real dataset:digits --features pixels  a run's newest checkpoint
  gandiag score runs/a --real data/ --every-checkpoint --html curve.html
  gandiag score g.safetensors --generator models:make --real data/
"""


class Bound(click.ParamType):
    """``fid=20``."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """(name, bound)."""
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        try:
            bound = float(text)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            self.fail(f"{value!r} is not NAME=VALUE with a finite number, as in fid=20", param, ctx)
        return name.strip(), bound


@click.command(epilog=EPILOG)
@click.argument("fake", metavar="FAKE")
@click.option("--real", metavar="REAL", help="The real images to compare with.")
@click.option(
    "--heldout", metavar="SRC", help="Real images not in REAL: what a perfect generator would get."
)
@of_options()
@click.option(
    "--json", "json_file", metavar="FILE|-", help="Write the scores as JSON; - prints it."
)
@click.option("--html", "html_file", metavar="FILE", help="Write a page with scores and samples.")
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
    "bounds",
    type=Bound(),
    multiple=True,
    help="Exit with code 1 when a score is above VALUE.",
)
@click.pass_context
def score(
    context: click.Context,
    fake: str,
    real: str | None,
    heldout: str | None,
    json_file: str | None,
    html_file: str | None,
    every_checkpoint: bool,
    generator: str | None,
    bounds: tuple[tuple[str, float], ...],
    **options: Any,
) -> None:
    """Score the generated images FAKE against REAL ones.

    Prints each score with its interval, and whatever could mislead its reader.
    """
    for path in (json_file, html_file):
        _check_writable(path)
    if every_checkpoint and generator is not None:
        raise GandiagError("--every-checkpoint reads a run, --generator a file: give one of them")
    code = None if generator is None else find_function(generator)
    chosen = Options(generator=code, progress=bar, **options)
    save_config(context)
    scorer = Scorer(real, heldout=heldout, options=chosen)
    newest = checkpoints(Path(fake).expanduser())[-1][1] if every_checkpoint else fake
    inputs = scorer.open(newest)
    scorer.prepared(inputs)
    for name, _ in bounds:
        scorer.check_bound(name, inputs)
    result = score_checkpoints(fake, scorer) if every_checkpoint else scorer.scored(inputs)
    if html_file is not None:
        _write(html_file, _page(result, inputs))
    if json_file is not None and json_file != "-":
        _write(json_file, result.to_json())
    if json_file == "-":
        click.echo(result.to_json())
    else:
        printer().print(result)
    _judge(result.last if isinstance(result, Curve) else result, bounds)


def _page(result: Report | Curve, inputs: dict[Role, Opened]) -> str:
    from gandiag.reporting.html import curve_page, page, previews

    pictures = previews({role: each.images for role, each in inputs.items()})
    return curve_page(result, pictures) if isinstance(result, Curve) else page(result, pictures)


def _write(path: str, text: str) -> None:
    with atomic_write(Path(path)) as file:
        file.write(text.encode())


def find_function(name: str) -> Generator:
    """``package.module:function`` => the function, also from the folder one is in.

    Raises:
        GandiagError: there is none of that name.
    """
    module, _, function = name.partition(":")
    if not (module and function):
        raise GandiagError(f"--generator {name} is not MODULE:FUNCTION, as in models:make")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Generator = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise GandiagError(f"--generator {name} is not found: {error}; mend its name") from error
    finally:
        sys.path.pop(0)
    return found


def _check_writable(path: str | None) -> None:
    """Fail before the long work, not after it."""
    if path is None or path == "-":
        return
    if Path(path).is_dir():
        raise GandiagError(f"{path} is a folder; name a file to write")
    if not Path(path).absolute().parent.is_dir():
        raise GandiagError(f"{path} cannot be written: its folder does not exist; make it first")


def _judge(report: Report, bounds: Sequence[tuple[str, float]]) -> None:
    for each in report.warnings:
        if each.code == "not-cached":
            raise GandiagError(each.message)
    above = []
    for name, bound in bounds:
        if name not in report:
            raise GandiagError(f"--fail-above {name}: not computed; there are {', '.join(report)}")
        if report[name].value > bound:
            above.append(f"{report[name].name} is {report[name].value:.6g}, above {bound:g}")
    if above:
        click.echo(f"gandiag: {'; '.join(above)}", err=True)
        raise SystemExit(1)
