"""Samples as rows of at most 64 numbers, the same function for the whole run."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 16
WIDTH = 64


class Features:
    """Standardised values, or principal components of pooled pixels.

    Features of the discriminator would be free, but they drift: a panel that stands still would
    seem to move. Pixels need no weights, and bins of them work for images of up to 32 pixels a side
    (Richardson and Weiss 2018); larger ones are averaged to 16, which keeps what they show, not
    their texture. Vectors of at most 64 entries are only divided by each entry's standard
    deviation; all else is reduced to 64 principal components of the reals.

    Args:
        real: (n, ...) reals that fix the scale and the components.
        seed: of the components, which are approximate for very wide samples.
    """

    def __init__(self, real: Tensor, seed: int):
        flat = self._flat(real)
        self.mean = flat.mean(0)
        sd = flat.std(0)
        # Pixels share a unit; the entries of a vector may each have their own.
        self.scale = sd.square().mean().sqrt() if real.ndim > 2 else sd
        self.scale = torch.where(self.scale > 0, self.scale, torch.ones(()))
        self.components: Tensor | None = None
        if flat.shape[1] > WIDTH:
            # Here, where random states are put back: its import draws from Python's.
            from sklearn.decomposition import PCA

            pca = PCA(min(WIDTH, len(flat) - 1), random_state=seed)
            pca.fit(((flat - self.mean) / self.scale).numpy())
            self.components = torch.from_numpy(pca.components_).float().T

    def __call__(self, samples: Tensor) -> Tensor:
        """(n, ...) on any device -> (n, d) float32 on the CPU, d <= 64."""
        rows = (self._flat(samples) - self.mean) / self.scale
        return rows if self.components is None else rows @ self.components

    @staticmethod
    def _flat(samples: Tensor) -> Tensor:
        samples = samples.detach().float()
        if samples.ndim == 4 and max(samples.shape[2:]) > SIDE:
            samples = adaptive_avg_pool2d(samples, SIDE)
        return samples.flatten(1).cpu() if samples.ndim > 1 else samples[:, None].cpu()
