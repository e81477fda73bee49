"""The DCGAN tutorial's loop: sigmoid, BCELoss, D on a batch of reals and then one of fakes."""

import torch
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "few": Case("256 training images"),
    "detached": Case("G's loss through fake.detach()", also=("saturated-gradients",)),
    "slow-g": Case("G's learning rate 2e-7"),
    "nan": Case("NaN in G's loss in the middle"),
}


def weights_init(m: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for batch normalisation."""
    if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(m.weight, 0.0, 0.02)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


def networks(nz: int, nf: int) -> tuple[nn.Module, nn.Module]:
    """G: (n, nz, 1, 1) => (n, 1, 32, 32); D: to probabilities (n,)."""
    G = nn.Sequential(
        *(
            nn.ConvTranspose2d(nz, nf * 4, 4, 1, 0, bias=False),
            nn.BatchNorm2d(nf * 4),
            nn.ReLU(True),
        ),
        *(nn.ConvTranspose2d(nf * 4, nf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(nf * 2)),
        *(nn.ReLU(True), nn.ConvTranspose2d(nf * 2, nf, 4, 2, 1, bias=False), nn.BatchNorm2d(nf)),
        *(nn.ReLU(True), nn.ConvTranspose2d(nf, 1, 4, 2, 1, bias=False), nn.Tanh()),
    )
    D = nn.Sequential(
        *(nn.Conv2d(1, nf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(nf, nf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(nf * 2)),
        *(nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(nf * 2, nf * 4, 4, 2, 1, bias=False)),
        *(nn.BatchNorm2d(nf * 4), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(nf * 4, 1, 4, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten(0)),
    )
    return G.apply(weights_init), D.apply(weights_init)


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    dataset, val = fashion("train", 32, 256 if case == "few" else None), fashion("heldout", 32)
    nz, lr = 64, 2e-4
    netG, netD = networks(nz, 16)
    criterion = nn.BCELoss()
    optimizerD = torch.optim.Adam(netD.parameters(), lr=lr, betas=(0.5, 0.999))
    optimizerG = torch.optim.Adam(
        netG.parameters(), lr=lr / 1000 if case == "slow-g" else lr, betas=(0.5, 0.999)
    )
    monitor = watch(
        netG, netD, opt_g=optimizerG, opt_d=optimizerD, loss="non-saturating",
        sampler=lambda n, rng: netG(torch.randn(n, nz, 1, 1, generator=rng)),
        real=dataset.x, heldout=val.x,
    )  # fmt: skip
    for i, (real, _) in enumerate(batches(dataset, 64, steps)):
        netD.zero_grad()
        label = torch.ones(len(real))
        output_real = netD(real)
        errD_real = criterion(output_real, label)
        errD_real.backward()
        fake = netG(torch.randn(len(real), nz, 1, 1))
        output_fake = netD(fake.detach())
        errD_fake = criterion(output_fake, label * 0)
        errD_fake.backward()
        optimizerD.step()

        netG.zero_grad()
        errG = criterion(netD(fake.detach() if case == "detached" else fake), label)
        if case == "nan" and i == steps // 2:
            errG = errG * float("nan")
        errG.backward()
        optimizerG.step()
        monitor.step(
            d_real=output_real, d_fake=output_fake, loss_d=errD_real + errD_fake, loss_g=errG
        )
    monitor.close()


STYLE = Style(train, CASES)
