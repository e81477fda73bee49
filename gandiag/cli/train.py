"""``gandiag train``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.cli.config import configured
from gandiag.cli.helpful import Helpful
from gandiag.cli.params import SEED, Kind
from gandiag.cli.terminal import bar, quietly, say
from gandiag.cli.threads import threads_for
from gandiag.errors import GandiagError, unknown
from gandiag.reporting.tables import Sheet, table

if TYPE_CHECKING:
    from reference_models.recipe import Recipe
    from reference_models.train import Cost
    from reference_models.trainer import Losses, Trainer

EPILOG = """\b
Examples:
  gandiag train --list
  gandiag train sngan-ring8                       a minute on a CPU
  gandiag train cgan-digits --out runs/digits
  gandiag train sngan-cifar10 --dry-run           all settings and the cost
  gandiag train sngan-cifar10 --data folder:photos --device cuda
  gandiag train wgan-gp-digits --set gradient_penalty=1 --set steps=500
  gandiag train cgan-digits --config train.toml   with lines such as seed = 3
  gandiag train cgan-digits --out runs/digits --resume
  torchrun --nproc-per-node 4 -m gandiag train sngan-cifar10 --device cuda
"""


class Setting(Kind):
    """``lr_d=1e-3``: a field of the recipe and its value, a number, true, false or a word."""

    name = "FIELD=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, object]:
        """(field, value)."""
        field, equals, text = str(value).partition("=")
        if not equals:
            self.fail(f"{value!r} is not FIELD=VALUE, as in lr_d=1e-3", param, ctx)
        try:
            return field.strip(), json.loads(text)
        except ValueError:
            return field.strip(), text.strip()


@click.command(cls=Helpful, epilog=EPILOG)
@configured(save=False)
@click.argument("recipe", metavar="[RECIPE]", required=False)
@click.option(
    "--list", "listing", is_flag=True, help="List the recipes and their published values."
)
@click.option("--data", metavar="D", help="Other data than the recipe's: a name, or folder:PATH.")
@click.option("--out", metavar="DIR", help="The run's folder; default: runs/RECIPE.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint in the folder.")
@click.option("--dry-run", is_flag=True, help="Print every setting and the cost, and stop.")
@click.option(
    "--set", "settings", type=Setting(), multiple=True, help="Change a setting of the recipe."
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=SEED,
    metavar="S",
    help="Of the weights, the batches and the latents.",
)
@click.option("--device", default="cpu", show_default=True, metavar="D", help="cpu, cuda or mps.")
@click.option(
    "--checkpoint-every",
    type=click.IntRange(min=1),
    metavar="N",
    help="Steps between checkpoints; default: a twentieth of the run.",
)
@click.option(
    "--keep",
    default=3,
    show_default=True,
    type=click.IntRange(min=0),
    metavar="K",
    help="How many of the newest checkpoints stay, besides the best; 0 for all.",
)
@click.option("--monitor/--no-monitor", "monitored", default=True, help="Whether to watch the run.")
@quietly()
def train(
    recipe: str | None,
    listing: bool,
    data: str | None,
    out: str | None,
    resume: bool,
    dry_run: bool,
    settings: tuple[tuple[str, object], ...],
    seed: int,
    device: str,
    checkpoint_every: int | None,
    keep: int,
    monitored: bool,
) -> None:
    """Train a reference model by RECIPE, or by the recipe.json of a run.

    The run's folder holds checkpoints that `gandiag score` reads. The best of them, by Frechet
    distance to held-out data, is kept. A monitor warns as soon as something goes wrong; `gandiag
    watch` shows what it sees.
    """
    from reference_models.distributed import open_device
    from reference_models.recipe import replace, settings_of
    from reference_models.recipes import RECIPES
    from reference_models.train import cost

    if listing:
        say(_catalogue(list(RECIPES.values())))
        return
    if recipe is None:
        raise GandiagError("no recipe is named; `gandiag train --list` shows them")
    changes = dict(settings) | ({"data": _data(data)} if data else {})
    plain = _recipe(recipe)
    for field, _ in settings:
        if field not in (known := settings_of(plain)):
            raise unknown("setting", field, known)
    chosen = replace(plain, changes)
    if dry_run:
        say(_plan(chosen, cost(chosen)))
        return
    open_device(device)
    folder = Path(out or f"runs/{chosen.name}")
    every = checkpoint_every or max(1, chosen.optimisation.steps // 20)
    try:
        trainer = _train(chosen, folder, resume, seed, device, every, keep, monitored)
    except KeyboardInterrupt:
        click.echo(
            f"\nstopped; to go on: gandiag train {folder / 'recipe.json'} --out {folder} "
            f"--seed {seed} --resume",
            err=True,
        )
        raise
    if trainer.processes.rank == 0:
        _tell(trainer, folder)


def _train(
    recipe: "Recipe",
    folder: Path,
    resume: bool,
    seed: int,
    device: str,
    every: int,
    keep: int,
    monitored: bool,
) -> "Trainer":
    from gandiag.cli.alerts import Tell
    from reference_models.judge import held_out_distance
    from reference_models.train import train as train_recipe

    with (
        threads_for(recipe, device),
        bar(f"{recipe.name} in {folder}", recipe.optimisation.steps) as advance,
    ):
        shown = 0

        def on_step(trainer: "Trainer", losses: "Losses") -> None:
            nonlocal shown
            advance(trainer.finished - shown)
            shown = trainer.finished

        return train_recipe(
            recipe,
            out=folder,
            resume=resume,
            device=device,
            seed=seed,
            checkpoint_every=every,
            keep=keep,
            score=held_out_distance(recipe, device=device),
            on_step=on_step,
            monitored=monitored,
            sinks=[Tell()],
        )


def _tell(trainer: "Trainer", folder: Path) -> None:
    from gandiag.sources import dataset_names
    from reference_models.checkpoints import best, read_head

    say(f"{folder}: {trainer.finished:,} steps of {trainer.recipe.name}")
    found = best(folder)
    if found is not None:
        value = read_head(found)["score"]
        say(f"best checkpoint: {found} (Frechet distance to held-out data {value:.6g})")
    if (folder / "monitor.jsonl").exists():
        say(f"signals and alerts: gandiag watch {folder}")
    real = trainer.recipe.data.removeprefix("folder:")
    real = f"dataset:{real}" if real in dataset_names() else real
    features = _features(trainer)
    say(f"next: gandiag score {folder} --real {real}{features} --html report.html")


def _features(trainer: "Trainer") -> str:
    """The option for features that need no download and suit the data."""
    from gandiag.extractors.small_classifiers import SHIPPED

    if len(trainer.data.shape) != 3:
        return ""  # points have their own
    data = trainer.recipe.data
    return f" --features {data if data.removeprefix('stacked-') in SHIPPED else 'lite0'}"


def _recipe(name: str) -> "Recipe":
    from reference_models.recipe import from_json
    from reference_models.recipes import find_recipe

    if not name.endswith(".json"):
        return find_recipe(name)
    try:
        return from_json(Path(name).read_text(encoding="utf-8"), name)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GandiagError(
            f"cannot read {name}: {reason}; name the recipe.json of a run"
        ) from error


def _data(name: str) -> str:
    """A folder may be named without ``folder:``."""
    from reference_models.data.table import DATASETS

    if Path(name).is_dir() and not name.startswith("folder:"):
        return f"folder:{name}"
    if ":" not in name and name not in DATASETS:
        raise unknown("data", name, (*DATASETS, "folder:PATH", "noise:CLASSES"))
    return name


def _catalogue(recipes: "list[Recipe]") -> RenderableType:
    def cells(each: "Recipe") -> Iterator[str]:
        loss, steps = each.objective.loss, each.optimisation.steps
        yield from (each.name, each.data, each.networks.network, loss, f"{steps:,}")
        yield ", ".join(f"{target.metric} {target.value:g}" for target in each.targets[:2])

    titles = ("recipe", "data", "network", "loss", ">steps", "~published")
    return table(*titles, rows=map(cells, recipes))


def _plan(recipe: "Recipe", cost: "Cost") -> RenderableType:
    parts: list[RenderableType] = [_settings(recipe), Text(), _cost(cost)]
    if recipe.targets:
        parts += [Text(), _targets(recipe)]
    return Group(*parts)


def _settings(recipe: "Recipe") -> Sheet:
    from reference_models.recipe import Recipe, settings_of

    usual = settings_of(Recipe("", ""))
    rows = (
        (name, Text(str(value), "dim" if value == usual[name] else "bold"))
        for name, value in settings_of(recipe).items()
        if name != "targets"
    )
    return table("setting", "~value", rows=rows)


def _cost(cost: "Cost") -> Text:
    lines = (
        ("generator parameters", cost.generator_parameters),
        ("discriminator parameters", cost.discriminator_parameters),
        ("discriminator updates", cost.discriminator_updates),
        ("generator updates", cost.generator_updates),
        ("real samples seen", cost.real_samples),
    )
    return Text("\n".join(f"{name:<26}{number:>15,}" for name, number in lines))


def _targets(recipe: "Recipe") -> Sheet:
    titles = ("published", ">value", ">real", ">generated", "protocol", "~source")
    return table(*titles, rows=_target_cells(recipe))


def _target_cells(recipe: "Recipe") -> Iterator[tuple[str, ...]]:
    for each in recipe.targets:
        value = f"{each.value:g}" + ("" if each.spread is None else f" ± {each.spread:g}")
        counts = ("not stated" if n is None else f"{n:,}" for n in (each.n_real, each.n_generated))
        yield (each.metric, value, *counts, each.protocol, each.source)
