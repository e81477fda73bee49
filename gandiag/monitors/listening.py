"""What a loop hands over and what its optimizers' hooks see, kept until a check takes it."""

import math
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gandiag.monitors import scores
from gandiag.monitors.clock import Clock
from gandiag.monitors.guarding import Guard
from gandiag.monitors.optimizers import StepProbe
from gandiag.monitors.packing import pack, unpack
from gandiag.monitors.scores import Scores
from gandiag.monitors.skips import Skips
from gandiag.monitors.training import Scored
from gandiag.monitors.window import Window

SCORED = 8
"""Steps of a window whose scores are kept."""
NORMS = 12
"""Steps of a window whose gradient norms are taken; losses are taken of all."""

Pair = tuple[torch.optim.Optimizer, torch.optim.Optimizer]


class Listener:
    """The loop's side of a monitor; nothing is read from an accelerator here.

    Args:
        optimizers: the generator's, whose steps are the clock, and the discriminator's; hooked
            until `close`, and not kept alive.
        every: generator steps between checks.
        together: whether several processes check together.
        guard: through which all is called that could fail.
        after_g: called after each step of the generator.
        after_d: the same of the discriminator.

    Attributes:
        window: losses and norms since the last check.
        scored: scores of some of its steps.
        probes: on the optimizers, by ``g`` and ``d``.
        clocks: whether they still step, by the same names.
        called: generator steps at the last `hear`; None before the first.
        checked: steps of both optimizers at the last check.
    """

    def __init__(
        self,
        optimizers: Pair,
        *,
        every: int,
        together: bool,
        guard: Guard,
        after_g: Callable[[], None],
        after_d: Callable[[], None],
    ):
        self.every, self.guard, self._together = every, guard, together
        self.window = Window()
        self.scored: deque[Scored] = deque(maxlen=SCORED)
        self.skips = Skips()
        self.clocks = {"g": Clock("generator", every), "d": Clock("discriminator", every)}
        self.called: int | None = None
        self.checked = (0, 0)
        self.broken = False
        self._calls = 0
        self._optimizers = dict(zip("gd", map(weakref.ref, optimizers), strict=True))
        me = weakref.ref(self)

        def due() -> bool:
            listener = me()
            return listener is not None and listener.due(ahead=1)

        self.probes = {
            name: StepProbe(
                optimizer, name, self.window,
                due=due, after=after, stride=max(1, every // NORMS), guard=guard,
            )
            for name, optimizer, after in zip("gd", optimizers, (after_g, after_d), strict=True)
        }  # fmt: skip

    def due(self, ahead: int = 0) -> bool:
        """Whether a check is due; `ahead` steps before it, too, so that the steps are looked at."""
        return self.window.step + ahead - self.checked[0] >= self.every

    @property
    def silent(self) -> bool:
        """Whether the loop does not call `monitor.step`, or has not for long."""
        return self.called is None or self.window.step - self.called > self.every

    def hear(
        self,
        d_real: Scores | None,
        d_fake: Scores | None,
        losses: Mapping[str, Tensor | float | None],
    ) -> list[Tensor | None]:
        """What an iteration found, see `Monitor.step`; the losses are returned as noted.

        Args:
            d_real, d_fake: scores.
            losses: by name; of ``penalty`` it is also noted whether it has a graph.
        """
        self._calls += 1
        self.called = self.window.step
        steps = (self.probes["g"].steps, self.probes["d"].steps)
        self.guard("steps left out", self.skips.look, *steps)
        noted = [
            None if loss is None else self.guard(name, self._note, name, loss)
            for name, loss in losses.items()
        ]
        kept = (self._calls - 1) % max(1, self.every // SCORED) == 0
        if kept and d_real is not None and d_fake is not None:
            self.guard("scores", self._keep, d_real, d_fake)
        return noted

    def broke(self, losses: Sequence[Tensor | None]) -> bool:
        """Whether a loss is not finite for the first time, where looking costs no waiting.

        Values on an accelerator, and of several processes, are looked at when a check is due.
        """
        if self.broken or self._together:
            return False
        self.broken = any(
            loss is not None and loss.device.type == "cpu" and not math.isfinite(float(loss))
            for loss in losses
        )
        return self.broken

    def stopped(self) -> list[str]:
        """Names of the optimizers that have just come to stand still."""
        return [
            name
            for name, clock in self.clocks.items()
            if clock.look(self.probes[name].steps, gone=self._optimizers[name]() is None)
        ]

    def still(self, name: str) -> str | None:
        """Why an optimizer is not listened to, also where nobody calls `step` any more."""
        clock = self.clocks[name]
        if not self.probes[name].closed and self._optimizers[name]() is None:
            clock.look(self.probes[name].steps, gone=True)
        return clock.still

    def optimizers(self) -> Pair | None:
        """Both, while they are there."""
        g, d = self._optimizers["g"](), self._optimizers["d"]()
        return None if g is None or d is None else (g, d)

    def taken(self) -> None:
        """A check has read all."""
        self.checked = (self.window.step, self.probes["d"].steps)
        self.scored.clear()

    def close(self) -> None:
        """Take the hooks off."""
        for probe in self.probes.values():
            probe.close()

    def state_dict(self, guard: Guard) -> dict[str, Any]:
        """As JSON values; without what has failed."""
        return {
            "step": self.window.step,
            "steps": [probe.steps for probe in self.probes.values()],
            "checked": list(self.checked),
            "calls": self._calls,
            "skips": guard("steps left out", self.skips.state_dict),
            "called": self.called,
            "broken": self.broken,
            "window": guard("window", self._recorded) or {},
            "scored": guard("scores", self._scores) or [],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.window.step = state["step"]
        self.probes["g"].steps, self.probes["d"].steps = state["steps"]
        g_steps, d_steps = state["checked"]
        self.checked = (g_steps, d_steps)
        self._calls = state["calls"]
        if state["skips"] is not None:
            self.skips.load_state_dict(state["skips"])
        self.called, self.broken = state["called"], state["broken"]
        self.window.fill(
            {name: (steps, unpack(v).tolist()) for name, (steps, v) in state["window"].items()}
        )
        self.scored.clear()
        for step, real, fake in state["scored"]:
            self.scored.append(
                Scored(step, torch.from_numpy(unpack(real)), torch.from_numpy(unpack(fake)))
            )

    def _recorded(self) -> dict[str, Any]:
        found = self.window.peek()
        return {name: [steps, pack(values)] for name, (steps, values) in found.items()}

    def _scores(self) -> list[Any]:
        return [
            [s.step, pack(s.real.cpu().numpy()), pack(s.fake.cpu().numpy())] for s in self.scored
        ]

    def _note(self, name: str, value: Tensor | float) -> Tensor:
        if name == "penalty":
            # A penalty whose value does not depend on the weights cannot act on them.
            graph = isinstance(value, Tensor) and value.requires_grad
            self.window.add("penalty_dead", float(not graph))
        return self.window.add(name, value)

    def _keep(self, d_real: Scores, d_fake: Scores) -> None:
        with torch.no_grad():
            real, fake = scores.per_sample(d_real), scores.per_sample(d_fake)
        # Copies: the loop may write into its own.
        step = self.window.step
        self.scored.append(Scored(step, real.detach().clone(), fake.detach().clone()))
