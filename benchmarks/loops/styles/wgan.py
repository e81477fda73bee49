"""WGAN with clipped weights: RMSprop 5e-5, five critic steps, as in the paper's code."""

import torch
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "not-clipped": Case("weights are not clipped"),
    "clip-tiny": Case("weights clipped to 1e-4"),
    "few": Case("256 training images"),
}


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    netG = nn.Sequential(
        *(nn.Linear(32, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()),
        *(nn.Linear(256, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))),
    )
    netD = nn.Sequential(
        *(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()),
        nn.Linear(256, 1),
    )
    optimizerD = torch.optim.RMSprop(netD.parameters(), lr=2e-4)
    optimizerG = torch.optim.RMSprop(netG.parameters(), lr=2e-4)
    clip = 1e-4 if case == "clip-tiny" else 0.02
    monitor = watch(
        netG, netD, opt_g=optimizerG, opt_d=optimizerD, loss="wasserstein", lipschitz="clip",
        sampler=lambda n, rng: netG(torch.randn(n, 32, generator=rng)),
        real=data.x, heldout=val.x,
    )  # fmt: skip
    reals = batches(data, 64, 5 * steps)
    for _ in range(steps):
        for p in netD.parameters():
            p.requires_grad = True
        for _ in range(5):
            if case != "not-clipped":
                for p in netD.parameters():
                    p.data.clamp_(-clip, clip)
            netD.zero_grad()
            d_real = netD(next(reals).x)
            with torch.no_grad():
                fake = netG(torch.randn(64, 32))
            d_fake = netD(fake)
            errD = d_fake.mean() - d_real.mean()
            errD.backward()
            optimizerD.step()
        for p in netD.parameters():
            p.requires_grad = False
        netG.zero_grad()
        errG = -netD(netG(torch.randn(64, 32))).mean()
        errG.backward()
        optimizerG.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=errD, loss_g=errG)
    monitor.close()


STYLE = Style(train, CASES, steps=2500)
