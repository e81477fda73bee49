"""What the discriminator makes of a panel, of the reals, and of panels that are past."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gandiag.monitors.guarding import halving
from gandiag.monitors.reference import Reference
from gandiag.monitors.samples import Samples
from gandiag.monitors.scores import Convention, per_sample
from gandiag.monitors.signals import critics, ranks, units
from gandiag.monitors.space import Found

UNIT = 24
"""Samples that go together where the loop's own batch is not known: groups of 2, 3, 4, 6, 8 or 12,
in which a discriminator may look at a batch, divide it."""
IMAGES, VECTORS = 8, 512
"""Samples that may be judged at once where the loop's batches are smaller: without gradients that
takes less memory than a step of training."""
SLOPED = 128
SLOPED_BYTES = 16 << 20
"""Of large images slopes are looked at fewer of: each takes several copies."""

Judge = Callable[..., Any]
Out = TypeVar("Out")


class Asking:
    """Asks the discriminator, with batches like those that it is trained with.

    Args:
        discriminator: in evaluation mode, see `probing.undisturbed`.
        judge: x -> scores, or (x, y) -> scores for data with labels.
        reference: the data.
        pack: samples that share a score (Lin et al. 2018), 1 as a rule.
        seed: of all that is drawn.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        judge: Judge,
        reference: Reference,
        *,
        pack: int = 1,
        seed: int,
    ):
        self.discriminator, self.judge, self.reference = discriminator, judge, reference
        self.pack, self.seed = pack, seed
        self.device = torch.device("cpu")
        self._real: Tensor | None = None
        self._score_sd: Tensor | None = None
        self.rows: dict[str, int] = {}
        self.fit(None)

    def fit(self, batch: int | None) -> None:
        """Judge as many at once as the loop does; None if that is not known."""
        n = len(self.reference.train.x)
        own = None if batch is None else batch * self.pack
        self.unit = own if own is not None and own <= n else UNIT
        most = IMAGES if self.reference.train.x.ndim > 2 else VECTORS
        # A few samples more than once, where there are fewer than go together.
        one = self.reference.train.x[0]
        few = SLOPED_BYTES // max(1, one.numel() * one.element_size())
        sloped = min(SLOPED, max(n, self.unit), max(few, self.unit))
        self.rows = {
            "scores": self.unit * max(1, most // self.unit),
            "slopes": sloped - sloped % self.unit or sloped - sloped % UNIT or sloped,
        }

    def look(self, fakes: Samples, convention: Convention) -> Found:
        """Reals, fakes and held-out reals beside each other. `forget` ends what it remembers."""
        ref = self.reference
        out: Found = {}
        fake, on_fakes = self._watched(fakes.first(len(ref.train.x)), convention)
        real, on_reals = self._watched(ref.train, convention)
        if len(on_fakes) == len(on_reals):
            out["dead_units_d"] = units.dead_share(units.either(on_fakes, on_reals))
        if not bool(torch.cat([fake, real]).isfinite().all()):
            return out
        self._real, self._score_sd = real, torch.cat([real, fake]).std()
        out["auc_fresh"] = ranks.auc(real, fake)
        if ref.heldout is not None:
            heldout = self.scores(ref.heldout, convention)
            value = float(ranks.auc(real, heldout))
            out["auc_train_heldout"] = value
            out["train_heldout_z"] = (value - 0.5) / ranks.auc_error(len(real), len(heldout))
        return out

    def past(self, panels: Iterable[Samples], convention: Convention) -> Found:
        """Old panels beside the reals of today."""
        if self._real is None:
            return {}
        middle = self._real.median()
        shares = [(self.scores(old, convention) > middle).double().mean() for old in panels]
        return {"forgetting": torch.stack(shares).max() if shares else None}

    def slopes(self, fakes: Samples, convention: Convention) -> Found:
        """At the fakes, and between reals and fakes."""
        score_sd = self._score_sd
        if score_sd is None or not fakes.x.is_floating_point():
            return {}
        spread_of_scores = score_sd.clamp(min=1e-12)

        def work(n: int) -> Found:
            fake = fakes.repeated(n)
            real = self.reference.train.repeated(n).to(fakes.x.device)
            rng = torch.Generator().manual_seed(self.seed + 2)

            def critic(labelled: Samples) -> critics.Critic:
                return lambda x: convention(per_sample(self._raw(Samples(x, labelled.y))))

            at_fakes = self._of_packs(critics.slopes(critic(fake), fake.x))
            mixed = critics.between(real.x.to(fake.x), fake.x, rng)
            at_mixed = self._of_packs(critics.slopes(critic(real), mixed))
            return {
                "reach": at_fakes.mean().cpu() * self.reference.sd / spread_of_scores,
                "lipschitz_median": at_mixed.median(),
                "lipschitz_q95": at_mixed.quantile(0.95),
            }

        return self._fitting("slopes", work)

    def labels(self, fakes: Samples, convention: Convention) -> Found:
        """Fakes with their labels beside the same with other labels."""
        if fakes.y is None or not self.reference.classes or self._real is None:
            return {}
        wrong = fakes.y.roll(1)
        other = wrong != fakes.y
        if not bool(other.any()):
            return {}
        right = self.scores(Samples(fakes.x[other], fakes.y[other]), convention)
        swapped = self.scores(Samples(fakes.x[other], wrong[other]), convention)
        return {"label_auc": ranks.auc(right, swapped)}

    def forget(self) -> None:
        """What `look` found."""
        self._real = self._score_sd = None

    def scores(self, batch: Samples, convention: Convention) -> Tensor:
        """(n,) logits on the CPU, of each pack if there are packs."""
        return self._watched(batch, convention)[0]

    def _watched(self, batch: Samples, convention: Convention) -> tuple[Tensor, list[Tensor]]:
        """The scores, and which units fired."""
        batch = batch.to(self.device)
        n = len(batch.x)
        whole = -(-n // self.unit) * self.unit
        if whole > n:
            # Filled up from the start: minibatch statistics want batches that divide.
            rows = torch.arange(whole, device=self.device) % n
            batch = Samples(batch.x[rows], None if batch.y is None else batch.y[rows])

        def work(rows: int) -> tuple[Tensor, list[Tensor]]:
            starts = range(0, whole, rows)
            with _batch_statistics(self.discriminator), units.Rectified() as seen:
                found = [per_sample(self._raw(batch.part(a, rows))) for a in starts]
            scores = convention(torch.cat(found)).cpu()
            return scores[: n // self.pack], units.in_any(seen.fired, len(starts))

        return self._fitting("scores", work)

    def _of_packs(self, slopes: Tensor) -> Tensor:
        """The slope of a pack's score is that of all of its samples together."""
        return slopes.reshape(-1, self.pack).norm(dim=1) if self.pack > 1 else slopes

    def _fitting(self, kind: str, work: Callable[[int], Out]) -> Out:
        out, self.rows[kind] = halving(work, self.rows[kind])
        return out

    def _raw(self, batch: Samples) -> Any:
        if batch.y is not None and self.reference.classes:
            return self.judge(batch.x, batch.y)
        return self.judge(batch.x)


def singular_values(discriminator: nn.Module, seed: int) -> Found:
    """The largest of the discriminator's layers."""
    rng = torch.Generator().manual_seed(seed)
    weights = critics.applied_weights(discriminator) or ()
    found = [critics.largest_singular_value(w.float(), rng) for w in weights]
    return {"sigma_max": torch.stack(found).max() if found else None}


@contextlib.contextmanager
def _batch_statistics(network: nn.Module) -> Iterator[None]:
    """Batch normalisation as in training: averages over reals and fakes make another network of it.

    Not for slopes: a sum over a batch that is normalised has none.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for module in norms:
        module.train()
    try:
        yield
    finally:
        for module in norms:
            module.eval()
