"""Discriminator outputs as logits that are larger for the more real, one for each sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gandiag.errors import GandiagError

CLEAR = 4.0
"""A convention is found if every other one misses the given loss by so many times more."""
LOGISTIC = ("minimax", "non-saturating")
Scores = Tensor | Sequence[Tensor]


def per_sample(scores: Scores) -> Tensor:
    """One score a sample: (n,), (n, 1), patches (n, 1, h, w), or several of such -> (n,).

    Patches and the members of a list (several scales) are averaged; class logits beside a score, as
    an auxiliary classifier gives them, are left out.

    Raises:
        GandiagError: there is nothing but class logits.
    """
    if isinstance(scores, Tensor):
        if scores.ndim == 2 and scores.shape[1] > 1:
            raise GandiagError(
                f"the discriminator gives {scores.shape[1]} numbers for each sample, not a score; "
                "give discriminator=, a function that picks it"
            )
        scores = scores.float()
        return scores.flatten(1).mean(1) if scores.ndim > 1 else scores.reshape(-1)
    tensors = [each for each in scores if isinstance(each, Tensor)]
    scales = [each for each in tensors if each.ndim and (each.ndim != 2 or each.shape[1] == 1)]
    if not tensors or len({len(each) for each in scales}) > 1:
        raise GandiagError(
            f"the discriminator gives {len(scores)} things that are not scores of the samples; "
            "give discriminator=, a function that picks them"
        )
    return torch.stack([per_sample(each) for each in scales or tensors]).mean(0)


@dataclass(frozen=True)
class Convention:
    """What the user's discriminator returns.

    Attributes:
        probabilities: after a sigmoid, so that the logit is taken first.
        flipped: smaller is more real.
    """

    probabilities: bool = False
    flipped: bool = False

    def __call__(self, scores: Tensor) -> Tensor:
        """(n,) -> (n,), logits, larger for the more real."""
        if self.probabilities:
            scores = scores.double().clamp(1e-12, 1 - 1e-12).logit().float()
        return -scores if self.flipped else scores


def logistic_convention(real: Tensor, fake: Tensor, d_loss: float) -> Convention | None:
    """The convention under which the cross entropy of the scores is nearest to the given loss.

    The loss may be the sum or the mean of its two parts; penalties and smoothed labels move it
    little beside a wrong sign. None if none is nearest by far: scores at chance, an auxiliary
    classifier's loss or a relativistic one would choose at random.

    Args:
        real, fake: (n,) as the discriminator returned them.
        d_loss: of the same step.
    """
    unit = all(bool(((each >= 0) & (each <= 1)).all()) for each in (real, fake))
    choices = [
        Convention(p, f) for p in ((True, False) if unit else (False,)) for f in (False, True)
    ]

    def miss(convention: Convention) -> float:
        a, b = convention(real), convention(fake)
        loss = softplus(-a).mean() + softplus(b).mean()
        return min(abs(float(loss * scale - d_loss)) for scale in (1.0, 0.5))

    best, second, *_ = sorted(choices, key=miss)
    return best if miss(second) > CLEAR * miss(best) else None
