"""The same images from a folder, a zip and an npz: the same scores, to the last digit.

    python -m benchmarks.containers --images 2000 --out benchmarks/results/containers.json

Fashion-MNIST's test images against its training images, with `lite0`.
"""

import argparse
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import gandiag


def write_containers(count: int, root: Path) -> list[Path]:
    """The same images as PNG files in a folder, in a zip, and as one array."""
    source = gandiag.open_source("dataset:fashion-mnist:test").limit(count, seed=0)
    pixels = torch.cat([batch.images for batch in source.batches(256)]).permute(0, 2, 3, 1).numpy()
    folder, archive, array = root / "folder", root / "images.zip", root / "images.npz"
    folder.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for index, image in enumerate(pixels):
            path = folder / f"{index:05d}.png"
            Image.fromarray(image).save(path)
            file.write(path, path.name)
    np.savez(array, pixels)
    return [folder, archive, array]


def main() -> None:
    """Score each container and print the scores side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/containers.json"))
    options = parser.parse_args()
    scores: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as root:
        for path in write_containers(options.images, Path(root)):
            report = gandiag.score(
                path,
                "dataset:fashion-mnist:train",
                features="lite0",
                max_images=options.images,
            )
            scores[path.name] = {row.name: row.value for row in report.rows}
    same = len({json.dumps(each) for each in scores.values()}) == 1
    result = {
        "command": f"python -m benchmarks.containers --images {options.images}",
        "images": options.images,
        "scores": scores,
        "same_to_the_last_bit": same,
        "versions": report.provenance["versions"],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"| score | {' | '.join(scores)} |\n|---|{'---|' * len(scores)}")
    for name in next(iter(scores.values())):
        print(f"| {name} | {' | '.join(f'{each[name]:.17g}' for each in scores.values())} |")
    print(f"the same to the last bit: {'yes' if same else 'NO'}")


if __name__ == "__main__":
    main()
