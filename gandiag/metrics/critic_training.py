"""A small critic, trained without touching the global generators."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

Penalty = Literal["one-sided", "two-sided", "spectral"]
Tell = Callable[[float], None]
Layers = list[tuple[Tensor, Tensor]]
"""Weight (after, before) and offset (after,) of each."""

HIDDEN = (128, 128)
BATCH = 256
RATE = 4e-3
BETAS = {"one-sided": (0.9, 0.99), "two-sided": (0.0, 0.9), "spectral": (0.0, 0.9)}
WEIGHTS = {"one-sided": 100.0, "two-sided": 10.0}
"""Of the penalties, where none is given; Gulrajani's is 10."""


def trained(
    real: Tensor,
    generated: Tensor,
    penalty: Penalty,
    steps: int,
    weight: float | None,
    seed: int,
    tell: Tell | None,
) -> tuple[Callable[[Tensor], Tensor], float | None]:
    """A critic on rows in float64, and its Lipschitz constant if its layers certify one."""
    # As it may be called within no_grad or inference_mode.
    with torch.inference_mode(False), torch.enable_grad():
        both = torch.cat([real, generated]).double()
        centre = both.mean(dim=0)
        scale = float((both - centre).square().mean().sqrt()) or 1.0
        x, y = (((each.double() - centre) / scale).float() for each in (real, generated))
        spectral = penalty == "spectral"
        if weight is None:
            weight = WEIGHTS.get(penalty, 0.0)
        layers = _optimised(x, y, penalty, steps, weight, seed, tell)
        exact = [(w.double(), b.double()) for w, b in layers]

    def critic(rows: Tensor) -> Tensor:
        # On rows x: slopes are those of the network, gaps are in the units of x.
        return scale * _forward(exact, (rows - centre) / scale, spectral)

    norms = [float(torch.linalg.matrix_norm(w, ord=2)) for w, _ in exact]
    return critic, math.prod(norms) if spectral else None


def _optimised(
    x: Tensor,
    y: Tensor,
    penalty: Penalty,
    steps: int,
    weight: float,
    seed: int,
    tell: Tell | None,
) -> Layers:
    """The layers that are applied, so after spectral normalisation."""
    spectral = penalty == "spectral"
    steep = _two_sided if penalty == "two-sided" else _one_sided
    rng = torch.Generator().manual_seed(seed)
    layers = _initial(x.shape[1], rng, x.device)
    if not spectral:
        # Flat at first: of slope 1 by chance, it would be held there whichever way it points.
        layers[-1][0].zero_()
    directions = [_unit(torch.randn(len(w), generator=rng).to(x.device)) for w, _ in layers]
    free = [each.requires_grad_() for layer in layers for each in layer]
    optimizer = torch.optim.Adam(free, lr=RATE, betas=BETAS[penalty])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
        a, b = _batch(x, rng), _batch(y, rng)
        used = _normalised(layers, directions) if spectral else layers
        loss = _forward(used, b, spectral).mean() - _forward(used, a, spectral).mean()
        if not spectral:
            loss = loss + weight * steep(used, a, b, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if tell is not None:
            tell((step + 1) / steps)
    with torch.no_grad():
        used = _normalised(layers, directions) if spectral else layers
    return [(w.detach(), b.detach()) for w, b in used]


def _two_sided(layers: Layers, a: Tensor, b: Tensor, rng: torch.Generator) -> Tensor:
    """Mean (||grad D|| - 1)^2 between the rows of two batches."""
    return (_slopes(layers, _between(a, b, rng)) - 1).square().mean()


def _one_sided(layers: Layers, a: Tensor, b: Tensor, rng: torch.Generator) -> Tensor:
    """Mean max(0, ||grad D|| - 1)^2 at and between the rows of two batches."""
    points = torch.cat([_between(a, b, rng), a, b])
    return (_slopes(layers, points) - 1).clamp(min=0).square().mean()


def _between(a: Tensor, b: Tensor, rng: torch.Generator) -> Tensor:
    n = min(len(a), len(b))
    share = torch.rand(n, 1, generator=rng).to(a.device)
    return share * a[:n] + (1 - share) * b[:n]


def _slopes(layers: Layers, points: Tensor) -> Tensor:
    points.requires_grad_()
    answers = _forward(layers, points, spectral=False).sum()
    (gradients,) = torch.autograd.grad(answers, points, create_graph=True)
    found: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return found


def _initial(width: int, rng: torch.Generator, device: torch.device) -> Layers:
    """He et al. 2015, by hand: torch's own draws from the global generator."""
    return [
        (
            (torch.randn(after, before, generator=rng) * math.sqrt(2 / before)).to(device),
            torch.zeros(after, device=device),
        )
        for before, after in pairwise((width, *HIDDEN, 1))
    ]


def _batch(rows: Tensor, rng: torch.Generator) -> Tensor:
    chosen = torch.randint(len(rows), (min(BATCH, len(rows)),), generator=rng)
    return rows[chosen.to(rows.device)]


def _forward(layers: Layers, rows: Tensor, spectral: bool) -> Tensor:
    """(n, width) => (n,)."""
    *hidden, (last, bias) = layers
    for weight, offset in hidden:
        rows = rows @ weight.T + offset
        rows = _max_min(rows) if spectral else rows.relu()
    return (rows @ last.T + bias)[:, 0]


def _max_min(rows: Tensor) -> Tensor:
    """Pairs of columns in falling order: no slope is lost, none is gained."""
    a, b = rows.chunk(2, dim=1)
    return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], dim=1)


def _normalised(layers: Layers, directions: list[Tensor]) -> Layers:
    """Each weight by its spectral norm, after one more step of power iteration."""
    found = []
    for i, (weight, bias) in enumerate(layers):
        with torch.no_grad():
            right = _unit(weight.T @ directions[i])
            directions[i] = _unit(weight @ right)
        found.append((weight / (directions[i] @ weight @ right), bias))
    return found


def _unit(vector: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(vector)
    return vector / length.clamp(min=1e-30)
