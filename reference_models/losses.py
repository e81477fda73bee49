"""Adversarial losses, each as the three functions of a logit that define it.

A discriminator gives a logit x per sample (before any sigmoid). A loss says what a logit costs the
discriminator on a real sample (``real``), on a generated one (``fake``), and what it costs the
generator (``generator``); all are minimised. Softplus is log(1 + e^x): -log sigmoid(x) =
softplus(-x) and -log(1 - sigmoid(x)) = softplus(x), finite for every finite logit.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu, softplus

Elementwise = Callable[[Tensor], Tensor]


class Loss(NamedTuple):
    """What logits cost, elementwise: (n,) -> (n,)."""

    real: Elementwise
    fake: Elementwise
    generator: Elementwise

    def d_loss(
        self,
        real_logits: Tensor,
        fake_logits: Tensor,
        real_target: Tensor | float = 1.0,
        fake_target: Tensor | float = 0.0,
    ) -> Tensor:
        """The discriminator's loss, a scalar.

        A target t in [0, 1] says how far a sample counts as real: it costs
        t real(x) + (1 - t) fake(x). For the logistic losses this is the cross entropy with a soft
        label; for least squares it has the gradient of (x - t)^2 / 2.

        Args:
            real_logits: (n,), on real samples.
            fake_logits: (m,), on generated samples.
            real_target: below 1 smooths the labels; 0 flips a label. A number, or (n,).
            fake_target: the same for the generated samples. A number, or (m,).
        """
        return self._mixed(real_logits, real_target) + self._mixed(fake_logits, fake_target)

    def g_loss(self, fake_logits: Tensor) -> Tensor:
        """The generator's loss, a scalar, from the logits (m,) on its samples."""
        return self.generator(fake_logits).mean()

    def _mixed(self, logits: Tensor, target: Tensor | float) -> Tensor:
        return (target * self.real(logits) + (1 - target) * self.fake(logits)).mean()


def _negative_softplus(logits: Tensor) -> Tensor:
    return -softplus(logits)


def _softplus_of_negative(logits: Tensor) -> Tensor:
    return softplus(-logits)


# min_G max_D  E log D(x) + E log(1 - D(G(z)))               (Goodfellow et al. 2014, equation 1)
MINIMAX = Loss(
    real=_softplus_of_negative,
    fake=softplus,
    generator=_negative_softplus,
)

# The same discriminator; the generator maximises E log D(G(z))  (Goodfellow et al. 2014, section 3)
NON_SATURATING = Loss(
    real=_softplus_of_negative,
    fake=softplus,
    generator=_softplus_of_negative,
)

# L_D = E f(G(z)) - E f(x),  L_G = -E f(G(z))                 (Arjovsky et al. 2017, algorithm 1)
WASSERSTEIN = Loss(real=torch.neg, fake=lambda x: x, generator=torch.neg)

# V_D = E min(0, -1 + D(x)) + E min(0, -1 - D(G(z))),  V_G = -E D(G(z))
#                                                  (Miyato et al. 2018, equations 16, 17; maximised)
HINGE = Loss(
    real=lambda x: relu(1 - x),
    fake=lambda x: relu(1 + x),
    generator=torch.neg,
)

# L_D = 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2,  L_G = 1/2 E (D(G(z)) - c)^2  with a=0, b=c=1
#                                                                                (Mao et al. 2017)
LEAST_SQUARES = Loss(
    real=lambda x: 0.5 * (x - 1).square(),
    fake=lambda x: 0.5 * x.square(),
    generator=lambda x: 0.5 * (x - 1).square(),
)

LOSSES: Mapping[str, Loss] = {
    "minimax": MINIMAX,
    "non-saturating": NON_SATURATING,
    "wasserstein": WASSERSTEIN,
    "hinge": HINGE,
    "least-squares": LEAST_SQUARES,
}


def auxiliary_loss(class_logits: Tensor, labels: Tensor) -> Tensor:
    """L_C = -E log P(C = c | x), of an auxiliary classifier (Odena et al. 2017, equation 3).

    Args:
        class_logits: (n, classes).
        labels: (n,) int64. Both the discriminator and the generator minimise this.
    """
    return cross_entropy(class_logits, labels)
