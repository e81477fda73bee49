"""`score`: sources in, a report out."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

from gandiag.scoring import caveats
from gandiag.scoring.cache import StatisticsCache, description
from gandiag.errors import GandiagError
from gandiag.extractors import FeatureExtractor
from gandiag.extractors.base import Precision
from gandiag.scoring.opening import (
    Progress,
    collect,
    known_count,
    open_input,
    pick_device,
    points_among,
    silent,
)
from gandiag.metrics import ModeCoverage, Role
from gandiag.scoring.plan import Plan, Task, make_plan
from gandiag.reporting.report import Report, Row, Warn
from gandiag.scoring.gather import IMAGES, Gathered, Want
from gandiag.sources import GeneratedImages, Generator, ImageSource, StatisticsFile
from gandiag.sources.base import points_of
from gandiag.statistics import (
    Hashes,
    Moments,
    SavedStatistics,
    Statistic,
    save_statistics,
)

HASHES = Want("", IMAGES, Hashes.kind)


def score(
    generated: Any,
    real: Any = None,
    *,
    features: str | FeatureExtractor | None = None,
    metrics: Sequence[str] | None = None,
    protocol: str = "gandiag",
    heldout: Any = None,
    per_class: bool = False,
    max_images: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    precision: Precision = "fp32",
    batch_size: int = 32,
    on_bad_image: Literal["fail", "skip"] = "fail",
    cache: bool = True,
    allow_unverified: bool = False,
    generator: Generator | None = None,
    progress: Progress = silent,
) -> Report:
    """Score generated images against real ones.

    Args:
        generated: A folder, .zip, .tar, .npz, .npy, saved statistics, ``dataset:NAME``, a
            checkpoint or a run (its newest checkpoint makes as many images as `real` holds), a
            uint8 tensor or array of images, a torch Dataset, or an iterable of batches; or points:
            floats (N, d) in an .npz, .npy, tensor or array, ``dataset:ring8``.
        real: The same, or None for metrics that look at the generated images alone.
        features: ``inception``, ``lite0``, ``dinov2``, ``pixels``, ``timm:NAME``, a classifier's
            file, or an extractor; None for the protocol's own, or of points their coordinates.
        metrics: Names from `gandiag.metrics.METRICS`, or ``("all",)``; None for the protocol's own.
        protocol: A name from `gandiag.protocols.PROTOCOLS`.
        heldout: Real images that are not in `real`. Each score is also computed with them in the
            place of the generated ones: what a perfect generator would get.
        per_class: Also score each class alone; both sources need labels.
        max_images: Use so many images of each source, drawn by `seed` without replacement; a
            checkpoint makes so many.
        seed: Of the draw of `max_images`, and of the samples of a checkpoint.
        device: Where the network runs; None for CUDA or MPS where there is one, else the CPU.
        precision: ``fp32``, ``tf32`` or ``bf16``; published numbers are ``fp32``.
        batch_size: Images through the network at once.
        on_bad_image: ``fail``, or ``skip`` images that cannot be read and report them.
        cache: Keep the statistics of real images on disk, keyed by content.
        allow_unverified: Accept weights whose digest is not the published one; scores then say so.
        generator: What makes samples from `generated`, then a file of weights; see
            `gandiag.sources.Generator`.
        progress: How to tell of long work.

    Returns:
        The scores with intervals, warnings and provenance.

    Raises:
        GandiagError: bad usage or bad input, in one sentence.

    """
    scorer = Scorer(
        real,
        heldout=heldout,
        features=features,
        metrics=metrics,
        protocol=protocol,
        per_class=per_class,
        max_images=max_images,
        seed=seed,
        device=device,
        precision=precision,
        batch_size=batch_size,
        on_bad_image=on_bad_image,
        cache=cache,
        allow_unverified=allow_unverified,
        generator=generator,
        progress=progress,
    )
    return scorer(generated)


class Scorer:
    """`score` for many sets of generated images: real ones and networks are read once.

        scorer = gandiag.Scorer(real="data/", features="lite0", metrics=("fid",))
        for step, samples in checkpoints:
            print(step, scorer(samples)["fid"].value)

    Arguments as in `score`.
    """

    def __init__(
        self,
        real: Any = None,
        *,
        features: str | FeatureExtractor | None = None,
        metrics: Sequence[str] | None = None,
        protocol: str = "gandiag",
        heldout: Any = None,
        per_class: bool = False,
        max_images: int | None = None,
        seed: int = 0,
        device: str | torch.device | None = None,
        precision: Precision = "fp32",
        batch_size: int = 32,
        on_bad_image: Literal["fail", "skip"] = "fail",
        cache: bool = True,
        allow_unverified: bool = False,
        generator: Generator | None = None,
        progress: Progress = silent,
    ) -> None:
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("max_images", max_images, 1),
            ("seed", seed, 0),
        ):
            if value is not None and value < least:
                raise GandiagError(f"{name} must be at least {least}, not {value}")
        self.features, self.metrics, self.protocol = features, metrics, protocol
        self.per_class, self.max_images, self.seed = per_class, max_images, seed
        self.device, self.precision, self.batch_size = device, precision, batch_size
        self.on_bad_image, self.cache, self.progress = on_bad_image, cache, progress
        self.allow_unverified, self.generator = allow_unverified, generator
        given: dict[Role, Any] = {"real": real, "heldout": heldout}
        self.references = {
            role: self._open(thing, None) for role, thing in given.items() if thing is not None
        }
        self.plan: Plan | None = None
        self.warnings: list[Warn] = []
        self.gathered: dict[str, Gathered] = {}

    def __call__(self, generated: Any) -> Report:
        """Score one set.

        Raises:
            GandiagError: bad usage or bad input, in one sentence.
        """
        source = self._open(generated, self.generator)
        if isinstance(source, GeneratedImages) and self.max_images is None:
            real = self.references.get("real")
            count = known_count(real) if real else None
            source = source.limit(min(source.count(), count or source.count()), 0)
        if self.plan is None:
            self.plan = self._plan(source)
        for role, each in {**self.references, "generated": source}.items():
            self.plan.check_counts(role, known_count(each), each.name)
        for role, each in self.references.items():
            if role not in self.gathered:
                self.gathered[role] = self._gather(role, each, self.plan, self.warnings)
        warnings = [Warn("left-out", sentence) for sentence in self.plan.left_out]
        warnings += self.warnings
        found = self._gather("generated", source, self.plan, warnings)
        return self._report(self.plan, {**self.gathered, "generated": found}, warnings)

    def _open(self, thing: Any, generator: Generator | None) -> ImageSource | StatisticsFile:
        return open_input(
            thing,
            self.max_images,
            self.seed,
            self.on_bad_image,
            device=pick_device(self.device),
            generator=generator,
        )

    def _plan(self, generated: ImageSource | StatisticsFile) -> Plan:
        plan = make_plan(
            protocol=self.protocol,
            features=self.features,
            metrics=self.metrics,
            with_real="real" in self.references,
            device=pick_device(self.device),
            precision=self.precision,
            allow_unverified=self.allow_unverified,
            points=points_among({**self.references, "generated": generated}),
        )
        if "heldout" in self.references and "real" not in self.references:
            raise GandiagError("--heldout is compared with the real images; give them with --real")
        return plan

    def _gather(
        self, role: Role, source: ImageSource | StatisticsFile, plan: Plan, warnings: list[Warn]
    ) -> Gathered:
        gathered = collect(
            source,
            plan,
            plan.wants(role, known_count(source), by_class=self.per_class),
            batch_size=self.batch_size,
            store=StatisticsCache.default() if self.cache and role != "generated" else None,
            warnings=warnings,
            progress=self.progress,
            role=role,
        )
        plan.check_counts(role, gathered.n, gathered.name)
        return gathered

    def _report(self, plan: Plan, gathered: Mapping[str, Gathered], warnings: list[Warn]) -> Report:
        with self.progress("computing the scores", None):
            rows = tuple(rows_of(plan, gathered))
            classes = dict(class_rows(plan, gathered)) if self.per_class else {}
        warnings += cautions(plan, gathered, self.precision)
        provenance = {
            "gandiag": version("gandiag"),
            "protocol": self.protocol,
            "extractors": {name: dict(pins) for name, pins in plan.pins().items()},
            "sources": {
                role: {
                    "name": each.name,
                    "n": each.n,
                    "sizes": dict(each.sizes),
                    "skipped": list(each.notes["skipped"].names) if "skipped" in each.notes else [],
                }
                for role, each in sorted(gathered.items())  # generated first, then real
            },
            "max_images": self.max_images,
            "seed": self.seed,
            "device": str(plan.tasks[0].extractor.device),
            "precision": self.precision,
            "on_bad_image": self.on_bad_image,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "torchvision", "numpy", "pillow")},
            },
        }
        return Report(rows, tuple(warnings), provenance, classes)


def write_statistics(
    source: Any,
    output: Path,
    *,
    features: str | FeatureExtractor | None = None,
    metrics: Sequence[str] | None = None,
    protocol: str = "gandiag",
    max_images: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    precision: Precision = "fp32",
    batch_size: int = 32,
    on_bad_image: Literal["fail", "skip"] = "fail",
    allow_unverified: bool = False,
    progress: Progress = silent,
) -> Gathered:
    """Save what `metrics` remember of a source, to be given later in its place.

    The file also carries plain ``mu`` and ``sigma`` when it holds moments, so that other tools can
    read it. Arguments as in `score`.

    Raises:
        GandiagError: bad usage or bad input, in one sentence.

    """
    opened = open_input(source, max_images, seed, on_bad_image, device=pick_device(device))
    if isinstance(opened, StatisticsFile):
        raise GandiagError(f"{opened.name} holds statistics already; give images")
    plan = make_plan(
        protocol=protocol,
        features=features,
        metrics=metrics,
        with_real=True,
        device=pick_device(device),
        precision=precision,
        allow_unverified=allow_unverified,
        points=points_of(opened),
    )
    count = known_count(opened)
    wants = {*plan.wants("real", count), *plan.wants("generated", count)}
    gathered = collect(
        opened,
        plan,
        tuple(sorted(wants)),
        batch_size=batch_size,
        store=None,
        warnings=[],
        progress=progress,
        role="images",
    )
    keyed = {
        f"{want.extractor}/{want.layer}/{want.kind}": statistic
        for want, statistic in gathered.statistics.items()
    }
    meta = description(gathered) | {"pins": {k: dict(v) for k, v in plan.pins().items()}}
    save_statistics(output, SavedStatistics(keyed, meta))
    return gathered


def inputs_of(
    task: Task, gathered: Mapping[str, Gathered], standing: str = "generated"
) -> dict[str, Statistic]:
    """What a metric eats, by role; `standing` plays the generated images."""
    found: dict[str, Statistic] = {}
    for role, kinds in task.metric.accepts.items():
        source = gathered.get(standing if role == "generated" else role)
        if source is None:
            raise GandiagError(f"{task.metric.name} needs {role} images; give them with --{role}")
        statistic = source.serve(task.extractor.name, task.layer, kinds)
        if statistic is None:
            raise GandiagError(
                f"{source.name} holds no {kinds[0].kind} of {task.extractor.name}/{task.layer}, "
                f"which {task.metric.name} needs; make it again with "
                f"`gandiag stats --metrics {task.metric.name}`, or give the images"
            )
        found[role] = statistic.to(task.extractor.device)
    return found


def rows_of(plan: Plan, gathered: Mapping[str, Gathered]) -> Iterator[Row]:
    """Each metric's numbers."""
    for task in plan.tasks:
        metric = task.metric
        scores = metric(**inputs_of(task, gathered))
        floor = metric(**inputs_of(task, gathered, "heldout")) if "heldout" in gathered else {}
        real = gathered.get("real") if "real" in metric.accepts else None
        for output, better in metric.outputs.items():
            if (each := scores.get(output)) is None:
                continue
            yield Row(
                name=task.printed(output),
                output=output,
                value=each.value,
                low=each.low,
                high=each.high,
                confidence=each.confidence,
                interval_method=each.method,
                better=better,
                n_generated=gathered["generated"].n,
                n_real=None if real is None else real.n,
                layer=f"{task.extractor.name}/{task.layer}",
                parameters=repr(metric),
                extra=each.extra,
                heldout=floor[output].value if output in floor else None,
            )


def class_rows(
    plan: Plan, gathered: Mapping[str, Gathered]
) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The same for each class that all sources share.

    Raises:
        GandiagError: a source has no labels, no label is shared, or a class has too few images.

    """
    used = {role: each for role, each in gathered.items() if role != "heldout"}
    for each in used.values():
        if each.labels is None:
            raise GandiagError(
                f"{each.name} has no labels; put each class in a sub-folder of its name, "
                "or add `labels` to the npz"
            )
    labels = set.intersection(*(set(each.labels or ()) for each in used.values()))
    if not labels:
        names = " and ".join(each.name for each in used.values())
        raise GandiagError(f"{names} share no class; name their classes alike")
    for label in sorted(labels):
        part = {role: each.of_class(label) for role, each in used.items()}
        for role, each in part.items():
            plan.check_counts(_role(role), each.n, f"class {label} of {each.name}")
        yield label, tuple(rows_of(plan, part))


def _role(name: str) -> Role:
    return "real" if name == "real" else "generated"


def cautions(plan: Plan, gathered: Mapping[str, Gathered], precision: Precision) -> Iterator[Warn]:
    """All that could mislead a reader, most important first."""
    generated, real = gathered["generated"], gathered.get("real")
    for extractor in plan.extractors:
        if extractor.provenance().get("verified") == "no":
            yield Warn(
                "unverified",
                f"the weights of {extractor.name} are not the published ones: "
                "the numbers compare with none from elsewhere",
            )
    for task in plan.tasks:
        if isinstance(task.metric, ModeCoverage):
            classes = task.metric.names(None if real is None else real.labels)
            judge = real.name if real and task.metric.points else task.extractor.name
            yield from caveats.unknown_classes(generated, classes, judge)
    if precision != "fp32":
        yield Warn("precision", f"features are {precision}; published numbers are fp32")
    if real is not None:
        yield from caveats.overlapping(real, generated, _overlap(real, generated))
        yield from caveats.compression(real, generated)
        yield from caveats.sizes(real, generated)
        names = ", ".join(
            dict.fromkeys(t.metric.name for t in plan.tasks if "real" in t.metric.accepts)
        )
        yield from caveats.unequal(real, generated, names)
    for each in gathered.values():
        for task in plan.tasks:
            if Moments in task.metric.accepts.get("generated", ()):
                width = task.extractor.layers[task.layer]
                name = task.printed(next(iter(task.metric.outputs)))
                yield from caveats.small_sample(each, width, name)
        hashes = each.statistics.get(HASHES)
        if isinstance(hashes, Hashes):
            yield from caveats.duplicated(each, hashes.duplicates())
        yield from caveats.treated(each)
        for extractor in plan.extractors:
            size = extractor.provenance().get("input")
            if size is not None:
                yield from caveats.enlarged(each, int(size.split()[0]))


def _overlap(real: Gathered, generated: Gathered) -> int:
    a, b = generated.statistics.get(HASHES), real.statistics.get(HASHES)
    return a.overlap(b) if isinstance(a, Hashes) and isinstance(b, Hashes) else 0
