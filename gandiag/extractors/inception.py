"""The Inception network of 2015, on which FID, IS and KID are defined.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, as frozen in
TensorFlow's ``inception-2015-12-05``. It is not torchvision's: average pools leave the padding out
of the mean, the last block pools by maximum, and there are 1,008 logits.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gandiag.extractors.base import Precision
from gandiag.extractors.convolution import ConvReLU
from gandiag.extractors.precision import autocast, fast_format, running
from gandiag.extractors.preprocessing import CLEAN_FID, SCALINGS, Preprocessing, prepare
from gandiag.extractors.slices import in_slices

SIZE = 299
EPSILON = 1e-3
LAYERS = {
    "pool1": 64,
    "pool2": 192,
    "mixed_6a": 17 * 17 * 7,
    "mixed_6d.branch1x1": 17 * 17 * 7,
    "mixed_6e": 17 * 17 * 7,
    "pre_aux": 768,
    "pool3": 2048,
    "logits": 1008,
    "logits_unbiased": 1008,
}
"""All but the logits and the three spatial layers are averaged over the picture. `logits_unbiased`
leaves the bias of the last layer out, as the published Inception Score does.

The spatial layers keep where things are: the first 7 channels of a 17 x 17 map. There are three in
use under the name sFID. `mixed_6d.branch1x1` is that of ADM's evaluator, which takes the 1 x 1
branch of the graph's ``mixed_6`` and flattens it in the order (y, x, channel): published
``mu_s, sigma_s`` are in that order. `mixed_6e` is dgm-eval's ``sinception``, the block after it in
the order (channel, y, x); `mixed_6a` is IQA-PyTorch's ``sfid``, three blocks before it, in that
order too."""

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
Plan = tuple[tuple[Step, ...], ...]
"""Branches side by side, each a chain of steps."""


def block_a(pooled: int) -> Plan:
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


BLOCK_B: Plan = (  # 35 x 35 => 17 x 17
    (Conv("branch3x3", 384, (3, 3), 2, padded=False),),
    (
        Conv("branch3x3dbl_1", 64, (1, 1)),
        Conv("branch3x3dbl_2", 96, (3, 3)),
        Conv("branch3x3dbl_3", 96, (3, 3), 2, padded=False),
    ),
    ("reduce",),
)


def block_c(inner: int) -> Plan:
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


BLOCK_D: Plan = (  # 17 x 17 => 8 x 8
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


def block_e(pool: Pool) -> Plan:
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


BLOCKS: dict[str, Plan] = {
    "stem_1": (
        (
            Conv("Conv2d_1a_3x3", 32, (3, 3), 2, padded=False),
            Conv("Conv2d_2a_3x3", 32, (3, 3), padded=False),
            Conv("Conv2d_2b_3x3", 64, (3, 3)),
            "reduce",
        ),
    ),
    "stem_2": (
        (
            Conv("Conv2d_3b_1x1", 80, (1, 1)),
            Conv("Conv2d_4a_3x3", 192, (3, 3), padded=False),
            "reduce",
        ),
    ),
    "Mixed_5b": block_a(32),
    "Mixed_5c": block_a(64),
    "Mixed_5d": block_a(64),
    "Mixed_6a": BLOCK_B,
    "Mixed_6b": block_c(128),
    "Mixed_6c": block_c(160),
    "Mixed_6d": block_c(160),
    "Mixed_6e": block_c(192),
    "Mixed_7a": BLOCK_D,
    "Mixed_7b": block_e("average"),
    "Mixed_7c": block_e("maximum"),
}
"""The network, one block after the other."""


def averaged(maps: Tensor) -> Tensor:
    """(batch, width, height, width) => (batch, width) float32."""
    return maps.float().mean((2, 3))


def spatial_as_adm(maps: Tensor) -> Tensor:
    """(batch, width, 17, 17) => (batch, 17 * 17 * 7) float32, in the order (y, x, channel)."""
    # The 1 x 1 branch comes first in its block's output.
    return maps[:, :7].float().permute(0, 2, 3, 1).flatten(1)


def spatial_by_channel(maps: Tensor) -> Tensor:
    """(batch, width, 17, 17) => (batch, 7 * 17 * 17) float32, in the order (channel, y, x)."""
    return maps[:, :7].float().flatten(1)


READS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "pool1": ("stem_1", averaged),
    "pool2": ("stem_2", averaged),
    "mixed_6a": ("Mixed_6a", spatial_by_channel),
    "mixed_6d.branch1x1": ("Mixed_6d", spatial_as_adm),
    "mixed_6e": ("Mixed_6e", spatial_by_channel),
    "pre_aux": ("Mixed_6e", averaged),
    "pool3": ("Mixed_7c", averaged),
}
"""Layer => the block whose output it reads, and how; the logits come after `pool3`."""


class Block(nn.Module):
    """The branches of a plan on one input, joined along the channels."""

    def __init__(self, width: int, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.width = 0
        for branch in plan:
            inner = width
            for step in branch:
                ends = step.ends if isinstance(step, Fork) else (step,)
                convs = [end for end in ends if isinstance(end, Conv)]
                for conv in convs:
                    height, across = conv.kernel
                    padding = (height // 2, across // 2) if conv.padded else (0, 0)
                    self.add_module(
                        conv.name, ConvReLU(inner, conv.width, conv.kernel, conv.stride, padding)
                    )
                inner = sum(conv.width for conv in convs) or inner
            self.width += inner

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, height, width) => (batch, self.width, height, width)."""
        return torch.cat([self._branch(steps, x) for steps in self.plan], 1)

    def _branch(self, steps: tuple[Step, ...], x: Tensor) -> Tensor:
        for step in steps:
            match step:
                case Conv(name):
                    x = self.get_submodule(name)(x)
                case Fork(ends):
                    x = torch.cat([self.get_submodule(conv.name)(x) for conv in ends], 1)
                case "average":
                    x = F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False)
                case "maximum":
                    x = F.max_pool2d(x, 3, 1, padding=1)
                case "reduce":
                    x = F.max_pool2d(x, 3, 2)
        return x


class InceptionNetwork(nn.Module):
    """(batch, 3, 299, 299) in -1..1 and the layers' names => {layer: (batch, width) float32}.

    It is made without numbers; `network_of` fills it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict()
        width = 3
        with torch.device("meta"):
            for name, plan in BLOCKS.items():
                block = Block(width, plan)
                self.blocks[name] = block
                width = block.width
            self.fc = nn.Linear(width, LAYERS["logits"])

    def convolutions(self) -> dict[str, ConvReLU]:
        """The 94 convolutions under torchvision's names."""
        return {
            (f"{name}." if name.startswith("Mixed") else "") + inner: module
            for name, block in self.blocks.items()
            for inner, module in block.named_modules()
            if isinstance(module, ConvReLU)
        }

    def forward(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Run as deep as `layers` ask for."""
        logits = {"logits", "logits_unbiased"} & {*layers}
        wanted = [layer for layer in READS if layer in layers or (logits and layer == "pool3")]
        last = max(list(BLOCKS).index(READS[layer][0]) for layer in wanted)
        found: dict[str, Tensor] = {}
        for name in list(BLOCKS)[: last + 1]:
            x = self.blocks[name](x)
            for layer in wanted:
                block, read = READS[layer]
                if block == name:
                    found[layer] = read(x)
        if logits:
            # The last product stays float32 in bfloat16 runs too: a logit of 10 would lose 0.03.
            with autocast(x.device, enabled=False):
                unbiased = F.linear(found["pool3"], self.fc.weight)
            found["logits_unbiased"] = unbiased
            found["logits"] = unbiased + self.fc.bias
        return {layer: found[layer] for layer in layers}


def convolutions() -> dict[str, tuple[int, ...]]:
    """The 94 convolutions: torchvision's name => shape of the weight (out, in, height, width)."""
    return {
        name: tuple(conv.weight.shape) for name, conv in InceptionNetwork().convolutions().items()
    }


def network_of(state: Mapping[str, Tensor]) -> InceptionNetwork:
    """The network with its numbers, each batch norm folded into its convolution in float64.

    Args:
        state: as torchvision names it, float: for each convolution ``NAME.conv.weight`` and
            ``NAME.bn.weight|bias|running_mean|running_var``; ``fc.weight`` and ``fc.bias``.
    """
    network = InceptionNetwork()
    for name, conv in network.convolutions().items():
        gamma, beta, mean, variance = (
            state[f"{name}.bn.{part}"].double()
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / (variance + EPSILON).sqrt()
        weight = state[f"{name}.conv.weight"].double() * scale[:, None, None, None]
        conv.weight = nn.Parameter(weight.float())
        conv.bias = nn.Parameter((beta - mean * scale).float())
    network.fc.weight = nn.Parameter(state["fc.weight"].float())
    network.fc.bias = nn.Parameter(state["fc.bias"].float())
    return network.eval().requires_grad_(False)


class Inception:
    """The canonical extractor: images => features of the 2015 network.

    By default images are resized as clean-fid does (antialiased bicubic in float): the published
    resize that neither aliases nor depends on a library's version, which is what gandiag takes as
    best practice. The numbers of other tools need their own `Preprocessing`.
    """

    layers: Mapping[str, int] = LAYERS
    features: str = "pool3"
    logits: str | None = "logits_unbiased"
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
        preprocessing: Preprocessing = CLEAN_FID,
    ) -> None:
        self.name = "inception" if verified else "inception-unverified"
        self.canonical = verified
        self.device = device
        self.precision: Precision = precision
        self.preprocessing = preprocessing
        self.digest = digest
        self._format = fast_format(device)
        self.network = network_of(state).to(device).to(memory_format=self._format)

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
        return prepare(images, SIZE, self.preprocessing.resize, scaling, self.device, self._format)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, 299, 299) => {layer: (batch, width) float32}, on `device`."""
        with running(self.precision, self.device):
            x = prepared.to(self.device).contiguous(memory_format=self._format)
            return in_slices(lambda part: self.network(part, layers), x)
