"""What the monitor costs: blocks of training steps with and without it, in turns.

    python -m benchmarks.overhead [--blocks 8] [RECIPE ...]

Two trainers of one recipe and seed take turns, one of them monitored: by default as the README's
lines have it, and once more with a look at samples at every check, as `gandiag train` does it. A
block is 400 steps with four checks, after which everything has been looked at. Two trainers that do
the same can differ in speed by where their data lies in memory, so the monitor changes sides half
way. `overhead` is the geometric mean over both sides of the median ratio of processor times, less
1, and `overhead_wall` that of wall times; on a machine that does other work, too, both swing by
several per cent. `own` is the processor time spent in the monitor's hooks and calls over all other;
it swings less, and leaves out what the monitor's use of the caches costs training. All go to
benchmarks/results/overhead.json.
"""

import json
import math
import platform
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch

import gandiag
from benchmarks.detection.recording import Recorder, monitor_of
from gandiag.files import atomic_write
from reference_models.recipe import replace
from reference_models.recipes import RECIPES
from reference_models.trainer import Trainer, prepare
from reference_models.watching import tell, watch

EVERY = 100
BLOCK = 400
LONG = 20_000
RESULTS = Path(__file__).parent / "results" / "overhead.json"


class Stopwatch:
    """Processor seconds in some functions, those that they call included, not counted twice."""

    def __init__(self) -> None:
        self.seconds, self.depth = 0.0, 0

    def around(self, function):
        """The same function, timed."""

        def timed(*args, **kwargs):
            self.depth += 1
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.seconds += time.process_time() - start

        return timed


def block(trainer: Trainer, monitor: gandiag.Monitor | None) -> tuple[float, float]:
    """Processor and wall seconds of a block."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(BLOCK):
        losses = trainer.step()
        if monitor is not None:
            tell(monitor, losses)
    return time.process_time() - processor, time.perf_counter() - wall


Pair = tuple[tuple[float, float], tuple[float, float]]


def as_the_readme_has_it(trainer: Trainer, folder: Path) -> gandiag.Monitor:
    """Every default."""
    return monitor_of(trainer, Recorder())


def at_every_check(trainer: Trainer, folder: Path) -> gandiag.Monitor:
    """As `gandiag train`."""
    return watch(trainer, folder, sinks=())


SETTINGS = {"default": as_the_readme_has_it, "every check": at_every_check}


def turns(
    setting: str, plain: Trainer, watched: Trainer, blocks: int
) -> tuple[list[Pair], list[float]]:
    """Pairs of blocks, without and with the monitor, and its own share in each of the latter."""
    pairs: list[Pair] = []
    own, stopwatch = [], Stopwatch()
    with TemporaryDirectory() as folder, SETTINGS[setting](watched, Path(folder)) as monitor:
        assert monitor.every == EVERY
        monitor.step = stopwatch.around(monitor.step)
        for probe in monitor._heard.probes.values():
            probe._look = stopwatch.around(probe._look)
            probe._count = stopwatch.around(probe._count)
        block(plain, None)
        block(watched, monitor)
        for turn in range(blocks):
            stopwatch.seconds = 0.0
            # Each goes first every other time.
            if turn % 2:
                without = block(plain, None)
                pairs.append((without, block(watched, monitor)))
            else:
                with_it = block(watched, monitor)
                pairs.append((block(plain, None), with_it))
            inside = stopwatch.seconds
            own.append(inside / (pairs[-1][1][0] - inside))
    return pairs, own


def measure(name: str, setting: str, blocks: int) -> dict[str, float]:
    """Overhead of one recipe as shares of the training time without the monitor."""
    # Shorter runs are looked at more often.
    recipe = replace(RECIPES[name], steps=LONG)
    one, other = prepare(recipe), prepare(recipe)
    half = max(1, blocks // 2)
    halves = [turns(setting, one, other, half), turns(setting, other, one, half)]
    same = all(
        torch.equal(a, b)
        for a, b in zip(one.generator.parameters(), other.generator.parameters(), strict=True)
    )

    def ratio(clock: int) -> float:
        medians = [statistics.median(b[clock] / a[clock] for a, b in pairs) for pairs, _ in halves]
        return math.prod(medians) ** 0.5 - 1

    return {
        "overhead": ratio(0),
        "overhead_wall": ratio(1),
        "own": statistics.median(share for _, own in halves for share in own),
        "ms_per_step": 1000
        / BLOCK
        * statistics.median(a[0] for pairs, _ in halves for a, _ in pairs),
        "blocks": 2 * half,
        "same_weights": same,
    }


@click.command()
@click.argument("recipes", nargs=-1)
@click.option("--blocks", default=8, show_default=True, help="Pairs of blocks of 400 steps.")
def main(recipes: tuple[str, ...], blocks: int) -> None:
    """Measure RECIPES; ns-r1-ring8, ns-digits and ns-fashion-mnist if none is named."""
    torch.set_num_threads(1)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name in recipes or ("ns-r1-ring8", "ns-digits", "ns-fashion-mnist"):
        found[name] = {}
        for setting in SETTINGS:
            got = found[name][setting] = measure(name, setting, blocks)
            print(
                f"{name}, {setting}: {got['overhead']:+.1%} processor time "
                f"({got['overhead_wall']:+.1%} wall, {got['own']:.1%} its own) on "
                f"{got['ms_per_step']:.2f} ms a step; weights "
                f"{'the same' if got['same_weights'] else 'DIFFER'}",
                flush=True,
            )
    result = {
        "every": EVERY,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "recipes": found,
    }
    with atomic_write(RESULTS) as file:
        file.write((json.dumps(result, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
