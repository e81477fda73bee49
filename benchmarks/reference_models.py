"""What the small recipes reach, over seeds: modes, high-quality share, accuracy of classes.

    python -m benchmarks.reference_models --recipes wgan-gp-ring8 sngan-grid25 --seeds 0 1 2 3 4
    python -m benchmarks.reference_models --table

One row for each recipe and seed goes to benchmarks/results/reference_models.jsonl as it is
finished; rows that are there for the same settings are not made again. Scores are of the averaged
generator at the last step (no checkpoint is chosen), from samples that training never used:

- points: 2,500 samples, as VEEGAN and PacGAN. A sample is of high quality within 3 standard
  deviations of its nearest mode (strictly), a mode is covered if it has one such sample, and the
  reverse KL is log K - H(share of each mode among high-quality samples). A perfect sampler has
  98.89 % high quality and a reverse KL of (K - 1) / 2N.
- labelled images: GAN-test, the share of 2,000 samples that a classifier of real images gives the
  label asked for (Shmelkov et al. 2018); without conditioning, how many classes have at least a
  tenth of their fair share. The classifier's own accuracy on the reference stands beside it.
- stacks: how many of the 1,000 classes 5,000 samples fall in, and KL(p || uniform), whose floor for
  a perfect sampler is (K - 1) / 2N = .0999.
"""

import argparse
import dataclasses
import hashlib
import json
import math
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gandiag.metrics import mode_coverage
from reference_models.data import Batch, open_data
from reference_models.data.images import Images
from reference_models.data.points import Mixture
from reference_models.generator import Sampler, sampler_of
from reference_models.recipe import Recipe, settings_of
from reference_models.recipes import SMALL
from reference_models.trainer import Trainer, prepare

RESULTS = Path(__file__).parent / "results" / "reference_models.jsonl"
LIMIT = 300.0  # seconds of one core
Classifier = Callable[[Tensor], Tensor]


def coverage(points: Tensor, mixture: Mixture) -> dict[str, float]:
    """Modes, share of high quality and reverse KL of points against a mixture."""
    found = mode_coverage(points, mixture.means, mixture.sd)
    return {
        "modes": found.covered,
        "of": len(found.counts),
        "high_quality": found.high_quality,
        "reverse_kl": found.reverse_kl,
    }


def divergence(shares: Tensor) -> float:
    """KL(shares || uniform) in nats; log K if there are none."""
    positive = shares[shares > 0]
    return math.log(len(shares)) + float((positive * positive.log()).sum())


def score(trainer: Trainer) -> dict[str, Any]:
    """The facts of a row."""
    sampler = sampler_of(trainer)
    data = trainer.recipe.data
    if data in ("ring8", "grid25"):
        return coverage(draw(sampler, 2500).x, trainer.data.draw)  # type: ignore[attr-defined]
    grey = data.removeprefix("stacked-")
    classify, accuracy = CLASSIFIERS[grey]()
    if data.startswith("stacked-"):
        samples = draw(sampler, 5000)
        stacks = torch.stack([classify(samples.x[:, c : c + 1]) for c in range(3)], 1)
        found = stacks @ torch.tensor([100, 10, 1])
        shares = torch.bincount(found, minlength=1000).double() / len(found)
        return {
            "modes": int((shares > 0).sum()),
            "of": 1000,
            "reverse_kl": divergence(shares),
            "classifier": accuracy,
        }
    samples = draw(sampler, 2000)
    found = classify(samples.x)
    shares = torch.bincount(found, minlength=10).double() / len(found)
    row: dict[str, Any] = {
        "modes": int((shares >= 0.01).sum()),
        "of": 10,
        "reverse_kl": divergence(shares),
        "classifier": accuracy,
    }
    if sampler.classes:
        row["gan_test"] = float((found == samples.y).double().mean())
    return row


def draw(sampler: Sampler, count: int) -> Batch:
    """Samples of the evaluation's own seed."""
    return next(dataclasses.replace(sampler, seed=1).batches(count, count))


@lru_cache
def digit_classifier() -> tuple[Classifier, float]:
    """Support vectors, and their accuracy on real digits that they have not seen."""
    from sklearn.svm import SVC

    data = open_data("digits")
    train, test = data.split("train"), data.split("reference")
    machine = SVC(C=10.0).fit(train.x.flatten(1).numpy(), train.y.numpy())

    def classify(images: Tensor) -> Tensor:
        return torch.from_numpy(machine.predict(images.flatten(1).numpy()))

    return classify, float((classify(test.x) == test.y).double().mean())


@lru_cache
def fashion_classifier() -> tuple[Classifier, float]:
    """A small convolutional network after three epochs, and its accuracy on the test set."""
    data = open_data("fashion-mnist")
    assert isinstance(data, Images)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10)),
        )
    steps = 3 * len(data.pools["train"].rows) // 128
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for step in range(steps):
        x, y = data.batch(step * 128, 128, seed=0)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
        schedule.step()
    network.eval()

    @torch.no_grad()
    def classify(images: Tensor) -> Tensor:
        return torch.cat([network(part).argmax(1) for part in images.split(500)])

    test = data.split("reference")
    return classify, float((classify(test.x) == test.y).double().mean())


CLASSIFIERS: dict[str, Callable[[], tuple[Classifier, float]]] = {
    "digits": digit_classifier,
    "fashion-mnist": fashion_classifier,
}


def settings(recipe: Recipe) -> str:
    """A digest of all that decides how a run ends, but its seed."""
    values = settings_of(recipe)
    for name in ("source", "departures", "targets"):
        del values[name]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def read(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The newest row of each recipe and seed whose settings are today's."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        row = json.loads(line)
        recipe = SMALL.get(row["recipe"])
        if recipe and settings(recipe) == row["settings"]:
            rows[row["recipe"], row["seed"]] = row
    return rows


def run(recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train and score one recipe with one seed."""
    trainer = prepare(recipe, seed=seed)
    start = time.process_time()
    for _ in trainer.steps():
        pass
    seconds = time.process_time() - start
    return {
        "recipe": recipe.name,
        "seed": seed,
        "settings": settings(recipe),
        **score(trainer),
        "under_five_minutes": seconds < LIMIT,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def table(rows: dict[tuple[str, int], dict[str, Any]]) -> str:
    """Rows of one recipe in one line: every seed's modes, and the mean and range of the rest."""
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, _ in sorted(rows, key=lambda key: (list(SMALL).index(key[0]), key[1])):
        grouped[name] = [row for (other, _), row in sorted(rows.items()) if other == name]
    lines = [
        "| recipe | seeds | modes | of | HQ % | reverse KL | GAN-test % | < 5 min |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, some in grouped.items():
        lines.append(
            f"| {name} | {len(some)} | {' '.join(str(row['modes']) for row in some)} "
            f"| {some[0]['of']} | {spread(some, 'high_quality', 100, 1)} "
            f"| {spread(some, 'reverse_kl', 1, 3)} | {spread(some, 'gan_test', 100, 1)} "
            f"| {'yes' if all(row['under_five_minutes'] for row in some) else 'no'} |"
        )
    return "\n".join(lines)


def spread(rows: list[dict[str, Any]], key: str, unit: float, digits: int) -> str:
    """Mean (lowest to highest)."""
    values = [unit * row[key] for row in rows if key in row]
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{statistics.mean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    """Make the rows that are missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="*", default=list(SMALL), choices=list(SMALL))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and make nothing")
    arguments = parser.parse_args()
    # One thread: networks this small gain little from two, and two runs fit side by side.
    torch.set_num_threads(1)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds if not arguments.table else []:
        for name in arguments.recipes:
            if (name, seed) in read(arguments.out):
                continue
            row = run(SMALL[name], seed)
            with arguments.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), file=sys.stderr, flush=True)
    print(table(read(arguments.out)))


if __name__ == "__main__":
    main()
