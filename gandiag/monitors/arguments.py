"""What a monitor is given, looked at before anything is drawn."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from gandiag.errors import GandiagError
from gandiag.monitors.signals import SIGNALS


def unwrapped(optimizer: Any, name: str) -> torch.optim.Optimizer:
    """The optimizer whose `step` is called in the end, out of wrappers with an ``.optimizer``.

    Raises:
        GandiagError: it is no optimizer.
    """
    # A wrapper may call itself an optimizer, and have no hooks: accelerate's does.
    while (inner := getattr(optimizer, "optimizer", None)) is not None and inner is not optimizer:
        optimizer = inner
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise GandiagError(
            f"{name} is {_a(optimizer)}; give a torch.optim.Optimizer, or a wrapper that holds one "
            "as .optimizer"
        )
    return optimizer


def check_networks(
    generator: Any, discriminator: Any, opt_g: torch.optim.Optimizer, opt_d: torch.optim.Optimizer
) -> None:
    """Each optimizer must hold parameters of its network, or copies of all of them.

    Raises:
        GandiagError: it does not; the two are one; or a network is none.
    """
    for name, network in (("G", generator), ("D", discriminator)):
        if not isinstance(network, nn.Module):
            raise GandiagError(
                f"{name} is {_a(network)}; give one torch.nn.Module, several in an nn.ModuleList"
            )
    if opt_g is opt_d:
        raise GandiagError(
            "opt_g and opt_d are the same optimizer, whose steps cannot be told apart; give each "
            "network an optimizer of its own"
        )
    for name, optimizer, of, network, other in (
        ("opt_g", opt_g, "G", generator, discriminator),
        ("opt_d", opt_d, "D", discriminator, generator),
    ):
        if not _holds(optimizer, network):
            way = (
                "it holds those of the other network; swap opt_g and opt_d"
                if _shares(optimizer, other)
                else f"give the optimizer that was made with {of}.parameters()"
            )
            raise GandiagError(f"{name} holds no parameter of {of}; {way}")


def check_every(every: Any) -> None:
    """`every` counts steps.

    Raises:
        GandiagError: it does not.
    """
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise GandiagError(f"every is {every!r}; it counts generator steps, give 1 or more")


def check_signals(own: Iterable[str]) -> None:
    """A user's signals must have other names than gandiag's.

    Raises:
        GandiagError: one has not.
    """
    if taken := sorted(set(own) & set(SIGNALS)):
        raise GandiagError(f"there is a signal {taken[0]!r}; give yours another name")


def check_pair(sampler: Any, real: Any) -> None:
    """Samples are compared with reals.

    Raises:
        GandiagError: only one of both is there.
    """
    if (sampler is None) != (real is None):
        has, lacks = ("sampler", "real") if real is None else ("real", "sampler")
        raise GandiagError(f"{has} was given without {lacks}; give both, or neither")


def _holds(optimizer: torch.optim.Optimizer, network: nn.Module) -> bool:
    """Mixed precision of its own may train copies, flat or not: as many numbers in all."""
    held = sum(p.numel() for group in optimizer.param_groups for p in group["params"])
    return _shares(optimizer, network) or held == sum(p.numel() for p in network.parameters())


def _shares(optimizer: torch.optim.Optimizer, network: nn.Module) -> bool:
    mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return any(id(p) in mine for p in network.parameters())


def _a(thing: object) -> str:
    return "None" if thing is None else f"of type {type(thing).__name__}"


def check_overhead(overhead: Any) -> None:
    """`overhead` is a share of the time.

    Raises:
        GandiagError: it is none.
    """
    number = isinstance(overhead, float | int) and not isinstance(overhead, bool)
    if overhead is not None and not (number and 0 < overhead < 1):
        raise GandiagError(
            f"overhead is {overhead!r}; give the share of the time that the monitor may take, "
            "0.02 for 2 %, or None for a check of everything every time"
        )
