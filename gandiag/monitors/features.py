"""Samples as rows of at most 64 numbers, the same function for the whole run."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 16
WIDTH = 64


def pooled(samples: Tensor) -> Tensor:
    """(n, ...) on any device -> (n, d) float32 on the CPU; images averaged to 16 x 16.

    Features of the discriminator would be free, but they drift: a panel that stands still would
    seem to move. Pixels need no weights, and bins of them work for images of up to 32 pixels a side
    (Richardson and Weiss 2018); larger ones are averaged, which keeps what they show, not their
    texture.
    """
    samples = samples.detach().float()
    if samples.ndim == 4 and max(samples.shape[2:]) > SIDE:
        samples = adaptive_avg_pool2d(samples, SIDE)
    return samples.flatten(1).cpu() if samples.ndim > 1 else samples[:, None].cpu()


class Features:
    """Standardised values, or their principal components.

    Vectors of at most 64 entries are only divided by their standard deviation; all else is reduced
    to 64 principal components of the reals.

    Args:
        flat: (n, d) of reals, which fix the scale and the components.
        seed: of the components, which are approximate for very wide samples.
        alike: whether the entries share a unit, as pixels do; else each has its own scale.
    """

    def __init__(self, flat: Tensor, seed: int, *, alike: bool):
        self.mean = flat.mean(0)
        sd = flat.std(0)
        self.scale = sd.square().mean().sqrt() if alike else sd
        self.scale = torch.where(self.scale > 0, self.scale, torch.ones(()))
        self.components: Tensor | None = None
        if flat.shape[1] > WIDTH:
            # Here, where random states are put back: its import draws from Python's.
            from sklearn.decomposition import PCA

            pca = PCA(min(WIDTH, len(flat) - 1), random_state=seed)
            pca.fit(((flat - self.mean) / self.scale).numpy())
            self.components = torch.from_numpy(pca.components_).float().T

    def __call__(self, flat: Tensor) -> Tensor:
        """(n, d) -> (n, at most 64), float32 on the CPU."""
        rows = (flat - self.mean) / self.scale
        return rows if self.components is None else rows @ self.components
