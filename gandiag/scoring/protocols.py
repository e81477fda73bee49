"""The published numerical protocols, as data: a row a tool.

A protocol says how images become features and with which parameters features become numbers. It
holds no code of its own: what differs between tools is resize, normalisation, splits, subsets,
draws, neighbours and tie rules, and each of these is a field of an extractor or of a metric.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gandiag.errors import Warn
from gandiag.extractors import (
    ADM,
    CLEAN_FID,
    CLEAN_FID_LEGACY_PYTORCH,
    CLEAN_FID_LEGACY_TENSORFLOW,
    DGM_EVAL,
    EDM,
    EDM2,
    EDM2_DINOV2,
    PYTORCH_FID,
    STUDIOGAN,
    STYLEGAN,
    TFGAN,
    TORCH_FIDELITY,
    TORCHMETRICS,
    Preprocessing,
)
from gandiag.metrics import (
    METRICS,
    PRDC,
    Blocks,
    FrechetDistance,
    FrechetInfinity,
    GaussianMMD,
    InceptionScore,
    KernelDistance,
    Metric,
    SlicedPatches,
    Subsets,
)


@dataclass(frozen=True)
class Protocol:
    """How one tool turns images into numbers."""

    name: str
    summary: str
    """One line for ``--help``."""
    features: str
    """The extractor it uses when the user names none."""
    metrics: Mapping[str, Metric]
    """What the tool computes, with its parameters, by the name it is asked for."""
    preprocessing: Mapping[str, Preprocessing] = field(default_factory=dict)
    """Extractor -> how images reach it, where that is not the extractor's own way."""
    extractors: Mapping[str, str] = field(default_factory=dict)
    """Metric -> the network the tool takes for it, where that is not `features`."""
    default: tuple[str, ...] | None = None
    """The metrics computed when the user names none; None for all."""
    notes: tuple[str, ...] = ()
    """What a reader who compares with the tool's published numbers must know."""
    lowest: str = ""
    """Where the published numbers are the lowest of several runs: a sentence that says so."""

    def warnings(self) -> Iterator[Warn]:
        """What is said of every score of this protocol."""
        yield from (Warn("protocol", sentence) for sentence in self.notes)
        if self.lowest:
            yield Warn("published-minimum", f"{self.lowest}: score as often, and take the lowest")


MMD_GAN = MIMICRY = ADM
"""Both feed levels to the 2015 graph, which resizes, as ADM does."""

_CLEAN_FID_KID = KernelDistance(subsets=Subsets(shrink=True, seed=0))

_ROWS = (
    Protocol(
        "gandiag",
        "best practice: antialiased resize, all pairs for KID, all images for IS, closed balls",
        features="inception",
        metrics={name: metric() for name, metric in METRICS.items()},
        default=("fid", "kid", "is", "prdc"),
    ),
    Protocol(
        "torch-fidelity",
        "torch-fidelity 0.4: TensorFlow's resize; precision and recall on VGG-16",
        features="inception",
        preprocessing={"inception": TORCH_FIDELITY},
        metrics={
            "fid": FrechetDistance(),
            "kid": KernelDistance(subsets=Subsets()),
            "kid_rbf": GaussianMMD(normalise=False, scale=1.0, subsets=Subsets()),
            "is": InceptionScore(splits=10, shuffle="numpy"),
            "prdc": PRDC(k=3, tie="<="),
        },
        extractors={"prdc": "vgg16"},
        default=("fid", "kid", "is"),
    ),
    Protocol(
        "pytorch-fid",
        "pytorch-fid 0.3: bilinear without antialiasing",
        features="inception",
        preprocessing={"inception": PYTORCH_FID},
        metrics={"fid": FrechetDistance()},
    ),
    Protocol(
        "pytorch-image-generation-metrics",
        "pytorch-image-generation-metrics: as pytorch-fid, and IS by 10 splits in order",
        features="inception",
        preprocessing={"inception": PYTORCH_FID},
        metrics={"fid": FrechetDistance(), "is": InceptionScore(splits=10)},
        notes=("it reads files in the order that the folder gives them, which moves its IS",),
    ),
    Protocol(
        "clean-fid",
        "clean-fid 0.1.35, mode clean: antialiased bicubic",
        features="inception",
        preprocessing={"inception": CLEAN_FID},
        metrics={"fid": FrechetDistance(), "kid": _CLEAN_FID_KID},
    ),
    Protocol(
        "clean-fid-legacy-pytorch",
        "clean-fid 0.1.35, mode legacy_pytorch",
        features="inception",
        preprocessing={"inception": CLEAN_FID_LEGACY_PYTORCH},
        metrics={"fid": FrechetDistance(), "kid": _CLEAN_FID_KID},
    ),
    Protocol(
        "clean-fid-legacy-tensorflow",
        "clean-fid 0.1.35, mode legacy_tensorflow",
        features="inception",
        preprocessing={"inception": CLEAN_FID_LEGACY_TENSORFLOW},
        metrics={"fid": FrechetDistance(), "kid": _CLEAN_FID_KID},
    ),
    Protocol(
        "torchmetrics",
        "torchmetrics 1.8 and newer: antialiased bilinear",
        features="inception",
        preprocessing={"inception": TORCHMETRICS},
        metrics={
            "fid": FrechetDistance(),
            "kid": KernelDistance(subsets=Subsets(draw="torch", first="real", seed=0)),
            "is": InceptionScore(splits=10, rule="chunk", shuffle="torch", seed=0, ddof=1),
        },
    ),
    Protocol(
        "dgm-eval",
        "dgm-eval: DINOv2 ViT-L/14, or --features inception",
        features="dinov2",
        preprocessing={"inception": DGM_EVAL},
        metrics={
            "fid": FrechetDistance(),
            "kid": KernelDistance(subsets=Subsets(shrink=True, first="real", seed=0)),
            "is": InceptionScore(splits=10, rule="floor", shuffle="numpy"),
            "prdc": PRDC(k=5, tie="<"),
            "fid_inf": FrechetInfinity(),
            "sfid": FrechetDistance(layer="mixed_6e"),
        },
        extractors={"sfid": "inception"},
        default=("fid", "kid", "prdc"),
        notes=(
            "dgm-eval draws the subsets of fid_inf unseeded: its value moves from run to run",
            "dgm-eval prints the Inception Score of the folder before, which may be the real one",
        ),
    ),
    Protocol(
        "iqa-pytorch",
        "IQA-PyTorch: FID as clean-fid, and an sFID of a layer of its own",
        features="inception",
        preprocessing={"inception": CLEAN_FID},
        metrics={"fid": FrechetDistance(), "sfid": FrechetDistance(layer="mixed_6a")},
    ),
    Protocol(
        "cmmd",
        "CMMD: biased squared MMD of CLIP's embedding, Gaussian kernel of sigma 10, x 1000",
        features="clip",
        metrics={"cmmd": GaussianMMD(biased=True)},
        notes=(
            (
                "CMMD keeps the diagonals: each set of N images adds 1000 (1 - k) / N, k its mean "
                "kernel, so compare values of equal N only; --metrics 'cmmd(biased=false)' has no "
                "such bias"
            ),
            "CMMD's first code drops an incomplete last batch, here every image counts",
        ),
    ),
    Protocol(
        "mmd-gan",
        "MMD-GAN's own KID (Bińkowski et al. 2018): 100 subsets of 1,000",
        features="inception",
        preprocessing={"inception": MMD_GAN},
        metrics={"kid": KernelDistance(subsets=Subsets(seed=0))},
        notes=(
            "MMD-GAN draws KID's subsets unseeded: its KID moves from run to run",
            "its FID and IS are means over ten bootstrap draws, and are not given here",
        ),
    ),
    Protocol(
        "mimicry",
        "mimicry: IS by 10 splits in order, KID by 10 subsets of 5,000",
        features="inception",
        preprocessing={"inception": MIMICRY},
        metrics={
            "fid": FrechetDistance(),
            "kid": KernelDistance(
                subsets=Subsets(count=10, size=5000, first="real", shrink=True, seed=0)
            ),
            "is": InceptionScore(splits=10),
        },
        notes=(
            (
                "mimicry stretches generated images to the full range of levels, over the whole "
                "set for FID and KID and in each batch for IS: give images that are stretched so"
            ),
            (
                "mimicry's subsets for KID are a tenth of the images, here 5,000: give the 50,000 "
                "that it takes"
            ),
        ),
    ),
    Protocol(
        "prdc",
        "prdc 0.2 with k = 5: open balls, on any features",
        features="inception",
        preprocessing={"inception": CLEAN_FID},
        metrics={"prdc": PRDC(k=5, tie="<")},
    ),
    Protocol(
        "adm",
        "guided-diffusion's evaluator (ADM): sFID, IS by blocks, precision and recall on Inception",
        features="inception",
        preprocessing={"inception": ADM},
        metrics={
            "fid": FrechetDistance(),
            "sfid": FrechetDistance(layer="mixed_6d.branch1x1"),
            "is": InceptionScore(block=5000),
            "prdc": PRDC(k=3, tie="<="),
        },
        notes=(
            (
                "ADM compares distances in float16, here they are exact: its precision and recall "
                "are expected up to .003 above these"
            ),
        ),
    ),
    Protocol(
        "stylegan",
        "StyleGAN2-ADA and 3: covariances by n; precision and recall on NVIDIA's VGG-16",
        features="inception",
        preprocessing={"inception": STYLEGAN},
        metrics={
            "fid": FrechetDistance(ddof=0),
            "kid": KernelDistance(subsets=Subsets(shrink=True, seed=0)),
            "is": InceptionScore(splits=10),
            "prdc": PRDC(k=3, tie="<="),
        },
        extractors={"prdc": "vgg16-nvidia"},
        default=("fid", "kid", "is"),
        notes=(
            "StyleGAN draws KID's subsets unseeded: its KID moves from run to run",
            (
                "StyleGAN compares VGG distances in float16, here they are exact: in simulations "
                "its precision and recall are up to .004 above these; no published pair tells"
            ),
        ),
    ),
    Protocol(
        "edm",
        "EDM: FID with covariances by n - 1",
        features="inception",
        preprocessing={"inception": EDM},
        metrics={"fid": FrechetDistance()},
        lowest="EDM publishes the lowest FID of three runs of 50,000 samples, not one run's",
    ),
    Protocol(
        "edm2",
        "EDM2: FID, and the same distance on DINOv2 in its own resize",
        features="inception",
        preprocessing={"inception": EDM2, "dinov2": EDM2_DINOV2},
        metrics={"fid": FrechetDistance(), "fd_dinov2": FrechetDistance()},
        extractors={"fd_dinov2": "dinov2"},
        lowest="EDM2 publishes the lowest distance of several runs, not one run's",
    ),
    Protocol(
        "studiogan",
        "PyTorch-StudioGAN, post-resizer legacy: IS with the logits' bias",
        features="inception",
        preprocessing={"inception": STUDIOGAN},
        metrics={
            "fid": FrechetDistance(),
            "is": InceptionScore(layer="logits"),
            "prdc": PRDC(k=5, tie="<"),
        },
    ),
    Protocol(
        "tfgan",
        "TensorFlow-GAN: KID by blocks of at most 1,024",
        features="inception",
        preprocessing={"inception": TFGAN},
        metrics={"fid": FrechetDistance(), "kid": KernelDistance(subsets=Blocks())},
        notes=(
            (
                "TF-GAN leaves the resize to its caller: here it is the 2015 graph's, as in "
                "its own examples"
            ),
        ),
    ),
    Protocol(
        "progan",
        "ProGAN's SWD x 1,000: patches of Laplacian pyramids of images of side 128",
        features="laplacian",
        metrics={"swd_patches": SlicedPatches()},
        notes=(
            (
                "ProGAN draws 16,384 images of each set, and patches and directions unseeded: give "
                "as many; other sides are --features laplacian:SIDE"
            ),
        ),
    ),
)

PROTOCOLS: Mapping[str, Protocol] = {row.name: row for row in _ROWS}
"""What `--protocol` takes.

Four tools draw their subsets or their order unseeded (clean-fid, torchmetrics, StyleGAN) or from a
generator that earlier calls have moved (dgm-eval): there the number is the one they print when the
generator is seeded with 0 just before.

Likewise MMD-GAN's; and mimicry's, after its own seed has drawn the images.

The rows from dgm-eval on, but for prdc, and pytorch-image-generation-metrics are not held against
the tools themselves, which need weights, a GPU or TensorFlow, but against twins in the tests that
were written from their sources. A random network stands for CLIP there, and dgm-eval's twin is on
Inception.
"""
