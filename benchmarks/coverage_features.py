"""Features of Fashion-MNIST for `benchmarks.coverage` to draw sets from.

    nice python -m benchmarks.coverage_features FILE [--images 60000] [--threads 1]

Takes minutes to an hour, and goes on where it stopped. The file is no part of the repository.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import gandiag
from gandiag.extractors import open_extractor

FEATURES, LOGITS = 1280, 1000
COLUMNS = FEATURES + LOGITS + 1
BATCH = 64


def population(path: Path) -> NDArray[np.float16]:
    """(images, 1280 features, 1,000 logits and the class) of lite0, of the rows that are there."""
    rows = path.stat().st_size // (2 * COLUMNS)
    return np.memmap(path, np.float16, "r", shape=(rows, COLUMNS))


def extract(path: Path, images: int) -> None:
    """Append what is missing up to so many images, in an order by chance, the same each time."""
    source = gandiag.open_source("dataset:fashion-mnist:train")
    batches = list(source.batches(4096))
    pixels = torch.cat([batch.images for batch in batches])
    labels = [label for batch in batches for label in batch.labels or ()]
    place = {label: float(i) for i, label in enumerate(sorted(set(labels)))}
    order = np.random.default_rng(0).permutation(len(pixels))[:images]
    network = open_extractor("lite0", device=torch.device("cpu"))
    there = len(population(path)) if path.exists() else 0
    with path.open("r+b" if there else "wb") as file:
        file.seek(there * COLUMNS * 2)  # over a row that was not finished
        for start in range(there, len(order), BATCH):
            index = order[start : start + BATCH]
            with torch.inference_mode():
                found = network(network.prepare(pixels[index]), {"features", "logits"})
            classes = torch.tensor([[place[labels[i]]] for i in index])
            rows = torch.cat((found["features"], found["logits"], classes), dim=1)
            file.write(rows.numpy().astype(np.float16).tobytes())
            file.flush()


def main() -> None:
    """Extract."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    extract(options.file, options.images)


if __name__ == "__main__":
    main()
