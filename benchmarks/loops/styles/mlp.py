"""The first GAN that people write: fully connected, BCE, one optimizer each, as in tutorials."""

import torch
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "dead-relu": Case("biases of G's second layer at -100", also=("dead-units",)),
    "stuck-bias": Case("the biases of G's last layer at 20", also=("saturated-gradients",)),
    "few": Case("256 training images"),
    "fast-g": Case("G's learning rate 50 times greater"),
}


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    G = nn.Sequential(
        *(nn.Linear(64, 256), nn.LeakyReLU(0.2) if case != "dead-relu" else nn.ReLU()),
        *(nn.Linear(256, 512), nn.BatchNorm1d(512) if case != "dead-relu" else nn.Identity()),
        *(nn.LeakyReLU(0.2) if case != "dead-relu" else nn.ReLU(), nn.Linear(512, 784)),
        *(nn.Tanh(), nn.Unflatten(1, (1, 28, 28))),
    )
    if case == "dead-relu":
        nn.init.constant_(G[2].bias, -100.0)
    if case == "stuck-bias":
        nn.init.constant_(G[5].bias, 20.0)
    D = nn.Sequential(
        *(nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256)),
        *(nn.LeakyReLU(0.2), nn.Linear(256, 1), nn.Sigmoid()),
    )
    loss = nn.BCELoss()
    opt_g = torch.optim.Adam(
        G.parameters(), lr=1e-2 if case == "fast-g" else 2e-4, betas=(0.5, 0.999)
    )
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))
    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d, loss="non-saturating",
        sampler=lambda n, rng: G(torch.randn(n, 64, generator=rng)), real=data.x, heldout=val.x,
    )  # fmt: skip
    for x, _ in batches(data, 64, steps):
        valid, fake = torch.ones(len(x), 1), torch.zeros(len(x), 1)
        # The generator first, as in PyTorch-GAN's collection.
        opt_g.zero_grad()
        made = G(torch.randn(len(x), 64))
        loss_g = loss(D(made), valid)
        loss_g.backward()
        opt_g.step()

        opt_d.zero_grad()
        d_real, d_fake = D(x), D(made.detach())
        loss_d = (loss(d_real, valid) + loss(d_fake, fake)) / 2
        loss_d.backward()
        opt_d.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES, steps=4000)
