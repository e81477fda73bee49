"""Ways between two latents."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gandiag.errors import unknown

ALIKE = 1e-7
"""Cosines nearer to 1 or -1 than this leave no plane to turn in."""


def lerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """The straight line: ``(1 - t) start + t end``.

    Halfway between two normal latents it is nearer to the origin than either, by a factor near
    sqrt(2), where a generator of normal latents was hardly trained.

    Args:
        start: (n, ...) floats.
        end: of the same shape.
        t: (n,), 0 is `start`, 1 is `end`.
    """
    t = _aligned(t, start)
    return start + t * (end - start)


def slerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """The great circle (Shoemake 1985; White 2016, "Sampling generative networks").

        sin((1 - t) w) / sin(w) start + sin(t w) / sin(w) end,    w the angle between them

    Latents of unlike lengths keep them at both ends. Where the angle is 0 or 180 degrees, or one of
    them is 0, there is no such circle and the line is taken.

    Args:
        start: (n, d) floats.
        end: of the same shape.
        t: (n,), 0 is `start`, 1 is `end`.
    """
    cosine = (_unit(start) * _unit(end)).sum(dim=-1, keepdim=True)
    straight = (cosine.abs() > 1 - ALIKE) | (_length(start) == 0) | (_length(end) == 0)
    angle = torch.where(straight, torch.ones_like(cosine), cosine).clamp(-1, 1).acos()
    angle = torch.where(straight, torch.ones_like(angle), angle)
    t = _aligned(t, start)
    turned = ((1 - t) * angle).sin() * start + (t * angle).sin() * end
    return torch.where(straight, start + t * (end - start), turned / angle.sin())


def slerp_unit(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """The great circle of the unit sphere, both latents brought to length 1 first.

    StyleGAN's way in z, for generators that bring their latents to one length themselves.
    """
    return slerp(_unit(start), _unit(end), t)


Interpolation = Callable[[Tensor, Tensor, Tensor], Tensor]

INTERPOLATIONS: Mapping[str, Interpolation] = {
    "lerp": lerp,
    "slerp": slerp,
    "slerp-unit": slerp_unit,
}
"""Name, as the command line takes it => the way between two latents."""


def find_interpolation(name: str) -> Interpolation:
    """By its name in `INTERPOLATIONS`.

    Raises:
        GandiagError: there is none of that name.
    """
    if name not in INTERPOLATIONS:
        raise unknown("interpolation", name, INTERPOLATIONS)
    return INTERPOLATIONS[name]


def _length(rows: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return length


def _unit(rows: Tensor) -> Tensor:
    return rows / _length(rows).clamp_min(torch.finfo(rows.dtype).tiny)


def _aligned(t: Tensor, rows: Tensor) -> Tensor:
    """(n,) => (n, 1, ...), of the latents' type."""
    return torch.reshape(t.to(rows), (-1, *[1] * (rows.ndim - 1)))
