"""What the generator makes of the same latents at every check, beside the data."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gandiag.monitors.guarding import Guard, halving
from gandiag.monitors.packing import pack, unpack
from gandiag.monitors.probing import reseed, undisturbed
from gandiag.monitors.reference import Reference
from gandiag.monitors.samples import Draw, Samples, joined, samples
from gandiag.monitors.scores import Convention, per_sample
from gandiag.monitors.sheets import Sheets
from gandiag.monitors.signals import critics, histograms, labels, ranks, spread, units

MOVED_STEPS = 100
"""Steps over which churn and motion are looked at, or as many as lie between two checks."""
LAGS = (100, 200, 500)
REPLAYED = 64
SLOPED = 128
NUDGED = 8
NUDGE = 0.01
BATCH = 64
JUDGED = 256
"""Images that are made, and judged, at once: without gradients, that takes less memory than a
training step."""
FULL = 8
"""Samples that a bin needs for its spread to be looked at."""

LARGEST_STATE = 1 << 20

Judge = Callable[..., Any]
Array = npt.NDArray[np.float64]
Found = dict[str, Tensor | float | None]
Out = TypeVar("Out")


class Panel:
    """Draws the panel, compares it with the data and with earlier ones.

    Args:
        generator, discriminator: left as they were found, see `probing.undisturbed`.
        sampler: (n, generator on the CPU) -> samples, or a pair with labels.
        judge: x -> scores, or (x, y) -> scores for data with labels.
        reference: the data.
        size: samples in the panel.
        every: steps between checks.
        constrained: whether every layer of the discriminator should have singular values <= 1.
        seed: of the latents.
        others: further networks that the sampler or the judge calls, left as they were found.
        guard: each probe is called through it; what a probe raises is told and ends the probe.

    Where memory runs out a probe goes on with half as many samples at once.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        sampler: Draw,
        judge: Judge | None,
        reference: Reference,
        size: int,
        every: int,
        constrained: bool,
        seed: int,
        others: Sequence[nn.Module] = (),
        guard: Guard,
    ):
        self.networks = (generator, discriminator, *others)
        self.guard = guard
        self.generator, self.discriminator = generator, discriminator
        self.sampler, self.judge, self.reference = sampler, judge, reference
        self.size, self.every, self.constrained, self.seed = size, every, constrained, seed
        batch = BATCH if reference.train.x.ndim > 2 else size
        self.rows = {
            "samples": batch,
            "scores": max(JUDGED, batch),
            "slopes": min(SLOPED, batch, len(reference.train.x)),
        }
        self.histograms: deque[tuple[int, Array]] = deque(maxlen=MOVED_STEPS // every + 2)
        self.positions: deque[tuple[int, Tensor]] = deque(maxlen=MOVED_STEPS // every + 2)
        self.sheet: Tensor | None = None
        self._sheets = Sheets(reference.train.x)
        self._device = torch.device("cpu")
        self._real: Tensor | None = None
        self._score_sd: Tensor | None = None
        # Whole samples: no more of them than the lags need.
        self.replay: deque[tuple[int, Samples]] = deque(maxlen=max(LAGS) // min(LAGS) + 2)

    def start(self) -> None:
        """Note where the panel is before the first step, so that motion is seen a check earlier."""
        with undisturbed(self.networks, self.seed):
            panel = self._sample(self.size)
            if bool(panel.x.isfinite().all()):
                features = self.reference.project(panel.x)
                self._remember(0, panel, features, self._shares(self.reference.bins(features)))

    def measure(self, step: int, convention: Convention) -> dict[str, Tensor | float]:
        """All signals of level 2 that can be computed; some may not be finite."""
        with undisturbed(self.networks, self.seed):
            with units.Rectified() as seen:
                panel = self._sample(self.size)
            out: Found = {"dead_units_g": units.dead_share(seen.fired)}
            self.sheet = self.guard("panel's sheet", self._sheets, panel.x)
            if not bool(panel.x.isfinite().all()):
                return {}
            self._device = panel.x.device
            features = self.reference.project(panel.x)
            bins = self.reference.bins(features)
            histogram = self._shares(bins)

            def probe(name: str, work: Callable[..., Found], *args: Any) -> None:
                out.update(self.guard(f"panel's {name}", work, *args) or {})

            probe("comparison with the data", self._beside_the_data, panel, features, bins)
            probe("comparison with the past", self._beside_earlier_ones, step, features, histogram)
            probe("sensitivity", self._sensitivity)
            if self.judge is not None:
                probe("judgement", self._judged, panel, convention)
                probe("judgement of old samples", self._forgotten, step, convention)
                probe("slopes", self._sloped, panel, convention)
                probe("judgement of labels", self._mislabelled, panel, convention)
            if self.constrained:
                probe("singular values", self._singular)
            probe("classes", self._by_class, panel, features)
            self._real = self._score_sd = None
        dead = [out[k] for k in ("dead_units_g", "dead_units_d") if out.get(k) is not None]
        out["dead_units"] = max(float(each) for each in dead) if dead else None  # type: ignore[arg-type]
        self._remember(step, panel, features, histogram)
        return {name: value for name, value in out.items() if value is not None}

    def take_sheet(self) -> Tensor | None:
        """The picture of the last panel, once: (3, height, width) uint8, see `Sheets`."""
        sheet, self.sheet = self.sheet, None
        return sheet

    def _shares(self, bins: Tensor) -> Array:
        return self.reference.bins.counts(bins) / len(bins)

    def _fitting(self, kind: str, work: Callable[[int], Out]) -> Out:
        out, rows = halving(work, self.rows[kind])
        if kind == "samples" and rows < self.rows[kind]:
            # Drawn in other portions the same latents may be others: nothing has moved.
            self.histograms.clear()
            self.positions.clear()
        self.rows[kind] = rows
        return out

    def _sample(self, n: int) -> Samples:
        def work(batch: int) -> Samples:
            reseed(self.seed)
            rng = torch.Generator().manual_seed(self.seed)
            sizes = [min(batch, n - start) for start in range(0, n, batch)]
            # Copies: a sampler may give the same storage each time.
            return joined([samples(self.sampler(each, rng), "sampler").copy() for each in sizes])

        return self._fitting("samples", work)

    def _beside_the_data(self, panel: Samples, features: Tensor, bins: Tensor) -> Found:
        ref = self.reference
        counts = ref.bins.counts(bins)
        some = features[: len(ref.features)]
        within = spread.pairwise(some, some)
        across = spread.pairwise(ref.features, some)
        spreads, rows = spread.bin_spreads(features, bins, ref.bins.count)
        full = (rows >= FULL) & (ref.spreads > 0)
        values = panel.x.float()
        return {
            "tv_to_real": histograms.total_variation(counts / counts.sum(), ref.masses),
            "missing_mass": histograms.missing_mass(counts, ref.masses),
            "diversity": spread.mean_within(within) / spread.mean_within(ref.within),
            "spread": (spreads[full] / ref.spreads[full]).median() if bool(full.any()) else None,
            "effective_rank": spread.effective_rank(features) / ref.rank,
            "coverage_knn": spread.coverage(across, ref.radii),
            # Data of a few points has no distance between neighbours to compare with.
            "nn_ratio": spread.nearest(within).median() / ref.nearest
            if bool(ref.nearest > 0)
            else None,
            "energy": spread.energy(across, within, ref.within),
            "panel_range": float((values - values.mean()).abs().max()) / (ref.largest or 1.0),
            "output_saturation": float((values.abs() > ref.edge).double().mean()) - ref.at_edge,
        }

    def _beside_earlier_ones(self, step: int, features: Tensor, histogram: Array) -> Found:
        shares = _before(self.histograms, step - MOVED_STEPS, self.every)
        places = _before(self.positions, step - MOVED_STEPS, self.every)
        if shares is None or places is None:
            return {}
        moved = (features - places).norm(dim=1).mean()
        return {
            "churn": histograms.total_variation(histogram, shares),
            "motion": moved / self.reference.total_spread,
        }

    def _sensitivity(self) -> Found:
        """Moves z by a hundredth of its length; absent if the sampler does not call G(z, ...)."""
        moved = []

        def nudge(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            z = args[0] if args else None
            if not isinstance(z, Tensor) or not z.is_floating_point() or z.ndim < 2:
                return args
            rng = torch.Generator().manual_seed(self.seed + 1)
            u = torch.randn(z.shape, generator=rng).to(z).flatten(1)
            length = z.flatten(1).norm(dim=1, keepdim=True)
            moved.append(True)
            step = NUDGE * length * u / u.norm(dim=1, keepdim=True)
            return (z + step.reshape(z.shape), *args[1:])

        before = self.reference.project(self._sample(NUDGED).x)
        handle = self.generator.register_forward_pre_hook(nudge)
        try:
            after = self.reference.project(self._sample(NUDGED).x)
        finally:
            handle.remove()
        if not moved:
            return {}
        change = (after - before).norm(dim=1).mean() / self.reference.total_spread
        return {"z_sensitivity": change / NUDGE}

    def _judged(self, panel: Samples, convention: Convention) -> Found:
        ref = self.reference
        out: Found = {}
        with units.Rectified() as on_fakes:
            fake = self._scores(panel.first(len(ref.train.x)), convention)
        with units.Rectified() as on_reals:
            real = self._scores(ref.train, convention)
        if len(on_fakes.fired) == len(on_reals.fired):
            out["dead_units_d"] = units.dead_share(units.either(on_fakes.fired, on_reals.fired))
        if not bool(torch.cat([fake, real]).isfinite().all()):
            return out
        self._real, self._score_sd = real, torch.cat([real, fake]).std()
        out["auc_fresh"] = ranks.auc(real, fake)
        if ref.heldout is not None:
            heldout = self._scores(ref.heldout, convention)
            value = float(ranks.auc(real, heldout))
            out["auc_train_heldout"] = value
            out["train_heldout_z"] = (value - 0.5) / ranks.auc_error(len(real), len(heldout))
        return out

    def _forgotten(self, step: int, convention: Convention) -> Found:
        if self._real is None:
            return {}
        middle = self._real.median()
        shares = [
            (self._scores(old, convention) > middle).double().mean()
            for lag in LAGS
            if (old := _before(self.replay, step - lag, max(self.every, min(LAGS)))) is not None
        ]
        return {"forgetting": torch.stack(shares).max() if shares else None}

    def _sloped(self, panel: Samples, convention: Convention) -> Found:
        score_sd = self._score_sd
        if score_sd is None or not panel.x.is_floating_point():
            return {}
        spread_of_scores = score_sd.clamp(min=1e-12)

        def work(n: int) -> Found:
            fake, real = panel.first(n), self.reference.train.first(n).to(panel.x.device)
            rng = torch.Generator().manual_seed(self.seed + 2)

            def critic(labelled: Samples) -> critics.Critic:
                return lambda x: convention(per_sample(self._raw(Samples(x, labelled.y))))

            at_fakes = critics.slopes(critic(fake), fake.x)
            mixed = critics.between(real.x.to(fake.x), fake.x, rng)
            at_mixed = critics.slopes(critic(real), mixed)
            return {
                "reach": at_fakes.mean().cpu() * self.reference.sd / spread_of_scores,
                "lipschitz_median": at_mixed.median(),
                "lipschitz_q95": at_mixed.quantile(0.95),
            }

        return self._fitting("slopes", work)

    def _singular(self) -> Found:
        rng = torch.Generator().manual_seed(self.seed + 2)
        weights = critics.applied_weights(self.discriminator) or ()
        found = [critics.largest_singular_value(w.float(), rng) for w in weights]
        return {"sigma_max": torch.stack(found).max() if found else None}

    def _mislabelled(self, panel: Samples, convention: Convention) -> Found:
        if panel.y is None or not self.reference.classes or self._real is None:
            return {}
        wrong = panel.y.roll(1)
        other = wrong != panel.y
        if not bool(other.any()):
            return {}
        right = self._scores(Samples(panel.x[other], panel.y[other]), convention)
        swapped = self._scores(Samples(panel.x[other], wrong[other]), convention)
        return {"label_auc": ranks.auc(right, swapped)}

    def _by_class(self, panel: Samples, features: Tensor) -> Found:
        ref = self.reference
        if panel.y is None or not ref.classes:
            return {}
        y = panel.y.cpu()
        missing, spreads = [], []
        for name, known in ref.classes.items():
            rows = features[y == name]
            if len(rows) < 10:
                continue
            counts = known.bins.counts(known.bins(rows))
            share = 0.05 / len(ref.classes)
            missing.append(histograms.missing_mass(counts, known.bins.masses, share))
            spreads.append(float(rows.var(0).sum().sqrt()) / (known.spread or 1.0))
        names = torch.tensor(list(ref.classes))
        hits = (names[labels.nearest_mean(features, ref.class_means)] == y).double().mean()
        return {
            "class_missing": max(missing) if missing else None,
            "class_spread": min(spreads) if spreads else None,
            "label_agreement": labels.agreement(float(hits), ref.class_hits, len(ref.classes)),
        }

    def _scores(self, batch: Samples, convention: Convention) -> Tensor:
        batch = batch.to(self._device)
        n = len(batch.x)

        def work(rows: int) -> Tensor:
            parts = -(-n // rows)
            # Even parts: a last one of one sample has no batch statistics.
            ends = [i * n // parts for i in range(parts + 1)]
            with _batch_statistics(self.discriminator):
                found = [per_sample(self._raw(batch.part(a, b - a))) for a, b in pairwise(ends)]
            return convention(torch.cat(found)).cpu()

        return self._fitting("scores", work)

    def _raw(self, batch: Samples) -> Any:
        assert self.judge is not None
        if batch.y is not None and self.reference.classes:
            return self.judge(batch.x, batch.y)
        return self.judge(batch.x)

    def _remember(self, step: int, panel: Samples, features: Tensor, histogram: Array) -> None:
        self.histograms.append((step, histogram))
        self.positions.append((step, features))
        if not self.replay or step - self.replay[-1][0] >= min(LAGS):
            self.replay.append((step, panel.first(REPLAYED).to(torch.device("cpu")).copy()))

    def state_dict(self) -> dict[str, Any]:
        """What earlier checks left, as JSON values; large replayed samples are left out."""
        replay = list(self.replay)
        if sum(old.x.numel() for _, old in replay) > LARGEST_STATE:
            replay = []
        return {
            "histograms": [[step, pack(value)] for step, value in self.histograms],
            "positions": [[step, pack(value.numpy())] for step, value in self.positions],
            "replay": [
                [step, pack(old.x.numpy()), None if old.y is None else pack(old.y.numpy())]
                for step, old in replay
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.histograms.clear()
        self.positions.clear()
        self.replay.clear()
        self.histograms.extend((step, unpack(value)) for step, value in state["histograms"])
        self.positions.extend(
            (step, torch.from_numpy(unpack(value))) for step, value in state["positions"]
        )
        for step, x, y in state["replay"]:
            labelled = None if y is None else torch.from_numpy(unpack(y))
            self.replay.append((step, Samples(torch.from_numpy(unpack(x)), labelled)))


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


Old = TypeVar("Old")


def _before(kept: deque[tuple[int, Old]], step: int, slack: int) -> Old | None:
    """The newest of a step or earlier, if it is at most `slack` steps earlier."""
    found = [(s, value) for s, value in kept if step - slack <= s <= step]
    return found[-1][1] if found else None
