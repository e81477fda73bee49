"""``gandiag weights``."""

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from gandiag.errors import GandiagError
from gandiag.extractors import (
    WEIGHTS,
    fetch_weights,
    identify,
    import_weights,
    on_this_machine,
    weights_folder,
)

NAMES = click.Choice(list(WEIGHTS))
FETCHED = click.Choice([row.name for row in WEIGHTS.values() if row.urls])


@click.group(
    epilog="""\b
Examples:
  gandiag weights list
  gandiag weights fetch inception
  gandiag weights import ~/Downloads/pt_inception-2015-12-05-6726825d.pth
  gandiag weights verify

\b
GANDIAG_WEIGHTS names the folder they are kept in, or one file to use.
"""
)
def weights() -> None:
    """List, fetch, import and verify network weights.

    Scoring never downloads these by itself; lite0 comes with gandiag.
    """


@weights.command(
    "list",
    epilog="""\b
Example:
  gandiag weights list
""",
)
def list_() -> None:
    """Show the known weight files and where they are on this machine."""
    there = on_this_machine()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("name", "here", "MB", "SHA-256", "licence", "for"):
        table.add_column(heading, justify="right" if heading == "MB" else "left")
    for row in WEIGHTS.values():
        paths = [path for of, path in there if of.name == row.name]
        table.add_row(
            row.name,
            "yes" if paths else "no",
            f"{row.size / 1e6:.1f}",
            row.sha256[:12],
            escape(row.licence),
            escape(row.purpose),
        )
    Console().print(table)
    for of, path in there:
        click.echo(f"{of.name}: {path}")
    if len({of.name for of, _ in there}) < len(WEIGHTS):
        click.echo(f"`gandiag weights fetch NAME` puts one in {weights_folder()}")


@weights.command(
    epilog="""\b
Examples:
  gandiag weights fetch inception
  GANDIAG_WEIGHTS=/shared/weights gandiag weights fetch inception
"""
)
@click.argument("name", type=FETCHED)
def fetch(name: str) -> None:
    """Download a weight file, check its digest, and keep it.

    A download that was cut off goes on where it stopped.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        task = progress.add_task(name, total=WEIGHTS[name].size)
        path = fetch_weights(
            name, tell=lambda done, total: progress.update(task, completed=done, total=total)
        )
    click.echo(f"{name}: {path}")


@weights.command(
    "import",
    epilog="""\b
Examples:
  gandiag weights import ~/Downloads/pt_inception-2015-12-05-6726825d.pth
  gandiag weights import inception-2015-12-05.pt --name inception-torchscript
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", type=NAMES, help="What it must be; it is recognised without, too.")
def import_(file: Path, name: str | None) -> None:
    """Copy a weight file that you have to where gandiag looks.

    It is recognised by its SHA-256, whatever it is called.
    """
    path = import_weights(file, name)
    row, _ = identify(path)
    click.echo(f"{row.name if row is not None else file}: {path}")


@weights.command(
    epilog="""\b
Example:
  gandiag weights verify
"""
)
def verify() -> None:
    """Read every weight file again and compare its SHA-256 with the published one."""
    there = on_this_machine()
    wrong = []
    for row, path in there:
        known, digest = identify(path)
        good = known == row
        click.echo(f"{'good ' if good else 'WRONG'}  {row.name}  {digest[:16]}  {path}")
        if not good:
            wrong.append(path)
    if wrong:
        raise GandiagError(
            f"{' and '.join(map(str, wrong))} {'is' if len(wrong) == 1 else 'are'} not what the "
            f"name says; delete and fetch again"
        )
