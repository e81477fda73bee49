"""What a check measures: a number for each signal that can be seen."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gandiag.monitors import training
from gandiag.monitors.direction import Direction
from gandiag.monitors.guarding import Guard
from gandiag.monitors.listening import Listener
from gandiag.monitors.optimizers import parameters
from gandiag.monitors.overhead import PROBES
from gandiag.monitors.packing import pack, unpack
from gandiag.monitors.panel import Panel
from gandiag.monitors.signals import SIGNALS, histograms
from gandiag.monitors.training import Sketch
from gandiag.monitors.window import Series, on_host

Drained = Mapping[str, tuple[list[int], Series]]
Own = Mapping[str, Callable[[int], Any]]

LONGEST = 60
"""Letters that are shown of what is no number."""


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

    def state_dict(self, guard: Guard) -> dict[str, Any]:
        """As JSON values; None for a part that has failed."""
        return {
            "direction": guard("scores", self.direction.state_dict),
            "sketch": guard("path of the weights", self._path),
            "panel": None if self.panel is None else guard("panel", self.panel.state_dict),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        if state["direction"] is not None:
            self.direction.load_state_dict(state["direction"])
        if (path := state["sketch"]) is not None:
            self.sketch.last = None if path["last"] is None else unpack(path["last"])
            self.sketch.moves.clear()
            self.sketch.moves.extend(unpack(move) for move in path["moves"])
        if self.panel is not None and state["panel"] is not None:
            self.panel.load_state_dict(state["panel"])

    def _path(self) -> dict[str, Any]:
        last, moves = self.sketch.last, self.sketch.moves
        return {
            "last": None if last is None else pack(last),
            "moves": [pack(move) for move in moves],
        }


def measure(
    heard: Listener, by: Instruments, guard: Guard, due: Collection[str] = PROBES
) -> dict[str, float]:
    """All signals that are finite; what was heard since the last check is taken.

    Args:
        heard: of the loop.
        by: what to look with.
        guard: each part is called through it; one that fails leaves the others alone.
        due: of `overhead.PROBES`, the costly ones.
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
        ("panel", lambda: _of_panel(step, heard, by, due)),
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


def _of_panel(
    step: int, heard: Listener, by: Instruments, due: Collection[str]
) -> dict[str, float]:
    if by.panel is None:
        return {}
    if by.panel.batch is None and heard.scored:
        by.panel.fit(len(heard.scored[0].real))
    found = by.panel.measure(step, by.direction.convention, due)
    values = {k: v if isinstance(v, Tensor) else torch.tensor(v) for k, v in found.items()}
    return on_host(values) | _of_modes(step, by.panel)


def _of_modes(step: int, panel: Panel) -> dict[str, float]:
    """Modes that are lost, where the data falls apart into modes and the panel was seen."""
    bins = panel.reference.pixels.bins
    if not bins.modes_found or not panel.histograms or panel.histograms[-1][0] != step:
        return {}
    (_, shares) = panel.histograms[-1]
    return {"lost_modes": histograms.lost_modes(shares, bins.masses, panel.size)}


def _of_own(step: int, own: Own, guard: Guard) -> dict[str, float]:
    found = {name: guard(f"signal {name}", _number, of, step) for name, of in own.items()}
    return {name: value for name, value in found.items() if value is not None}


def _number(of: Callable[[int], Any], step: int) -> float | None:
    """What a signal of the user's own says, or None for nothing this time.

    Raises:
        ValueError: it is no finite number.
    """
    value = of(step)
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not math.isfinite(number):
        # Of a tensor of many values, its beginning.
        shown = " ".join(repr(value).split())[:LONGEST]
        raise ValueError(f"gave {shown}; give a finite number, or None for nothing this time")
    return number
