"""A small residual GAN whose D sees the standard deviation of its batch, as in StyleGAN's D."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "fast-d": Case("D's learning rate 50 times greater"),
    "narrow": Case("latents 1,000 times smaller: all samples are alike"),
    "one-class": Case("the training images are of one class, the held-out ones of all"),
}


class Up(nn.Module):
    """(n, a, h, w) => (n, b, 2h, 2w)."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.norm, self.conv, self.skip = (
            nn.BatchNorm2d(a),
            nn.Conv2d(a, b, 3, 1, 1),
            nn.Conv2d(a, b, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Twice the side."""
        h = self.conv(F.interpolate(F.relu(self.norm(x)), scale_factor=2))
        return h + self.skip(F.interpolate(x, scale_factor=2))


class Down(nn.Module):
    """(n, a, h, w) => (n, b, h/2, w/2)."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.conv, self.skip = nn.Conv2d(a, b, 3, 1, 1), nn.Conv2d(a, b, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Half the side."""
        return F.avg_pool2d(F.leaky_relu(self.conv(x), 0.2), 2) + self.skip(F.avg_pool2d(x, 2))


class MinibatchStd(nn.Module):
    """One more channel: the standard deviation over groups of four."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) => (n, c + 1, h, w)."""
        n, c, h, w = x.shape
        group = 4 if n % 4 == 0 else n
        y = x.reshape(group, -1, c, h, w)
        y = (y.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3), keepdim=True)
        return torch.cat([x, y.repeat(group, 1, h, w)], 1)


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", 32), fashion("heldout", 32)
    if case == "one-class":
        data = type(data)(data.x[data.y == 5], data.y[data.y == 5])
    scale = 1e-3 if case == "narrow" else 1.0
    G = nn.Sequential(
        *(nn.Linear(64, 48 * 16), nn.Unflatten(1, (48, 4, 4)), Up(48, 32), Up(32, 24), Up(24, 12)),
        *(nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 1, 3, 1, 1), nn.Tanh()),
    )
    if case == "narrow":  # or batch normalisation would undo it
        for module in G.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1.0
    D = nn.Sequential(
        *(nn.Conv2d(1, 12, 1), Down(12, 24), Down(24, 32), Down(32, 48), MinibatchStd()),
        *(nn.Conv2d(49, 48, 3, 1, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(48 * 16, 1)),
    )
    opt_g = torch.optim.Adam(G.parameters(), lr=5e-4, betas=(0.0, 0.99))
    opt_d = torch.optim.Adam(
        D.parameters(), lr=2.5e-2 if case == "fast-d" else 5e-4, betas=(0.0, 0.99)
    )
    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d, loss="non-saturating",
        sampler=lambda n, rng: G(scale * torch.randn(n, 64, generator=rng)),
        real=data.x, heldout=val.x,
    )  # fmt: skip
    for x, _ in batches(data, 32, steps):
        with torch.no_grad():
            fake = G(scale * torch.randn(32, 64))
        d_real, d_fake = D(x), D(fake)
        loss_d = F.softplus(-d_real).mean() + F.softplus(d_fake).mean()
        opt_d.zero_grad(set_to_none=True)
        loss_d.backward()
        opt_d.step()

        loss_g = F.softplus(-D(G(scale * torch.randn(32, 64)))).mean()
        opt_g.zero_grad(set_to_none=True)
        loss_g.backward()
        opt_g.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES)
