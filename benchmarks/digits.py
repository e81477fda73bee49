"""Every reference model on digits, scored as a user would, with held-out reals beside it.

    python -m benchmarks.digits                        # trains what is missing, prints the table
    python -m benchmarks.digits --models sngan cgan --pages pages/

Each recipe is trained once (seed 0) and its averaged generator at the last step makes as many
images as there are held-out ones. The reals are the training split; the held-out split, which no
model saw, is scored in the generator's place: what a perfect generator would get. Rows go to
benchmarks/results/digits.json as they come; --pages writes a report with samples for each model.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import gandiag
from benchmarks.reference_models import settings
from gandiag.files import atomic_write
from gandiag.reporting.html import page, previews
from gandiag.sources import ImageSource, open_source
from reference_models.data import open_data
from reference_models.data.images import to_bytes
from reference_models.recipes import SMALL
from reference_models.train import train

RESULTS = Path(__file__).parent / "results" / "digits.json"
MODELS = ("vanilla", "ns", "wgan-gp", "sngan", "cgan", "cgan-concat", "acgan")
SCORES = ("fid", "kid", "precision", "recall", "modes", "label_agreement")


def split(name: str) -> ImageSource:
    """A split of the digits with its labels."""
    data = open_data("digits")
    x, y = data.split(name)  # type: ignore[arg-type]
    images = to_bytes(x).expand(-1, 3, -1, -1)
    source = open_source([(images, [data.classes[i] for i in y.tolist()])], name=f"digits, {name}")
    assert not isinstance(source, gandiag.sources.StatisticsFile)
    return source


def row(model: str, pages: Path | None) -> dict[str, Any]:
    """Train a model and score it."""
    recipe = SMALL[f"{model}-digits"]
    heldout = split("heldout")
    with tempfile.TemporaryDirectory() as folder:
        train(recipe, out=Path(folder) / recipe.name, checkpoint_every=recipe.optimisation.steps)
        generated = open_source(Path(folder) / recipe.name, name=recipe.name)
        assert not isinstance(generated, gandiag.sources.StatisticsFile)
        generated = generated.limit(heldout.count() or 0, 0)
        real = split("train")
        scorer = gandiag.Scorer(
            real, heldout=heldout, features="digits", metrics=("fid", "kid", "prdc", "modes")
        )
        report = scorer(generated)
        if pages:
            shown = previews({"generated": generated, "real": real, "held-out": heldout})
            with atomic_write(pages / f"{recipe.name}.html") as file:
                file.write(page(report, shown).encode())
    return {
        "model": model,
        "settings": settings(recipe),
        "n": heldout.count(),
        "scores": {
            name: [report[name].value, report[name].heldout] for name in SCORES if name in report
        },
    }


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Rows whose settings are today's, by model."""
    rows = json.loads(path.read_text()) if path.exists() else []
    return {
        each["model"]: each
        for each in rows
        if each["settings"] == settings(SMALL[f"{each['model']}-digits"])
    }


def table(rows: dict[str, dict[str, Any]]) -> str:
    """A line a model; the held-out digits' own scores last."""
    lines = [
        f"| model | N | {' | '.join(SCORES)} |",
        "|---|---|" + "---|" * len(SCORES),
    ]
    for model in (name for name in MODELS if name in rows):
        each = rows[model]
        cells = (cell(each["scores"].get(name, [None])[0]) for name in SCORES)
        lines.append(f"| {model} | {each['n']} | {' | '.join(cells)} |")
    if "cgan" in rows:
        each = rows["cgan"]
        cells = (cell(each["scores"].get(name, [None, None])[1]) for name in SCORES)
        lines.append(f"| held-out digits | {each['n']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def cell(value: float | None) -> str:
    """Four digits, or nothing."""
    return "" if value is None else f"{value:.4g}"


def main() -> None:
    """Make the rows that are missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--pages", type=Path, help="a folder for a page of each model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.pages:
        arguments.pages.mkdir(parents=True, exist_ok=True)
    for model in arguments.models:
        rows = read(RESULTS)
        if model in rows and not arguments.pages:
            continue
        rows[model] = row(model, arguments.pages)
        with atomic_write(RESULTS) as file:
            file.write((json.dumps(list(rows.values()), indent=1) + "\n").encode())
        print(json.dumps(rows[model]), file=sys.stderr, flush=True)
    print(table(read(RESULTS)))


if __name__ == "__main__":
    main()
