"""AC-GAN: D has a head for real or fake and one for the class; both losses for both networks."""

import torch
from torch import Tensor, nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import CLASSES, batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "no-class-loss": Case("G is trained without the class's loss", also=("label-ignored",)),
    "shuffled": Case("labels of the reals are shuffled", also=("label-ignored",)),
    "only-class": Case("G is trained by the class's loss alone"),
}


class Discriminator(nn.Module):
    """(n, 1, 28, 28) => logits (n, 1) of being real, and (n, 10) of the class."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_blocks = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)),
            *(nn.Conv2d(16, 32, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25), nn.Flatten()),
        )
        self.adv_layer, self.aux_layer = nn.Linear(32 * 49, 1), nn.Linear(32 * 49, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both heads."""
        out = self.conv_blocks(x)
        return self.adv_layer(out), self.aux_layer(out)


class Generator(nn.Module):
    """z (n, 64), times the label's embedding => (n, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.label_emb = nn.Embedding(CLASSES, 64)
        self.body = nn.Sequential(
            *(nn.Linear(64, 48 * 49), nn.Unflatten(1, (48, 7, 7)), nn.BatchNorm2d(48)),
            *(nn.Upsample(scale_factor=2), nn.Conv2d(48, 32, 3, 1, 1), nn.BatchNorm2d(32)),
            *(nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, 1, 1)),
            *(nn.BatchNorm2d(16), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, 1, 1), nn.Tanh()),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Images."""
        return self.body(z * self.label_emb(y))


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train"), fashion("heldout")
    G, D = Generator(), Discriminator()
    adversarial, auxiliary = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()
    opt_g = torch.optim.Adam(G.parameters(), lr=5e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), lr=5e-4, betas=(0.5, 0.999))

    def sampler(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y = torch.randint(CLASSES, (n,), generator=rng)
        return G(torch.randn(n, 64, generator=rng), y), y

    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d, loss="non-saturating", sampler=sampler,
        real=(data.x, data.y), heldout=(val.x, val.y), discriminator=lambda x, y: D(x)[0],
    )  # fmt: skip
    valid, fake = torch.ones(64, 1), torch.zeros(64, 1)
    for x, y in batches(data, 64, steps):
        if case == "shuffled":
            y = y[torch.randperm(len(y))]
        opt_g.zero_grad()
        asked = torch.randint(CLASSES, (64,))
        made = G(torch.randn(64, 64), asked)
        validity, pred = D(made)
        g_loss = 0.5 * (
            (0.0 if case == "only-class" else 1.0) * adversarial(validity, valid)
            + (0.0 if case == "no-class-loss" else 1.0) * auxiliary(pred, asked)
        )
        g_loss.backward()
        opt_g.step()

        opt_d.zero_grad()
        real_pred, real_aux = D(x)
        fake_pred, fake_aux = D(made.detach())
        d_real_loss = (adversarial(real_pred, valid) + auxiliary(real_aux, y)) / 2
        d_fake_loss = (adversarial(fake_pred, fake) + auxiliary(fake_aux, asked)) / 2
        d_loss = (d_real_loss + d_fake_loss) / 2
        d_loss.backward()
        opt_d.step()
        monitor.step(d_real=real_pred, d_fake=fake_pred, loss_d=d_loss, loss_g=g_loss)
    monitor.close()


STYLE = Style(train, CASES)
