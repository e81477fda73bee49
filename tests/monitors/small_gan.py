"""A GAN that trains in milliseconds a step, on a ring of Gaussians."""

import torch
from torch import nn
from torch.nn.functional import softplus

import gandiag


def ring(n, rng, modes=8, sd=0.05):
    angle = torch.randint(modes, (n,), generator=rng) * (2 * torch.pi / modes)
    return torch.stack([angle.cos(), angle.sin()], 1) + sd * torch.randn(n, 2, generator=rng)


class Loop:
    """A user's loop: networks with all that a probe could disturb, and its own randomness."""

    def __init__(self, *, seed=0, width=16):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            spectral = nn.utils.parametrizations.spectral_norm
            self.G = nn.Sequential(
                nn.Linear(4, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 2)
            )
            self.D = nn.Sequential(
                spectral(nn.Linear(2, width)),
                nn.ReLU(),
                nn.Dropout(0.1),
                spectral(nn.Linear(width, 1)),
            )
            self.rng_state = torch.get_rng_state()
        self.opt_g = torch.optim.Adam(self.G.parameters(), 1e-3, betas=(0.5, 0.999))
        self.opt_d = torch.optim.Adam(self.D.parameters(), 1e-3, betas=(0.5, 0.999))
        self.rng = torch.Generator().manual_seed(seed)
        self.real = ring(256, torch.Generator().manual_seed(1))
        self.heldout = ring(256, torch.Generator().manual_seed(2))

    def sampler(self, n, rng):
        return self.G(torch.randn(n, 4, generator=rng))

    def monitor(self, **changes):
        arguments = {
            "opt_g": self.opt_g,
            "opt_d": self.opt_d,
            "loss": "non-saturating",
            "sampler": self.sampler,
            "real": self.real,
            "heldout": self.heldout,
            "every": 10,
            "overhead": None,
            "sinks": (),
        }
        return gandiag.Monitor(self.G, self.D, **(arguments | changes))

    def iterate(self, monitor=None, steps=1, n_critic=1):
        """Steps with dropout from the global generator, which is put back."""
        outside = torch.get_rng_state()
        torch.set_rng_state(self.rng_state)
        try:
            self._steps(monitor, steps, n_critic)
            self.rng_state = torch.get_rng_state()
        finally:
            torch.set_rng_state(outside)

    def _steps(self, monitor, steps, n_critic):
        for _ in range(steps):
            for _ in range(n_critic):
                rows = torch.randint(len(self.real), (32,), generator=self.rng)
                z = torch.randn(32, 4, generator=self.rng)
                a, b = self.D(self.real[rows]), self.D(self.G(z).detach())
                loss_d = softplus(-a).mean() + softplus(b).mean()
                self.opt_d.zero_grad()
                loss_d.backward()
                self.opt_d.step()
            loss_g = softplus(-self.D(self.G(torch.randn(32, 4, generator=self.rng)))).mean()
            self.opt_g.zero_grad()
            loss_g.backward()
            self.opt_g.step()
            if monitor is not None:
                monitor.step(d_real=a, d_fake=b, loss_d=loss_d, loss_g=loss_g)


class Rows:
    """A sink that keeps everything."""

    def __init__(self):
        self.rows, self.alerts, self.closed = [], [], False

    def signals(self, step, values):
        self.rows.append((step, dict(values)))

    def alert(self, alert):
        self.alerts.append(alert)

    def close(self):
        self.closed = True
