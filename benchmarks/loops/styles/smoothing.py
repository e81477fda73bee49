"""The advice of old: labels of reals smoothed to 0.9 and dropout in D, BCE with logits."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "minimax": Case("G minimises log(1 - D), and D is trained four steps at a greater rate"),
    "few": Case("256 training images, without dropout and smoothing"),
    "flipped": Case("labels of reals and fakes are swapped for D, not for G"),
}


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    plain = case == "few"
    generator = nn.Sequential(
        *(nn.Linear(64, 48 * 49, bias=False), nn.BatchNorm1d(48 * 49), nn.LeakyReLU(0.3)),
        *(nn.Unflatten(1, (48, 7, 7)), nn.ConvTranspose2d(48, 32, 4, 2, 1, bias=False)),
        *(nn.BatchNorm2d(32), nn.LeakyReLU(0.3), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh()),
    )
    drop = 0.0 if plain else 0.3
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 24, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(drop)),
        *(nn.Conv2d(24, 48, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(drop), nn.Flatten()),
        nn.Linear(48 * 49, 1),
    )
    g_opt = torch.optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.999))
    if case == "minimax":
        d_opt: torch.optim.Optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    else:
        d_opt = torch.optim.Adam(discriminator.parameters(), lr=5e-4, betas=(0.5, 0.999))
    cross_entropy = F.binary_cross_entropy_with_logits
    monitor = watch(
        generator, discriminator, opt_g=g_opt, opt_d=d_opt,
        loss="minimax" if case == "minimax" else "non-saturating",
        sampler=lambda n, rng: generator(torch.randn(n, 64, generator=rng)),
        real=data.x, heldout=val.x,
    )  # fmt: skip
    ones, zeros = torch.full((64, 1), 1.0 if plain else 0.9), torch.zeros(64, 1)
    if case == "flipped":
        ones, zeros = zeros, ones
    times = 4 if case == "minimax" else 1
    reals = batches(data, 64, steps * times)
    for _ in range(steps):
        for _ in range(times):
            real_output = discriminator(next(reals).x)
            fake_output = discriminator(generator(torch.randn(64, 64)).detach())
            disc_loss = cross_entropy(real_output, ones) + cross_entropy(fake_output, zeros)
            d_opt.zero_grad()
            disc_loss.backward()
            d_opt.step()
        output = discriminator(generator(torch.randn(64, 64)))
        if case == "minimax":
            gen_loss = -cross_entropy(output, torch.zeros(64, 1))
        else:
            gen_loss = cross_entropy(output, torch.ones(64, 1))
        g_opt.zero_grad()
        gen_loss.backward()
        g_opt.step()
        monitor.step(d_real=real_output, d_fake=fake_output, loss_d=disc_loss, loss_g=gen_loss)
    monitor.close()


STYLE = Style(train, CASES)
