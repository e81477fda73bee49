"""A running average of the generator, which is what gets evaluated."""

import copy

import torch
from torch import nn


class Average:
    """w_avg <- b w_avg + (1 - b) w after each update of the generator (Yazici et al. 2019).

    b = min(decay, (1 + t) / (10 + t)) after t updates, so that the random start is soon forgotten.
    Floating buffers (the running statistics of batch norm) are averaged like weights; others are
    copied. Decay 0 keeps a plain copy.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        ours, theirs = self.network.state_dict(), network.state_dict(keep_vars=True)
        floating = [name for name, value in ours.items() if value.is_floating_point()]
        self._ours = [ours[name] for name in floating]
        self._theirs = [theirs[name] for name in floating]
        self._copied = [(ours[n], theirs[n]) for n in ours if n not in set(floating)]

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Take in the network's present weights, after so many updates before this one."""
        decay = min(self.decay, (1 + updates) / (10 + updates)) if self.decay else 0.0
        if decay:
            torch._foreach_lerp_(self._ours, self._theirs, 1 - decay)
        else:
            torch._foreach_copy_(self._ours, self._theirs)
        for ours, theirs in self._copied:
            ours.copy_(theirs)
