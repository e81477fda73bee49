"""cGAN with projection: class-conditional batch normalisation, inner product in D, hinge, SN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import CLASSES, batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "shuffled": Case("labels of the reals are shuffled", also=("label-ignored",)),
    "few": Case("256 training images"),
    "no-projection": Case("D leaves out the inner product", also=("label-ignored",)),
}


class ConditionalNorm(nn.Module):
    """Batch normalisation whose scale and shift are the class's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.scale, self.shift = nn.Embedding(CLASSES, width), nn.Embedding(CLASSES, width)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The same shape."""
        return self.norm(x) * self.scale(y)[:, :, None, None] + self.shift(y)[:, :, None, None]


class Generator(nn.Module):
    """z (n, 64) and y => (n, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 48 * 49)
        self.norms = nn.ModuleList([ConditionalNorm(width) for width in (48, 32, 16)])
        self.convs = nn.ModuleList(
            [nn.ConvTranspose2d(48, 32, 4, 2, 1), nn.ConvTranspose2d(32, 16, 4, 2, 1)]
        )
        self.last = nn.Conv2d(16, 1, 3, 1, 1)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Images."""
        h = F.relu(self.norms[0](self.first(z).view(-1, 48, 7, 7), y))
        for conv, norm in zip(self.convs, list(self.norms)[1:], strict=True):
            h = F.relu(norm(conv(h), y))
        return torch.tanh(self.last(h))


class Discriminator(nn.Module):
    """x and y => (n, 1)."""

    def __init__(self, projects: bool) -> None:
        super().__init__()
        self.projects = projects
        self.body = nn.Sequential(
            *(spectral_norm(nn.Conv2d(1, 16, 4, 2, 1)), nn.ReLU()),
            *(spectral_norm(nn.Conv2d(16, 32, 4, 2, 1)), nn.ReLU()),
            *(spectral_norm(nn.Conv2d(32, 64, 3, 1, 1)), nn.ReLU()),
        )
        self.linear = spectral_norm(nn.Linear(64, 1))
        self.embedding = spectral_norm(nn.Embedding(CLASSES, 64))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores."""
        h = self.body(x).sum((2, 3))
        score = self.linear(h)
        return score + (self.embedding(y) * h).sum(1, keepdim=True) if self.projects else score


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train", count=256 if case == "few" else None), fashion("heldout")
    gen, dis = Generator(), Discriminator(case != "no-projection")
    opt_gen = torch.optim.Adam(gen.parameters(), lr=4e-4, betas=(0.0, 0.9))
    opt_dis = torch.optim.Adam(dis.parameters(), lr=8e-4, betas=(0.0, 0.9))

    def sampler(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y = torch.randint(CLASSES, (n,), generator=rng)
        return gen(torch.randn(n, 64, generator=rng), y), y

    monitor = watch(
        gen, dis, opt_g=opt_gen, opt_d=opt_dis, loss="hinge",
        sampler=sampler, real=(data.x, data.y), heldout=(val.x, val.y),
    )  # fmt: skip
    for x_real, y_real in batches(data, 64, steps):
        if case == "shuffled":
            y_real = y_real[torch.randperm(len(y_real))]
        y_fake = torch.randint(CLASSES, (64,))
        x_fake = gen(torch.randn(64, 64), y_fake)
        loss_gen = -dis(x_fake, y_fake).mean()
        opt_gen.zero_grad()
        loss_gen.backward()
        opt_gen.step()

        dis_real, dis_fake = dis(x_real, y_real), dis(x_fake.detach(), y_fake)
        loss_dis = F.relu(1.0 - dis_real).mean() + F.relu(1.0 + dis_fake).mean()
        opt_dis.zero_grad()
        loss_dis.backward()
        opt_dis.step()
        monitor.step(d_real=dis_real, d_fake=dis_fake, loss_d=loss_dis, loss_g=loss_gen)
    monitor.close()


STYLE = Style(train, CASES)
