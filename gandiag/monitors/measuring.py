"""What a check measures: a number for each signal that can be seen."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gandiag.monitors import training
from gandiag.monitors.direction import Direction
from gandiag.monitors.guarding import Guard
from gandiag.monitors.listening import Listener
from gandiag.monitors.optimizers import parameters
from gandiag.monitors.packing import pack, unpack
from gandiag.monitors.panel import Panel
from gandiag.monitors.signals import SIGNALS
from gandiag.monitors.training import Sketch
from gandiag.monitors.window import Series, on_host

Drained = Mapping[str, tuple[list[int], Series]]
Own = Mapping[str, Callable[[int], float]]


class Instruments(NamedTuple):
    """What a check looks with, beside what the loop hands over.

    Attributes:
        loss: a name of `context.LOSSES`, or None.
        direction: which way scores point.
        sketch: the path of the weights.
        panel: samples beside the data, if there is a sampler.
        own: signals of the user's own, by name.
    """

    loss: str | None
    direction: Direction
    sketch: Sketch
    panel: Panel | None
    own: Own

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        last, moves = self.sketch.last, self.sketch.moves
        return {
            "direction": self.direction.state_dict(),
            "sketch": {
                "last": None if last is None else pack(last),
                "moves": [pack(move) for move in moves],
            },
            "panel": None if self.panel is None else self.panel.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.direction.load_state_dict(state["direction"])
        last = state["sketch"]["last"]
        self.sketch.last = None if last is None else unpack(last)
        self.sketch.moves.clear()
        self.sketch.moves.extend(unpack(move) for move in state["sketch"]["moves"])
        if self.panel is not None and state["panel"] is not None:
            self.panel.load_state_dict(state["panel"])


def measure(heard: Listener, by: Instruments, guard: Guard) -> dict[str, float]:
    """All signals that are finite; what was heard since the last check is taken.

    Args:
        heard: of the loop.
        by: what to look with.
        guard: each part is called through it; one that fails leaves the others alone.
    """
    step = heard.window.step
    series = guard("window", heard.window.drain) or {}
    g_steps, d_steps = heard.checked
    values = {"skipped_steps": float(heard.skips.drain())}
    if step > g_steps:
        values["d_steps_per_g"] = (heard.probes["d"].steps - d_steps) / (step - g_steps)
    for part, look in (
        ("losses and norms", lambda: _of_window(series, heard)),
        ("scores", lambda: _of_scores(series, heard, by)),
        ("weights", lambda: _of_weights(heard)),
        ("last steps", lambda: _of_steps(heard)),
        ("path of the weights", lambda: _of_path(heard, by.sketch)),
        ("panel", lambda: _of_panel(step, by)),
        ("signals of your own", lambda: _of_own(step, by.own, guard)),
    ):
        values |= guard(part, look) or {}
    heard.taken()
    return {name: float(v) for name, v in values.items() if np.isfinite(v)}


def _of_window(series: Drained, heard: Listener) -> dict[str, float]:
    values = training.of_window({k: v for k, v in series.items() if k != "penalty_dead"})
    if "penalty" in series:
        worth = np.abs(series["penalty"][1]) > 1e-12
        dead = series["penalty_dead"][1] > 0
        values["dead_penalty"] = float((worth & dead).mean() > 0.5)
    for name, clock in heard.clocks.items():
        skipped = series.get(f"{name}_skipped", ((), np.empty(0)))[1]
        clock.skipping = len(skipped) > 1 and bool((skipped > 0).all())
    return values


def _of_scores(series: Drained, heard: Listener, by: Instruments) -> dict[str, float]:
    scored = list(heard.scored)
    losses = dict(zip(*series["d_loss"], strict=True)) if "d_loss" in series else {}
    with torch.no_grad():
        by.direction.settle(scored, losses)
        return training.of_scores(scored, by.loss, by.direction.convention)


def _of_weights(heard: Listener) -> dict[str, float]:
    optimizers = heard.optimizers()
    if optimizers is None:
        return {}
    with torch.no_grad():
        return on_host(training.of_weights(*optimizers))


def _of_steps(heard: Listener) -> dict[str, float]:
    seen: dict[str, Tensor] = {}
    for probe in heard.probes.values():
        seen |= probe.seen
        probe.seen = {}
    return on_host({k: v for k, v in seen.items() if k in SIGNALS})


def _of_path(heard: Listener, sketch: Sketch) -> dict[str, float]:
    optimizers = heard.optimizers()
    if optimizers is None:
        return {}
    turning = sketch.look([p for each in optimizers for p in parameters(each)])
    return {} if turning is None else {"rotation": turning}


def _of_panel(step: int, by: Instruments) -> dict[str, float]:
    if by.panel is None:
        return {}
    found = by.panel.measure(step, by.direction.convention)
    return on_host({k: v if isinstance(v, Tensor) else torch.tensor(v) for k, v in found.items()})


def _of_own(step: int, own: Own, guard: Guard) -> dict[str, float]:
    found = {}
    for name, of in own.items():
        value = guard(f"signal {name}", of, step)
        if value is not None:
            found[name] = float(value)
    return found
