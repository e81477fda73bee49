"""SNGAN with the hinge loss: spectral normalisation in D, batch normalisation in G."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "one-layer": Case("the last two layers without normalisation", also=("lipschitz-violation",)),
    "slow-g": Case("G's learning rate 1,000 times smaller"),
    "nan": Case("an image of NaN in one batch"),
}


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", 32), fashion("heldout", 32)
    G = nn.Sequential(
        *(nn.Linear(64, 64 * 16), nn.Unflatten(1, (64, 4, 4)), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh()),
    )
    last = (lambda layer: layer) if case == "one-layer" else spectral_norm
    D = nn.Sequential(
        *(spectral_norm(nn.Conv2d(1, 16, 4, 2, 1)), nn.LeakyReLU(0.1)),
        *(spectral_norm(nn.Conv2d(16, 32, 4, 2, 1)), nn.LeakyReLU(0.1)),
        *(last(nn.Conv2d(32, 64, 4, 2, 1)), nn.LeakyReLU(0.1), nn.Flatten()),
        last(nn.Linear(64 * 16, 1)),
    )
    opt_g = torch.optim.Adam(
        G.parameters(), lr=5e-7 if case == "slow-g" else 5e-4, betas=(0.0, 0.9)
    )
    opt_d = torch.optim.Adam(D.parameters(), lr=5e-4, betas=(0.0, 0.9))
    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d, loss="hinge", lipschitz="sn",
        sampler=lambda n, rng: G(torch.randn(n, 64, generator=rng)), real=data.x, heldout=val.x,
    )  # fmt: skip
    for i, (x, _) in enumerate(batches(data, 64, steps)):
        if case == "nan" and i == steps // 2:
            x[0] = float("nan")
        d_real, d_fake = D(x), D(G(torch.randn(len(x), 64)).detach())
        loss_d = F.relu(1.0 - d_real).mean() + F.relu(1.0 + d_fake).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()

        loss_g = -D(G(torch.randn(len(x), 64))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES)
