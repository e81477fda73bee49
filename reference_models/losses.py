"""Adversarial losses: objectives of the discriminator's logits on both batches.

A discriminator gives a logit x per sample (before any sigmoid). Most losses are sums over samples:
what a logit costs the discriminator on a real sample (``real``), on a generated one (``fake``), and
what it costs the generator (``generator``). A relativistic loss is one over pairs. All are
minimised. Softplus is log(1 + e^x): -log sigmoid(x) =
softplus(-x) and -log(1 - sigmoid(x)) = softplus(x), finite for every finite logit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu, softplus

Elementwise = Callable[[Tensor], Tensor]


class Loss(Protocol):
    """What the discriminator's logits cost it and the generator."""

    @property
    def needs_real(self) -> bool:
        """Whether the generator's loss looks at real samples, too."""
        ...

    def d_loss(
        self,
        real_logits: Tensor,
        fake_logits: Tensor,
        real_target: Tensor | float = 1.0,
        fake_target: Tensor | float = 0.0,
    ) -> Tensor:
        """The discriminator's loss, a scalar.

        Args:
            real_logits: (n,), on real samples.
            fake_logits: (m,), on generated samples.
            real_target: how far a real sample counts as real, in [0, 1]: below 1 smooths the
                labels; 0 flips a label. A number, or (n,).
            fake_target: the same for the generated samples. A number, or (m,).
        """
        ...

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The generator's loss, a scalar.

        Args:
            fake_logits: (m,), on generated samples.
            real_logits: (m,), on real samples, for a loss that `needs_real`.
        """
        ...


@dataclass(frozen=True)
class Separate:
    """What each logit costs by itself, elementwise: (n,) -> (n,).

    A target t costs t real(x) + (1 - t) fake(x). For the logistic losses this is the cross entropy
    with a soft label; for least squares it has the gradient of (x - t)^2 / 2.
    """

    real: Elementwise
    fake: Elementwise
    generator: Elementwise
    needs_real: ClassVar[bool] = False

    def d_loss(
        self,
        real_logits: Tensor,
        fake_logits: Tensor,
        real_target: Tensor | float = 1.0,
        fake_target: Tensor | float = 0.0,
    ) -> Tensor:
        """See `Loss`."""
        return self._mixed(real_logits, real_target) + self._mixed(fake_logits, fake_target)

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """See `Loss`; real logits are not looked at."""
        return self.generator(fake_logits).mean()

    def _mixed(self, logits: Tensor, target: Tensor | float) -> Tensor:
        return (target * self.real(logits) + (1 - target) * self.fake(logits)).mean()


@dataclass(frozen=True)
class Paired:
    """What the difference of a real and a generated logit costs, elementwise: (n,) -> (n,).

    L_D = E pair(D(x) - D(G(z))), L_G = E pair(D(G(z)) - D(x)), the i-th real sample with the i-th
    generated one. Targets t_r and t_f make the real one the more real with weight
    t = (1 + t_r - t_f) / 2, and a pair costs t pair(d) + (1 - t) pair(-d); no paper has such
    targets.
    """

    pair: Elementwise
    needs_real: ClassVar[bool] = True

    def d_loss(
        self,
        real_logits: Tensor,
        fake_logits: Tensor,
        real_target: Tensor | float = 1.0,
        fake_target: Tensor | float = 0.0,
    ) -> Tensor:
        """See `Loss`; n = m."""
        ahead = real_logits - fake_logits
        target = (1 + real_target - fake_target) / 2
        return (target * self.pair(ahead) + (1 - target) * self.pair(-ahead)).mean()

    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """See `Loss`.

        Raises:
            ValueError: without real logits.
        """
        if real_logits is None:
            raise ValueError("a paired loss compares with real samples; give real_logits")
        return self.pair(fake_logits - real_logits).mean()


def _negative_softplus(logits: Tensor) -> Tensor:
    return -softplus(logits)


def _softplus_of_negative(logits: Tensor) -> Tensor:
    return softplus(-logits)


# min_G max_D  E log D(x) + E log(1 - D(G(z)))               (Goodfellow et al. 2014, equation 1)
MINIMAX = Separate(
    real=_softplus_of_negative,
    fake=softplus,
    generator=_negative_softplus,
)

# The same discriminator; the generator maximises E log D(G(z))  (Goodfellow et al. 2014, section 3)
NON_SATURATING = Separate(
    real=_softplus_of_negative,
    fake=softplus,
    generator=_softplus_of_negative,
)

# L_D = E f(G(z)) - E f(x),  L_G = -E f(G(z))                 (Arjovsky et al. 2017, algorithm 1)
WASSERSTEIN = Separate(real=torch.neg, fake=lambda x: x, generator=torch.neg)

# V_D = E min(0, -1 + D(x)) + E min(0, -1 - D(G(z))),  V_G = -E D(G(z))
#                                                  (Miyato et al. 2018, equations 16, 17; maximised)
HINGE = Separate(
    real=lambda x: relu(1 - x),
    fake=lambda x: relu(1 + x),
    generator=torch.neg,
)

# L_D = 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2,  L_G = 1/2 E (D(G(z)) - c)^2  with a=0, b=c=1
#                                                                                (Mao et al. 2017)
LEAST_SQUARES = Separate(
    real=lambda x: 0.5 * (x - 1).square(),
    fake=lambda x: 0.5 * x.square(),
    generator=lambda x: 0.5 * (x - 1).square(),
)

# L_D = E softplus(-(D(x) - D(G(z)))),  L_G = E softplus(-(D(G(z)) - D(x)))
#                (Jolicoeur-Martineau 2019, section 4.1, "RSGAN"; Huang et al. 2024, equation 2)
RELATIVISTIC = Paired(pair=_softplus_of_negative)

LOSSES: Mapping[str, Loss] = {
    "minimax": MINIMAX,
    "non-saturating": NON_SATURATING,
    "wasserstein": WASSERSTEIN,
    "hinge": HINGE,
    "least-squares": LEAST_SQUARES,
    "relativistic": RELATIVISTIC,
}


def auxiliary_loss(class_logits: Tensor, labels: Tensor) -> Tensor:
    """L_C = -E log P(C = c | x), of an auxiliary classifier (Odena et al. 2017, equation 3).

    Args:
        class_logits: (n, classes).
        labels: (n,) int64. Both the discriminator and the generator minimise this.
    """
    return cross_entropy(class_logits, labels)
