"""Conditional: an embedded label beside the latent and beside the flattened image."""

import torch
from torch import Tensor, nn

from benchmarks.loops.case import Case, Style
from benchmarks.loops.data import CLASSES, batches, fashion
from benchmarks.loops.watching import Watch

CASES = {
    "healthy": Case(),
    "shuffled": Case("labels of the reals are shuffled", also=("label-ignored",)),
    "hidden": Case("D sees a label of zero for all", also=("label-ignored",)),
    "alike": Case("a term that draws samples together: the sign of mode seeking is wrong"),
}


class Generator(nn.Module):
    """z (n, 64) and y (n,) => (n, 1, 28, 28)."""

    def __init__(self) -> None:
        super().__init__()
        self.label_emb = nn.Embedding(CLASSES, CLASSES)
        self.model = nn.Sequential(
            *(nn.Linear(64 + CLASSES, 256), nn.LeakyReLU(0.2), nn.Linear(256, 512)),
            *(nn.BatchNorm1d(512), nn.LeakyReLU(0.2), nn.Linear(512, 784), nn.Tanh()),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Images."""
        return self.model(torch.cat((self.label_emb(y), z), 1)).view(-1, 1, 28, 28)


class Discriminator(nn.Module):
    """x and y => logits (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.label_emb = nn.Embedding(CLASSES, CLASSES)
        self.model = nn.Sequential(
            *(nn.Linear(784 + CLASSES, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256)),
            *(nn.Dropout(0.3), nn.LeakyReLU(0.2), nn.Linear(256, 1)),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits."""
        return self.model(torch.cat((x.flatten(1), self.label_emb(y)), 1))


def train(case: str, steps: int, seed: int, watch: Watch) -> None:
    """See `Style.train`."""
    torch.manual_seed(seed)
    data, val = fashion("train"), fashion("heldout")
    G, D = Generator(), Discriminator()
    loss = nn.BCEWithLogitsLoss()
    opt_g = torch.optim.Adam(G.parameters(), lr=2e-4, betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def sampler(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        y = torch.randint(CLASSES, (n,), generator=rng)
        return G(torch.randn(n, 64, generator=rng), y), y

    monitor = watch(
        G, D, opt_g=opt_g, opt_d=opt_d, loss="non-saturating",
        sampler=sampler, real=(data.x, data.y), heldout=(val.x, val.y),
    )  # fmt: skip
    for x, labels in batches(data, 64, steps):
        if case == "shuffled":
            labels = labels[torch.randperm(len(x))]
        gen_labels = torch.randint(CLASSES, (len(x),))
        if case == "hidden":
            seen, gen_seen = labels * 0, gen_labels * 0
        else:
            seen, gen_seen = labels, gen_labels
        valid, fake = torch.ones(len(x), 1), torch.zeros(len(x), 1)
        opt_g.zero_grad()
        z = torch.randn(len(x), 64)
        made = G(z, gen_labels)
        loss_g = loss(D(made, gen_seen), valid)
        if case == "alike":
            loss_g = loss_g + (made - G(z.roll(1, 0), gen_labels)).abs().mean() / 0.1
        loss_g.backward()
        opt_g.step()

        opt_d.zero_grad()
        d_real, d_fake = D(x, seen), D(made.detach(), gen_seen)
        loss_d = (loss(d_real, valid) + loss(d_fake, fake)) / 2
        loss_d.backward()
        opt_d.step()
        monitor.step(d_real=d_real, d_fake=d_fake, loss_d=loss_d, loss_g=loss_g)
    monitor.close()


STYLE = Style(train, CASES)
