"""The Inception network of 2015, on which FID, IS and KID are defined.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, as frozen in
TensorFlow's ``inception-2015-12-05``. It is not torchvision's: average pools leave the padding out
of the mean, the last block pools by maximum, and there are 1,008 logits.
"""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gandiag.extractors.base import Precision
from gandiag.extractors.precision import autocast, fast_format, in_slices, running
from gandiag.extractors.preprocessing import CLEAN_FID, SCALINGS, Preprocessing, prepare

SIZE = 299
EPSILON = 1e-3
LAYERS = {
    "pool1": 64,
    "pool2": 192,
    "pre_aux": 768,
    "pool3": 2048,
    "logits": 1008,
    "logits_unbiased": 1008,
}
"""All but the logits are averaged over the picture. `logits_unbiased` leaves the bias of the last
layer out, as the published Inception Score does."""

Pool = Literal["average", "maximum", "reduce"]


class Conv(NamedTuple):
    """Convolution, batch norm, ReLU."""

    name: str
    width: int
    kernel: tuple[int, int]
    stride: int = 1
    padded: bool = True


class Fork(NamedTuple):
    """Convolutions side by side on the same input."""

    ends: tuple[Conv, ...]


Step = Conv | Fork | Pool
Block = tuple[tuple[Step, ...], ...]
"""Branches side by side, each a chain of steps."""


def block_a(pooled: int) -> Block:
    """35 x 35."""
    return (
        (Conv("branch1x1", 64, (1, 1)),),
        (Conv("branch5x5_1", 48, (1, 1)), Conv("branch5x5_2", 64, (5, 5))),
        (
            Conv("branch3x3dbl_1", 64, (1, 1)),
            Conv("branch3x3dbl_2", 96, (3, 3)),
            Conv("branch3x3dbl_3", 96, (3, 3)),
        ),
        ("average", Conv("branch_pool", pooled, (1, 1))),
    )


BLOCK_B: Block = (  # 35 x 35 => 17 x 17
    (Conv("branch3x3", 384, (3, 3), 2, padded=False),),
    (
        Conv("branch3x3dbl_1", 64, (1, 1)),
        Conv("branch3x3dbl_2", 96, (3, 3)),
        Conv("branch3x3dbl_3", 96, (3, 3), 2, padded=False),
    ),
    ("reduce",),
)


def block_c(inner: int) -> Block:
    """17 x 17."""
    return (
        (Conv("branch1x1", 192, (1, 1)),),
        (
            Conv("branch7x7_1", inner, (1, 1)),
            Conv("branch7x7_2", inner, (1, 7)),
            Conv("branch7x7_3", 192, (7, 1)),
        ),
        (
            Conv("branch7x7dbl_1", inner, (1, 1)),
            Conv("branch7x7dbl_2", inner, (7, 1)),
            Conv("branch7x7dbl_3", inner, (1, 7)),
            Conv("branch7x7dbl_4", inner, (7, 1)),
            Conv("branch7x7dbl_5", 192, (1, 7)),
        ),
        ("average", Conv("branch_pool", 192, (1, 1))),
    )


BLOCK_D: Block = (  # 17 x 17 => 8 x 8
    (
        Conv("branch3x3_1", 192, (1, 1)),
        Conv("branch3x3_2", 320, (3, 3), 2, padded=False),
    ),
    (
        Conv("branch7x7x3_1", 192, (1, 1)),
        Conv("branch7x7x3_2", 192, (1, 7)),
        Conv("branch7x7x3_3", 192, (7, 1)),
        Conv("branch7x7x3_4", 192, (3, 3), 2, padded=False),
    ),
    ("reduce",),
)


def block_e(pool: Pool) -> Block:
    """8 x 8."""
    return (
        (Conv("branch1x1", 320, (1, 1)),),
        (
            Conv("branch3x3_1", 384, (1, 1)),
            Fork((Conv("branch3x3_2a", 384, (1, 3)), Conv("branch3x3_2b", 384, (3, 1)))),
        ),
        (
            Conv("branch3x3dbl_1", 448, (1, 1)),
            Conv("branch3x3dbl_2", 384, (3, 3)),
            Fork((Conv("branch3x3dbl_3a", 384, (1, 3)), Conv("branch3x3dbl_3b", 384, (3, 1)))),
        ),
        (pool, Conv("branch_pool", 192, (1, 1))),
    )


# Layer => the stages that lead to it from the layer before: a block with the prefix of its names.
NETWORK: dict[str, tuple[tuple[str, Block], ...]] = {
    "pool1": (
        (
            "",
            (
                (
                    Conv("Conv2d_1a_3x3", 32, (3, 3), 2, padded=False),
                    Conv("Conv2d_2a_3x3", 32, (3, 3), padded=False),
                    Conv("Conv2d_2b_3x3", 64, (3, 3)),
                    "reduce",
                ),
            ),
        ),
    ),
    "pool2": (
        (
            "",
            (
                (
                    Conv("Conv2d_3b_1x1", 80, (1, 1)),
                    Conv("Conv2d_4a_3x3", 192, (3, 3), padded=False),
                    "reduce",
                ),
            ),
        ),
    ),
    "pre_aux": (
        ("Mixed_5b.", block_a(32)),
        ("Mixed_5c.", block_a(64)),
        ("Mixed_5d.", block_a(64)),
        ("Mixed_6a.", BLOCK_B),
        ("Mixed_6b.", block_c(128)),
        ("Mixed_6c.", block_c(160)),
        ("Mixed_6d.", block_c(160)),
        ("Mixed_6e.", block_c(192)),
    ),
    "pool3": (
        ("Mixed_7a.", BLOCK_D),
        ("Mixed_7b.", block_e("average")),
        ("Mixed_7c.", block_e("maximum")),
    ),
}


def convolutions() -> dict[str, tuple[int, int, int, int]]:
    """The 94 convolutions: name => shape of the weight (out, in, height, width)."""
    shapes = {}
    width = 3
    for stages in NETWORK.values():
        for prefix, block in stages:
            out = 0
            for branch in block:
                inner = width
                for step in branch:
                    ends = step.ends if isinstance(step, Fork) else (step,)
                    convs = [end for end in ends if isinstance(end, Conv)]
                    for conv in convs:
                        shapes[prefix + conv.name] = (conv.width, inner, *conv.kernel)
                    inner = sum(conv.width for conv in convs) or inner
                out += inner
            width = out
    return shapes


class Parameters(NamedTuple):
    """The network's numbers."""

    convs: Mapping[str, tuple[Tensor, Tensor]]
    """Weight and bias of each convolution, its batch norm folded in."""
    weight: Tensor
    """(1008, 2048), of the last layer."""
    bias: Tensor
    """(1008,)"""


def fold(state: Mapping[str, Tensor]) -> Parameters:
    """Fold each batch norm into its convolution, in float64: the same function in fewer passes.

    Args:
        state: as torchvision names it, float: for each convolution ``NAME.conv.weight`` and
            ``NAME.bn.weight|bias|running_mean|running_var``; ``fc.weight`` and ``fc.bias``.
    """
    convs = {}
    for name in convolutions():
        gamma, beta, mean, variance = (
            state[f"{name}.bn.{part}"].double()
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / (variance + EPSILON).sqrt()
        weight = state[f"{name}.conv.weight"].double() * scale[:, None, None, None]
        convs[name] = weight.float(), (beta - mean * scale).float()
    return Parameters(convs, state["fc.weight"].float(), state["fc.bias"].float())


def activations(
    parameters: Parameters, prepared: Tensor, layers: Collection[str]
) -> dict[str, Tensor]:
    """(batch, 3, 299, 299) in -1..1 => {layer: (batch, width) float32}, as deep as asked for."""
    found: dict[str, Tensor] = {}
    logits = {"logits", "logits_unbiased"} & {*layers}
    last = max(list(NETWORK).index("pool3" if layer in logits else layer) for layer in layers)
    x = prepared
    for layer in list(NETWORK)[: last + 1]:
        for prefix, block in NETWORK[layer]:
            x = torch.cat([_branch(parameters, prefix, branch, x) for branch in block], 1)
        if layer in layers or (layer == "pool3" and logits):
            found[layer] = x.float().mean((2, 3))
    if logits:
        # The last product stays float32 in bfloat16 runs too: a logit of 10 would lose 0.03.
        with autocast(x.device, enabled=False):
            unbiased = F.linear(found["pool3"], parameters.weight)
        found["logits_unbiased"] = unbiased
        found["logits"] = unbiased + parameters.bias
    return {layer: found[layer] for layer in layers}


def _branch(parameters: Parameters, prefix: str, steps: tuple[Step, ...], x: Tensor) -> Tensor:
    for step in steps:
        match step:
            case Conv():
                x = _conv(parameters, prefix, step, x)
            case Fork(ends):
                x = torch.cat([_conv(parameters, prefix, conv, x) for conv in ends], 1)
            case "average":
                x = F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
            case "maximum":
                x = F.max_pool2d(x, 3, 1, padding=1)
            case "reduce":
                x = F.max_pool2d(x, 3, 2)
    return x


def _conv(parameters: Parameters, prefix: str, conv: Conv, x: Tensor) -> Tensor:
    weight, bias = parameters.convs[prefix + conv.name]
    height, width = conv.kernel
    padding = (height // 2, width // 2) if conv.padded else 0
    return F.conv2d(x, weight, bias, conv.stride, padding).relu_()


class Inception:
    """The canonical extractor: images => features of the 2015 network.

    By default images are resized as clean-fid does (antialiased bicubic in float): the published
    resize that neither aliases nor depends on a library's version, which is what gandiag takes as
    best practice. The numbers of other tools need their own `Preprocessing`.
    """

    layers: Mapping[str, int] = LAYERS
    features: str = "pool3"
    logits: str | None = "logits_unbiased"

    def __init__(
        self,
        state: Mapping[str, Tensor],
        *,
        digest: str,
        verified: bool,
        device: torch.device,
        precision: Precision = "fp32",
        preprocessing: Preprocessing = CLEAN_FID,
    ) -> None:
        self.name = "inception" if verified else "inception-unverified"
        self.canonical = verified
        self.device = device
        self.precision: Precision = precision
        self.preprocessing = preprocessing
        self.digest = digest
        self._format = fast_format(device)
        convs, weight, bias = fold(state)
        self._parameters = Parameters(
            {
                name: (w.to(device, memory_format=self._format), b.to(device))
                for name, (w, b) in convs.items()
            },
            weight.to(device),
            bias.to(device),
        )

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": "Inception 2015-12-05",
            "weights": self.digest[:16],
            "weights_sha256": self.digest,
            "verified": "yes" if self.canonical else "no",
            "input": f"{SIZE} x {SIZE}",
            "resize": self.preprocessing.resize,
            "normalise": str(SCALINGS[self.preprocessing.normalise]),
            "precision": self.precision,
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, 299, 299) float32 on `device`."""
        scaling = SCALINGS[self.preprocessing.normalise]
        return prepare(images, SIZE, self.preprocessing.resize, scaling, self.device)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, 299, 299) => {layer: (batch, width) float32}, on `device`."""
        with running(self.precision, self.device):
            x = prepared.to(self.device).contiguous(memory_format=self._format)
            return in_slices(lambda part: activations(self._parameters, part, layers), x)
