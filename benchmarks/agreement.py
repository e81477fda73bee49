"""Agreement with other tools: the same files, the same weights, each tool's own code.

    python -m benchmarks.agreement --images 1000 --tools torch-fidelity torchmetrics
    python -m benchmarks.agreement --images 200

The published Inception weights are not redistributable, so a random network in the same format
stands in (He initialisation, batch norm set from photographs); each tool loads the same file
through its own loader. Images are Fashion-MNIST (train against test) as PNG, with the generated
ones paler, so that scores are far from zero. Rows are written as they come, and are not made twice.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import gandiag

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from random_inception import RandomInception, write_random_inception

Folders = tuple[Path, Path]


def write_images(root: Path, count: int) -> Folders:
    """Generated and real images as folders of PNG files."""
    folders = root / "generated", root / "real"
    for folder, split in zip(folders, ("test", "train"), strict=True):
        source = gandiag.open_source(f"dataset:fashion-mnist:{split}").limit(count, seed=0)
        folder.mkdir()
        index = 0
        for batch in source.batches(256):
            for image in batch.images.permute(0, 2, 3, 1).numpy():
                pixels = image // 2 + 32 if split == "test" else image
                Image.fromarray(pixels).save(folder / f"{index:05d}.png")
                index += 1
    return folders


def pixels(folder: Path) -> torch.Tensor:
    """(n, 3, height, width) uint8."""
    arrays = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.iterdir())]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def torch_fidelity(folders: Folders, weights: RandomInception) -> dict[str, float]:
    """torch-fidelity through its Python interface."""
    import torch_fidelity as tool

    found = tool.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        fid=True,
        kid=True,
        isc=True,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights.full),
        cuda=False,
        cache=False,
        verbose=False,
    )
    return {
        "fid": found["frechet_inception_distance"],
        "kid": found["kernel_inception_distance_mean"],
        "is": found["inception_score_mean"],
    }


def pytorch_fid(folders: Folders, weights: RandomInception) -> dict[str, float]:
    """pytorch-fid, given the file where it would download it."""
    from pytorch_fid import fid_score, inception

    state = torch.load(weights.full, weights_only=True)
    inception.load_state_dict_from_url = lambda *args, **more: state
    paths = [str(folder) for folder in folders]
    return {"fid": fid_score.calculate_fid_given_paths(paths, 50, "cpu", 2048, num_workers=0)}


def clean_fid(mode: str) -> Callable[[Folders, RandomInception], dict[str, float]]:
    """One of clean-fid's modes, with its own folder reader, resizer and formulas."""

    def run(folders: Folders, weights: RandomInception) -> dict[str, float]:
        from cleanfid import features, fid, inception_pytorch, inception_torchscript

        state = torch.load(weights.full, weights_only=True)
        inception_pytorch.load_state_dict_from_url = lambda *args, **more: state
        path = str(weights.torchscript.parent)
        features.InceptionV3W = lambda _, download, resize_inside: (
            inception_torchscript.InceptionV3W(path, False, resize_inside)
        )
        cpu = torch.device("cpu")
        model = features.build_feature_extractor(mode, cpu, use_dataparallel=False)
        generated, real = (
            fid.get_folder_features(
                str(folder), model, num_workers=0, device=cpu, mode=mode, verbose=False
            )
            for folder in folders
        )
        moments = [
            each
            for rows in (generated, real)
            for each in (rows.mean(0), np.cov(rows, rowvar=False))
        ]
        np.random.seed(0)  # noqa: NPY002  (the tool draws from the global state)
        return {
            "fid": fid.frechet_distance(*moments),
            "kid": fid.kernel_distance(real, generated),
        }

    return run


class Given(torch.nn.Module):
    """Stands for a network whose features are computed already."""

    num_features = 2048

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows themselves."""
        return rows


def torchmetrics(folders: Folders, weights: RandomInception) -> dict[str, float]:
    """The torchmetrics modules on its own network's features; seeded just before they draw."""
    from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    layers = ["2048", "logits_unbiased"]
    network = NoTrainInceptionV3("inception-v3-compat", layers, str(weights.full))
    fid, kid = FrechetInceptionDistance(Given()), KernelInceptionDistance(Given())
    score = InceptionScore(Given())
    for real, folder in zip((False, True), folders, strict=True):
        for batch in pixels(folder).split(50):
            features, logits = network._torch_fidelity_forward(batch)
            fid.update(features, real=real)
            kid.update(features, real=real)
            if not real:
                score.update(logits)
    values = {"fid": fid.compute().item()}
    if len(list(folders[0].iterdir())) >= 1000:
        torch.manual_seed(0)
        values["kid"] = kid.compute()[0].item()
    torch.manual_seed(0)
    values["is"] = score.compute()[0].item()
    return values


def prdc(folders: Folders, weights: RandomInception) -> dict[str, float]:
    """Prdc on the same features: the tool takes arrays, so this compares the counting alone."""
    from prdc import compute_prdc

    from gandiag.extractors import CLEAN_FID, open_extractor

    extractor = open_extractor(
        "inception",
        device=torch.device("cpu"),
        preprocessing=CLEAN_FID,
        weights=weights.full,
        allow_unverified=True,
    )
    generated, real = (
        torch.cat(
            [
                extractor(extractor.prepare(batch), ["pool3"])["pool3"]
                for batch in pixels(folder).split(50)
            ]
        ).numpy()
        for folder in folders
    )
    return {key: float(value) for key, value in compute_prdc(real, generated, 5).items()}


TOOLS: dict[str, tuple[str, Callable[[Folders, RandomInception], dict[str, float]]]] = {
    "torch-fidelity": ("torch-fidelity", torch_fidelity),
    "pytorch-fid": ("pytorch-fid", pytorch_fid),
    "clean-fid": ("clean-fid", clean_fid("clean")),
    "clean-fid-legacy-pytorch": ("clean-fid", clean_fid("legacy_pytorch")),
    "clean-fid-legacy-tensorflow": ("clean-fid", clean_fid("legacy_tensorflow")),
    "torchmetrics": ("torchmetrics", torchmetrics),
    "prdc": ("prdc", prdc),
}
"""Protocol -> its package, and how to run it."""


def compare(protocol: str, folders: Folders, weights: RandomInception) -> list[dict[str, Any]]:
    """One row a number: theirs, ours, and the relative difference."""
    package, run = TOOLS[protocol]
    theirs = run(folders, weights)
    metrics = list(
        dict.fromkeys("prdc" if name not in ("fid", "kid", "is") else name for name in theirs)
    )
    report = gandiag.score(
        *folders,
        protocol=protocol,
        features="inception",
        metrics=metrics,
        allow_unverified=True,
        cache=False,
    )
    return [
        {
            "protocol": protocol,
            "tool": f"{package} {version(package)}",
            "images": len(list(folders[0].iterdir())),
            "score": name,
            "theirs": value,
            "ours": report[name].value,
            "relative_difference": abs(report[name].value - value) / max(abs(value), 1e-30),
        }
        for name, value in theirs.items()
    ]


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/agreement.json"))
    parser.add_argument("--tools", nargs="*", default=list(TOOLS))
    options = parser.parse_args()
    done = json.loads(options.out.read_text()) if options.out.exists() else {"rows": []}
    with tempfile.TemporaryDirectory() as root:
        folders = write_images(Path(root), options.images)
        (Path(root) / "weights").mkdir()
        weights = write_random_inception(Path(root) / "weights")
        os.environ["GANDIAG_WEIGHTS"] = str(weights.full)
        for protocol in options.tools:
            if any(row["protocol"] == protocol for row in done["rows"]):
                continue
            done["rows"] += compare(protocol, folders, weights)
            done |= {
                "machine": platform.machine(),
                "versions": {
                    name: version(name) for name in ("gandiag", "torch", "numpy", "scipy", "pillow")
                },
            }
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(done, indent=2) + "\n")
    print("| protocol (tool) | N | score | theirs | ours | relative difference |")
    print("|---|---|---|---|---|---|")
    for row in done["rows"]:
        print(
            f"| {row['protocol']} ({row['tool']}) | {row['images']:,} | {row['score']} "
            f"| {row['theirs']:.8g} | "
            f"{row['ours']:.8g} | {row['relative_difference']:.1e} |"
        )


if __name__ == "__main__":
    main()
