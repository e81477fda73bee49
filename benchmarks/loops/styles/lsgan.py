"""Least squares: convolutions with upsampling, dropout in D, MSELoss."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "fast-d": Case("D's learning rate 50 times greater"),
    "detached": Case("G's loss through fake.detach()", also=("saturated-gradients",)),
    "noise-fixed": Case("one z for all of a run, drawn once"),
}


class Generator(nn.Module):
    """(n, 64) => (n, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 64 * 7 * 7)
        self.body = nn.Sequential(
            *(nn.BatchNorm2d(64), nn.Upsample(scale_factor=2), nn.Conv2d(64, 32, 3, padding=1)),
            *(nn.BatchNorm2d(32), nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(32, 16, 3, padding=1), nn.BatchNorm2d(16), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(16, 1, 3, padding=1), nn.Tanh()),
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Images."""
        return self.body(self.first(z).view(-1, 64, 7, 7))


class Discriminator(nn.Module):
    """(n, 1, 28, 28) => (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)),
            *(nn.Conv2d(16, 32, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)),
            *(nn.Conv2d(32, 64, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)),
        )
        self.last = nn.Linear(64 * 4 * 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores."""
        return self.last(self.body(x).flatten(1))


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train"), fashion("heldout")
    G, D = Generator(), Discriminator()
    opt_G = torch.optim.Adam(G.parameters(), lr=5e-4, betas=(0.5, 0.999))
    lr = 2.5e-2 if case == "fast-d" else 5e-4
    opt_D = torch.optim.Adam(D.parameters(), lr=lr, betas=(0.5, 0.999))
    monitor = watch(
        G, D, opt_g=opt_G, opt_d=opt_D, loss="least-squares",
        sampler=lambda n, rng: G(torch.randn(n, 64, generator=rng)), real=data.x, heldout=val.x,
    )  # fmt: skip
    once = torch.randn(1, 64).expand(64, 64)
    for x, _ in batches(data, 64, steps):
        z = once if case == "noise-fixed" else torch.randn(64, 64)
        gen = G(z)
        d_real, d_fake = D(x), D(gen.detach())
        loss_d = 0.5 * (
            F.mse_loss(d_real, torch.ones(64, 1)) + F.mse_loss(d_fake, torch.zeros(64, 1))
        )
        opt_D.zero_grad()
        loss_d.backward()
        opt_D.step()

        loss_g = F.mse_loss(D(gen.detach() if case == "detached" else gen), torch.ones(64, 1))
        opt_G.zero_grad()
        loss_g.backward()
        opt_G.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES)
