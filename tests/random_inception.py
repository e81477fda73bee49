"""The 2015 Inception with random weights that behave, in each form that the real ones come in.

Raw random initialisation is of no use: activations die away and rounding decides every score. So
convolutions are drawn after He, and each batch norm takes its statistics from real photographs.
"""

import warnings
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from gandiag.extractors.inception import convolutions


class RandomInception(NamedTuple):
    """Where `write_random_inception` wrote each form of the same network."""

    full: Path
    """A state dict of 566 entries, as pytorch-fid saves it."""
    compact: Path
    """472 entries: without batch counters, as torch-fidelity's converter saves it."""
    torchscript: Path
    """The archive `inception-2015-12-05.pt`, with clean-fid's interface."""


def photographs(count: int, size: int, seed: int) -> Tensor:
    """(count, 3, size, size) uint8: random crops of scikit-learn's two photographs."""
    rng = np.random.default_rng(seed)
    pictures = load_sample_images().images
    crops = []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        top = rng.integers(picture.shape[0] - size + 1)
        left = rng.integers(picture.shape[1] - size + 1)
        crops.append(picture[top : top + size, left : left + size])
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()


def random_state(seed: int = 0) -> dict[str, Tensor]:
    """The state dict under torchvision's names, 566 entries."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in convolutions().items():
        fan_in = shape[1] * shape[2] * shape[3]
        state[f"{name}.conv.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        state[f"{name}.bn.weight"] = torch.ones(shape[0])
        state[f"{name}.bn.bias"] = 0.1 * torch.randn(shape[0], generator=generator)
        state[f"{name}.bn.running_mean"] = torch.zeros(shape[0])
        state[f"{name}.bn.running_var"] = torch.ones(shape[0])
        state[f"{name}.bn.num_batches_tracked"] = torch.tensor(1)
    state["fc.weight"] = torch.randn(1008, 2048, generator=generator) * 2048**-0.5
    state["fc.bias"] = torch.randn(1008, generator=generator)
    crops = [photographs(2, size, seed) for size in (24, 64, 160, 400)]
    smooth = 255 * torch.rand(4, 3, 8, 8, generator=generator)
    levels = torch.cat([F.interpolate(each.float(), (299, 299)) for each in (*crops, smooth)])
    network = TorchScriptInception(state).train()
    with torch.no_grad():
        network.layers((levels - 128) / 128)
    return state


def write_random_inception(folder: Path, seed: int = 0) -> RandomInception:
    """Write the three forms of one random network into `folder`."""
    state = random_state(seed)
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    paths = RandomInception(
        folder / "pt_inception-2015-12-05-6726825d.pth",
        folder / "weights-inception-2015-12-05-6726825d.pth",
        folder / "inception-2015-12-05.pt",
    )
    torch.save(state, paths.full)
    torch.save({name: state[name] for name in state if name not in counters}, paths.compact)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is on its way out of torch
        torch.jit.save(torch.jit.script(TorchScriptInception(state).eval()), paths.torchscript)
    return paths


# --- The archive's modules, under the names of the TensorFlow graph ---


class Conv(nn.Module):
    """As in the archive: `weight`, `beta`, `mean`, `var` are its parameters."""

    def __init__(self, state: dict[str, Tensor], name: str, stride: int, pad: bool) -> None:
        super().__init__()
        self.stride = stride
        height, width = state[f"{name}.conv.weight"].shape[2:]
        self.padding = (height // 2, width // 2) if pad else (0, 0)
        self.weight = nn.Parameter(state[f"{name}.conv.weight"], requires_grad=False)
        self.beta = nn.Parameter(state[f"{name}.bn.bias"], requires_grad=False)
        self.mean = nn.Parameter(state[f"{name}.bn.running_mean"], requires_grad=False)
        self.var = nn.Parameter(state[f"{name}.bn.running_var"], requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.weight, stride=self.stride, padding=self.padding)
        if self.training:  # once, to take the statistics: momentum 1 keeps the last batch's
            x = F.batch_norm(x, self.mean, self.var, None, self.beta, True, 1.0, 1e-3)
        else:
            x = F.batch_norm(x, self.mean, self.var, None, self.beta, False, 0.0, 1e-3)
        return F.relu(x)


class SideBySide(nn.Sequential):
    """Every module on the same input, joined along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        found: list[Tensor] = []
        for module in self:
            found.append(module(x))  # noqa: PERF401  TorchScript knows no such comprehension
        return torch.cat(found, 1)


class BlockE(nn.Module):
    """The last two blocks, whose towers fork."""

    def __init__(self, state: dict[str, Tensor], name: str, pool: nn.Module) -> None:
        super().__init__()
        self.conv = Conv(state, f"{name}.branch1x1", 1, True)
        self.tower_conv = Conv(state, f"{name}.branch3x3_1", 1, True)
        self.tower_mixed_conv = Conv(state, f"{name}.branch3x3_2a", 1, True)
        self.tower_mixed_conv_1 = Conv(state, f"{name}.branch3x3_2b", 1, True)
        self.tower_1_conv = Conv(state, f"{name}.branch3x3dbl_1", 1, True)
        self.tower_1_conv_1 = Conv(state, f"{name}.branch3x3dbl_2", 1, True)
        self.tower_1_mixed_conv = Conv(state, f"{name}.branch3x3dbl_3a", 1, True)
        self.tower_1_mixed_conv_1 = Conv(state, f"{name}.branch3x3dbl_3b", 1, True)
        self.tower_2_pool = pool
        self.tower_2_conv = Conv(state, f"{name}.branch_pool", 1, True)

    def forward(self, x: Tensor) -> Tensor:
        a = self.tower_conv(x)
        b = self.tower_1_conv_1(self.tower_1_conv(x))
        return torch.cat(
            [
                self.conv(x),
                self.tower_mixed_conv(a),
                self.tower_mixed_conv_1(a),
                self.tower_1_mixed_conv(b),
                self.tower_1_mixed_conv_1(b),
                self.tower_2_conv(self.tower_2_pool(x)),
            ],
            1,
        )


def average() -> nn.Module:
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False)


def halving() -> nn.Module:
    return nn.MaxPool2d(3, 2)


def tower(
    state: dict[str, Tensor], block: str, *branches: str, pool: bool = False, halve: bool = False
) -> nn.Sequential:
    """A chain `conv`, `conv_1`, ..., after a pool or ending in a stride of two."""
    steps: list[tuple[str, nn.Module]] = [("pool", average())] if pool else []
    for index, branch in enumerate(branches):
        reduces = halve and index == len(branches) - 1
        conv = Conv(state, f"{block}.{branch}", 2 if reduces else 1, not reduces)
        steps.append((f"conv_{index}" if index else "conv", conv))
    return nn.Sequential(OrderedDict(steps))


def block_a(state: dict[str, Tensor], name: str) -> nn.Module:
    return SideBySide(
        OrderedDict(
            conv=Conv(state, f"{name}.branch1x1", 1, True),
            tower=tower(state, name, "branch5x5_1", "branch5x5_2"),
            tower_1=tower(state, name, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
            tower_2=tower(state, name, "branch_pool", pool=True),
        )
    )


def block_b(state: dict[str, Tensor], name: str) -> nn.Module:
    double = [f"branch3x3dbl_{index}" for index in (1, 2, 3)]
    return SideBySide(
        OrderedDict(
            conv=Conv(state, f"{name}.branch3x3", 2, False),
            tower=tower(state, name, *double, halve=True),
            pool=halving(),
        )
    )


def block_c(state: dict[str, Tensor], name: str) -> nn.Module:
    return SideBySide(
        OrderedDict(
            conv=Conv(state, f"{name}.branch1x1", 1, True),
            tower=tower(state, name, *[f"branch7x7_{index}" for index in (1, 2, 3)]),
            tower_1=tower(state, name, *[f"branch7x7dbl_{index}" for index in (1, 2, 3, 4, 5)]),
            tower_2=tower(state, name, "branch_pool", pool=True),
        )
    )


def block_d(state: dict[str, Tensor], name: str) -> nn.Module:
    seven = [f"branch7x7x3_{index}" for index in (1, 2, 3, 4)]
    return SideBySide(
        OrderedDict(
            tower=tower(state, name, "branch3x3_1", "branch3x3_2", halve=True),
            tower_1=tower(state, name, *seven, halve=True),
            pool=halving(),
        )
    )


class TorchScriptInception(nn.Module):
    """What the archive runs: its own resize, `layers`, `output`."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            OrderedDict(
                conv=Conv(state, "Conv2d_1a_3x3", 2, False),
                conv_1=Conv(state, "Conv2d_2a_3x3", 1, False),
                conv_2=Conv(state, "Conv2d_2b_3x3", 1, True),
                pool0=halving(),
                conv_3=Conv(state, "Conv2d_3b_1x1", 1, False),
                conv_4=Conv(state, "Conv2d_4a_3x3", 1, False),
                pool1=halving(),
                mixed=block_a(state, "Mixed_5b"),
                mixed_1=block_a(state, "Mixed_5c"),
                mixed_2=block_a(state, "Mixed_5d"),
                mixed_3=block_b(state, "Mixed_6a"),
                mixed_4=block_c(state, "Mixed_6b"),
                mixed_5=block_c(state, "Mixed_6c"),
                mixed_6=block_c(state, "Mixed_6d"),
                mixed_7=block_c(state, "Mixed_6e"),
                mixed_8=block_d(state, "Mixed_7a"),
                mixed_9=BlockE(state, "Mixed_7b", average()),
                mixed_10=BlockE(state, "Mixed_7c", nn.MaxPool2d(3, 1, 1)),
                pool2=nn.AvgPool2d(8),
            )
        )
        self.output = nn.Linear(2048, 1008, device="meta")
        self.output.weight = nn.Parameter(state["fc.weight"], requires_grad=False)
        self.output.bias = nn.Parameter(state["fc.bias"], requires_grad=False)

    def forward(
        self,
        img: Tensor,
        return_features: bool = False,
        use_fp16: bool = False,
        no_output_bias: bool = False,
    ) -> Tensor:
        # TensorFlow 1's resize, written as a grid in -1..1.
        batch, channels, height, width = img.shape
        theta = torch.eye(2, 3, device=img.device)
        theta[0, 2] += theta[0, 0] / width - theta[0, 0] / 299
        theta[1, 2] += theta[1, 1] / height - theta[1, 1] / 299
        grid = F.affine_grid(
            theta.unsqueeze(0).repeat([batch, 1, 1]), [batch, channels, 299, 299], False
        )
        x = F.grid_sample(img.float(), grid, "bilinear", "border", False)
        features = self.layers((x - 128) / 128).reshape(-1, 2048)
        if return_features:
            return features
        if no_output_bias:
            return F.softmax(F.linear(features, self.output.weight), 1)
        return F.softmax(self.output(features), 1)
