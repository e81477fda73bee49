"""Gradients, weights and Adam's state, as an optimizer's step finds them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def local(tensor: Tensor) -> Tensor:
    """What this process has of a DTensor: its operations would wait for the other processes."""
    shard = getattr(tensor, "to_local", None)
    if shard is None:
        return tensor
    found: Tensor = shard()
    return found


def global_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Euclidean norm over all entries, a float32 scalar on the first tensor's device.

    Half precision is summed in float32: its own largest number is 65,504.
    """
    if any(each.dtype in (torch.float16, torch.bfloat16) for each in tensors):
        tensors = [each.float() for each in tensors]
    norms = torch._foreach_norm(list(tensors))
    total: Tensor = torch.linalg.vector_norm(torch.stack([n.to(norms[0].device) for n in norms]))
    return total.float()


def zero_share(tensors: Sequence[Tensor]) -> Tensor:
    """Share of entries that are exactly 0."""
    zeros = torch.stack([(each == 0).sum().to(tensors[0].device) for each in tensors]).sum()
    return zeros / sum(each.numel() for each in tensors)


def first_last_ratio(tensors: Sequence[Tensor]) -> Tensor | None:
    """|first| / |last| over the matrices in the order of the layers (AutoTrainer 2021)."""
    matrices = [each for each in tensors if each.ndim > 1]
    if len(matrices) < 2:
        return None
    first = torch.linalg.vector_norm(matrices[0])
    last = torch.linalg.vector_norm(matrices[-1])
    ratio: Tensor = first / last.to(first.device)
    return ratio


def clip_share(tensors: Sequence[Tensor]) -> Tensor:
    """Share of entries whose magnitude is the largest of all, to one part in a thousand."""
    bound = torch.stack([each.abs().max() for each in tensors]).max()
    at = torch.stack([(each.abs() >= 0.999 * bound).sum() for each in tensors]).sum()
    return at / sum(each.numel() for each in tensors)


def adam_state(optimizer: torch.optim.Optimizer) -> tuple[Tensor, Tensor] | None:
    """Of Adam and its kin: the share of stalled weights, and the signal-to-noise ratio.

    Stalled: sqrt(v) < 10 eps, where eps takes over and updates vanish. Signal to noise: the mean
    of |m| / sqrt(v), bias corrected. Pure noise has sqrt(2/pi) sqrt((1 - b1) / (1 + b1)): 0.18 for
    b1 = 0.9 and 0.46 for 0.5; with b1 = 0 it says nothing.

    Returns:
        Two scalars in [0, 1], or None for other optimizers or before the first step.
    """
    stalled, ratio, total = [], [], 0
    for group in optimizer.param_groups:
        if "betas" not in group or "eps" not in group:
            return None
        beta1, beta2 = group["betas"]
        for parameter in group["params"]:
            state: dict[str, Any] = optimizer.state.get(parameter, {})
            if "exp_avg_sq" not in state or "exp_avg" not in state:
                continue
            t = float(state["step"])
            root = (local(state["exp_avg_sq"]) / (1 - beta2**t)).sqrt()
            mean = local(state["exp_avg"]).abs() / (1 - beta1**t)
            stalled.append((root < 10 * group["eps"]).sum())
            ratio.append((mean / root.clamp(min=1e-30)).clamp(max=1).sum())
            total += root.numel()
    if not total:
        return None
    return torch.stack(stalled).sum() / total, torch.stack(ratio).sum() / total
