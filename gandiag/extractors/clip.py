"""CLIP ViT-L/14 at 336 as CMMD uses it: the projected embedding of the central square.

Radford et al. 2021; Jayasumana et al., "Rethinking FID: Towards a Better Evaluation Metric for
Image Generation", CVPR 2024. The weights come from timm's hub, in the variant whose activations are
QuickGELU, as OpenAI trained it: the one without ``quickgelu`` in its name has other activations on
the same weights.
"""

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

from gandiag.extractors.preprocessing import Scaling
from gandiag.extractors.request import Request
from gandiag.extractors.timm_models import TimmModel, hub_model, tensors_digest

NETWORK = "vit_large_patch14_clip_quickgelu_336.openai"
SIZE = 336
SCALING = Scaling.of_unit_range(
    (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
)


def central_square(images: Tensor) -> Tensor:
    """(batch, 3, height, width) => (batch, 3, side, side), side the shorter of the two."""
    height, width = images.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side]


class Clip(TimmModel):
    """The projected embedding of one layer, `features` (768), not scaled to length 1."""

    def __init__(self, model: Any, **arguments: Any) -> None:
        super().__init__(model, **arguments)
        self.layers: Mapping[str, int] = {"features": model.num_classes}
        self.logits = None

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {**super().provenance(), "crop": "central square"}

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, 336, 336) float32 on `device`."""
        return super().prepare(central_square(images))

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, 336, 336) => {layer: (batch, width) float32}, on `device`."""
        # timm has the projection where a classifier would be.
        found = super().__call__(prepared, ["logits"] if "features" in layers else [])
        return dict.fromkeys(layers, found["logits"])


def open_clip(request: Request) -> Clip:
    """CLIP ViT-L/14 at 336: `features` (768), its embedding of the central square.

    The square is resized to 336 x 336 by Pillow's bicubic on whole levels.

    Raises:
        GandiagError: the weights are not on this machine.
    """
    model = hub_model(NETWORK)
    return Clip(
        model,
        name="clip",
        network=f"timm:{NETWORK}",
        digest=tensors_digest(model.state_dict()),
        verified="not pinned: as the hub gave them",
        size=SIZE,
        scaling=SCALING,
        resize=request.resize("pil-bicubic-8bit"),
        device=request.device,
        precision=request.precision,
    )
