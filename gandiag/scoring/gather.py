"""One pass over each source, whatever the metrics ask."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import torch
from torch import Tensor

from gandiag.errors import GandiagError, Warn
from gandiag.extractors.base import FeatureExtractor
from gandiag.scoring.cache import StatisticsCache
from gandiag.scoring.gathered import Gathered, Size, described, merged
from gandiag.scoring.looks import Looks
from gandiag.scoring.opening import Opened
from gandiag.scoring.options import Progress
from gandiag.scoring.plan import HASHES, Plan, Want
from gandiag.scoring.reading import Filling, Piece, read
from gandiag.scoring.together import OF_ALL, Together
from gandiag.sources.base import Batch, ImageSource, Note
from gandiag.sources.batching import THREADS
from gandiag.statistics import STATISTICS, Bank, Hashes, Moments, NonFiniteRow, Statistic

ROWS = 1024
"""Rows collected before each `+` of a statistic: fewer cost more than the sums they add."""

CPU = torch.device("cpu")

MADE_BY = {
    "_legacy_tensorflow_": ("clean-fid-legacy-tensorflow",),
    "_legacy_pytorch_": ("clean-fid-legacy-pytorch", "pytorch-fid"),
    "_clean_": ("clean-fid", "gandiag"),
    "virtual_": ("adm",),
    "adm_stats": ("adm", "torch-fidelity"),
}
"""What published statistics are called, in lower case -> the protocols that they fit.

clean-fid: ``{name}_{mode}_{split}_{size}.npz``; guided-diffusion: ``VIRTUAL_imagenet256...npz``.
"""


def collect(
    opened: Opened,
    plan: Plan,
    wants: Collection[Want],
    *,
    batch_size: int,
    store: StatisticsCache | None,
    progress: Progress,
    role: str,
    processes: Together,
    threads: int | None = None,
) -> tuple[Gathered, tuple[Warn, ...]]:
    """The statistics of an input: from its file, from the cache, or from its images.

    Of several processes, all but the first get those of their part.

    Returns:
        What was gathered, and what to say of how.

    Raises:
        GandiagError: as `gather`.
    """
    saved = given(opened, plan)
    rest = [want for want in wants if want not in saved]
    if opened.images is None:
        meta = opened.saved.meta if opened.saved is not None else {}
        if not meta:
            return Gathered(opened.name, None, saved), (published(opened.name, plan),)
        return described({**meta, "name": opened.name}, saved), ()
    found, warnings = _of_images(
        opened.images,
        plan,
        rest,
        batch_size=batch_size,
        store=store if processes.first else None,
        progress=progress,
        role=role,
        processes=processes,
        threads=threads,
    )
    if saved and opened.saved is not None and not opened.saved.meta:
        warnings = (*warnings, published(opened.name, plan))
    return replace(found, statistics={**found.statistics, **saved}), warnings


def _of_images(
    source: ImageSource,
    plan: Plan,
    wants: Collection[Want],
    *,
    batch_size: int,
    store: StatisticsCache | None,
    progress: Progress,
    role: str,
    processes: Together,
    threads: int | None,
) -> tuple[Gathered, tuple[Warn, ...]]:
    # Before the fingerprint: what is written after it, and be it put back, has another stamp.
    stamp = _stamp(source)
    fingerprint = known = None
    if store is not None:
        with progress(f"{role}: {source.name}, whether it is known", None):
            fingerprint = source.fingerprint()
    if store is not None and fingerprint is not None:
        known = store.load(fingerprint, plan.pins(), wants)
    if processes.agreed(known is not None):
        found = Gathered(source.name, source.count(), {}) if known is None else known
        return replace(found, name=source.name), ()  # the same images may lie elsewhere
    part = processes.alike(lambda: processes.part(source, batch_size))
    with progress(f"{role}: {source.name}", part.count()) as advance:
        found = processes.gather(
            lambda: gather(
                part, plan.extractors, wants, batch_size=batch_size, tell=advance, threads=threads
            )
        )
    if stamp is not None and _stamp(source) != stamp:
        changed = Warn(
            "changed",
            f"{source.name} was written to while it was read: the scores are of what was read, "
            "which nobody can repeat",
        )
        return found, (changed,)
    if store is not None and fingerprint is not None:
        try:
            store.store(fingerprint, plan.pins(), found)
        except (GandiagError, OSError) as error:
            # An hour's features are not thrown away for a cache: the scores come first.
            return found, (Warn("not-cached", f"{error}; --no-cache does without"),)
    return found, ()


def published(name: str, plan: Plan) -> Warn:
    """What is to be said of statistics that do not say where they come from."""
    protocol = plan.protocol.name
    fits = next((fits for sign, fits in MADE_BY.items() if sign in name.lower()), None)
    if fits is not None and protocol not in fits:
        return Warn(
            "other-protocol",
            f"{name} is named as the statistics of {' or '.join(fits)} are, and this run computes "
            f"{protocol}: features of another resize are compared; use --protocol {fits[0]}",
        )
    return Warn(
        "published-statistics",
        f"{name} does not say which weights and resize made it; it is taken to fit "
        f"{plan.tasks[0].extractor.name} under the protocol {protocol}",
    )


def _stamp(source: ImageSource) -> object | None:
    stamp = getattr(source, "stamp", None)
    return None if stamp is None else stamp()


def given(opened: Opened, plan: Plan) -> dict[Want, Statistic]:
    """The statistics that a file holds, by what the plan calls them.

    Raises:
        GandiagError: they were made with another network, resize or precision, or are of another
            width than the layer they are taken for.

    """
    if opened.saved is None:
        return {}
    found: dict[Want, Statistic] = {}
    if "gathered" in opened.saved.meta:
        raise GandiagError(f"{opened.name} was written by Scorer.save; Scorer.load reads it")
    if opened.saved.meta:
        _check_pins(opened, plan)
        for key, statistic in opened.saved.statistics.items():
            extractor, layer, kind = key.rsplit("/", 2)
            found[Want(extractor, layer, kind)] = statistic
        return found
    reading = [task for task in plan.tasks if task.metric.reads == "features"]
    # A file that names no network is of the first: published ones hold one network's.
    reading = [task for task in reading if task.extractor is reading[0].extractor]
    for key, statistic in opened.saved.statistics.items():
        layer, kind = key.rsplit("/", 1)
        for task in reading:
            own = task.layer == task.extractor.features
            if own == (layer == "features"):
                want = Want(task.extractor.name, task.layer, kind)
                width = task.extractor.layers[task.layer]
                if statistic.width != width and not own:
                    continue  # another layer's, as that of one more distance
                if statistic.width != width:
                    raise GandiagError(
                        f"{opened.name} holds statistics of {statistic.width} features and "
                        f"{task.extractor.name} gives {width}; name the network that made it "
                        "with --features"
                    )
                found.setdefault(want, statistic)
    return found


def _check_pins(opened: Opened, plan: Plan) -> None:
    assert opened.saved is not None
    made_with = opened.saved.meta.get("pins", {})
    for name, pins in plan.pins().items():
        made = made_with.get(name)
        if made != dict(pins):
            with_what = ", ".join(made_with) or "an unknown network"
            differ = [key for key in pins if made is not None and made.get(key) != pins[key]]
            detail = f" with another {differ[0]}" if differ else ""
            raise GandiagError(
                f"{opened.name} was made with {with_what}{detail} and this run uses {name}; "
                "make it again with `gandiag stats` and the same options"
            )


def gather(
    source: ImageSource,
    extractors: Iterable[FeatureExtractor],
    wants: Collection[Want],
    *,
    batch_size: int,
    tell: Callable[[int], None],
    threads: int | None = None,
) -> Gathered:
    """Read `source` once and remember what is wanted; `tell` hears of so many more images.

    `threads` threads resize and hash, None for as many as there are cores, up to eight.

    Raises:
        GandiagError: no image, an image that cannot be read, or one whose features are not finite.

    """
    going = Pass(source.name, extractors, wants, batch_size=batch_size, rows_on=CPU)
    pieces = read(
        source.batches(batch_size),
        going.extractors,
        hashed=HASHES in wants,
        threads=THREADS if threads is None else threads,
        most=batch_size,
    )
    with closing(pieces):
        for piece in pieces:
            going.take(piece)
            tell(len(piece.batch.images))
    if not going.n:
        raise GandiagError(f"{source.name} gave no image; give a source that holds some")
    return replace(going.gathered(), notes=dict(source.notes())).to(CPU)


class Pass:
    """A pass in progress: batches in, and at any time what they amount to.

    Images of any size come in batches of any size; full batches go through the network, so that
    features do not depend on how the images came.
    """

    def __init__(
        self,
        name: str,
        extractors: Iterable[FeatureExtractor],
        wants: Collection[Want],
        *,
        batch_size: int,
        rows_on: torch.device | None = None,
        brief: Collection[Want] = (),
    ) -> None:
        """Begin.

        Args:
            name: of the images, for people.
            extractors: the networks.
            wants: what to remember.
            batch_size: images through the network at once.
            rows_on: where banks of rows are kept; None for the extractor's device, where all other
                statistics are.
            brief: banks to remember only while they hold fewer rows than they are wide; then they
                stand for the moments of their layer.
        """
        self.name = name
        self.wants = tuple(wants)
        self._stages = [
            stage
            for each in extractors
            if (
                stage := _Stage(
                    each,
                    [want for want in wants if want.extractor == each.name],
                    [want for want in brief if want.extractor == each.name],
                    batch_size,
                    rows_on,
                )
            ).wants
        ]
        self._names: list[str] = []
        self._labels: list[str] = []
        self._sizes: Counter[Size] = Counter()
        self._digests: list[int] = []
        self._looks: Looks | None = None
        self._before: Gathered | None = None
        self._notes: dict[str, Note] = {}
        self._untrue: set[str] = set()

    @property
    def extractors(self) -> list[FeatureExtractor]:
        """Those of which something is wanted."""
        return [stage.extractor for stage in self._stages]

    @property
    def n(self) -> int:
        """Images seen."""
        return len(self._names) + (self._before.n or 0 if self._before else 0)

    def add(self, batch: Batch) -> None:
        """Take in a batch.

        Raises:
            GandiagError: features that are not finite, or images that the network does not take.
        """
        self.take(Piece.of(batch, self.extractors, hashed=HASHES in self.wants))

    def take(self, piece: Piece) -> None:
        """Take in images that are ready.

        Raises:
            GandiagError: as `add`.
        """
        batch = piece.batch
        # First, for what a network refuses is not counted.
        prepared = [
            piece.prepared[each.name] if each.name in piece.prepared else each.prepare(batch.images)
            for each in self.extractors
        ]
        self._names += batch.names
        self._labels += batch.labels or ()
        self._sizes[size_of(batch.images)] += len(batch.images)
        if piece.looks is not None:
            self._looks = piece.looks if self._looks is None else self._looks + piece.looks
        self._digests += piece.digests
        for stage, images in zip(self._stages, prepared, strict=True):
            stage.add(images, self._names)

    def gathered(self) -> Gathered:
        """What all images so far amount to; more may follow.

        Raises:
            GandiagError: the last features are not finite.
        """
        if not self._names and self._before is not None:
            return self._before
        statistics: dict[Want, Statistic] = {}
        for stage in self._stages:
            statistics |= stage.so_far(self._names)
        if HASHES in self.wants:
            statistics[HASHES] = Hashes.of(torch.tensor(self._digests, dtype=torch.int64)[:, None])
        found = Gathered(
            name=self.name,
            n=len(self._names),
            statistics=statistics,
            labels=tuple(self._labels) if len(self._labels) == len(self._names) else None,
            names=tuple(self._names),
            sizes=dict(self._sizes),
            looks=self._looks,
            notes={code: each for code, each in self._notes.items() if code not in self._untrue},
        )
        return found if self._before is None else self._before + found

    def note(self, notes: Mapping[str, Note]) -> None:
        """Take in what a source said of the batches that it gave."""
        self._untrue |= OF_ALL - {*notes}
        for code, each in notes.items():
            self._notes[code] = merged(self._notes.get(code), each)

    def go_on_from(self, before: Gathered) -> None:
        """Count what an earlier or another pass remembers as seen before all of this one."""
        self._before = before if self._before is None else self._before + before


def size_of(images: Tensor) -> Size:
    """(batch, 3, height, width) => (height, width); (batch, d) => (d,)."""
    return tuple(images.shape[2:]) if images.ndim == 4 else tuple(images.shape[1:])


class _Stage:
    """One extractor at work: images of any size in, full batches through the network."""

    def __init__(
        self,
        extractor: FeatureExtractor,
        wants: Sequence[Want],
        brief: Sequence[Want],
        size: int,
        rows_on: torch.device | None,
    ) -> None:
        self.extractor = extractor
        self.wants = [*wants, *brief]
        self.brief = set(brief)
        self.layers = {want.layer for want in self.wants}
        self.size = size
        self.rows_on = rows_on
        self.filling = Filling(size)
        self.bearable = size
        self.rows: dict[str, list[Tensor]] = {layer: [] for layer in self.layers}
        self.pending = 0
        self.done = 0
        self.statistics: dict[Want, Statistic] = {}

    def add(self, prepared: Tensor, names: Sequence[str]) -> None:
        try:
            for whole in self.filling.add(prepared):
                for layer, rows in self._features(whole).items():
                    self.rows[layer].append(rows)
                self.pending += self.size
        except ValueError as error:
            raise GandiagError(
                f"{self.extractor.name} needs images of one size and got several; resize them, "
                "or choose features that resize (inception, lite0)"
            ) from error
        if self.pending >= ROWS:
            self.statistics = self._added(self.rows, names)
            self.done += self.pending
            self.pending = 0
            self.rows = {layer: [] for layer in self.layers}
            self._forget_long()

    def so_far(self, names: Sequence[str]) -> dict[Want, Statistic]:
        """All that was added, with the batch that is not full yet; changes nothing."""
        rows = self.rows
        if self.filling.waiting:
            last = self._features(self.filling.rest())
            rows = {layer: [*rows[layer], last[layer]] for layer in self.layers}
        found = self._added(rows, names) if any(rows.values()) else dict(self.statistics)
        for want in self.brief:
            moments = replace(want, kind=Moments.kind)
            bank = found.get(want)
            if bank is not None and self._is_long(want, bank.n or 0):
                del found[want]
            elif bank is not None:
                found.pop(moments, None)
        return found

    def _forget_long(self) -> None:
        for want in [*self.brief]:
            if self._is_long(want, self.done):
                self.brief.discard(want)
                self.wants.remove(want)
                self.statistics.pop(want, None)

    def _is_long(self, want: Want, n: int) -> bool:
        return n >= self.extractor.layers[want.layer]

    def _run(self, prepared: Tensor) -> Mapping[str, Tensor]:
        """At once, or in parts that the device's memory bears."""
        if len(prepared) <= self.bearable:
            try:
                return self.extractor(prepared, self.layers)
            except torch.cuda.OutOfMemoryError as error:
                if len(prepared) == 1:
                    raise GandiagError(
                        f"{self.extractor.name} does not fit into the memory of "
                        f"{self.extractor.device} with one image; free some, or use --device cpu"
                    ) from error
                self.bearable = len(prepared) // 2
        # Here nothing holds the traceback, and with it what the failed attempt had allocated.
        if prepared.device.type == "cuda":
            torch.cuda.empty_cache()
        parts = [self._run(part) for part in torch.split(prepared, self.bearable)]
        return {layer: torch.cat([part[layer] for part in parts]) for layer in self.layers}

    def _features(self, prepared: Tensor) -> Mapping[str, Tensor]:
        found = self._run(prepared)
        for layer, rows in found.items():
            due = (len(prepared), self.extractor.layers[layer])
            if tuple(rows.shape) != due:
                raise GandiagError(
                    f"{self.extractor.name} gave features of shape {tuple(rows.shape)} for the "
                    f"layer {layer}, and says that they are {due}; mend the extractor"
                )
        # Rows that are a view of the batch would change with the next one.
        held = prepared.untyped_storage().data_ptr()
        return {
            layer: rows.clone() if rows.untyped_storage().data_ptr() == held else rows
            for layer, rows in found.items()
        }

    def _added(
        self, rows: Mapping[str, Sequence[Tensor]], names: Sequence[str]
    ) -> dict[Want, Statistic]:
        return dict(self._sums({layer: torch.cat([*each]) for layer, each in rows.items()}, names))

    def _sums(
        self, rows: Mapping[str, Tensor], names: Sequence[str]
    ) -> Iterator[tuple[Want, Statistic]]:
        for want in self.wants:
            try:
                part = STATISTICS[want.kind].of(rows[want.layer])
            except NonFiniteRow as error:
                raise GandiagError(
                    f"{self.extractor.name} gives features that are not finite for "
                    f"{names[self.done + error.row]}; look at it, or use --precision fp32"
                ) from error
            if self.rows_on is not None and isinstance(part, Bank):
                part = part.to(self.rows_on)
            before = self.statistics.get(want)
            yield want, part if before is None else before + part
