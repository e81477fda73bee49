"""Non-saturating with R1 at reals, and an average of G's weights that samples are taken from."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "few": Case("256 training images, and R1 100 times weaker"),
    "strong": Case("R1 10,000 times stronger"),
    "fast-g": Case("G's learning rate 50 times greater"),
}


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    generator = nn.Sequential(
        *(nn.Linear(64, 48 * 49), nn.Unflatten(1, (48, 7, 7)), nn.LeakyReLU(0.2)),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(48, 32, 3, padding=1), nn.LeakyReLU(0.2)),
        *(nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, padding=1), nn.LeakyReLU(0.2)),
        nn.Conv2d(16, 1, 3, padding=1),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.LeakyReLU(0.2), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.LeakyReLU(0.2), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 49, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)),
    )
    g_ema = copy.deepcopy(generator).eval().requires_grad_(False)
    gamma = {"few": 0.01, "strong": 10_000.0}.get(case, 1.0)
    lr = 5e-4
    g_optim = torch.optim.Adam(
        generator.parameters(), lr=50 * lr if case == "fast-g" else lr, betas=(0.0, 0.99)
    )
    d_optim = torch.optim.Adam(discriminator.parameters(), lr=lr, betas=(0.0, 0.99))
    monitor = watch(
        generator, discriminator, opt_g=g_optim, opt_d=d_optim,
        loss="non-saturating", lipschitz="r1",
        sampler=lambda n, rng: g_ema(torch.randn(n, 64, generator=rng)),
        real=data.x, heldout=val.x,
    )  # fmt: skip
    for x, _ in batches(data, 64, steps):
        x.requires_grad_(True)
        real_pred = discriminator(x)
        fake_pred = discriminator(generator(torch.randn(64, 64)).detach())
        grad = torch.autograd.grad(real_pred.sum(), x, create_graph=True)[0]
        r1 = grad.square().flatten(1).sum(1).mean()
        d_loss = F.softplus(-real_pred).mean() + F.softplus(fake_pred).mean()
        d_optim.zero_grad()
        (d_loss + gamma / 2 * r1).backward()
        d_optim.step()

        g_loss = F.softplus(-discriminator(generator(torch.randn(64, 64)))).mean()
        g_optim.zero_grad()
        g_loss.backward()
        g_optim.step()
        with torch.no_grad():
            for average, now in zip(g_ema.parameters(), generator.parameters(), strict=True):
                average.lerp_(now, 0.02)
        monitor.step(d_real=real_pred, d_fake=fake_pred, loss_d=d_loss, loss_g=g_loss, penalty=r1)
    monitor.close()


STYLE = Style(train, CASES)
