"""What a run truly did, from what no monitor has: the true modes and fresh true samples.

A row of numbers at each check, from generators of its own. Detectors never see them; `labels`
reads nothing else.
"""

from collections import deque

import torch
from torch import Tensor, nn

from benchmarks.detection.loop import Run
from reference_models.networks.mlp import MLPDiscriminator, MLPGenerator
from reference_models.randomness import generator

COUNT = 500
PANEL = 256
LAG = 0.1
"""Movement is measured over this share of the run."""
COVERED = 1 / 6
"""A mode is covered if it has this share of its fair share of the samples, on the mode (2 % of
eight modes', as VEEGAN and PacGAN count)."""

COLUMNS = (
    *("step", "energy", "modes", "on_mode", "tv_lag", "shift", "motion", "diversity", "spread"),
    *("auc_fresh", "auc_overfit", "dead_d", "dead_g", "slope_median", "slope_q95"),
    *("label_accuracy", "score_size", "nonfinite", "place"),
)


class Oracle:
    """Looks at a run; `look` gives one row, in the order of `COLUMNS`."""

    def __init__(self, run: Run):
        self.run = run
        path = ("oracle", run.case.name, run.seed)
        world = run.world
        self.rng = generator(*path)
        count = COUNT if world.modes <= 25 else 2 * COUNT
        self.fresh = run.fresh(count, self.rng)
        self.flat = self.fresh.x.flatten(1)
        self.z = run.latents(count, self.rng)
        self.y = self.fresh.y if run.case.conditional else torch.zeros(count).long()
        modes, _ = world.assign(run.fresh(5000, self.rng).x)
        self.fair = torch.bincount(modes, minlength=world.modes) / 5000
        self.real_distance = _mean_distance(self.flat, self.flat, same=True)
        modes, _ = world.assign(self.fresh.x)
        self.real_spread = _spreads(self.flat, modes, world.modes)
        self.train = run.draw(COUNT, self.rng)
        self.lag = max(1, round(LAG * run.case.steps))
        self.past: deque[tuple[int, Tensor, Tensor]] = deque()
        self.mix = torch.rand(PANEL, *(1 for _ in world.shape), generator=self.rng)

    def look(self) -> list[float]:
        """One row; not a number where it has no meaning."""
        run, nan = self.run, float("nan")
        modules = [m for net in (run.shown, run.discriminator) for m in net.modules()]
        training = [module.training for module in modules]
        run.shown.eval(), run.discriminator.eval()
        with torch.no_grad():
            fake = run.shown(self.z, self.y)
        row = dict.fromkeys(COLUMNS, nan)
        row |= {"step": run.step, "nonfinite": run.nonfinite, "place": float(fake[:, 0].mean())}
        if bool(torch.isfinite(fake).all()):
            row |= self._samples(fake)
            row |= self._scores(fake)
        row |= {"dead_d": dead(run.discriminator, self.fresh.x, fake, self.y)}
        row |= {"dead_g": dead(run.shown, self.z, None, self.y)}
        for module, flag in zip(modules, training, strict=True):
            module.training = flag
        return [float(row[name]) for name in COLUMNS]

    def _samples(self, fake: Tensor) -> dict[str, float]:
        run, world = self.run, self.run.world
        flat = fake.flatten(1)
        real_distance = self.real_distance or 1.0  # a point mass: absolute distances
        within = _mean_distance(flat, flat, same=True)
        across = _mean_distance(flat, self.flat, same=False)
        modes, on = world.assign(fake)
        on_shares = torch.bincount(modes[on], minlength=world.modes) / len(fake)
        found = {
            "energy": (2 * across - within - self.real_distance) / real_distance,
            "modes": float((on_shares >= COVERED * self.fair).float().mean()),
            "on_mode": float(on.float().mean()),
            "diversity": within / real_distance,
        }
        spreads = _spreads(flat[on], modes[on], world.modes) / self.real_spread
        there = spreads[torch.isfinite(spreads)]
        found["spread"] = float(there.median()) if len(there) else float("nan")
        # A hundred modes are too many for 1,000 samples: the first digit stands for them.
        coarse = modes // 10 if world.modes == 100 else modes
        histogram = torch.bincount(coarse, minlength=min(world.modes, 25)) / len(fake)
        panel = flat[:PANEL]
        while len(self.past) > 1 and self.past[1][0] <= run.step - self.lag:
            self.past.popleft()
        if self.past and self.past[0][0] <= run.step - self.lag:
            _, old, old_panel = self.past[0]
            found["tv_lag"] = float((histogram - old).abs().sum() / 2)
            found["motion"] = float((panel - old_panel).norm(dim=1).mean()) / real_distance
            found["shift"] = _energy(panel, old_panel) / real_distance
        self.past.append((run.step, histogram, panel))
        if run.case.conditional:
            classes = self.truth(fake)
            found["label_accuracy"] = float((classes == self.y).float().mean())
        return found

    def truth(self, x: Tensor) -> Tensor:
        """The class of each sample: its mode, or of a table its nearest true sample's class."""
        if self.run.world.modes == self.run.world.classes:
            return self.run.world.assign(x)[0]
        nearest = torch.cdist(x.flatten(1), self.flat).argmin(1)
        return self.fresh.y[nearest]

    def _scores(self, fake: Tensor) -> dict[str, float]:
        critic = self.run.discriminator
        with torch.no_grad():
            a = critic(self.fresh.x, self.fresh.y)[:, 0]
            b = critic(fake, self.y)[:, 0]
            t = critic(self.train.x, self.train.y)[:, 0]
        real, other = self.fresh.x[:PANEL], fake[:PANEL]
        points = (self.mix * real + (1 - self.mix) * other).requires_grad_()
        scores = critic(points, self.fresh.y[:PANEL])[:, 0]
        (slope,) = torch.autograd.grad(scores.sum(), points)
        slopes = slope.flatten(1).norm(dim=1)
        return {
            "auc_fresh": auc(a, b),
            "auc_overfit": auc(t, a),
            "slope_median": float(slopes.median()),
            "slope_q95": float(slopes.quantile(0.95)),
            "score_size": float(torch.cat([a, b]).abs().mean()),
        }


def auc(a: Tensor, b: Tensor) -> float:
    """P(a > b) + P(a = b) / 2; not a number if any value is not."""
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        return float("nan")
    wins = (a[:, None] > b[None]).float() + 0.5 * (a[:, None] == b[None]).float()
    return float(wins.mean())


def _mean_distance(a: Tensor, b: Tensor, *, same: bool) -> float:
    """E |a - b|, over different pairs if the sets are the same one."""
    total = float(torch.cdist(a, b).double().sum())
    return total / (len(a) * (len(b) - same))


def _energy(a: Tensor, b: Tensor) -> float:
    """2 E|a - b| - E|a - a'| - E|b - b'|, without the pairs of a sample with itself."""
    return (
        2 * _mean_distance(a, b, same=False)
        - _mean_distance(a, a, same=True)
        - _mean_distance(b, b, same=True)
    )


def _spreads(x: Tensor, modes: Tensor, count: int) -> Tensor:
    """Square root of the trace of each mode's covariance; not a number below five samples."""
    spreads = torch.full((count,), float("nan"))
    for mode in modes.unique():
        rows = x[modes == mode]
        if len(rows) >= 5:
            spreads[mode] = rows.var(0).sum().sqrt()
    return spreads


@torch.no_grad()
def dead(network: nn.Module, x: Tensor, other: Tensor | None, y: Tensor) -> float:
    """The largest share over hidden layers of ReLUs that are 0 on every sample."""
    if not isinstance(network, MLPGenerator | MLPDiscriminator):
        return float("nan")
    if isinstance(network, MLPDiscriminator) and not (
        isinstance(network.activation, nn.LeakyReLU) and network.activation.negative_slope == 0
    ):
        return float("nan")
    largest: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, inputs: object, output: Tensor) -> None:
        top = output.amax(0)
        largest[module] = torch.maximum(largest[module], top) if module in largest else top

    handles = [layer.register_forward_hook(keep) for layer in network.layers]
    for samples in (x, other):
        if samples is not None:
            network(samples, y)
    for handle in handles:
        handle.remove()
    return max(float((~(top > 0)).float().mean()) for top in largest.values())
