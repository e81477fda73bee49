"""``gandiag stats``."""

from pathlib import Path
from typing import Any

import click

from gandiag.cli.config import save_config, saved_to
from gandiag.cli.helpful import Helpful
from gandiag.cli.options import of_options
from gandiag.cli.outputs import check_outputs
from gandiag.cli.terminal import bar, say
from gandiag.errors import GandiagError
from gandiag.scoring import Options, write_statistics

EPILOG = """\b
SRC is a folder, a .zip, .tar, .npz or .npy file, or dataset:NAME.

\b
Examples:
  gandiag stats data/ -o real.npz
  gandiag score samples/ --real real.npz
  gandiag stats data/ -o real.npz --metrics fid --protocol pytorch-fid
  gandiag stats data/ -o real.npz --config score.toml
"""


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("src", metavar="SRC")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="The file to write.")
@of_options(without=("per_class", "cache"))
@click.pass_context
def stats(context: click.Context, /, src: str, output: str, **options: Any) -> None:
    """Save the statistics of SRC, to score against without its images.

    With --metrics fid the file is small and also holds `mu` and `sigma`, as pytorch-fid and
    clean-fid read them; other metrics keep every feature.
    """
    path = Path(output)
    if path.suffix != ".npz":
        raise GandiagError(f"{output} should end in .npz, so that it is known for what it is")
    outputs = {"--output": output, "--save-config": saved_to(context)}
    check_outputs(outputs, src, options["features"])
    chosen = Options(progress=bar, **options)
    save_config(context)
    gathered = write_statistics(src, path, options=chosen)
    for each in gathered.warnings:
        click.echo(f"! {each.message}  ({each.code})", err=True)
    things = "images" if all(len(size) == 2 for size in gathered.sizes) else "points"
    say(
        f"{output}: statistics of {gathered.n:,} {things} of {gathered.name}",
        f"next: gandiag score SAMPLES --real {output}",
    )
