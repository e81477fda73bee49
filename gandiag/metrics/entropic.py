"""Entropic optimal transport, in the logarithms of the scalings."""

from typing import NamedTuple

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.tiles import tiles

TOLERANCE = 1e-7
"""Mass that is not where the marginals want it, of 1, when it is solved."""
ROUNDS = 100
"""Of Newton's steps, or of `SCALINGS` plain ones, at most: a dozen are mostly enough."""
SCALINGS = 50
"""Plain steps in a row, where Newton's would lead away."""
INNER = 300
"""Of conjugate gradients, at most, for a step of Newton's."""
EXTREME = 1e50
"""Scalings beyond this, or below its inverse, go into the potentials at once."""


class State(NamedTuple):
    """Potentials, and what they make of the plan."""

    f: Tensor
    g: Tensor
    plan: Tensor
    """(n, m), with the columns as they should be, where the two sets are not one."""
    missing: float
    """Mass that its rows have too much or too little."""


def solve(
    cost: Tensor, a: Tensor, b: Tensor | None, epsilon: float
) -> tuple[float, Tensor, Tensor]:
    """``min over couplings P of a and b of <P, cost> + epsilon KL(P | a x b)``, by its dual.

    Sinkhorn's iteration on the potentials f and g, with epsilon brought down from the largest cost
    (Feydy 2020). From there on by Newton's method (Brauer et al. 2017), its system
    solved by conjugate gradients, wherever that brings the marginals nearer, and else by more of
    Sinkhorn's steps, as products with the plan (Schmitzer 2019): Sinkhorn's alone
    would be tens of thousands at a small epsilon.

    Args:
        cost: (n, m) float64.
        a: (n,) weights that sum to 1.
        b: (m,) the same; None where both sets are one, and the cost symmetric: then f = g, and each
            step goes half of the way.
        epsilon: > 0.

    Returns:
        The minimum, f and g.

    Raises:
        GandiagError: the marginals were not met.
    """
    f, g = torch.zeros_like(a), torch.zeros_like(a if b is None else b)
    now = float(cost.max())
    while now > epsilon:
        f, g = _step(cost, a, b, g, now)
        now /= 4
    f, g = _step(cost, a, b, g, epsilon)
    state = _state(cost, a, b, f, epsilon)
    for _ in range(ROUNDS):
        if state.missing <= TOLERANCE:
            right = a if b is None else b
            value = a @ state.f + right @ state.g - epsilon * (state.plan.sum() - 1)
            return float(value), state.f, state.g
        step = epsilon * _newton(state.plan, a, symmetric=b is None)
        tried = _state(cost, a, b, state.f + step, epsilon)
        if not tried.missing < state.missing / 2:
            logs = _scalings(state.plan, a, b).log()
            plain = torch.where(torch.isfinite(logs), state.f + epsilon * logs, state.f)
            tried = _state(cost, a, b, plain, epsilon)
        state = tried
    raise GandiagError(
        f"the Sinkhorn iteration left {state.missing:.2g} of the mass in the wrong place after "
        f"{ROUNDS} rounds; give a larger blur"
    )


def _softmin(cost: Tensor, log_weights: Tensor, potential: Tensor, epsilon: float) -> Tensor:
    """(n, m) => (n,): what the other potential makes of this one."""
    terms = log_weights + potential / epsilon
    return torch.cat(
        [-epsilon * torch.logsumexp(terms - cost[i] / epsilon, dim=1) for i in tiles(len(cost))]
    )


def _step(
    cost: Tensor, a: Tensor, b: Tensor | None, g: Tensor, epsilon: float
) -> tuple[Tensor, Tensor]:
    """One of Sinkhorn's; both potentials are new."""
    if b is None:
        f = (g + _softmin(cost, a.log(), g, epsilon)) / 2
        return f, f
    f = _softmin(cost, b.log(), g, epsilon)
    return f, _softmin(cost.T, a.log(), f, epsilon)


def _state(cost: Tensor, a: Tensor, b: Tensor | None, f: Tensor, epsilon: float) -> State:
    """What comes of f, after half a step."""
    if b is None:
        f, g = _step(cost, a, b, f, epsilon)
    else:
        g = _softmin(cost.T, a.log(), f, epsilon)
    plan = torch.empty_like(cost)
    for i in tiles(len(cost)):
        torch.sub(f[i, None] + g, cost[i], out=plan[i])
        plan[i].div_(epsilon).exp_().mul_(a[i, None] * (a if b is None else b))
    return State(f, g, plan, float((plan.sum(dim=1) - a).abs().sum()))


def _scalings(plan: Tensor, a: Tensor, b: Tensor | None) -> Tensor:
    """Sinkhorn's iteration on a plan => (n,), by what its rows are to be multiplied."""
    u = torch.ones_like(a)
    v = u if b is None else torch.ones_like(b)
    for _ in range(SCALINGS):
        if b is None:
            u = v = (u * a / (plan @ v)).sqrt()
        else:
            u = a / (plan @ v)
            v = b / (plan.T @ u)
        if not bool((u.max() < EXTREME) & (u.min() > 1 / EXTREME)):
            break
    return u


def _newton(plan: Tensor, a: Tensor, *, symmetric: bool) -> Tensor:
    """(n,): how f / epsilon has to change for the rows to come right, as far as that is linear.

    The other potential follows: it changes alike in a symmetric problem, and else so as to keep the
    columns. Conjugate gradients, to a hundredth, with the diagonal for a preconditioner.
    """
    rows, columns = plan.sum(dim=1), plan.sum(dim=0)

    def apply(s: Tensor) -> Tensor:
        if symmetric:
            return rows * s + plan @ s
        return rows * s - plan @ (plan.T @ s / columns)

    left = a - rows
    s = torch.zeros_like(a)
    scaled = left / rows
    search, size = scaled, left @ scaled
    enough = 1e-4 * size
    for _ in range(INNER):
        if not bool(size > enough):
            break
        image = apply(search)
        length = size / (search @ image)
        s = s + length * search
        left = left - length * image
        scaled = left / rows
        before, size = size, left @ scaled
        search = scaled + size / before * search
    return s
