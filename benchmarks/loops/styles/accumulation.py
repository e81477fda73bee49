"""Gradients of four small batches added up before each step, and clipped."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "never-zeroed": Case("G's gradients are never set to zero"),
    "nan": Case("NaN in D's loss in the middle"),
    "slow-g": Case("G's gradients are clipped to 1e-10 and stepped by SGD"),
}
PARTS, SIZE = 4, 16


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train"), fashion("heldout")
    G = nn.Sequential(
        *(nn.Linear(64, 48 * 49), nn.Unflatten(1, (48, 7, 7)), nn.GroupNorm(4, 48), nn.ReLU()),
        *(nn.ConvTranspose2d(48, 32, 4, 2, 1), nn.GroupNorm(4, 32), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh()),
    )
    D = nn.Sequential(
        *(nn.Conv2d(1, 24, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(24, 48, 4, 2, 1)),
        *(nn.LeakyReLU(0.2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(48 * 49, 1)),
    )
    opt_g: torch.optim.Optimizer = torch.optim.AdamW(G.parameters(), lr=5e-4, betas=(0.5, 0.99))
    if case == "slow-g":
        opt_g = torch.optim.SGD(G.parameters(), lr=1e-3)
    opt_d = torch.optim.AdamW(D.parameters(), lr=3e-4, betas=(0.5, 0.99))
    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d, loss="non-saturating",
        sampler=lambda n, rng: G(torch.randn(n, 64, generator=rng)), real=data.x, heldout=val.x,
    )  # fmt: skip
    reals = batches(data, SIZE, steps * PARTS)
    for step in range(steps):
        opt_d.zero_grad()
        for _ in range(PARTS):
            d_real, d_fake = D(next(reals).x), D(G(torch.randn(SIZE, 64)).detach())
            loss_d = F.softplus(-d_real).mean() + F.softplus(d_fake).mean()
            if case == "nan" and step == steps // 2:
                loss_d = loss_d * float("nan")
            (loss_d / PARTS).backward()
        nn.utils.clip_grad_norm_(D.parameters(), 1.0)
        opt_d.step()

        if case != "never-zeroed":
            opt_g.zero_grad()
        for _ in range(PARTS):
            loss_g = F.softplus(-D(G(torch.randn(SIZE, 64)))).mean()
            (loss_g / PARTS).backward()
        nn.utils.clip_grad_norm_(G.parameters(), 1e-10 if case == "slow-g" else 1.0)
        opt_g.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES)
