"""The monitor as the README's snippet has it, with the judge beside it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import gandiag
from benchmarks.loops.judge import Judge

LOOKS = 5
"""After the first, evenly through the run."""


class Watch:
    """Stands where a reader writes `gandiag.Monitor`, and passes all on; then the judge looks.

    Args:
        steps: generator steps of the run.
        run: the monitor's folder.

    Attributes:
        monitor: gandiag's.
        looks: the judge's rows.
        nonfinite: the first step whose losses were not finite.
    """

    def __init__(self, steps: int, run: Path):
        self.steps, self.run = steps, run
        self.at = {round(steps * i / LOOKS) for i in range(1, LOOKS + 1)}
        self.done = 0
        self.looks: list[dict[str, Any]] = []
        self.nonfinite: int | None = None

    def __call__(self, G: nn.Module, D: nn.Module, **arguments: Any) -> "Watch":  # noqa: N803
        """The arguments of `gandiag.Monitor`, but for `run`."""
        self.monitor = gandiag.Monitor(G, D, run=self.run, **arguments)
        scorer = arguments.get("discriminator", D)
        self.judge = Judge(G, D, arguments["sampler"], scorer, whole(arguments["real"]))
        self.looks.append(self.judge.look(0))
        return self

    def step(self, **found: Any) -> None:
        """As `gandiag.Monitor.step`, once for each step of the generator."""
        self.monitor.step(**found)
        self.done += 1
        losses = [found[name].detach() for name in ("loss_d", "loss_g")]
        if self.nonfinite is None and not torch.stack(losses).isfinite().all():
            self.nonfinite = self.done
        if self.done in self.at:
            self.looks.append(self.judge.look(self.done))

    def close(self) -> None:
        """As `gandiag.Monitor.close`."""
        self.monitor.close()


def whole(real: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Images and classes of what a loop gives as `real`; zeros for classes that it leaves out."""
    return real if isinstance(real, tuple) else (real, torch.zeros(len(real), dtype=torch.int64))
