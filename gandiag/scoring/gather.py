"""One pass over each source, whatever the metrics ask."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.extractors.base import FeatureExtractor
from gandiag.sources.base import ImageSource, Note
from gandiag.statistics import STATISTICS, Bank, Hashes, Moments, NonFiniteRow, Statistic

ROWS = 1024
"""Rows collected before each `+` of a statistic: fewer cost more than the sums they add."""

IMAGES = "images"
"""The "layer" of statistics that are taken of the pixels themselves."""


POINTS = "-d points"
"""How the size of a point ends, where that of an image is ``HEIGHTxWIDTH``."""


@dataclass(frozen=True, order=True)
class Want:
    """A statistic of one layer of one extractor."""

    extractor: str
    layer: str
    kind: str


@dataclass(frozen=True)
class Gathered:
    """What a pass over a source remembers."""

    name: str
    n: int | None
    """Images seen; None for published statistics that do not say."""
    statistics: Mapping[Want, Statistic]
    labels: tuple[str, ...] | None = None
    """Class of each row, where the source has them."""
    notes: Mapping[str, Note] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    """``HEIGHTxWIDTH`` -> how many images; ``2-d points`` -> how many points."""

    @property
    def things(self) -> str:
        """``points`` or ``images``, to speak of them."""
        return "points" if any(size.endswith(POINTS) for size in self.sizes) else "images"

    def serve(
        self, extractor: str, layer: str, accepted: Sequence[type[Statistic]]
    ) -> Statistic | None:
        """The first of the accepted kinds that is here, or can be had from the bank of features."""
        for kind in accepted:
            if (found := self.statistics.get(Want(extractor, layer, kind.kind))) is not None:
                return found.labelled(self.labels) if isinstance(found, Bank) else found
        bank = self.statistics.get(Want(extractor, layer, Bank.kind))
        return bank.moments() if Moments in accepted and isinstance(bank, Bank) else None

    def of_class(self, label: str) -> "Gathered":
        """The part with one label, from the banks of features."""
        assert self.labels is not None
        rows = torch.tensor([i for i, each in enumerate(self.labels) if each == label])
        banks = {
            want: Bank.of(bank.rows[rows])
            for want, bank in self.statistics.items()
            if isinstance(bank, Bank)
        }
        labels = (label,) * len(rows)
        return replace(self, n=len(rows), statistics=banks, labels=labels, notes={}, sizes={})


def gather(
    source: ImageSource,
    extractors: Iterable[FeatureExtractor],
    wants: Collection[Want],
    *,
    batch_size: int,
    tell: Callable[[int], None],
) -> Gathered:
    """Read `source` once and remember what is wanted; `tell` hears of each batch's length.

    Raises:
        GandiagError: no image, an image that cannot be read, or one whose features are not finite.

    """
    stages = [
        _Stage(each, [want for want in wants if want.extractor == each.name], batch_size)
        for each in extractors
    ]
    stages = [stage for stage in stages if stage.wants]
    names: list[str] = []
    labels: list[str] = []
    sizes: Counter[str] = Counter()
    digests: list[int] = []
    for batch in source.batches(batch_size):
        count = len(batch.images)
        names += batch.names
        labels += batch.labels or ()
        sizes[size_of(batch.images)] += count
        digests += [digest(image) for image in batch.images]
        for stage in stages:
            stage.add(batch.images, names)
        tell(count)
    if not names:
        raise GandiagError(f"{source.name} gave no image; give a source that holds some")
    statistics: dict[Want, Statistic] = {}
    for stage in stages:
        statistics |= stage.finish(names)
    for want in wants:
        if want.layer == IMAGES:
            statistics[want] = Hashes.of(torch.tensor(digests)[:, None])
    return Gathered(
        name=source.name,
        n=len(names),
        statistics=statistics,
        labels=tuple(labels) if len(labels) == len(names) else None,
        notes=dict(source.notes()),
        sizes=dict(sizes),
    )


def size_of(images: Tensor) -> str:
    """(batch, 3, height, width) => ``HEIGHTxWIDTH``; (batch, d) => ``d-d points``."""
    if images.ndim == 2:
        return f"{images.shape[1]}{POINTS}"
    return f"{images.shape[2]}x{images.shape[3]}"


def digest(image: Tensor) -> int:
    """An image or a point => 64 bits that two share when they are the same, signed."""
    # The shape goes in too: images of 2 x 3 and 3 x 2 pixels may hold the same bytes.
    content = hashlib.blake2b(repr(tuple(image.shape)).encode(), digest_size=8)
    content.update(image.numpy().tobytes())
    return int.from_bytes(content.digest(), "little", signed=True)


class _Stage:
    """One extractor at work: images of any size in, full batches through the network."""

    def __init__(self, extractor: FeatureExtractor, wants: Sequence[Want], size: int) -> None:
        self.extractor = extractor
        self.wants = wants
        self.layers = {want.layer for want in wants}
        self.size = size
        self.prepared: list[Tensor] = []
        self.waiting = 0
        self.rows: dict[str, list[Tensor]] = {layer: [] for layer in self.layers}
        self.pending = 0
        self.done = 0
        self.statistics: dict[Want, Statistic] = {}

    def add(self, images: Tensor, names: Sequence[str]) -> None:
        self.prepared.append(self.extractor.prepare(images))
        self.waiting += len(images)
        while self.waiting >= self.size:
            self._extract(self.size)
        if self.pending >= ROWS:
            self._remember(names)

    def finish(self, names: Sequence[str]) -> dict[Want, Statistic]:
        if self.waiting:
            self._extract(self.waiting)
        if self.pending:
            self._remember(names)
        cpu = torch.device("cpu")
        return {want: statistic.to(cpu) for want, statistic in self.statistics.items()}

    def _extract(self, size: int) -> None:
        if len({each.shape[1:] for each in self.prepared}) > 1:
            raise GandiagError(
                f"{self.extractor.name} needs images of one size and got several; resize them, "
                "or choose features that resize (inception, lite0)"
            )
        whole = self.prepared[0] if len(self.prepared) == 1 else torch.cat(self.prepared)
        for layer, rows in self.extractor(whole[:size], self.layers).items():
            self.rows[layer].append(rows)
        self.prepared = [whole[size:]] if len(whole) > size else []
        self.waiting -= size
        self.pending += size

    def _remember(self, names: Sequence[str]) -> None:
        for want in self.wants:
            kind = STATISTICS[want.kind]
            try:
                part = kind.of(torch.cat(self.rows[want.layer]))
            except NonFiniteRow as error:
                raise GandiagError(
                    f"{self.extractor.name} gives features that are not finite for "
                    f"{names[self.done + error.row]}; look at that image, or use --precision fp32"
                ) from error
            before = self.statistics.get(want)
            self.statistics[want] = part if before is None else before + part
        self.done += self.pending
        self.pending = 0
        self.rows = {layer: [] for layer in self.layers}
