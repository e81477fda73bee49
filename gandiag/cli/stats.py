"""``gandiag stats``."""

from pathlib import Path
from typing import Any

import click

from gandiag.cli.options import of_options
from gandiag.cli.terminal import bar
from gandiag.errors import GandiagError
from gandiag.scoring import Options, write_statistics

EPILOG = """\b
SRC is a folder, a .zip, .tar, .npz or .npy file, or dataset:NAME.

\b
Examples:
  gandiag stats data/ -o real.npz
  gandiag score samples/ --real real.npz
  gandiag stats data/ -o real.npz --metrics fid --protocol pytorch-fid
"""


@click.command(epilog=EPILOG)
@click.argument("src", metavar="SRC")
@click.option("-o", "--output", required=True, metavar="FILE.npz", help="The file to write.")
@of_options(without=("per_class", "cache"))
def stats(src: str, output: str, **options: Any) -> None:
    """Save the statistics of SRC, to score against without its images.

    With --metrics fid the file is small and also holds `mu` and `sigma`, as pytorch-fid and
    clean-fid read them; other metrics keep every feature.
    """
    path = Path(output)
    if path.suffix != ".npz":
        raise GandiagError(f"{output} should end in .npz, so that it is known for what it is")
    if not path.absolute().parent.is_dir():
        raise GandiagError(f"{output} cannot be written: its folder does not exist; make it first")
    gathered = write_statistics(src, path, options=Options(progress=bar, **options))
    click.echo(f"{output}: statistics of {gathered.n:,} images of {gathered.name}")
    click.echo(f"next: gandiag score SAMPLES --real {output}")
