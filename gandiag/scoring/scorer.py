"""`score`: sources in, a report out."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from gandiag.errors import GandiagError, Warn
from gandiag.metrics import Role, Score
from gandiag.reporting.report import Report, Row
from gandiag.scoring import caveats
from gandiag.scoring.cache import StatisticsCache
from gandiag.scoring.gather import Pass, collect
from gandiag.scoring.gathered import Gathered, described, description, name_of
from gandiag.scoring.needs import check_classes, fitted, named_outputs
from gandiag.scoring.opening import Opened, as_many, open_input, pick_device, points_among
from gandiag.scoring.options import Options
from gandiag.scoring.plan import HASHES, Plan, Task, Want, make_plan
from gandiag.sources import open_source
from gandiag.sources.base import Points, points_of
from gandiag.statistics import (
    Hashes,
    Moments,
    SavedStatistics,
    Statistic,
    load_statistics,
    save_statistics,
)

SIDES: tuple[Role, ...] = ("generated", "real")


def score(
    generated: Any,
    real: Any = None,
    *,
    heldout: Any = None,
    options: Options | None = None,
    **changes: Any,
) -> Report:
    """Score generated images against real ones.

    Args:
        generated: A folder, .zip, .tar, .npz, .npy, saved statistics, ``dataset:NAME``,
            ``features:FILE.npz``, a checkpoint or a run (its newest checkpoint makes as many images
            as `real` holds), a list of paths or of pictures, a uint8 tensor or array of images
            (floats with `value_range`), a torch Dataset or DataLoader, an iterable of batches, a
            generator; or points: floats (N, d) in an .npz, .npy, tensor or array,
            ``dataset:ring8``.
        real: The same, or None for metrics that look at the generated images alone.
        heldout: Real images that are not in `real`. Each score is also computed with them in the
            place of the generated ones: what a perfect generator would get.
        options: How, in one record.
        changes: Fields of `gandiag.Options` that differ from `options`, or from the defaults:
            ``features="lite0", metrics=("fid", PRDC(k=3))``.

    Returns:
        The scores with intervals, warnings and provenance.

    Raises:
        GandiagError: bad usage or bad input, in one sentence.

    """
    return Scorer(real, heldout=heldout, options=options, **changes)(generated)


class Scorer:
    """`score` for many sets of generated images, or for images that come bit by bit.

    Real ones and networks are read once:

        scorer = gandiag.Scorer(real="data/", features="lite0", metrics=("fid",))
        for step, samples in checkpoints:
            print(step, scorer(samples)["fid"].value)

    Batches as a training loop has them:

        scorer = gandiag.Scorer(features="lite0", metrics=("fid", "kid"))
        for images in loader:
            scorer.update(images, real=True)
        scorer.update(G(z), value_range=(-1, 1))
        scorer.compute()["fid"].value

    Arguments as in `score`.
    """

    def __init__(
        self,
        real: Any = None,
        *,
        heldout: Any = None,
        options: Options | None = None,
        **changes: Any,
    ) -> None:
        self.options = (options or Options()).changed(**changes)
        if heldout is not None and real is None:
            raise GandiagError("--heldout is compared with the real images; give them with --real")
        given: dict[Role, Any] = {"real": real, "heldout": heldout}
        self.references = {
            role: open_input(role, thing, self.options)
            for role, thing in given.items()
            if thing is not None
        }
        self.plan: Plan | None = None
        self._gathered: dict[Role, tuple[Plan, Gathered, tuple[Warn, ...]]] = {}
        self._passes: dict[Role, Pass] = {}

    def __call__(self, generated: Any) -> Report:
        """Score one set.

        Raises:
            GandiagError: bad usage or bad input, in one sentence.
        """
        return self.scored(self.open(generated))

    def scored(self, inputs: Mapping[Role, Opened]) -> Report:
        """Score what `open` opened.

        Raises:
            GandiagError: as when called.
        """
        plan = self.prepared(inputs)
        warnings: list[Warn] = []
        found: dict[Role, Gathered] = {}
        for role in ("real", "heldout", "generated"):
            if role in inputs:
                found[role], more = self._collected(role, inputs[role], plan)
                warnings += more
        return self._report(plan, found, warnings)

    def open(self, generated: Any) -> dict[Role, Opened]:
        """Every input by role; nothing is read but what says what they are.

        Raises:
            GandiagError: `generated` cannot be read.
        """
        source = open_input("generated", generated, self.options, self.options.generator)
        source = as_many(source, self.references.get("real"))
        return {**self.references, "generated": source}

    def prepared(self, inputs: Mapping[Role, Opened]) -> Plan:
        """What will be computed of them, all demands checked.

        Raises:
            GandiagError: something that was asked for cannot be had.
        """
        plan = self._planned(points_among(inputs), with_real="real" in inputs)
        plan = fitted(plan, inputs)
        for role, each in inputs.items():
            plan.check_counts(role, each.count, each.name)
        if self.options.per_class:
            check_classes(inputs)
        return plan

    def check_bound(self, name: str, inputs: Mapping[Role, Opened]) -> None:
        """Refuse a gate on a score that will not be computed.

        Raises:
            GandiagError: it will not be.
        """
        named_outputs(self.prepared(inputs), name)

    # --- bit by bit ---

    def update(
        self,
        images: Any,
        *,
        real: bool = False,
        labels: Any = None,
        value_range: tuple[float, float] | None = None,
    ) -> None:
        """Take in a batch.

        Args:
            images: (n, 3, height, width) uint8, or floats with a `value_range`; or points (n, d).
            real: Whether they are real.
            labels: A class each, if there are classes.
            value_range: What black and white are in float images; None for the options' own.

        Raises:
            GandiagError: they are no images, of another kind than before, or `real` was given to
                the scorer already.
        """
        role: Role = "real" if real else "generated"
        if role in self.references:
            raise GandiagError(
                f"the {role} images of this scorer are {self.references[role].name}; "
                "leave real= out where you make it, to add them batch by batch"
            )
        given = [images if labels is None else (images, labels)]
        rows = getattr(images, "ndim", 4) == 2
        source = open_source(
            images if rows and labels is None else given,
            on_bad_image=self.options.on_bad_image,
            name=role,
            value_range=value_range or self.options.value_range,
        )
        opened = Opened(role, source)
        plan = self._planned(points_among({**self.references, role: opened}), with_real=True)
        if role not in self._passes:
            self._passes[role] = self._begun(role, plan)
        for batch in source.batches(max(1, len(images))):
            self._passes[role].add(batch)

    def compute(self) -> Report:
        """The scores of all that was given; more may follow.

        Raises:
            GandiagError: there are too few images, or none.
        """
        found = {role: going.gathered() for role, going in self._passes.items()}
        if "generated" not in found or self.plan is None:
            raise GandiagError("no generated image was given; call update(images) first")
        plan = self.plan
        warnings: list[Warn] = []
        if "real" not in found and "real" not in self.references:
            for task in plan.tasks:
                if "real" in task.metric.accepts:
                    way = "call update(images, real=True) first"
                    plan = plan.without(task, "compares with real images", way)
        plan = fitted(plan, self.references)
        for role, opened in self.references.items():
            found[role], more = self._collected(role, opened, plan)
            warnings += more
        for role, each in found.items():
            plan.check_counts(role, each.n, each.name)
        return self._report(plan, found, warnings)

    def reset(self, *, real: bool = True) -> None:
        """Forget what was given; with ``real=False`` keep the real images."""
        self._passes = {
            role: going for role, going in self._passes.items() if role == "real" and not real
        }

    def merge(self, other: "Scorer") -> None:
        """Take in all that another scorer was given, after all that this one was.

        Raises:
            GandiagError: it was made with other options.
        """
        if other.options != self.options:
            raise GandiagError("only scorers with equal options can be merged; make them alike")
        for role, going in other._passes.items():
            assert other.plan is not None
            self._take(role, going.gathered(), other.plan.points)

    def save(self, path: str | Path) -> None:
        """Write all that was given to an .npz file, for `load`.

        Raises:
            GandiagError: nothing was given, or the file cannot be written.
        """
        if self.plan is None or not self._passes:
            raise GandiagError("no image was given; call update(images) first")
        found = {role: going.gathered() for role, going in self._passes.items()}
        statistics = {
            f"{role}/{name_of(want)}": statistic
            for role, each in found.items()
            for want, statistic in each.statistics.items()
        }
        points = self.plan.points
        meta = {
            "scorer": {role: description(each) for role, each in found.items()},
            "pins": {name: dict(pins) for name, pins in self.plan.pins().items()},
            "points": None if points is None else [points.width, points.kind, points.labelled],
        }
        save_statistics(Path(path), SavedStatistics(statistics, meta))

    def load(self, path: str | Path) -> None:
        """Go on from what `save` wrote; what was given to this scorer before is forgotten.

        Raises:
            GandiagError: the file is none of `save`, or was made with another network.
        """
        saved = load_statistics(Path(path))
        try:
            given = saved.meta["points"]
            points = None if given is None else Points(*given[:1], kind=given[1], labelled=given[2])
            metas = {role: saved.meta["scorer"][role] for role in saved.meta["scorer"]}
        except (KeyError, TypeError, IndexError) as error:
            raise GandiagError(f"{path} was not written by Scorer.save; give such a file") from error
        plan = self._planned(points, with_real=True)
        pins = {name: dict(each) for name, each in plan.pins().items()}
        if saved.meta.get("pins") != pins:
            raise GandiagError(
                f"{path} was made with other features than {', '.join(pins)}; load it with the "
                "options that it was made with"
            )
        self._passes = {}
        for role in SIDES:
            if role in metas:
                mine = {
                    Want(*key.split("/", 1)[1].rsplit("/", 2)): statistic.to(plan.device)
                    for key, statistic in saved.statistics.items()
                    if key.startswith(f"{role}/")
                }
                self._take(role, described(metas[role], mine), points)

    def _take(self, role: Role, given: Gathered, points: Points | None) -> None:
        plan = self._planned(points, with_real=True)
        if role not in self._passes:
            self._passes[role] = self._begun(role, plan)
        self._passes[role].go_on_from(given)

    def _begun(self, role: Role, plan: Plan) -> Pass:
        by_class = self.options.per_class
        return Pass(
            role,
            plan.extractors,
            plan.wants(role, None, by_class=by_class),
            batch_size=self.options.batch_size,
            brief=() if by_class else plan.brief(role),
        )

    # --- the parts ---

    def _planned(self, points: Points | None, *, with_real: bool) -> Plan:
        if self.plan is None or self.plan.points != points:
            if self._passes:
                raise GandiagError(
                    f"this scorer was given {self.plan.things if self.plan else 'images'} before; "
                    "make another one, or reset it"
                )
            self.plan = make_plan(
                self.options,
                with_real=with_real,
                device=pick_device(self.options.device),
                points=points,
            )
            self._gathered = {}
        return self.plan

    def _collected(
        self, role: Role, opened: Opened, plan: Plan
    ) -> tuple[Gathered, tuple[Warn, ...]]:
        known = self._gathered.get(role)
        if known is not None and known[0].tasks == plan.tasks:
            return known[1], known[2]
        options = self.options
        # What a user's own extractor computes may change while its provenance stays.
        store = role != "generated" and options.cache and isinstance(options.features, str | None)
        found, warnings = collect(
            opened,
            plan,
            plan.wants(
                role,
                None if opened.images is None else opened.count,
                by_class=options.per_class,
            ),
            batch_size=options.batch_size,
            store=StatisticsCache.default() if store else None,
            progress=options.progress,
            role=role,
        )
        plan.check_counts(role, found.n, found.name)
        if role != "generated":
            self._gathered[role] = plan, found, warnings
        return found, warnings

    def _report(
        self, plan: Plan, gathered: Mapping[Role, Gathered], warnings: list[Warn]
    ) -> Report:
        remarks: list[Warn] = []
        with self.options.progress("computing the scores", None):
            rows = tuple(rows_of(plan, gathered, remarks))
            classes = dict(class_rows(plan, gathered)) if self.options.per_class else {}
        said = [Warn("left-out", sentence) for sentence in plan.left_out]
        said += [Warn("protocol", sentence) for sentence in plan.protocol.notes]
        said += [*warnings, *remarks, *cautions(plan, gathered, self.options.precision)]
        return Report(rows, tuple(said), self._provenance(plan, gathered), classes)

    def _provenance(self, plan: Plan, gathered: Mapping[Role, Gathered]) -> dict[str, Any]:
        options = self.options
        return {
            "gandiag": version("gandiag"),
            "protocol": plan.protocol.name,
            "extractors": {name: dict(pins) for name, pins in plan.pins().items()},
            "things": plan.things,
            "sources": {
                role: {
                    "name": each.name,
                    "n": each.n,
                    "sizes": {caveats.size_text(size): n for size, n in each.sizes.items()},
                    "skipped": list(each.notes["skipped"].names) if "skipped" in each.notes else [],
                }
                for role, each in sorted(gathered.items())  # generated first, then real
            },
            "max_images": options.max_images,
            "seed": options.seed,
            "device": str(plan.device),
            "precision": options.precision,
            "on_bad_image": options.on_bad_image,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "torchvision", "numpy", "pillow")},
            },
        }


def write_statistics(
    source: Any, output: Path, *, options: Options | None = None, **changes: Any
) -> Gathered:
    """Save what `metrics` remember of a source, to be given later in its place.

    The file also carries plain ``mu`` and ``sigma`` when it holds moments, so that other tools can
    read it. Arguments as in `score`.

    Raises:
        GandiagError: bad usage or bad input, in one sentence.

    """
    options = (options or Options()).changed(**changes)
    opened = open_input("real", source, options)
    if opened.images is None:
        raise GandiagError(f"{opened.name} holds statistics already; give images")
    plan = make_plan(
        options,
        with_real=True,
        device=pick_device(options.device),
        points=points_of(opened.images),
    )
    count = opened.images.count()
    wants = {*plan.wants("real", count), *plan.wants("generated", count)}
    gathered, _ = collect(
        replace(opened, saved=None),
        plan,
        tuple(sorted(wants)),
        batch_size=options.batch_size,
        store=None,
        progress=options.progress,
        role="images",
    )
    keyed = {name_of(want): statistic for want, statistic in gathered.statistics.items()}
    meta = description(gathered) | {"pins": {k: dict(v) for k, v in plan.pins().items()}}
    save_statistics(output, SavedStatistics(keyed, meta))
    return gathered


def inputs_of(
    task: Task, gathered: Mapping[Role, Gathered], standing: Role = "generated"
) -> dict[str, Statistic]:
    """What a metric eats, by role; `standing` plays the generated images."""
    found: dict[str, Statistic] = {}
    for role, kinds in task.metric.accepts.items():
        source = gathered[standing if role == "generated" else role]
        statistic = source.serve(task.extractor.name, task.layer, kinds)
        if statistic is None:
            raise GandiagError(
                f"{source.name} holds no {kinds[0].kind} of {task.extractor.name}/{task.layer}, "
                f"which {task.key} needs; give the images"
            )
        found[role] = statistic.to(task.extractor.device)
    return found


def rows_of(
    plan: Plan, gathered: Mapping[Role, Gathered], remarks: list[Warn] | None = None
) -> Iterator[Row]:
    """Each metric's numbers; what they say of themselves is added to `remarks`."""
    for task in plan.tasks:
        metric = task.metric
        inputs = inputs_of(task, gathered)
        scores = metric(**inputs)
        floor: Mapping[str, Score] = {}
        if "heldout" in gathered:
            floor = metric(**inputs_of(task, gathered, "heldout"))
        if remarks is not None:
            remarks += (Warn(code, sentence) for code, sentence in metric.remarks(**inputs))
        for output, better in metric.outputs.items():
            if output in scores:
                yield Row(
                    name=task.printed(output),
                    output=task.asked(output),
                    score=scores[output],
                    better=better,
                    n_generated=_count(inputs, "generated"),
                    n_real=_count(inputs, "real"),
                    layer=f"{task.extractor.name}/{task.layer}",
                    parameters=repr(metric),
                    heldout=floor[output].value if output in floor else None,
                )


def _count(inputs: Mapping[str, Statistic], role: str) -> int | None:
    return inputs[role].n if role in inputs else None


def class_rows(
    plan: Plan, gathered: Mapping[Role, Gathered]
) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """The same for each class that all sources share.

    Raises:
        GandiagError: a source has no labels, no label is shared, or a class has too few images.

    """
    used = {role: each for role, each in gathered.items() if role != "heldout"}
    shared = check_classes(used)
    for label in sorted(shared or ()):
        part = {role: each.of_class(label) for role, each in used.items()}
        for role, each in part.items():
            plan.check_counts(role, each.n, f"class {label} of {each.name}")
        yield label, tuple(rows_of(plan, part))


def cautions(plan: Plan, gathered: Mapping[Role, Gathered], precision: str) -> Iterator[Warn]:
    """All that could mislead a reader, most important first."""
    generated, real, things = gathered["generated"], gathered.get("real"), plan.things
    for extractor in plan.extractors:
        if extractor.provenance().get("verified") == "no":
            yield Warn(
                "unverified",
                f"the weights of {extractor.name} are not the published ones: "
                "the numbers compare with none from elsewhere",
            )
    if precision != "fp32":
        yield Warn("precision", f"features are {precision}; published numbers are fp32")
    if real is not None:
        yield from caveats.overlapping(real, generated, _overlap(real, generated), things)
        yield from caveats.compression(real, generated)
        yield from caveats.sizes(real, generated)
        names = dict.fromkeys(t.key for t in plan.tasks if "real" in t.metric.accepts)
        yield from caveats.unequal(real, generated, ", ".join(names), things)
    for task in plan.tasks:
        if Moments in task.metric.accepts.get("generated", ()):
            width = task.extractor.layers[task.layer]
            name = task.printed(next(iter(task.metric.outputs)))
            yield from caveats.small_sample(list(gathered.values()), width, name, things)
    for extractor in plan.extractors:
        size = getattr(extractor, "input_size", None)
        if size is not None:
            yield from caveats.enlarged(list(gathered.values()), size)
    for each in gathered.values():
        hashes = each.statistics.get(HASHES)
        if isinstance(hashes, Hashes):
            yield from caveats.duplicated(each, hashes.duplicates(), things)
        yield from caveats.treated(each, things, plan.protocol.name)


def _overlap(real: Gathered, generated: Gathered) -> int:
    a, b = generated.statistics.get(HASHES), real.statistics.get(HASHES)
    return a.overlap(b) if isinstance(a, Hashes) and isinstance(b, Hashes) else 0
