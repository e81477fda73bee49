"""``gandiag latent``."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import RenderableType

from gandiag.cli.config import save_config, saved_to
from gandiag.cli.helpful import Helpful
from gandiag.cli.options import of_options
from gandiag.cli.outputs import STANDARD, check_outputs
from gandiag.cli.params import Numbers
from gandiag.cli.terminal import bar, say
from gandiag.cli.user_code import find_function
from gandiag.errors import GandiagError
from gandiag.files import write_output
from gandiag.generators import (
    INTERPOLATIONS,
    LatentSpace,
    PathLength,
    open_generator,
    path_length,
    truncation_sweep,
    write_interpolations,
)
from gandiag.generators.path import Sampling
from gandiag.generators.space import Space
from gandiag.generators.truncation import How
from gandiag.reporting.plots import png
from gandiag.scoring import Options, Scorer
from gandiag.scoring.opening import pick_device

METRICS = "fid,prdc"
"""What --truncation scores: what gets better, and what it costs."""

EPILOG = """\b
GENERATOR is a checkpoint or a run (gandiag train), or with --generator a file of
weights. Your FUNCTION(state, device) gives an object that is called with latents,
(n, d), and says d as `z_dim`: an nn.Module, say. With `classes` or `num_classes`
it is called with labels, too; with `mapping` and `synthesis` it has a space w.

\b
Path lengths (Karras et al. 2019) are compared at one distance, space, interpolation
and image size alone. --distance is lpips (NVIDIA's vgg16.pt, `gandiag weights`),
or any --features name: ppl[lite0] is no published number.

\b
Truncation: `scale` is w_avg + psi (w - w_avg), or psi z where there is no w;
`resample` draws coordinates of z beyond psi again, as BigGAN. The default is
`scale` where there is a w, else `resample`.

\b
Examples:
  gandiag latent runs/digits --interpolate ways.png
  gandiag latent runs/digits --interpolate ways.png --interpolation slerp --class 3
  gandiag latent runs/digits --ppl --distance digits
  gandiag latent runs/digits --truncation 0.25,0.5,1,2 --real dataset:digits \\
      --features digits --plot sweep.png --json sweep.json
  gandiag latent g.safetensors --generator models:make --ppl --space w --sampling end
"""


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("source", metavar="GENERATOR")
@click.option("--ppl", is_flag=True, help="Measure the perceptual path length.")
@click.option("--interpolate", metavar="FILE.png", help="Draw ways between pairs of latents.")
@click.option("--truncation", type=Numbers(), help="Score at these psi by --metrics, or fid,prdc.")
@click.option("--real", metavar="REAL", help="The real images for --truncation.")
@click.option("--plot", metavar="FILE.png", help="Draw the scores of --truncation.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the numbers; - prints them.")
@click.option("--truncate-by", type=click.Choice(get_args(How)), help="What psi means; see below.")
@click.option(
    "--interpolation",
    type=click.Choice(list(INTERPOLATIONS)),
    default="lerp",
    show_default=True,
    help="The way between two latents: a line, or a great circle.",
)
@click.option(
    "--space", type=click.Choice(get_args(Space)), default="z", show_default=True, help="Where."
)
@click.option("--class", "label", metavar="NAME", help="A class; by default one is drawn each.")
@click.option(
    "--distance",
    metavar="NAME",
    help="Of --ppl: lpips or a network, by default that of --features or else lite0.",
)
@click.option(
    "--pairs", default=10_000, show_default=True, metavar="N", help="Pairs of latents of --ppl."
)
@click.option(
    "--sampling",
    type=click.Choice(get_args(Sampling)),
    default="full",
    show_default=True,
    help="Of --ppl: anywhere on the way, or at its end, t = 0.",
)
@click.option("--epsilon", default=1e-4, show_default=True, metavar="E", help="Step of --ppl.")
@click.option("--rows", default=8, show_default=True, metavar="N", help="Of --interpolate: pairs.")
@click.option(
    "--columns", default=9, show_default=True, metavar="N", help="Of --interpolate: steps."
)
@click.option(
    "--generator",
    metavar="MODULE:FUNCTION",
    help="GENERATOR is a file of weights, and your FUNCTION(state, device) knows its network.",
)
@of_options(without=("per_class", "draw", "protocol", "precision"))
@click.pass_context
def latent(
    context: click.Context,
    /,
    source: str,
    ppl: bool,
    interpolate: str | None,
    truncation: tuple[float, ...] | None,
    real: str | None,
    plot: str | None,
    json_file: str | None,
    truncate_by: How | None,
    interpolation: str,
    space: Space,
    label: str | None,
    distance: str | None,
    pairs: int,
    sampling: Sampling,
    epsilon: float,
    rows: int,
    columns: int,
    generator: str | None,
    **options: Any,
) -> None:
    """Look at a generator through its latents: path length, ways between samples, truncation."""
    if not (ppl or interpolate or truncation):
        raise GandiagError(
            "nothing is asked of the latents; add --ppl, --interpolate FILE.png or --truncation"
        )
    if truncation is None and (real or plot):
        raise GandiagError("--real and --plot go with --truncation; add it, as 0.5,1")
    if truncation and not real and options["metrics"] is None:
        raise GandiagError(
            "--truncation scores by fid,prdc, which compare with real images; add --real, or "
            "--metrics that need none"
        )
    if json_file and not (ppl or truncation):
        raise GandiagError("--json has the numbers of --ppl and --truncation; add one of them")
    outputs = {
        "--json": json_file,
        "--plot": plot,
        "--interpolate": interpolate,
        "--save-config": saved_to(context),
    }
    check_outputs(outputs, source, real, options["features"])
    # What the user's code prints must not come before the JSON.
    with contextlib.redirect_stdout(sys.stderr):
        if options["metrics"] is None and real:
            options["metrics"] = METRICS
        chosen = Options(progress=bar, **options)
        code = None if generator is None else find_function(generator)
        opened = open_generator(
            source,
            generator=code,
            device=pick_device(chosen.device),
            value_range=chosen.value_range,
        )
        opened.check(space, label)
        shared = {
            "interpolation": interpolation,
            "space": space,
            "label": label,
            "seed": chosen.seed,
        }
        save_config(context)
        shown: list[RenderableType] = []
        numbers: dict[str, Any] = {}
        if interpolate:
            write_interpolations(interpolate, opened, rows=rows, columns=columns, **shared)
            shown.append(f"{interpolate}: {rows} ways between latents of {opened.name}")
        if ppl:
            measured = _measured(opened, distance, chosen, pairs, sampling, epsilon, shared)
            shown.append(measured)
            numbers["path_length"] = measured.to_dict()
        if truncation:
            scorer = Scorer(real, options=chosen)
            sweep = truncation_sweep(opened, scorer, truncation, truncate_by, label=label)
            shown.append(sweep)
            numbers["truncation"] = sweep.to_dict()
            if plot:
                write_output(Path(plot), png(sweep.figure(), dpi=150))
    _tell(shown, numbers, json_file)


def _measured(
    opened: LatentSpace,
    distance: str | None,
    chosen: Options,
    pairs: int,
    sampling: Sampling,
    epsilon: float,
    shared: dict[str, Any],
) -> PathLength:
    named = distance or chosen.features or "lite0"
    return path_length(
        opened,
        named,
        count=pairs,
        sampling=sampling,
        epsilon=epsilon,
        batch_size=chosen.batch_size,
        allow_unverified=chosen.allow_unverified,
        progress=bar,
        **shared,
    )


def _tell(shown: list[RenderableType], numbers: dict[str, Any], json_file: str | None) -> None:
    text = json.dumps(numbers, indent=2, allow_nan=False)
    if json_file == STANDARD:
        say(text)
        return
    if json_file is not None:
        write_output(Path(json_file), text.encode())
    for index, each in enumerate(shown):
        say(*[""] * bool(index), each)
