"""Relativistic pairing with R1 and R2, the loss that R3GAN is trained with."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "few": Case("256 training images, and no penalties"),
    "swapped": Case("G is trained towards fakes: the pair is the wrong way round"),
    "slow-g": Case("G's learning rate 1,000 times smaller"),
}


class Residual(nn.Module):
    """x + f(x), where f begins at almost zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 1)
        nn.init.normal_(self.b.weight, std=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + self.b(F.leaky_relu(self.a(x), 0.2))


def zero_centred(samples: Tensor, scores: Tensor) -> Tensor:
    """(n,): squared slopes of D."""
    slope = torch.autograd.grad(scores.sum(), samples, create_graph=True)[0]
    return slope.square().sum((1, 2, 3))


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    G = nn.Sequential(
        *(nn.Linear(64, 32 * 49), nn.Unflatten(1, (32, 7, 7)), Residual(32)),
        *(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(32, 24, 1), Residual(24)),
        *(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(24, 12, 1), Residual(12)),
        nn.Conv2d(12, 1, 3, padding=1),
    )
    D = nn.Sequential(
        *(nn.Conv2d(1, 12, 3, padding=1), Residual(12), nn.AvgPool2d(2), nn.Conv2d(12, 24, 1)),
        *(Residual(24), nn.AvgPool2d(2), nn.Conv2d(24, 32, 1), Residual(32), nn.Flatten()),
        nn.Linear(32 * 49, 1),
    )
    gamma = 0.0 if case == "few" else 1.0
    opt_g = torch.optim.Adam(
        G.parameters(), lr=5e-7 if case == "slow-g" else 5e-4, betas=(0.0, 0.99)
    )
    opt_d = torch.optim.Adam(D.parameters(), lr=5e-4, betas=(0.0, 0.99))
    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d,
        sampler=lambda n, rng: G(torch.randn(n, 64, generator=rng)), real=data.x, heldout=val.x,
    )  # fmt: skip
    reals = batches(data, 32, 2 * steps)
    for _ in range(steps):
        D.requires_grad_(True)
        x = next(reals).x.requires_grad_(True)
        fake = G(torch.randn(32, 64)).detach().requires_grad_(True)
        d_real, d_fake = D(x), D(fake)
        penalties = (zero_centred(x, d_real) + zero_centred(fake, d_fake)).mean()
        loss_d = F.softplus(-(d_real - d_fake)).mean()
        opt_d.zero_grad()
        (loss_d + gamma / 2 * penalties).backward()
        opt_d.step()

        D.requires_grad_(False)
        pair = D(G(torch.randn(32, 64))) - D(next(reals).x)
        loss_g = F.softplus(pair if case == "swapped" else -pair).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES)
