"""The rows of the agreement with other tools, as data, and what decides each."""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

from benchmarks import agreement_tools as tools
from benchmarks import agreement_twins as twins
from benchmarks.agreement_inputs import at_most_half, tenth
from benchmarks.agreement_tools import Tool
from benchmarks.digest import digest_of
from gandiag.scoring.protocols import PROTOCOLS

TWIN = "twin from its source"
SOURCE = "from its source alone"

EVERY = (
    "benchmarks/agreement_compare.py",
    "benchmarks/agreement_inputs.py",
    "gandiag/metrics/checks.py",
    "gandiag/metrics/drawing.py",
    "gandiag/metrics/t[hi]*.py",
    "gandiag/sources/decode.py",
    "gandiag/sources/folder.py",
    "gandiag/statistics/bank.py",
    "gandiag/statistics/moments.py",
    "tests/random_inception.py",
    "tests/twins/random_vgg16.py",
)
"""What decides every row."""
INSTALLED = ("benchmarks/agreement_tools.py",)
OF_TWINS = (
    "benchmarks/agreement_twins.py",
    "tests/twins/evaluators.py",
    "tests/twins/more_evaluators.py",
)
LEVELS = ("gandiag/extractors/pre[cp]*.py", "gandiag/extractors/resizing.py")
INCEPTION = ("gandiag/extractors/inception*.py", *LEVELS)
VGG16 = ("gandiag/extractors/vgg16.py", *LEVELS)
CLIP = (
    "gandiag/extractors/clip.py",
    "gandiag/extractors/timm_models.py",
    "gandiag/metrics/vendi.py",
    "tests/twins/random_clip.py",
    *LEVELS,
)
LAPLACIAN = (
    "gandiag/extractors/laplacian.py",
    "gandiag/metrics/line.py",
    "tests/twins/progan.py",
)


class Job(NamedTuple):
    """What one run of another tool is compared with."""

    protocol: str
    package: str
    """To install, or whose source the twin was written from."""
    run: Tool | None
    """None: neither the tool nor a twin gives the number."""
    images: int = 100
    """Of each set, where the command line names no number."""
    twin: bool = False
    unmeasured: tuple[str, ...] = ()
    """Scores that have a row and no numbers."""
    features: str | None = None
    """The network on both sides, where it is not the protocol's own."""
    side: int | None = None
    """Of the images in pixels, where they are enlarged."""
    subsets: Callable[[int], int] | None = None
    """KID's subsets, as the tool was told to make them of so many images."""
    extractors: tuple[str, ...] = INCEPTION
    """Files of the network on gandiag's side."""
    note: str = ""
    """What stands for a piece that cannot be had."""

    def tool(self) -> str:
        """For the table: the package and its version, or what stands for it."""
        if self.run is None:
            return f"{self.package}: {SOURCE}"
        name = f"{self.package}: {TWIN}" if self.twin else f"{self.package} {version(self.package)}"
        return f"{name}, {self.note}" if self.note else name

    def digest(self) -> str:
        """Of the files and the parameters that decide the numbers, on both sides."""
        protocol = PROTOCOLS[self.protocol]
        metrics = {f"{type(m).__module__.replace('.', '/')}.py" for m in protocol.metrics.values()}
        side = OF_TWINS if self.twin else INSTALLED
        files = digest_of([*EVERY, *side, *self.extractors, *sorted(metrics)])
        parameters = (
            *(protocol.features, protocol.preprocessing, protocol.metrics, protocol.extractors),
            *(self.features, self.side, self.subsets and self.subsets.__name__, self.unmeasured),
        )
        return hashlib.sha256(f"{files}\n{parameters}".encode()).hexdigest()


JOBS: dict[str, Job] = {
    "torch-fidelity": Job(
        "torch-fidelity", "torch-fidelity", tools.torch_fidelity, subsets=at_most_half
    ),
    "torch-fidelity-rbf": Job(
        "torch-fidelity", "torch-fidelity", tools.torch_fidelity_rbf, subsets=at_most_half
    ),
    "pytorch-fid": Job("pytorch-fid", "pytorch-fid", tools.pytorch_fid),
    "pytorch-image-generation-metrics": Job(
        "pytorch-image-generation-metrics",
        "pytorch-image-generation-metrics",
        twins.twin("pytorch-image-generation-metrics"),
        twin=True,
    ),
    "clean-fid": Job("clean-fid", "clean-fid", tools.clean_fid("clean")),
    "clean-fid-legacy-pytorch": Job(
        "clean-fid-legacy-pytorch", "clean-fid", tools.clean_fid("legacy_pytorch")
    ),
    "clean-fid-legacy-tensorflow": Job(
        "clean-fid-legacy-tensorflow", "clean-fid", tools.clean_fid("legacy_tensorflow")
    ),
    "torchmetrics": Job("torchmetrics", "torchmetrics", tools.torchmetrics, subsets=at_most_half),
    "prdc": Job("prdc", "prdc", tools.prdc),
    "adm": Job("adm", "guided-diffusion", twins.twin("adm"), twin=True),
    "stylegan": Job("stylegan", "stylegan3", twins.twin("stylegan"), twin=True),
    "stylegan-vgg16": Job(
        "stylegan", "stylegan3", twins.stylegan_on_vgg16, images=24, twin=True, extractors=VGG16
    ),
    "edm": Job("edm", "edm", twins.twin("edm"), twin=True),
    "edm2": Job("edm2", "edm2", twins.twin("edm2"), twin=True),
    "edm2-dinov2": Job("edm2", "edm2", None, unmeasured=("fd_dinov2",)),
    "studiogan": Job("studiogan", "PyTorch-StudioGAN", twins.twin("studiogan"), twin=True),
    "tfgan": Job("tfgan", "tensorflow-gan", twins.twin("tfgan"), twin=True),
    "dgm-eval": Job(
        "dgm-eval",
        "dgm-eval",
        twins.dgm_eval,
        twin=True,
        features="inception",
        note="on Inception",
    ),
    "iqa-pytorch": Job("iqa-pytorch", "IQA-PyTorch", twins.twin("iqa-pytorch"), twin=True),
    "mmd-gan": Job("mmd-gan", "MMD-GAN", twins.mmd_gan, twin=True, subsets=at_most_half),
    "mimicry": Job("mimicry", "mimicry", twins.twin("mimicry"), twin=True, subsets=tenth),
    "cmmd": Job(
        "cmmd",
        "cmmd-pytorch",
        twins.cmmd,
        twin=True,
        extractors=CLIP,
        note="a random network of CLIP's width",
    ),
    "progan": Job(
        "progan",
        "progressive_growing_of_gans",
        twins.progan_swd,
        twin=True,
        features="laplacian:64",
        side=64,
        extractors=LAPLACIAN,
        note="images of side 64",
    ),
}
"""What can be run alone with ``--only``."""
