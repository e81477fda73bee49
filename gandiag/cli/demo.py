"""``gandiag demo``."""

import shutil
from pathlib import Path

import click
from rich.text import Text

from gandiag.cli.alerts import line
from gandiag.cli.demo_images import demo_sets, write_folders
from gandiag.cli.helpful import Helpful
from gandiag.cli.params import SEED
from gandiag.cli.terminal import bar, quietly, say
from gandiag.cli.threads import one_unless_told
from gandiag.files import cache_folder
from gandiag.monitors import Alert
from gandiag.monitors.sinks import Callback
from gandiag.reporting.report import ARROWS, Report, number
from gandiag.reporting.tables import Sheet, table
from gandiag.scoring import score

EPILOG = """\b
Examples:
  gandiag demo
  gandiag demo --images 200 --out demo/
"""

CLAIMS = (
    ("fd[lite0]", "blurred", "above", "the features of blurred images have moved"),
    ("fd[lite0]", "collapsed", "above", "a dozen images have not the spread of the data"),
    ("kd[lite0]", "blurred", "above", "as fd, without its bias at small N"),
    ("precision[lite0]", "blurred", "below", "blurred images look like no real one"),
    ("recall[lite0]", "collapsed", "below", "most real images are like none of the dozen"),
    ("density[lite0]", "blurred", "below", "few real images lie around a blurred one"),
    ("coverage[lite0]", "collapsed", "below", "most modes are lost, however good the images"),
)
"""Score, set, where it must lie against the good set's, and why."""

SETS = ("good", "blurred", "collapsed")
FAILING, STEPS = "vanilla-overtrained-ring8", 300
"""The recipe that is watched, and for how long: by then it has lost most modes."""


@click.command(cls=Helpful, epilog=EPILOG)
@click.option(
    "--images", default=300, show_default=True, type=click.IntRange(min=50), help="Of each set."
)
@click.option(
    "--seed", default=0, show_default=True, type=SEED, metavar="S", help="Which images are drawn."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Where the images go; default: the cache folder.",
)
@quietly()
def demo(images: int, seed: int, out: str | None) -> None:
    """The whole story in about a minute, offline, with no weights to fetch.

    Takes real images, makes three sets of samples from them (good, blurred, collapsed), scores
    each, and shows which score catches what. Then trains a GAN that is meant to fail, and shows
    when its monitor said so.
    """
    folder = Path(out) if out else cache_folder() / "demo"
    data, sets = demo_sets(images, seed)
    write_folders(sets, folder)
    say(
        f"{len(sets['real'])} images of {data}, and as many of three generators whose faults are "
        f"known, in {folder}\n"
    )
    reports = {
        name: score(str(folder / name), str(folder / "real"), features="lite0", progress=bar)
        for name in SETS
    }
    say(_table(reports), Text("↓ lower is better, ↑ higher\n", style="dim"))
    for name, which, where, why in CLAIMS:
        good, other = reports["good"][name].value, reports[which][name].value
        caught = other > good if where == "above" else other < good
        mark = Text("caught ", style="green") if caught else Text("MISSED ", style="bold red")
        say(mark + Text(f"{which:<10} {name}: {why}"))
    say(
        f"\nGood samples are real images, too, others than the reference's: their fd is what "
        f"{images} images leave of 0, its bias; kd has none.\n"
    )
    _watch(folder / "run")
    say(
        "\nfd and kd are the formulas of FID and KID on lite0 features: compare them with one "
        "another, not with papers.\nnext: "
        f"gandiag score {folder / 'collapsed'} --real {folder / 'real'} --features lite0 "
        f"--html report.html\nnext: gandiag report {folder / 'run'} -o run.html"
    )


def _watch(folder: Path) -> None:
    """Train what fails until it has been told that modes are lost."""
    from reference_models.recipe import replace
    from reference_models.recipes import find_recipe
    from reference_models.train import train
    from reference_models.trainer import Losses, Trainer

    recipe = replace(find_recipe(FAILING), {"steps": STEPS})
    told: list[Alert] = []
    shutil.rmtree(folder, ignore_errors=True)
    with (
        one_unless_told(),
        bar(f"{recipe.name} in {folder}", recipe.optimisation.steps) as advance,
    ):

        def on_step(trainer: Trainer, losses: Losses) -> None:
            advance(1)

        train(recipe, out=folder, on_step=on_step, sinks=[Callback(told.append)])
    say("A GAN that is meant to fail, and what its monitor told while it trained:")
    for alert in told:
        say(line(alert))


def _table(reports: dict[str, Report]) -> Sheet:
    rows = (
        (row.name, ARROWS[row.better], *(number(reports[name][row.name].value) for name in SETS))
        for row in reports["good"].rows
    )
    return table("score", "", *(f">{name}" for name in SETS), rows=rows, gap=3)
