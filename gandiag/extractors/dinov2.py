"""DINOv2 ViT-L/14 as dgm-eval uses it: the class token at 224 x 224.

Oquab et al., "DINOv2", 2023; Stein et al., "Exposing flaws of generative model evaluation metrics",
NeurIPS 2023. The weights come from timm's hub. They were trained for a 37 x 37 grid of positions,
and timm brings that to 16 x 16 otherwise than Meta's own code, which dgm-eval runs; so it is done
here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.extractors.preprocessing import IMAGENET
from gandiag.extractors.request import Request
from gandiag.extractors.timm_models import TimmModel, hub_model, tensors_digest

NETWORK = "vit_large_patch14_dinov2.lvd142m"
SIZE = 224


def open_dinov2(request: Request) -> TimmModel:
    """DINOv2 ViT-L/14: `features` (1024), the class token after the last norm.

    The whole image is resized to 224 x 224 by Pillow's bicubic on whole levels and scaled with
    ImageNet's mean and deviation, as dgm-eval does without ``--clean_resize``. EDM2's numbers need
    `EDM2_DINOV2` for the resize.

    Raises:
        GandiagError: the weights are not on this machine.
    """
    model = hub_model(NETWORK)
    digest = tensors_digest(model.state_dict())
    positions = model.pos_embed.detach().clone()
    model.set_input_size(img_size=SIZE)
    model.pos_embed.data.copy_(resample_positions(positions, SIZE // 14))
    return TimmModel(
        model,
        name="dinov2",
        network=f"timm:{NETWORK}",
        digest=digest,
        verified="not pinned: as the hub gave them",
        size=SIZE,
        scaling=IMAGENET,
        resize=request.resize("pil-bicubic-8bit"),
        device=request.device,
        precision=request.precision,
    )


def resample_positions(positions: Tensor, side: int) -> Tensor:
    """(1, 1 + n * n, width) => (1, 1 + side * side, width), as Meta's DINOv2 does it.

    Bicubic without antialiasing, with the scale taken as (side + 0.1) / n: the 0.1 was there
    against a rounding error and moves every sampling point.
    """
    token, grid = positions[:, :1], positions[:, 1:]
    n = round(grid.shape[1] ** 0.5)
    if n == side:
        return positions
    square = grid.float().reshape(1, n, n, -1).permute(0, 3, 1, 2)
    scale = (side + 0.1) / n
    small = F.interpolate(square, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([token, small.permute(0, 2, 3, 1).flatten(1, 2).to(token.dtype)], 1)
