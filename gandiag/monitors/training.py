"""The signals of levels 0 and 1, from what was recorded since the last check."""

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gandiag.monitors.optimizers import parameters
from gandiag.monitors.scores import Convention
from gandiag.monitors.signals import gradients, losses, ranks, turning
from gandiag.monitors.window import Series

SKETCH = 1024
MOVES = 24


class Scored(NamedTuple):
    """The scores of one training step, one for each sample."""

    step: int
    real: Tensor
    fake: Tensor


def of_window(series: dict[str, tuple[list[int], Series]]) -> dict[str, float]:
    """Norms, losses and non-finite records, from `Window.drain`."""
    out: dict[str, float] = {}
    bad: list[int] = []
    for steps, values in series.values():
        bad += [step for step, value in zip(steps, values, strict=True) if not np.isfinite(value)]
    out["nonfinite"] = float(len(bad))
    if bad:
        out["nonfinite_step"] = float(min(bad))

    def finite(name: str) -> Series:
        values = series.get(name, ([], np.empty(0)))[1]
        return values[np.isfinite(values)]

    for name in ("g", "d"):
        norms = finite(f"{name}_norm")
        # Of a step that the optimizer left out, see `optimizers`: no norm, which is not 0.
        norms = norms[norms >= 0]
        if len(norms):
            out[f"{name}_grad_norm"] = float(norms.mean())
            out[f"{name}_grad_norm_max"] = float(norms.max())
        found = finite(f"{name}_loss")
        if len(found):
            out[f"{name}_loss"] = float(found.mean())
    found = finite("d_loss")
    if len(found) > 1:
        out["d_loss_std"] = float(found.std())
    changes, period = losses.sign_changes(found), losses.periodicity(found)
    if changes is not None:
        out["d_sign_changes"] = changes
    if period is not None:
        out["loss_period"] = period
    return out


def of_scores(
    scored: Sequence[Scored], loss: str | None, convention: Convention
) -> dict[str, float]:
    """Of a few steps of the window, each ranked by itself: the discriminator moves between them."""
    rows = []
    for step in scored:
        real, fake = convention(step.real), convention(step.fake)
        both = torch.cat([real, fake])
        # One number is a mean: it has no rank, and no spread.
        if len(real) < 2 or len(fake) < 2:
            continue
        row = {
            "auc_real_fake": ranks.auc(real, fake),
            "score_gap": (real.mean() - fake.mean())
            / ((real.var(correction=0) + fake.var(correction=0)) / 2).sqrt(),
            "score_max": both.abs().max(),
            "score_real_mean": real.mean(),
            "score_fake_mean": fake.mean(),
        }
        boundary = losses.BOUNDARIES.get(loss or "")
        if boundary is not None:
            row["sign_real"] = (real - boundary).sign().mean()
            right = (real > boundary).sum() + (fake < boundary).sum()
            row["d_accuracy"] = right / len(both)
        slope = losses.loss_slope(loss, fake)
        if slope is not None:
            row["loss_slope"] = slope
        rows.append({name: float(value) for name, value in row.items()})
    out = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row[name] for row in rows if name in row and np.isfinite(row[name])]
        if values:
            out[name] = max(values) if name == "score_max" else sum(values) / len(values)
    return out


def of_weights(
    generator: torch.optim.Optimizer, discriminator: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Norms of the weights, Adam's state."""
    # A sharded model may have nothing of a tensor in this process.
    g, d = ([p for p in parameters(each) if p.numel()] for each in (generator, discriminator))
    out = {
        "g_weight_norm": gradients.global_norm([p.detach() for p in g]),
        "d_weight_norm": gradients.global_norm([p.detach() for p in d]),
        "clip_share": gradients.clip_share([p.detach() for p in d]),
    }
    state = gradients.adam_state(generator)
    if state is not None:
        out["adam_stall"], out["g_grad_snr"] = state
    return out


class Sketch:
    """The path of the weights, seen through at most 1,024 of them.

    Where the weights become others, as in a network that grows, the path begins anew.

    Args:
        weights: of both networks; about as large a share of each tensor is taken.
        seed: of the choice.
    """

    def __init__(self, weights: Sequence[Tensor], seed: int):
        self.seed = seed
        self.last: np.ndarray[Any, np.dtype[np.float32]] | None = None
        self.moves: deque[np.ndarray[Any, np.dtype[np.float32]]] = deque(maxlen=MOVES)
        self._choose(weights)

    def _choose(self, weights: Sequence[Tensor]) -> None:
        rng = torch.Generator().manual_seed(self.seed)
        total = sum(w.numel() for w in weights)
        self.shapes = [w.shape for w in weights]
        self.chosen = []
        for weight in weights:
            count = min(weight.numel(), max(1, round(SKETCH * weight.numel() / max(1, total))))
            rows = torch.randperm(weight.numel(), generator=rng)[:count]
            self.chosen.append(rows.sort().values)

    def look(self, weights: Sequence[Tensor]) -> float | None:
        """Note where the weights are; how clearly they turn, see `turning.rotation`."""
        if [w.shape for w in weights] != self.shapes:
            self._choose(weights)
            self.last = None
            self.moves.clear()
        parts = [
            weight.detach().reshape(-1)[rows.to(weight.device)].float().cpu()
            for weight, rows in zip(weights, self.chosen, strict=True)
        ]
        now = torch.cat(parts).numpy()
        if self.last is not None:
            self.moves.append(now - self.last)
        self.last = now
        return turning.rotation(np.stack(self.moves)) if self.moves else None
