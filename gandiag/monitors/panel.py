"""What the generator makes of the same latents at every check, beside the data."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gandiag.monitors import drawing
from gandiag.monitors.asking import Asking, singular_values
from gandiag.monitors.drawing import Drawn
from gandiag.monitors.extracting import Extract
from gandiag.monitors.guarding import Guard, halving
from gandiag.monitors.overhead import PROBES
from gandiag.monitors.packing import pack, unpack
from gandiag.monitors.probing import undisturbed
from gandiag.monitors.reference import Reference
from gandiag.monitors.samples import Draw, Samples
from gandiag.monitors.scores import Convention
from gandiag.monitors.sheets import Sheets
from gandiag.monitors.signals import histograms, labels, units
from gandiag.monitors.space import Found

MOVED_STEPS = 100
"""Steps over which churn and motion are looked at, or as many as lie between two checks."""
LAGS = (100, 200, 500)
REPLAYS = max(LAGS) // min(LAGS) + 2
"""Old panels that are kept whole: no more of them than the lags need."""
REPLAYED = 64
REPLAY = 64 << 20
"""Bytes of old panels that are kept, unless it were fewer than 4 samples of each."""
NUDGED = 8
NUDGE = 0.01
BATCH = 64
FEWEST = 8
"""Samples that are made at once, at most and, but for a shortage of memory, at least."""

LARGEST_STATE = 1 << 20

Array = npt.NDArray[np.float64]


class Panel:
    """Draws the panel, compares it with the data and with earlier ones.

    Args:
        generator, discriminator: left as they were found, see `probing.undisturbed`.
        sampler: (n, generator on the CPU) -> samples, or a pair with labels.
        asking: the discriminator's part, if it can be asked.
        reference: the data.
        size: samples in the panel.
        every: steps between checks.
        constrained: whether every layer of the discriminator should have singular values <= 1.
        seed: of the latents.
        others: further networks that the sampler or the judge calls, left as they were found.
        extract: the user's features.
        guard: each probe is called through it; what a probe raises is told and ends the probe.

    Where memory runs out a probe goes on with half as many samples at once.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        sampler: Draw,
        asking: Asking | None,
        reference: Reference,
        size: int,
        every: int,
        constrained: bool,
        seed: int,
        others: Sequence[nn.Module] = (),
        extract: Extract | None = None,
        guard: Guard,
    ):
        self.networks = (generator, discriminator, *others)
        self.guard = guard
        self.generator, self.discriminator = generator, discriminator
        self.sampler, self.asking, self.reference = sampler, asking, reference
        self.size, self.every, self.constrained, self.seed = size, every, constrained, seed
        self.extract = extract
        self.rows = BATCH if reference.train.x.ndim > 2 else size
        self.batch: int | None = None
        self.slack, self.measured = every, 0
        self.histograms: deque[tuple[int, Array]] = deque(maxlen=MOVED_STEPS // every + 2)
        self.positions: deque[tuple[int, Tensor]] = deque(maxlen=MOVED_STEPS // every + 2)
        self.sheet: Tensor | None = None
        self._sheets = Sheets(reference.train.x)
        one = reference.train.x[0]
        held = REPLAY // (REPLAYS * max(1, one.numel() * one.element_size()))
        self.replayed = max(4, min(REPLAYED, held))
        self.replay: deque[tuple[int, Samples]] = deque(maxlen=REPLAYS)

    def fit(self, batch: int) -> None:
        """Judge as many samples at once as the loop does, and make no more than twice as many.

        Args:
            batch: scores of the loop's first batch.
        """
        self.batch = batch
        if self.asking is not None:
            self.asking.fit(batch)
            batch *= self.asking.pack
        if self.reference.train.x.ndim > 2:
            # Without gradients so many take less memory than a step of training.
            self._in_portions_of(max(FEWEST, min(self.rows, 2 * batch)))

    def start(self) -> None:
        """Note where the panel is before the first step, so that motion is seen a check earlier."""
        with undisturbed(self.networks, self.seed):
            panel = self._draw(self.size, whole=self.replayed)
            if panel.finite:
                features = self.reference.pixels.project(panel.flat)
                self._remember(0, panel, features, self._shares(features))

    def measure(
        self, step: int, convention: Convention, due: Collection[str] = PROBES
    ) -> dict[str, Tensor | float]:
        """All signals of level 2 that can be computed; some may not be finite.

        Args:
            step: of the generator.
            convention: of the scores.
            due: of `overhead.PROBES`; without ``samples`` there is nothing to look at.
        """
        if "samples" not in due:
            return {}
        asking, out = self.asking, dict[str, Tensor | float | None]()
        self.slack, self.measured = max(self.every, step - self.measured), step

        def probe(name: str, work: Callable[..., Found], *args: Any) -> None:
            out.update(self.guard(name, work, *args) or {})

        with undisturbed(self.networks, self.seed):
            with units.Rectified() as seen:
                panel = self._draw(
                    self.size, whole=len(self.reference.train.x), deep="features" in due
                )
            self.sheet = self.guard("panel's sheet", self._sheets, panel.few.x)
            if not panel.finite:
                return {}
            out["dead_units_g"] = units.dead_share(units.in_any(seen.fired, panel.parts))
            features = self.reference.pixels.project(panel.flat)
            histogram = self._shares(features)
            probe("panel beside the data", self._beside_the_data, panel, features)
            probe("panel beside the past", self._beside_earlier_ones, step, features, histogram)
            probe("panel's sensitivity", self._sensitivity)
            if panel.deep is not None:
                probe("features", self._in_features, panel.deep)
            if asking is not None and "judgements" in due:
                asking.device = panel.few.x.device
                probe("discriminator's scores", asking.look, panel.few, convention)
                probe("discriminator's memory", asking.past, self._past(step), convention)
                probe("discriminator's slopes", asking.slopes, panel.few, convention)
                probe("discriminator's labels", asking.labels, panel.few, convention)
                asking.forget()
            if self.constrained and "judgements" in due:
                of = (self.discriminator, self.seed + 2)
                probe("discriminator's singular values", singular_values, *of)
            probe("panel's classes", self._by_class, panel, features)
        dead = [out[k] for k in ("dead_units_g", "dead_units_d") if out.get(k) is not None]
        out["dead_units"] = max(float(each) for each in dead) if dead else None  # type: ignore[arg-type]
        self._remember(step, panel, features, histogram)
        return {name: value for name, value in out.items() if value is not None}

    def take_sheet(self) -> Tensor | None:
        """The picture of the last panel, once: (3, height, width) uint8, see `Sheets`."""
        sheet, self.sheet = self.sheet, None
        return sheet

    def _shares(self, features: Tensor) -> Array:
        bins = self.reference.pixels.bins
        return bins.counts(bins(features)) / len(features)

    def _draw(self, n: int, whole: int = 1, *, deep: bool = False) -> Drawn:
        extract = self._extracted if deep and self.extract is not None else None

        def work(rows: int) -> Drawn:
            return drawing.draw(
                self.sampler,
                n,
                rows=rows,
                whole=whole,
                edge=self.reference.edge,
                seed=self.seed,
                extract=extract,
            )

        out, rows = halving(work, self.rows)
        self._in_portions_of(rows)
        return out

    def _extracted(self, images: Tensor) -> Tensor | None:
        """The user's features; None from when they fail."""
        extract = self.extract

        def work(rows: int) -> Tensor:
            assert extract is not None
            return torch.cat([extract(part) for part in torch.split(images, rows)])

        found = self.guard("features", halving, work, len(images))
        return None if found is None else found[0]

    def _in_features(self, deep: Tensor) -> Found:
        """The same comparison as of pixels, in the user's features."""
        space = self.reference.deep
        assert space is not None
        features = space.project(deep)
        found = space.beside(features)
        return {
            "feature_missing": found["missing_mass"],
            "feature_energy": found["energy"],
            "feature_unlike": space.unlike(features),
        }

    def _in_portions_of(self, rows: int) -> None:
        if rows < self.rows:
            # Drawn in other portions the same latents may be others: nothing has moved.
            self.histograms.clear()
            self.positions.clear()
        self.rows = rows

    def _beside_the_data(self, panel: Drawn, features: Tensor) -> Found:
        ref = self.reference
        return {
            **ref.pixels.beside(features),
            "panel_range": panel.farthest / (ref.largest or 1.0),
            "output_saturation": panel.at_edge - ref.at_edge,
        }

    def _beside_earlier_ones(self, step: int, features: Tensor, histogram: Array) -> Found:
        shares = _before(self.histograms, step - MOVED_STEPS, self.slack)
        places = _before(self.positions, step - MOVED_STEPS, self.slack)
        if shares is None or places is None:
            return {}
        moved = (features - places).norm(dim=1).mean()
        return {
            "churn": histograms.total_variation(histogram, shares),
            "motion": moved / self.reference.pixels.total_spread,
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

        pixels = self.reference.pixels
        before = pixels.project(self._draw(NUDGED).flat)
        handle = self.generator.register_forward_pre_hook(nudge)
        try:
            after = pixels.project(self._draw(NUDGED).flat)
        finally:
            handle.remove()
        if not moved:
            return {}
        change = (after - before).norm(dim=1).mean() / pixels.total_spread
        return {"z_sensitivity": change / NUDGE}

    def _past(self, step: int) -> list[Samples]:
        found = [_before(self.replay, step - g, max(self.slack, min(LAGS))) for g in LAGS]
        return [old for old in found if old is not None]

    def _by_class(self, panel: Drawn, features: Tensor) -> Found:
        ref = self.reference
        if panel.y is None or not ref.classes:
            return {}
        y = panel.y
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

    def _remember(self, step: int, panel: Drawn, features: Tensor, histogram: Array) -> None:
        self.histograms.append((step, histogram))
        self.positions.append((step, features))
        if not self.replay or step - self.replay[-1][0] >= min(LAGS):
            old = panel.few.first(self.replayed).to(torch.device("cpu"))
            self.replay.append((step, old.copy()))

    def state_dict(self) -> dict[str, Any]:
        """What earlier checks left, as JSON values; large replayed samples are left out."""
        replay = list(self.replay)
        if sum(old.x.numel() for _, old in replay) > LARGEST_STATE:
            replay = []
        return {
            "batch": self.batch,
            "measured": self.measured,
            "histograms": [[step, pack(value)] for step, value in self.histograms],
            "positions": [[step, pack(value.numpy())] for step, value in self.positions],
            "replay": [
                [step, pack(old.x.numpy()), None if old.y is None else pack(old.y.numpy())]
                for step, old in replay
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        if state["batch"] is not None:
            self.fit(state["batch"])
        self.measured = state["measured"]
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


Old = TypeVar("Old")


def _before(kept: deque[tuple[int, Old]], step: int, slack: int) -> Old | None:
    """The newest of a step or earlier, if it is at most `slack` steps earlier."""
    found = [(s, value) for s, value in kept if step - slack <= s <= step]
    return found[-1][1] if found else None
