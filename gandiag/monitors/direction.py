"""Which way a run's scores point, found out from what it hands over."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from gandiag.monitors import scores, training
from gandiag.monitors.scores import Convention
from gandiag.monitors.training import Scored


class Direction:
    """The convention of a run's scores, which is settled once.

    Args:
        discriminator: whose last layer may be a sigmoid.
        loss: a name of `context.LOSSES`, or None.
    """

    def __init__(self, discriminator: nn.Module, loss: str | None):
        leaves = [m for m in discriminator.modules() if not any(m.children())]
        self._sigmoid = bool(leaves) and isinstance(leaves[-1], nn.Sigmoid)
        self._loss = loss
        self._found: Convention | None = None
        self._votes = 0

    @property
    def convention(self) -> Convention:
        """As far as it is known."""
        return self._found or Convention(self._sigmoid)

    def settle(self, scored: Sequence[Scored], d_losses: Mapping[int, float]) -> None:
        """Find out, at a check, whether scores are probabilities, and which way they point.

        Args:
            scored: steps of the window.
            d_losses: the discriminator's loss by step.
        """
        if self._found is not None or not scored:
            return
        if self._loss in scores.LOGISTIC and d_losses:
            votes = Counter(
                scores.logistic_convention(s.real.cpu(), s.fake.cpu(), d_losses[s.step])
                for s in scored
                if np.isfinite(d_losses.get(s.step, np.nan))
            )
            found, count = votes.most_common(1)[0] if votes else (None, 0)
            if found is not None and 2 * count > len(scored):
                self._found = found
                return
        mean = training.of_scores(scored, None, Convention()).get("auc_real_fake", 0.5)
        if abs(mean - 0.5) < 0.25:
            return
        # Two windows that agree: a discriminator learns which of the two is real before it is
        # fooled, if at all.
        vote = 1 if mean > 0.5 else -1
        self._votes = self._votes + vote if self._votes * vote >= 0 else vote
        if abs(self._votes) >= 2:
            self._found = Convention(self._sigmoid, self._votes < 0)

    def notes(self) -> Iterator[str]:
        """What a reader of the scores should know."""
        if self.convention.flipped:
            yield "the discriminator scores reals lower; scores are turned round"
        if self.convention.probabilities:
            yield "the discriminator returns probabilities; their logits are looked at"

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found = self._found and [self._found.probabilities, self._found.flipped]
        return {"convention": found, "votes": self._votes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        found = state["convention"]
        self._found = None if found is None else Convention(*found)
        self._votes = state["votes"]
