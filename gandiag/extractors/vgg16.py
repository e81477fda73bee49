"""VGG-16's second hidden layer, which precision and recall are taken from.

Simonyan and Zisserman, 2015. There are two sets of weights, whose numbers differ: torchvision's, in
torch-fidelity; and the authors' own in NVIDIA's file, in Kynkäänniemi et al., "Improved precision
and recall metric for assessing generative models", 2019, and in StyleGAN's repositories.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.extractors.base import Precision
from gandiag.extractors.precision import fast_format, running
from gandiag.extractors.preprocessing import IMAGENET, prepare
from gandiag.extractors.request import Request
from gandiag.extractors.slices import in_slices
from gandiag.extractors.torchscript import read_weights
from gandiag.extractors.weights import Found
from gandiag.state_dicts import read_state, unfit

SIZE = 224
WHAT = "torchvision's vgg16 weights"
WHAT_NVIDIA = "NVIDIA's vgg16 weights"
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""Where torchvision's ``features`` has the 13 convolutions."""
LINEAR = (0, 3, 6)
"""Where its ``classifier`` has the three fully connected layers."""


class VGG16:
    """Images => the 4,096 activations after the second fully connected layer and its ReLU.

    TensorFlow 1's bilinear resize to 224 x 224 and ImageNet's mean and deviation by default: what
    torch-fidelity 0.4 does when precision and recall are asked for and no extractor is named.

    Args:
        state: under torchvision's names.
        digest: SHA-256 of the file.
        verified: whether it is a published one.
        device: where it runs.
        precision: of the network; features are float32 in any case.
        resize: a name in `RESIZES`.
        name: of the extractor.
        network: what provenance calls it.
    """

    canonical: bool = False
    layers: Mapping[str, int] = {"fc2_relu": 4096}
    features: str = "fc2_relu"
    logits: str | None = None
    classes: tuple[str, ...] = ()
    balanced: bool = False
    apart: bool = True
    input_size: int | None = SIZE
    domain: str = "photographs"

    def __init__(
        self,
        state: Mapping[str, Tensor],
        *,
        digest: str,
        verified: bool,
        device: torch.device,
        precision: Precision = "fp32",
        resize: str = "tf1",
        name: str = "vgg16",
        network: str = "torchvision:vgg16",
    ) -> None:
        import torchvision

        self.name = name if verified else f"{name}-unverified"
        self.device = device
        self.precision: Precision = precision
        self.resize = resize
        self._network = network
        self._digest = digest
        self._verified = verified
        with torch.device("meta"):
            model = torchvision.models.vgg16()
        model.load_state_dict(dict(state), assign=True)
        self._format = fast_format(device)
        model = model.eval().requires_grad_(False)
        self._model = model.to(device=device, memory_format=self._format)

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": self._network,
            "weights": self._digest[:16],
            "weights_sha256": self._digest,
            "verified": "yes" if self._verified else "no",
            "input": f"{SIZE} x {SIZE}",
            "resize": self.resize,
            "normalise": str(IMAGENET),
            "precision": self.precision,
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, 224, 224) float32 on `device`."""
        return prepare(images, SIZE, self.resize, IMAGENET, self.device, self._format)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, 224, 224) => {"fc2_relu": (batch, 4096) float32}, on `device`."""
        with running(self.precision, self.device):
            x = prepared.to(self.device).contiguous(memory_format=self._format)
            return in_slices(lambda part: dict.fromkeys(layers, self._rows(part)), x)

    def _rows(self, x: Tensor) -> Tensor:
        maps = self._model.avgpool(self._model.features(x))
        first, second = self._model.classifier[0], self._model.classifier[3]
        return F.relu(second(F.relu(first(maps.flatten(1))))).float()


def open_vgg16(request: Request) -> VGG16:
    """VGG-16 from a file of torchvision's state dict.

    Raises:
        GandiagError: the weights are not there, or the file holds something else.
    """
    found = request.find_weights()
    return _built(request, found, read_state(found.path, WHAT), WHAT, "torchvision:vgg16", "tf1")


def open_vgg16_nvidia(request: Request) -> VGG16:
    """VGG-16 from NVIDIA's TorchScript file, with StyleGAN's preprocessing.

    Levels 0..255 are resized to 224 x 224 by the grid of NVIDIA's Inception, and scaled with
    ImageNet's mean and deviation. Names of tensors, preprocessing and digest are second-hand, from
    projects that read the file; provenance says so.

    Raises:
        GandiagError: the weights are not there, or the file holds something else.
    """
    found = request.find_weights()
    state = from_nvidia_names(read_weights(found.path, WHAT_NVIDIA), found.path)
    network = "NVIDIA's vgg16 (layout and preprocessing second-hand)"
    return _built(request, found, state, WHAT_NVIDIA, network, "tf1-grid")


def from_nvidia_names(state: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """``layers.conv1..13`` and ``layers.fc1..3`` under torchvision's names, as float32.

    The file also holds the five weights of LPIPS, which are left out.

    Raises:
        GandiagError: one of the layers is missing.
    """
    ours = {f"conv{n}": f"features.{at}" for n, at in enumerate(CONVOLUTIONS, 1)}
    ours |= {f"fc{n}": f"classifier.{at}" for n, at in enumerate(LINEAR, 1)}
    renamed = {}
    for theirs, name in ours.items():
        for part in ("weight", "bias"):
            key = f"layers.{theirs}.{part}"
            if key not in state:
                raise unfit(path, WHAT_NVIDIA, f"it lacks {key}")
            renamed[f"{name}.{part}"] = state[key].float()
    return renamed


def _built(
    request: Request,
    found: Found,
    state: Mapping[str, Tensor],
    what: str,
    network: str,
    resize: str,
) -> VGG16:
    try:
        return VGG16(
            state,
            digest=found.sha256,
            verified=found.verified,
            device=request.device,
            precision=request.precision,
            resize=request.resize(resize),
            name=request.name,
            network=network,
        )
    except RuntimeError as error:  # how torch says that names or shapes differ
        raise unfit(found.path, what, "its names or shapes are another network's") from error
