"""``gandiag reproduce`` of what takes a GPU: a plan, a training that goes on, or a checkpoint."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from gandiag.cli.terminal import bar
from gandiag.cli.user_code import find_function
from gandiag.errors import GandiagError
from gandiag.reporting.tables import Sheet, table

if TYPE_CHECKING:
    from reference_models.papers import Experiment
    from reference_models.papers.experiment import Budget, Result
    from reference_models.papers.large import Run
    from reference_models.papers.rehearsal import Timing
    from reference_models.papers.scoring import Draw
    from reference_models.recipe import Recipe
    from reference_models.trainer import Losses, Trainer


class Asked(NamedTuple):
    """What was asked for besides the name."""

    device: str | None
    folder: Path | None
    generator: str | None
    state: str | None
    dry_run: bool


class Plan(NamedTuple):
    """What a training will take."""

    recipe: "Recipe"
    facts: tuple[tuple[str, int], ...]
    timing: "Timing"
    lacking: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        steps = self.recipe.optimisation.steps
        return {
            "name": self.recipe.name,
            **{name.replace(" ", "_"): value for name, value in self.facts},
            "seconds_a_step": self.timing.seconds,
            "hours": self.timing.hours(steps),
            "device": self.timing.device,
            "lacks": list(self.lacking),
        }


def asked_experiment(recipe: "Recipe", asked: Asked) -> "Experiment":
    """What is to be run, where all of it is here.

    Raises:
        GandiagError: something is missing, or was named in part.
    """
    from reference_models.papers.large import check_ready, declared

    if (asked.generator is None) != (asked.state is None):
        raise GandiagError("--generator MODULE:FUNCTION and --state FILE go together: give both")
    device = asked.device or _gpu()
    check_ready(recipe, gpu=device is not None or asked.state is not None)
    if asked.state is None:
        return declared(recipe, _training(recipe, asked.folder or run_folder(recipe), str(device)))
    return declared(recipe, _checkpoint(recipe, asked, device or "cpu"))


def run_folder(recipe: "Recipe") -> Path:
    """Where a run is kept if no folder is named, as `gandiag train` does."""
    return Path("runs") / recipe.name


def plan(recipe: "Recipe", device: str | None) -> Plan:
    """Count what will be done, and time a few steps on random images."""
    from reference_models.distributed import open_device
    from reference_models.papers.large import missing
    from reference_models.papers.rehearsal import STEPS, rehearsed, time_steps
    from reference_models.train import cost

    place = open_device(device or _gpu() or "cpu")
    lacking = missing(recipe, gpu=device is not None or _gpu() is not None)
    with bar(f"{recipe.name}: steps on random images", 1 + STEPS) as advance:
        timing = time_steps(recipe, place, advance)
    found = cost(rehearsed(recipe))
    facts = {
        "steps": recipe.optimisation.steps,
        "discriminator updates": found.discriminator_updates,
        "generator updates": found.generator_updates,
        "real images seen": found.real_samples,
        "generator parameters": found.generator_parameters,
        "discriminator parameters": found.discriminator_parameters,
    }
    return Plan(recipe, tuple(facts.items()), timing, tuple(lacking))


def shown(plan: Plan, experiment: "Experiment") -> RenderableType:
    """The plan as a person reads it."""
    from reference_models.papers.page import theirs

    published = table(
        *("published", ">value", "~protocol"),
        rows=((each.name, theirs(each), each.what) for each in experiment.published),
    )
    return Group(
        Text(experiment.citation, "dim"),
        Text(experiment.protocol),
        Text(),
        _facts(plan, experiment),
        Text(),
        published,
    )


def _facts(plan: Plan, experiment: "Experiment") -> Sheet:
    timing = plan.timing

    def rows() -> Iterator[tuple[str, str]]:
        for name, value in plan.facts:
            yield name, f"{value:,}"
        note = "" if timing.share == 1 else f", of a batch cut to 1 / {timing.share}, multiplied"
        where = (
            f"{timing.device}, {timing.threads} threads"
            if timing.device == "cpu"
            else (timing.device)
        )
        yield "seconds a step", f"{timing.seconds:.3g} on {where}{note}"
        yield "hours of training", f"{timing.hours(plan.recipe.optimisation.steps):,.3g}"
        yield "needs", experiment.needs
        yield "lacks", " and ".join(plan.lacking) or "nothing"

    return table("what", "~value", rows=rows())


def _training(recipe: "Recipe", folder: Path, device: str) -> "Run":
    from gandiag.cli.alerts import Tell
    from reference_models.papers.large_runs import trained

    def run(budget: "Budget", seed: int) -> "Result":
        with bar(f"{recipe.name} in {folder}", recipe.optimisation.steps) as advance:
            told = 0

            def on_step(trainer: "Trainer", losses: "Losses") -> None:
                nonlocal told
                advance(trainer.finished - told)
                told = trainer.finished

            draw = trained(recipe, folder, device, seed, on_step=on_step, sinks=[Tell()])
        return _scored(recipe, draw, seed, device)

    return run


def _checkpoint(recipe: "Recipe", asked: Asked, device: str) -> "Run":
    from reference_models.papers.large_runs import of_file

    function = find_function(str(asked.generator))
    file = Path(str(asked.state)).expanduser()
    if not file.is_file():
        raise GandiagError(f"--state {file} is no file; name the weights of the generator")

    def run(budget: "Budget", seed: int) -> "Result":
        return _scored(recipe, of_file(file, function, device), seed, device)

    return run


def _scored(recipe: "Recipe", draw: "Draw", seed: int, device: str) -> "Result":
    from reference_models.papers.large_runs import numbers_of, scored

    with bar(f"{recipe.name}: numbers", numbers_of(recipe)) as advance:
        return scored(recipe, draw, seed, device, advance)


def _gpu() -> str | None:
    import torch

    return "cuda" if torch.cuda.is_available() else None
