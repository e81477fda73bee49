"""From what a person asked for to what will run: extractors opened, metrics bound to layers."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from gandiag.errors import GandiagError, unknown
from gandiag.extractors import FeatureExtractor, open_extractor
from gandiag.metrics.base import Known, Metric, Role, Unfit
from gandiag.scoring.asking import Ask, asked
from gandiag.scoring.options import Options
from gandiag.scoring.protocols import PROTOCOLS, Protocol
from gandiag.sources.base import Points
from gandiag.statistics import Bank, Hashes

IMAGES = "images"
"""The "layer" of statistics that are taken of the pixels themselves."""


@dataclass(frozen=True, order=True)
class Want:
    """A statistic of one layer of one extractor."""

    extractor: str
    layer: str
    kind: str


HASHES = Want("", IMAGES, Hashes.kind)
"""The digests of the images themselves."""


@dataclass(frozen=True)
class Task:
    """A metric on a layer of an extractor."""

    key: str
    """As it was asked for: ``fid``, ``sfid``."""
    metric: Metric
    extractor: FeatureExtractor
    layer: str
    named: bool = True
    """Whether a person asked for it by name."""
    mark: str = ""
    """The parameters that tell it from another task with the same outputs: ``(k=3)``."""

    def asked(self, output: str) -> str:
        """``fid``, ``precision``; ``sfid`` where a protocol calls its only number that."""
        renamed = self.key != self.metric.name and len(self.metric.outputs) == 1
        return self.key if renamed else output

    def printed(self, output: str) -> str:
        """``fid`` where the published name is deserved, else ``fd[EXTRACTOR]``.

        Another layer than the extractor's own stands in the name, too: ``sfid[LAYER]``.
        """
        own = self.extractor.features if self.metric.reads == "features" else self.extractor.logits
        tags = [] if self.extractor.canonical else [self.extractor.name]
        tags += [] if self.layer == own or self.layer == self.extractor.features else [self.layer]
        name = self.asked(output)
        if not self.extractor.canonical:
            name = self.metric.generic.get(output, name)
        return name + (f"[{'/'.join(tags)}]" if tags else "") + self.mark

    def names(self) -> list[str]:
        """As its numbers may be printed."""
        return [self.printed(output) for output in self.metric.outputs]

    def plays(self, role: Role) -> Role:
        """As what the metric takes a set.

        Held-out images stand in for generated ones, to show what a perfect generator would get,
        unless the metric asks for them.
        """
        stand_in = role == "heldout" and "heldout" not in self.metric.accepts
        return "generated" if stand_in else role

    def wanted(self, role: Role, *, rows: bool = False) -> Want | None:
        """What it takes of `role`; with `rows`, all of them if it can work from that."""
        kinds = self.metric.accepts.get(self.plays(role))
        if kinds is None:
            return None
        kind = Bank if rows and Bank in kinds else kinds[0]
        return Want(self.extractor.name, self.layer, kind.kind)


@dataclass(frozen=True)
class Plan:
    """All that a run will compute."""

    protocol: Protocol
    tasks: tuple[Task, ...]
    left_out: tuple[str, ...]
    """Sentences about default metrics that this run cannot have."""
    points: Points | None = None
    """What is known of the points; None where there are images."""

    @property
    def things(self) -> str:
        """``images``, ``points`` or ``features``, to speak of them."""
        return "images" if self.points is None else self.points.kind

    @property
    def extractors(self) -> tuple[FeatureExtractor, ...]:
        """Each extractor once."""
        return tuple({task.extractor.name: task.extractor for task in self.tasks}.values())

    @property
    def device(self) -> torch.device:
        """Where the networks run."""
        return self.tasks[0].extractor.device

    def pins(self) -> dict[str, Mapping[str, str]]:
        """Extractor -> what pins its numbers."""
        return {extractor.name: extractor.provenance() for extractor in self.extractors}

    def outputs(self) -> dict[str, str]:
        """What may be printed -> as what it was asked for."""
        return {
            task.printed(output): task.asked(output)
            for task in self.tasks
            for output in task.metric.outputs
        }

    def wants(self, role: Role, count: int | None, *, by_class: bool = False) -> tuple[Want, ...]:
        """The statistics that the metrics take of `role`, and the digests of the images.

        Of fewer images than the layer is wide all features are kept where moments would do: they
        are smaller, and a distance from them is exact and quick.
        """
        wants = {HASHES}
        for task in self.tasks:
            few = count is not None and count < task.extractor.layers[task.layer]
            if (want := task.wanted(role, rows=by_class or few)) is not None:
                wants.add(want)
        return tuple(sorted(wants))

    def brief(self, role: Role) -> tuple[Want, ...]:
        """The rows to keep, while they are few, of a set whose size is not known beforehand."""
        found = {task.wanted(role, rows=True) for task in self.tasks}
        return tuple(sorted({each for each in found if each} - {*self.wants(role, None)}))

    def check_counts(self, role: Role, count: int | None, name: str) -> None:
        """Fail before the long work when there are too few images.

        Raises:
            GandiagError: a metric needs more images than `count`.

        """
        if count is None:
            return
        for task in self.tasks:
            part = task.plays(role)
            if part in task.metric.accepts and count < (least := task.metric.minimum(part)):
                things = self.things.removesuffix("s") if count == 1 else self.things
                raise GandiagError(
                    f"{name} holds {count} {things} and {shown(task)} needs at least {least}; "
                    f"add {self.things}, or name other metrics with --metrics"
                )

    def without(self, task: Task, why: str, way: str) -> "Plan":
        """The plan less a task that cannot be had; refused where it was asked for by name.

        Raises:
            GandiagError: it was, or nothing is left.
        """
        if task.named:
            raise GandiagError(f"{task.key} {why}; {way}")
        left_out = (*self.left_out, f"{task.key} was left out: it {why} ({way})")
        tasks = tuple(each for each in self.tasks if each != task)
        if not tasks:
            raise GandiagError("nothing is left to compute; " + "; ".join(left_out))
        return replace(self, tasks=tasks, left_out=left_out)


def make_plan(
    options: Options,
    *,
    with_real: bool,
    device: torch.device,
    points: Points | None = None,
    with_heldout: bool = True,
) -> Plan:
    """Resolve names; open each extractor once.

    Where the sources hold points or features, these are their own features.

    Raises:
        GandiagError: an unknown name, a metric that the protocol does not have, weights that are
            not there, a network for images where there are points.

    """
    protocol = protocol_of(options)
    features = options.features if points is None else _features_of(points, options.features)
    opened: dict[str, FeatureExtractor] = {}
    left_out: list[str] = []
    tasks: list[Task] = []
    for ask in asked(options.metrics, protocol):
        if "real" in ask.metric.accepts and not with_real:
            _leave(ask, "compares with real images", "give them with --real", left_out)
            continue
        if "heldout" in ask.metric.accepts and not with_heldout:
            _leave(ask, "needs held-out real images", "give them with --heldout", left_out)
            continue
        if ask.metric.choose is not None and features is None:
            _leave(ask, *ask.metric.choose, left_out)
            continue
        spec = features or protocol.extractors.get(ask.key, protocol.features)
        key = spec if isinstance(spec, str) else getattr(spec, "name", repr(spec))
        if key not in opened:
            opened[key] = open_extractor(
                spec,
                device=device,
                precision=options.precision,
                preprocessing=protocol.preprocessing.get(key),
                allow_unverified=options.allow_unverified,
            )
        known = known_of(opened[key], points)
        try:
            metric = ask.metric.on(known)
        except Unfit as unfit:
            _leave(ask, unfit.why, unfit.way, left_out)
            continue
        tasks.append(Task(ask.key, metric, opened[key], layer_of(metric, known), ask.named))
    if not tasks:
        raise GandiagError("nothing is left to compute; " + "; ".join(left_out))
    return Plan(protocol, _told_apart(tasks), tuple(left_out), points)


def protocol_of(options: Options) -> Protocol:
    """The protocol that is named, or given.

    Raises:
        GandiagError: there is none of that name.
    """
    protocol = options.protocol
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    return PROTOCOLS[protocol]


def layer_of(metric: Metric, known: Known) -> str:
    """The layer that a metric reads.

    Raises:
        GandiagError: the extractor has no such layer.
    """
    layer = metric.layer or (known.features if metric.reads == "features" else known.logits)
    if layer is None or layer not in known.layers:
        raise GandiagError(
            f"{known.extractor} has no layer {layer!r}, which {metric.name} names; "
            f"it has {', '.join(known.layers)}"
        )
    return layer


def known_of(extractor: FeatureExtractor, points: Points | None) -> Known:
    """What metrics are told of the features before any is computed."""
    mixture = points.mixture if points is not None else None
    return Known(
        extractor=extractor.name,
        layers=extractor.layers,
        features=extractor.features,
        logits=extractor.logits,
        classes=tuple(getattr(extractor, "classes", ())),
        balanced=getattr(extractor, "balanced", False),
        points=points is not None,
        means=tuple(map(tuple, mixture.means.tolist())) if mixture is not None else (),
        sd=mixture.sd if mixture is not None else 0.0,
        labelled=points is not None and points.labelled,
    )


def shown(task: Task) -> str:
    """A task in few words: its name, and the parameters that are not the metric's defaults."""
    changed = ", ".join(f"{name}={value}" for name, value in _changed(task.metric).items())
    return f"{task.key}({changed})" if changed else task.key


def _changed(metric: Metric) -> dict[str, Any]:
    """Field -> value, where it is a short one and not the default."""
    return {
        each.name: getattr(metric, each.name)
        for each in dataclasses.fields(metric)
        if isinstance(value := getattr(metric, each.name), str | int | float | bool)
        and value != each.default
    }


def _told_apart(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Tasks that would print the same names get the parameters in which they differ."""
    found: list[Task] = []
    for task in tasks:
        same = [each for each in tasks if {*each.names()} & {*task.names()}]
        if len(same) > 1:
            fields = [each.name for each in dataclasses.fields(task.metric)]
            differ = [
                f"{name}={getattr(task.metric, name)}"
                for name in fields
                if len({repr(getattr(each.metric, name, None)) for each in same}) > 1
            ]
            task = replace(task, mark=f"({', '.join(differ)})")
        found.append(task)
    return tuple(found)


def _leave(ask: Ask, why: str, way: str, left_out: list[str]) -> None:
    if ask.named:
        raise GandiagError(f"{ask.key} {why}; {way}")
    left_out.append(f"{ask.key} was left out: it {why} ({way})")


def _features_of(points: Points, features: str | FeatureExtractor | None) -> str | FeatureExtractor:
    """The extractor for points: their coordinates, or one of the user's own."""
    name = "identity" if points.kind == "points" else "features"
    if features in (None, "identity", name):
        return f"{name}:{points.width}"
    if isinstance(features, str) and features != f"{name}:{points.width}":
        raise GandiagError(
            f"{features} reads images, and these are {points.width}-d {points.kind}; "
            "leave the features out, or choose identity"
        )
    assert features is not None
    return features
