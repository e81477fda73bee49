"""VGG-16's second hidden layer, which torch-fidelity takes precision and recall from.

Simonyan and Zisserman, 2015, with torchvision's ImageNet weights. Kynkäänniemi et al. used NVIDIA's
copy of the original weights instead, whose numbers differ.
"""

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.extractors.base import Precision
from gandiag.extractors.precision import fast_format, in_slices, running
from gandiag.extractors.preprocessing import IMAGENET, prepare
from gandiag.extractors.resizing import ResizeName
from gandiag.extractors.weights import Found
from gandiag.state_dicts import read_state, unfit

SIZE = 224
WHAT = "torchvision's vgg16 weights"


class VGG16:
    """Images => the 4,096 activations after the second fully connected layer and its ReLU.

    TensorFlow 1's bilinear resize to 224 x 224 and ImageNet's mean and deviation by default: what
    torch-fidelity 0.4 does when precision and recall are asked for and no extractor is named.
    """

    canonical: bool = False
    layers: Mapping[str, int] = {"fc2_relu": 4096}
    features: str = "fc2_relu"
    logits: str | None = None

    def __init__(
        self,
        state: Mapping[str, Tensor],
        *,
        digest: str,
        verified: bool,
        device: torch.device,
        precision: Precision = "fp32",
        resize: ResizeName = "tf1",
    ) -> None:
        import torchvision

        self.name = "vgg16" if verified else "vgg16-unverified"
        self.device = device
        self.precision: Precision = precision
        self.resize: ResizeName = resize
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
            "network": "torchvision:vgg16",
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
        return prepare(images, SIZE, self.resize, IMAGENET, self.device)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, 224, 224) => {"fc2_relu": (batch, 4096) float32}, on `device`."""
        with running(self.precision, self.device):
            x = prepared.to(self.device).contiguous(memory_format=self._format)
            return in_slices(lambda part: dict.fromkeys(layers, self._rows(part)), x)

    def _rows(self, x: Tensor) -> Tensor:
        maps = self._model.avgpool(self._model.features(x))
        first, second = self._model.classifier[0], self._model.classifier[3]
        return F.relu(second(F.relu(first(maps.flatten(1))))).float()


def open_vgg16(
    found: Found,
    *,
    device: torch.device,
    precision: Precision = "fp32",
    resize: ResizeName = "tf1",
) -> VGG16:
    """VGG-16 from a file of torchvision's state dict.

    Raises:
        GandiagError: the file holds something else.
    """
    state = read_state(found.path, WHAT)
    try:
        return VGG16(
            state,
            digest=found.sha256,
            verified=found.verified,
            device=device,
            precision=precision,
            resize=resize,
        )
    except RuntimeError as error:  # how torch says that names or shapes differ
        raise unfit(found.path, WHAT, "its names or shapes are another network's") from error
