"""What an optimizer's own step hooks see: the gradients that are applied, however they came about.

They fire after accumulation, unscaling and clipping, and count critic steps by themselves.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gandiag.monitors.guarding import Guard
from gandiag.monitors.signals import gradients
from gandiag.monitors.window import Window

LEFT_OUT = -1.0
"""Stands for the norm of a step that a fused optimizer left out."""


class StepProbe:
    """Records the gradient norm of each step, and more of the steps just before a check.

    The optimizer holds only a weak reference to this: a copy or a pickle of it carries nothing, and
    a monitor that was forgotten is freed.

    Args:
        optimizer: hooked until `close`.
        name: prefix of its signals, ``g`` or ``d``.
        window: where the norms go.
        due: whether a check comes soon.
        stride: norms are taken of each so many steps, and of those just before a check.
        after: called after each step.
        guard: through which all is called but the count of the steps.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        name: str,
        window: Window,
        *,
        due: Callable[[], bool],
        after: Callable[[], None],
        stride: int = 1,
        guard: Guard,
    ):
        self.stride = stride
        self.guard, self.part = guard, f"gradients of {name.upper()}"
        self.name, self.window, self.due, self.after = name, window, due, after
        self.steps = 0
        self.seen: dict[str, Tensor] = {}
        self._before: list[Tensor] | None = None
        me = weakref.ref(self)

        def before_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
            probe = me()
            if probe is not None:
                probe.guard(probe.part, probe._look, optimizer)

        def after_step(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
            probe = me()
            if probe is not None:
                probe._count(optimizer)

        self._handles = [
            optimizer.register_step_pre_hook(before_step),
            optimizer.register_step_post_hook(after_step),
        ]

    @property
    def closed(self) -> bool:
        """Whether the hooks are off."""
        return not self._handles

    def close(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _look(self, optimizer: torch.optim.Optimizer) -> None:
        due = self.due()
        if due or self.steps % self.stride == 0:
            with torch.no_grad():
                self._record(optimizer, due)

    def _record(self, optimizer: torch.optim.Optimizer, due: bool) -> None:
        held = [p.grad for group in optimizer.param_groups for p in group["params"]]
        found = [gradients.local(grad) for grad in held if grad is not None]
        dense = [grad.coalesce().values() if grad.is_sparse else grad for grad in found]
        if not dense:
            return
        norm = gradients.global_norm(dense)
        # Fused optimizers under a GradScaler get scaled gradients, and both of these with them.
        scale, found_inf = (getattr(optimizer, key, None) for key in ("grad_scale", "found_inf"))
        if isinstance(scale, Tensor):
            norm = norm / scale
        if isinstance(found_inf, Tensor):
            self.window.add(f"{self.name}_skipped", found_inf)
            # The step is left out. A norm of 0 would say that no gradient came.
            norm = torch.where(found_inf > 0, torch.full_like(norm, LEFT_OUT), norm)
        self.window.add(f"{self.name}_norm", norm)
        if not due:
            return
        self._before = [p.detach().clone() for p in parameters(optimizer)]
        self.seen = {}
        if self.name == "d":
            self.seen["zero_grad_share"] = gradients.zero_share(dense)
        ratio = gradients.first_last_ratio(dense)
        if ratio is not None:
            self.seen[f"{self.name}_first_last_ratio"] = ratio

    def _count(self, optimizer: torch.optim.Optimizer) -> None:
        self.steps += 1
        before, self._before = self._before, None
        if before is not None:
            self.guard(self.part, self._compare, parameters(optimizer), before)
        self.guard("clock", self.after)

    @torch.no_grad()
    def _compare(self, now: Sequence[Tensor], before: Sequence[Tensor]) -> None:
        pairs = zip(now, before, strict=False)
        change = gradients.global_norm([a.detach() - b for a, b in pairs])
        weights = gradients.global_norm(before)
        self.seen[f"{self.name}_update_ratio"] = change / weights.clamp(min=1e-30)


def parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All that an optimizer updates, in its order; of sharded ones what this process has."""
    return [gradients.local(p) for group in optimizer.param_groups for p in group["params"]]
