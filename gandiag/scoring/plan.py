"""From what a person typed to what will run: names become extractors and metrics."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from gandiag.errors import GandiagError
from gandiag.extractors import FeatureExtractor, open_extractor
from gandiag.extractors.base import Precision
from gandiag.extractors.small_classifiers import NAMES, SmallClassifier
from gandiag.metrics import METRICS, Metric, ModeCoverage, Role
from gandiag.scoring.protocols import PROTOCOLS, Protocol
from gandiag.scoring.gather import IMAGES, Want
from gandiag.sources.base import Points
from gandiag.statistics import Bank, Hashes

CANONICAL = "inception"
CLASSIFIERS = f"--features {', '.join(NAMES)}, or a classifier's file"


@dataclass(frozen=True)
class Task:
    """A metric on a layer of an extractor."""

    metric: Metric
    extractor: FeatureExtractor
    layer: str

    def printed(self, output: str) -> str:
        """``fid`` where the published name is deserved, else ``fd[EXTRACTOR]``."""
        if self.extractor.canonical:
            return output
        return f"{self.metric.generic.get(output, output)}[{self.extractor.name}]"


@dataclass(frozen=True)
class Plan:
    """All that a run will compute."""

    protocol: Protocol
    tasks: tuple[Task, ...]
    left_out: tuple[str, ...]
    """Sentences about default metrics that this run cannot have."""
    things: str = "images"
    """``points`` or ``images``, to speak of them."""

    @property
    def extractors(self) -> tuple[FeatureExtractor, ...]:
        """Each extractor once."""
        return tuple({task.extractor.name: task.extractor for task in self.tasks}.values())

    def pins(self) -> dict[str, Mapping[str, str]]:
        """Extractor -> what pins its numbers."""
        return {extractor.name: extractor.provenance() for extractor in self.extractors}

    def wants(self, role: Role, count: int | None, *, by_class: bool = False) -> tuple[Want, ...]:
        """The statistics that the metrics take of `role`, and the digests of the images.

        Of fewer images than the layer is wide all features are kept where moments would do: they
        are smaller, and a distance from them is exact and quick.
        """
        # Held-out images stand in for generated ones, so they are remembered as those are.
        roles: tuple[Role, ...] = ("heldout", "generated") if role == "heldout" else (role,)
        wants = {Want("", IMAGES, Hashes.kind)}
        for task in self.tasks:
            few = count is not None and count < task.extractor.layers[task.layer]
            for each in roles:
                if (kinds := task.metric.accepts.get(each)) is not None:
                    kind = Bank if by_class or (few and Bank in kinds) else kinds[0]
                    wants.add(Want(task.extractor.name, task.layer, kind.kind))
        return tuple(sorted(wants))

    def check_counts(self, role: Role, count: int | None, name: str) -> None:
        """Fail before the long work when there are too few images.

        Raises:
            GandiagError: a metric needs more images than `count`.

        """
        if count is None:
            return
        if role == "heldout":
            role = "generated"
        for task in self.tasks:
            if role in task.metric.accepts and count < (least := task.metric.minimum(role)):
                things = self.things.removesuffix("s") if count == 1 else self.things
                raise GandiagError(
                    f"{name} holds {count} {things} and {task.metric!r} needs at least {least}; "
                    f"add {self.things}, or name other metrics with --metrics"
                )


def make_plan(
    *,
    protocol: str,
    features: str | FeatureExtractor | None,
    metrics: Sequence[str] | None,
    with_real: bool,
    device: torch.device,
    precision: Precision,
    allow_unverified: bool,
    points: Points | None = None,
) -> Plan:
    """Resolve names; open each extractor once.

    Where the sources hold points, the features are their coordinates.

    Raises:
        GandiagError: an unknown name, a metric that the protocol does not have, weights that are
            not there, a network for images where there are points.

    """
    row = _named(PROTOCOLS, protocol, "protocol")
    if points is not None:
        features = _features_of(points, features)
    chosen = list(_chosen(row, metrics))
    named = metrics is not None and "all" not in metrics
    left_out: list[str] = []
    opened: dict[str, FeatureExtractor] = {}
    tasks: list[Task] = []
    for name, metric in chosen:
        if "real" in metric.accepts and not with_real:
            if named:
                raise GandiagError(f"{name} compares with real images; give them with --real")
            left_out.append(f"{name} was left out: it compares with real images (--real)")
            continue
        if isinstance(metric, ModeCoverage) and features is None and named:
            raise GandiagError(
                f"{name} counts the classes that a classifier sees; choose {CLASSIFIERS}"
            )
        spec = features if features is not None else row.extractors.get(name, row.features)
        key = spec if isinstance(spec, str) else spec.name
        if key not in opened:
            opened[key] = open_extractor(
                spec,
                device=device,
                precision=precision,
                preprocessing=row.preprocessing if spec == CANONICAL else None,
                allow_unverified=allow_unverified,
            )
        extractor = opened[key]
        if isinstance(metric, ModeCoverage):
            metric = of_modes(metric, extractor, points)
        layer = metric.layer or (
            extractor.features if metric.reads == "features" else extractor.logits
        )
        if layer is None and points is not None and isinstance(metric, ModeCoverage):
            sentence = f"{name} needs real points with labels, or dataset:ring8 or dataset:grid25"
            if named:
                raise GandiagError(f"{sentence}; give them with --real")
            left_out.append(f"{name} was left out: {sentence.removeprefix(f'{name} ')}")
            continue
        if layer is None:
            sentence = f"{name} needs class logits, which {extractor.name} does not have"
            if named:
                modes = isinstance(metric, ModeCoverage)
                ways = CLASSIFIERS if modes else "--features inception or lite0"
                raise GandiagError(f"{sentence}; choose {ways}")
            left_out.append(f"{name} was left out: {sentence.removeprefix(f'{name} ')}")
            continue
        if layer not in extractor.layers:
            raise GandiagError(
                f"{extractor.name} has no layer {layer!r}, which {metric!r} names; "
                f"it has {', '.join(extractor.layers)}"
            )
        tasks.append(Task(metric, extractor, layer))
    if not tasks:
        raise GandiagError("nothing is left to compute; " + "; ".join(left_out))
    things = "images" if points is None else "points"
    return Plan(row, tuple(tasks), tuple(left_out), things)


def of_modes(
    metric: ModeCoverage, extractor: FeatureExtractor, points: Points | None
) -> ModeCoverage:
    """What only the features and the real points tell: what the modes are, and their names."""
    if points is not None:
        modes = points.mixture or ("labels" if points.labelled else "")
        return replace(metric, points=modes, layer=extractor.features) if modes else metric
    if isinstance(extractor, SmallClassifier):
        return replace(metric, classes=extractor.names, uniform=extractor.channels > 1)
    return metric


def _features_of(points: Points, features: str | FeatureExtractor | None) -> str | FeatureExtractor:
    """The extractor for points: their coordinates, or one of the user's own."""
    identity = f"identity:{points.width}"
    if features is None or features == "identity":
        return identity
    if isinstance(features, str) and features != identity:
        raise GandiagError(
            f"{features} reads images, and these are {points.width}-d points; "
            "leave the features out, or choose identity"
        )
    return features


def _chosen(row: Protocol, metrics: Sequence[str] | None) -> Iterator[tuple[str, Metric]]:
    if metrics is None:
        names: Iterable[str] = row.default or row.metrics
    elif "all" in metrics:
        names = row.metrics
    else:
        names = dict.fromkeys(metrics)
    for name in names:
        if name not in METRICS:
            _named(METRICS, name, "metric")
        if name not in row.metrics:
            raise GandiagError(
                f"{row.name} does not compute {name}, only {', '.join(row.metrics)}; "
                "use --protocol gandiag for it"
            )
        yield name, row.metrics[name]


T = TypeVar("T")


def _named(table: Mapping[str, T], name: str, what: str) -> T:
    if name in table:
        return table[name]
    close = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {close[0]}" if close else f"choose from {', '.join(table)}"
    raise GandiagError(f"there is no {what} {name!r}; {hint}")
