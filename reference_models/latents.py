"""What a generator makes its samples of."""

import math

import torch
from torch import Tensor

from reference_models.settings import Networks


def draw_latents(networks: Networks, count: int, rng: torch.Generator) -> Tensor:
    """Latents (count, networks.latent).

    Of a `latent_kind`: ``normal``; ``uniform`` in [-1, 1) (Radford et al. 2016); ``sphere``:
    uniform on the sphere of radius sqrt(latent), where nearly all of a wide Gaussian lies
    (White 2016). With a `truncation` above 0, normal values beyond it are drawn again (Brock et al.
    2019), here at once through the inverse of the distribution function.
    """
    kind, width, truncation = networks.latent_kind, networks.latent, networks.truncation
    if kind == "uniform":
        return 2 * torch.rand(count, width, generator=rng) - 1
    if truncation:
        edge = math.erf(truncation / math.sqrt(2))
        uniform = torch.rand(count, width, generator=rng, dtype=torch.float64)
        return (math.sqrt(2) * torch.erfinv((2 * uniform - 1) * edge)).float()
    z = torch.randn(count, width, generator=rng)
    return z * (math.sqrt(width) / z.norm(dim=1, keepdim=True)) if kind == "sphere" else z
