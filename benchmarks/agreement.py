"""Agreement with other tools: the same files, the same weights, each tool's own code.

    python -m benchmarks.agreement                      # what is missing or was made by other code
    python -m benchmarks.agreement --only adm clean-fid --images 500
    python -m benchmarks.agreement --table              # the table for the README, and no run

The published Inception weights are not redistributable, so a random network in the same format
stands in (He initialisation, batch norm set from photographs); each tool loads the same file
through its own loader. Images are Fashion-MNIST (train against test) as PNG, with the generated
ones paler, so that scores are far from zero.

Tools that can be installed run as a whole. Evaluators that need their authors' weights, a GPU or
TensorFlow are held against twins that were written from their sources (tests/twins). What has
neither is in the table without numbers. Rows are written as they come; a row is made anew where
the code that decides it has changed since.
"""

import argparse
import dataclasses
import functools
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

import gandiag
from benchmarks.digest import digest_of
from gandiag.files import atomic_write
from gandiag.metrics import GaussianMMD, KernelDistance, Metric, Subsets
from gandiag.scoring.protocols import PROTOCOLS

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from random_inception import RandomInception, write_random_inception
from twins.evaluators import EVALUATORS, Inception, Networks, inception_of, vgg16_of
from twins.evaluators import prdc as prdc_twin
from twins.random_vgg16 import random_vgg16

Folders = tuple[Path, Path]
Scores = dict[str, float]
Row = dict[str, Any]
OUT = Path("benchmarks/results/agreement.json")
SOURCES = (
    "benchmarks/agreement.py",
    "gandiag/extractors/inception*.py",
    "gandiag/extractors/pre[cp]*.py",
    "gandiag/extractors/resizing.py",
    "gandiag/extractors/vgg16.py",
    "gandiag/metrics/checks.py",
    "gandiag/metrics/frechet.py",
    "gandiag/metrics/inception_score.py",
    "gandiag/metrics/mmd.py",
    "gandiag/metrics/kernel.py",
    "gandiag/metrics/neighbours.py",
    "gandiag/metrics/t[hi]*.py",
    "gandiag/scoring/protocols.py",
    "gandiag/sources/decode.py",
    "gandiag/sources/folder.py",
    "gandiag/statistics/bank.py",
    "gandiag/statistics/moments.py",
    "tests/random_inception.py",
    "tests/twins/*.py",
)
"""What decides the numbers of the table, on both sides."""
TWIN = "twin from its source"
SOURCE = "from its source alone"


Tool = Callable[[Folders, RandomInception], Scores]


def write_images(root: Path, count: int) -> Folders:
    """Generated and real images as folders of PNG files; once for each number."""
    folders = root / f"generated-{count}", root / f"real-{count}"
    if folders[1].exists():
        return folders
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


def torch_fidelity(folders: Folders, weights: RandomInception) -> Scores:
    """torch-fidelity through its Python interface; KID's subsets are half of fewer images."""
    import torch_fidelity as tool

    found = tool.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        fid=True,
        kid=True,
        isc=True,
        kid_subset_size=subset_of(folders),
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


def torch_fidelity_rbf(folders: Folders, weights: RandomInception) -> Scores:
    """torch-fidelity's KID with its other kernel."""
    import torch_fidelity as tool

    found = tool.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        kid=True,
        kid_kernel="rbf",
        kid_subset_size=subset_of(folders),
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights.full),
        cuda=False,
        cache=False,
        verbose=False,
    )
    return {"kid_rbf": found["kernel_inception_distance_mean"]}


def subset_of(folders: Folders) -> int:
    """KID's subsets: 1,000 as the tools have it, or half of fewer images."""
    count = len(list(folders[0].iterdir()))
    return 1000 if count >= 1000 else count // 2


def pytorch_fid(folders: Folders, weights: RandomInception) -> dict[str, float]:
    """pytorch-fid, given the file where it would download it."""
    from pytorch_fid import fid_score, inception

    state = torch.load(weights.full, weights_only=True)
    inception.load_state_dict_from_url = lambda *args, **more: state
    paths = [str(folder) for folder in folders]
    return {"fid": fid_score.calculate_fid_given_paths(paths, 50, "cpu", 2048, num_workers=0)}


def clean_fid_features(
    mode: str, folders: Folders, weights: RandomInception
) -> tuple[np.ndarray, np.ndarray]:
    """Of generated and real images, by clean-fid's own folder reader, resizer and network."""
    from cleanfid import features, fid, inception_pytorch, inception_torchscript

    state = torch.load(weights.full, weights_only=True)
    inception_pytorch.load_state_dict_from_url = lambda *args, **more: state
    path = str(weights.torchscript.parent)
    features.InceptionV3W = lambda _, download, resize_inside: inception_torchscript.InceptionV3W(
        path, False, resize_inside
    )
    cpu = torch.device("cpu")
    model = features.build_feature_extractor(mode, cpu, use_dataparallel=False)
    generated, real = (
        fid.get_folder_features(
            str(folder), model, num_workers=0, device=cpu, mode=mode, verbose=False
        )
        for folder in folders
    )
    return generated, real


def clean_fid(mode: str) -> Tool:
    """One of clean-fid's modes, with its own formulas."""

    def run(folders: Folders, weights: RandomInception) -> Scores:
        from cleanfid import fid

        generated, real = clean_fid_features(mode, folders, weights)
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


def torchmetrics(folders: Folders, weights: RandomInception) -> Scores:
    """The torchmetrics modules on its own network's features; seeded just before they draw."""
    from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    layers = ["2048", "logits_unbiased"]
    network = NoTrainInceptionV3("inception-v3-compat", layers, str(weights.full))
    fid = FrechetInceptionDistance(Given())
    kid = KernelInceptionDistance(Given(), subset_size=subset_of(folders))
    score = InceptionScore(Given())
    for real, folder in zip((False, True), folders, strict=True):
        for batch in pixels(folder).split(50):
            features, logits = network._torch_fidelity_forward(batch)
            fid.update(features, real=real)
            kid.update(features, real=real)
            if not real:
                score.update(logits)
    values = {"fid": fid.compute().item()}
    torch.manual_seed(0)
    values["kid"] = kid.compute()[0].item()
    torch.manual_seed(0)
    values["is"] = score.compute()[0].item()
    return values


def prdc(folders: Folders, weights: RandomInception) -> Scores:
    """Prdc takes features: those of clean-fid's own loader, resizer and network."""
    from prdc import compute_prdc

    generated, real = clean_fid_features("clean", folders, weights)
    return {key: float(value) for key, value in compute_prdc(real, generated, 5).items()}


@functools.cache
def twin_inception(path: Path) -> Inception:
    """The twins' network; what it makes of a folder's images under a preparation is kept."""
    run = inception_of(torch.load(path, weights_only=True))
    known: dict[tuple[bytes, Any], Any] = {}

    def remembered(images: Any, prepare: Any) -> Any:
        key = images.tobytes(), prepare
        if key not in known:
            known[key] = run(images, prepare)
        return known[key]

    return remembered


def twin(protocol: str) -> Tool:
    """An evaluator's twin, on the same files."""

    def run(folders: Folders, weights: RandomInception) -> Scores:
        generated, real = (pixels(folder).numpy() for folder in folders)
        return EVALUATORS[protocol](real, generated, Networks(twin_inception(weights.full)))

    return run


def stylegan_on_vgg16(folders: Folders, weights: RandomInception) -> Scores:
    """StyleGAN's precision and recall, by its twin, with exact distances."""
    generated, real = (pixels(folder).numpy() for folder in folders)
    network = vgg16_of(random_vgg16())
    found = prdc_twin(network(real), network(generated), 3, np.less_equal)
    return {name: found[name] for name in ("precision", "recall")}


class Job(NamedTuple):
    """What one run of another tool is compared with."""

    protocol: str
    package: str
    """To install, or whose source the twin was written from."""
    run: Tool | None
    """None: neither the tool nor a twin gives the number."""
    images: int = 64
    """Of each set, where the command line names no number."""
    twin: bool = False
    unmeasured: tuple[str, ...] = ()
    """Scores that have a row and no numbers."""

    def tool(self) -> str:
        """For the table: the package and its version, or what stands for it."""
        if self.run is None:
            return f"{self.package}: {SOURCE}"
        return f"{self.package}: {TWIN}" if self.twin else f"{self.package} {version(self.package)}"


JOBS: dict[str, Job] = {
    "torch-fidelity": Job("torch-fidelity", "torch-fidelity", torch_fidelity),
    "torch-fidelity-rbf": Job("torch-fidelity", "torch-fidelity", torch_fidelity_rbf),
    "pytorch-fid": Job("pytorch-fid", "pytorch-fid", pytorch_fid),
    "pytorch-image-generation-metrics": Job(
        "pytorch-image-generation-metrics",
        "pytorch-image-generation-metrics",
        None,
        unmeasured=("fid", "is"),
    ),
    "clean-fid": Job("clean-fid", "clean-fid", clean_fid("clean")),
    "clean-fid-legacy-pytorch": Job(
        "clean-fid-legacy-pytorch", "clean-fid", clean_fid("legacy_pytorch")
    ),
    "clean-fid-legacy-tensorflow": Job(
        "clean-fid-legacy-tensorflow", "clean-fid", clean_fid("legacy_tensorflow")
    ),
    "torchmetrics": Job("torchmetrics", "torchmetrics", torchmetrics),
    "prdc": Job("prdc", "prdc", prdc),
    "adm": Job("adm", "guided-diffusion", twin("adm"), twin=True),
    "stylegan": Job("stylegan", "stylegan3", twin("stylegan"), twin=True),
    "stylegan-vgg16": Job("stylegan", "stylegan3", stylegan_on_vgg16, images=25, twin=True),
    "edm": Job("edm", "edm", twin("edm"), twin=True),
    "edm2": Job("edm2", "edm2", twin("edm2"), twin=True),
    "edm2-dinov2": Job("edm2", "edm2", None, unmeasured=("fd_dinov2",)),
    "studiogan": Job("studiogan", "PyTorch-StudioGAN", twin("studiogan"), twin=True),
    "tfgan": Job("tfgan", "tensorflow-gan", twin("tfgan"), twin=True),
    "dgm-eval": Job(
        "dgm-eval", "dgm-eval", None, unmeasured=("fid", "fid_inf", "sfid", "kid", "is", "prdc")
    ),
    "iqa-pytorch": Job("iqa-pytorch", "IQA-PyTorch", None, unmeasured=("fid", "sfid")),
    "mmd-gan": Job("mmd-gan", "MMD-GAN", None, unmeasured=("kid",)),
    "mimicry": Job("mimicry", "mimicry", None, unmeasured=("fid", "kid", "is")),
    "cmmd": Job("cmmd", "cmmd-pytorch", None, unmeasured=("cmmd",)),
    "progan": Job("progan", "progressive_growing_of_gans", None, unmeasured=("swd_patches",)),
}
"""What can be run alone with ``--only``."""


def asked_of(job: Job, scores: Scores, folders: Folders) -> list[tuple[str, Metric]]:
    """The protocol's metrics that give these scores, with KID's subsets as the tool was told."""
    metrics = PROTOCOLS[job.protocol].metrics
    found = []
    for key, metric in metrics.items():
        # A number that a protocol calls otherwise goes by that name alone, as fd_dinov2.
        names = {key, *metric.outputs} if key == metric.name else {key}
        if not names & {*scores}:
            continue
        if isinstance(metric, KernelDistance | GaussianMMD) and fixed_subsets(metric):
            subsets = dataclasses.replace(metric.subsets, size=subset_of(folders))
            metric = dataclasses.replace(metric, subsets=subsets)
        found.append((key, metric))
    return found


def compare(name: str, folders: Folders, weights: RandomInception) -> list[Row]:
    """One row a number: theirs, ours, and the relative difference."""
    job = JOBS[name]
    common = {
        "job": name,
        "protocol": job.protocol,
        "tool": job.tool(),
        "digest": digest_of(SOURCES),
    }
    if job.run is None:
        return [{**common, "score": score} for score in job.unmeasured]
    theirs = job.run(folders, weights)
    protocol = PROTOCOLS[job.protocol]
    smaller = dataclasses.replace(protocol, metrics=dict(asked_of(job, theirs, folders)))
    report = gandiag.score(
        *folders, protocol=smaller, metrics="all", allow_unverified=True, cache=False
    )
    count = len(list(folders[0].iterdir()))
    rows = []
    for score, value in theirs.items():
        ours = report[score].value
        shown = score
        if score.startswith("kid") and fixed_subsets(smaller.metrics[score]) and count < 1000:
            shown = f"{score}, subsets of {subset_of(folders)}"
        relative = abs(ours - value) / max(abs(value), 1e-30)
        rows.append(
            {
                **common,
                "images": count,
                "score": shown,
                "theirs": value,
                "ours": ours,
                "relative_difference": relative,
            }
        )
    return rows


def fixed_subsets(metric: Any) -> bool:
    """Whether a kernel distance needs so many images as its subsets have."""
    return isinstance(metric.subsets, Subsets) and not metric.subsets.shrink


def stale(rows: list[Row], name: str, images: int | None) -> bool:
    """Whether a job has no row, one of other code, or not the number of images asked for."""
    own = [row for row in rows if row["job"] == name]
    now = digest_of(SOURCES)
    return not own or any(
        row["digest"] != now or (images is not None and row.get("images", images) != images)
        for row in own
    )


def table(rows: list[Row]) -> Iterator[str]:
    """The lines of the README's table."""
    yield "| protocol | held against | N | score | theirs | ours | relative difference |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        if "theirs" not in row:
            yield f"| {row['protocol']} | {row['tool']} | | {row['score']} | | | |"
            continue
        yield (
            f"| {row['protocol']} | {row['tool']} | {row['images']:,} | {row['score']} "
            f"| {row['theirs']:.8g} | {row['ours']:.8g} | {row['relative_difference']:.1e} |"
        )


def write_weights(folder: Path) -> RandomInception:
    """Inception in its three forms, and VGG-16 under the names of NVIDIA's file."""
    weights = write_random_inception(folder)
    state = random_vgg16()
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    theirs = [f"conv{n}" for n in range(1, 14)] + ["fc1", "fc2", "fc3"]
    renamed = {
        f"layers.{new}.{part}": state[f"{name}.{part}"]
        for name, new in zip(names, theirs, strict=True)
        for part in ("weight", "bias")
    }
    torch.save(renamed, folder / "vgg16.pt")
    return weights


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, help="of each set; the default is each tool's own")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", choices=[*JOBS], default=[*JOBS], metavar="NAME")
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    options = parser.parse_args()
    rows: list[Row] = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    due = (
        []
        if options.table
        else [name for name in options.only if stale(rows, name, options.images)]
    )
    with tempfile.TemporaryDirectory() as root:
        weights = write_weights(Path(root)) if due else None
        os.environ["GANDIAG_WEIGHTS"] = root
        for name in due:
            assert weights is not None
            began = time.monotonic()
            folders = write_images(Path(root), options.images or JOBS[name].images)
            made = compare(name, folders, weights)
            rows = [row for row in rows if row["job"] != name] + made
            rows.sort(key=lambda row: [*JOBS].index(row["job"]))
            done = {
                "rows": rows,
                "machine": platform.machine(),
                "versions": {
                    package: version(package)
                    for package in ("gandiag", "torch", "numpy", "scipy", "pillow")
                },
            }
            options.out.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(options.out) as file:
                file.write((json.dumps(done, indent=2) + "\n").encode())
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
