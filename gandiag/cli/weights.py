"""``gandiag weights``."""

from pathlib import Path

import click

from gandiag.cli.helpful import HelpfulGroup
from gandiag.cli.terminal import quietly, say, transfer
from gandiag.errors import GandiagError, unknown
from gandiag.extractors import (
    WEIGHTS,
    fetch_weights,
    identify,
    import_weights,
    on_this_machine,
    weights_folder,
)
from gandiag.extractors.fetching import NETWORKS
from gandiag.reporting.tables import table
from gandiag.sources import fetch_dataset

NAMES = click.Choice(list(WEIGHTS))
DATASET = "dataset:"
"""Begins the name of data."""
TIMM = "timm:"
"""Begins the name of a network of timm."""


@click.group(
    cls=HelpfulGroup,
    epilog="""\b
Examples:
  gandiag weights list
  gandiag weights fetch inception
  gandiag weights import ~/Downloads/pt_inception-2015-12-05-6726825d.pth
  gandiag weights verify

\b
GANDIAG_WEIGHTS names the folder they are kept in, or one file to use.
""",
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
    names = {of.name for of, _ in there}
    rows = (
        (
            row.name,
            "yes" if row.name in names else "no",
            f"{row.size / 1e6:.1f}",
            row.sha256[:12],
            row.licence,
            row.purpose,
        )
        for row in WEIGHTS.values()
    )
    say(table("name", "here", ">MB", "SHA-256", "~licence", "~for", rows=rows))
    say(*(f"{of.name}: {path}" for of, path in there))
    if len(names) < len(WEIGHTS):
        say(f"`gandiag weights fetch NAME` puts one in {weights_folder()}")


@weights.command(
    epilog="""\b
Examples:
  gandiag weights fetch inception
  gandiag weights fetch dataset:cifar10
  GANDIAG_WEIGHTS=/shared/weights gandiag weights fetch inception
"""
)
@click.argument("name", metavar="NAME|dataset:NAME")
@quietly()
def fetch(name: str) -> None:
    """Download a weight file or a dataset, check its digest, and keep it.

    A download that was cut off goes on where it stopped.
    """
    if not name.startswith((DATASET, TIMM)) and name not in (*WEIGHTS, *NETWORKS):
        known = (*WEIGHTS, *NETWORKS, f"{TIMM}NAME", f"{DATASET}NAME")
        raise unknown("weights file", name, known)
    with transfer(name) as tell:
        path = (
            fetch_dataset(name, tell)
            if name.startswith(DATASET)
            else fetch_weights(name, tell=tell)
        )
    say(f"{name}: {path}")


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
    say(f"{row.name if row is not None else file}: {path}")


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
        say(f"{'good ' if good else 'WRONG'}  {row.name}  {digest[:16]}  {path}")
        if not good:
            wrong.append(path)
    if wrong:
        raise GandiagError(
            f"{' and '.join(map(str, wrong))} {'is' if len(wrong) == 1 else 'are'} not what the "
            f"name says; delete and fetch again"
        )
