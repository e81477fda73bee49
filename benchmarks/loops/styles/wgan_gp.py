"""WGAN-GP: penalty between reals and fakes, Adam(1e-4, 0.5, 0.9), five critic steps."""

import torch
from torch import Tensor, autograd, nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "no-penalty": Case("the penalty is left out", also=("lipschitz-violation",)),
    "dead-penalty": Case("the penalty without create_graph", also=("lipschitz-violation",)),
    "wrong-sign": Case("the penalty is subtracted", also=("lipschitz-violation",)),
    "few": Case("256 training images"),
}


def calc_gradient_penalty(netD: nn.Module, real: Tensor, fake: Tensor, graph: bool) -> Tensor:
    """Mean (|grad D| - 1)^2 on straight lines."""
    alpha = torch.rand(len(real), 1, 1, 1)
    between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    gradients = autograd.grad(netD(between).sum(), between, create_graph=graph)[0]
    return ((gradients.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    netG = nn.Sequential(
        *(nn.Linear(64, 32 * 49), nn.Unflatten(1, (32, 7, 7)), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1)),
        nn.Tanh(),
    )
    netD = nn.Sequential(
        *(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1)),
        *(nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(32 * 49, 1)),
    )
    optimizerD = torch.optim.Adam(netD.parameters(), lr=5e-4, betas=(0.5, 0.9))
    optimizerG = torch.optim.Adam(netG.parameters(), lr=5e-4, betas=(0.5, 0.9))
    weight = {"no-penalty": 0.0, "wrong-sign": -10.0}.get(case, 10.0)
    monitor = watch(
        netG, netD, opt_g=optimizerG, opt_d=optimizerD, loss="wasserstein", lipschitz="gp",
        sampler=lambda n, rng: netG(torch.randn(n, 64, generator=rng)),
        real=data.x, heldout=val.x,
    )  # fmt: skip
    reals = batches(data, 32, 5 * steps)
    for _ in range(steps):
        for _ in range(5):
            real, fake = next(reals).x, netG(torch.randn(32, 64)).detach()
            d_real, d_fake = netD(real), netD(fake)
            gp = calc_gradient_penalty(netD, real, fake, graph=case != "dead-penalty")
            loss_d = d_fake.mean() - d_real.mean() + weight * gp
            netD.zero_grad()
            loss_d.backward()
            optimizerD.step()
        loss_g = -netD(netG(torch.randn(32, 64))).mean()
        netG.zero_grad()
        loss_g.backward()
        optimizerG.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES, steps=1200)
