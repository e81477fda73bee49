"""`score`: sources in, a report out."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError, Warn
from gandiag.extractors.precision import usable
from gandiag.metrics import Role
from gandiag.reporting.report import MEAN, Report, Row
from gandiag.scoring.asking import asked
from gandiag.scoring.cache import StatisticsCache
from gandiag.scoring.caveats import cautions, size_text
from gandiag.scoring.gather import Pass, collect
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.needs import check_classes, fitted, named_outputs, without_real
from gandiag.scoring.opening import Opened, as_many, open_input, pick_device, points_among
from gandiag.scoring.options import Options
from gandiag.scoring.per_sample import check_per_sample, per_sample_of
from gandiag.scoring.plan import Plan, make_plan, protocol_of
from gandiag.scoring.rows import class_rows, mean_rows, rows_of
from gandiag.scoring.saving import load_gathered, save_gathered
from gandiag.scoring.together import Together
from gandiag.sources import StatisticsFile, open_source
from gandiag.sources.base import Points


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
            place of the generated ones: what a perfect generator would get. Metrics that compare
            with unseen images (``ct``, ``fld``) need them.
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

    Arguments as in `score`; and `processes`, which score together (`gandiag.scoring.together`):
    the first has the report of all, the others end with what `gathered` gave them.
    """

    def __init__(
        self,
        real: Any = None,
        *,
        heldout: Any = None,
        options: Options | None = None,
        processes: Together | None = None,
        **changes: Any,
    ) -> None:
        self.options = (options or Options()).changed(**changes)
        self.processes = processes or Together()
        if heldout is not None and real is None:
            raise GandiagError("--heldout is compared with the real images; give them with --real")
        asked(self.options.metrics, protocol_of(self.options))  # what it cannot mean is said now
        given: dict[Role, Any] = {"real": real, "heldout": heldout}
        self.references = {
            role: open_input(role, thing, self.options)
            for role, thing in given.items()
            if thing is not None
        }
        self.plan: Plan | None = None
        self._with_real = False
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
        plan, found, warnings = self.gathered(inputs)
        return self.reported(plan, found, warnings)

    def gathered(
        self, inputs: Mapping[Role, Opened], *, rows: bool = False
    ) -> tuple[Plan, dict[Role, Gathered], tuple[Warn, ...]]:
        """What will be computed of what `open` opened, and all that it is computed from.

        Args:
            inputs: by role.
            rows: whether to keep every row, also where mean and covariance would do.

        Raises:
            GandiagError: as when called.
        """
        plan = self.prepared(inputs)
        warnings: list[Warn] = []
        found: dict[Role, Gathered] = {}
        for role in ("real", "heldout", "generated"):
            if role in inputs:
                found[role], more = self._collected(role, inputs[role], plan, rows=rows)
                warnings += more
        return plan, found, tuple(warnings)

    def open(self, generated: Any, called: str = "generated") -> dict[Role, Opened]:
        """Every input by role; nothing is read but what says what they are.

        Args:
            generated: what `score` takes.
            called: the name of an array, which has none of its own.

        Raises:
            GandiagError: `generated` cannot be read.
        """
        source = open_input(called, generated, self.options, self.options.generator)
        if self.options.max_images is None:
            source = as_many(source, self.references.get("real"))
        return {**self.references, "generated": source}

    def read_references(self, inputs: Mapping[Role, Opened]) -> None:
        """Read the real and held-out images, once for all that will be scored against them.

        Raises:
            GandiagError: as when called.
        """
        plan = self.prepared(inputs)
        for role, each in self.references.items():
            self._collected(role, each, plan)

    def prepared(self, inputs: Mapping[Role, Opened]) -> Plan:
        """What will be computed of them, all demands checked.

        Raises:
            GandiagError: something that was asked for cannot be had.
        """
        plan = self._planned(points_among(inputs), with_real="real" in inputs)
        if "real" not in inputs:  # a plan made for `update`, where they may still come
            batches = "those of update() go with update(samples) and compute()"
            way = batches if "real" in self._passes else "give them with --real"
            plan = without_real(plan, way)
        plan = fitted(plan, inputs)
        for role, each in inputs.items():
            plan.check_counts(role, each.count, each.name)
        if self.options.per_class:
            check_classes(inputs)
        if self.options.per_sample:
            check_per_sample(plan)
        return plan

    def check_bound(self, name: str, inputs: Mapping[Role, Opened]) -> None:
        """Refuse a gate on a score that will not be computed.

        Raises:
            GandiagError: it will not be.
        """
        plain = name.removeprefix(MEAN)
        if plain != name and not self.options.per_class:
            raise GandiagError(
                f"{name} is the mean of {plain} over classes; add --per-class for it"
            )
        named_outputs(self.prepared(inputs), plain)

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
            labels: A class each, if images have classes.
            value_range: What black and white are in float images; None for the options' own.

        Raises:
            GandiagError: they are no images, of another kind than before, or `real` was given to
                the scorer already.
        """
        role: Role = "real" if real else "generated"
        self._refuse_given(role)
        if self.options.max_images is not None:
            raise GandiagError(
                "max_images draws from a source, and update takes all that it is given; "
                "leave max_images out"
            )
        if labels is not None and len(labels) != len(images):
            raise GandiagError(
                f"update was given {len(labels)} labels for {len(images)} images; give one each"
            )
        rows = getattr(images, "ndim", 4) == 2
        if rows and labels is not None:
            raise GandiagError(
                "labels go with images here; give points that have some as an .npz with `labels`"
            )
        source = open_source(
            images if rows else [images if labels is None else (images, labels)],
            on_bad_image=self.options.on_bad_image,
            name=role,
            value_range=value_range or self.options.value_range,
        )
        if isinstance(source, StatisticsFile):
            raise GandiagError(f"update takes images, and {source.name} holds statistics")
        opened = Opened(role, source)
        plan = self._planned(points_among({**self.references, role: opened}), with_real=True)
        if role not in self._passes:
            self._passes[role] = self._begun(role, plan)
        for batch in source.batches(max(1, len(images))):
            # Each batch would begin at 0.
            start = self._passes[role].n
            names = tuple(f"{role}[{start + i}]" for i in range(len(batch.images)))
            self._passes[role].add(batch._replace(names=names))
        self._passes[role].note(source.notes())

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
            plan = without_real(plan, "call update(images, real=True) first")
        plan = fitted(plan, self.references)
        if self.options.per_sample:
            check_per_sample(plan)
        for role, opened in self.references.items():
            found[role], more = self._collected(role, opened, plan)
            warnings += more
        for role, each in found.items():
            plan.check_counts(role, each.n, each.name)
        return self.reported(plan, found, warnings)

    def reset(self, *, real: bool = True) -> None:
        """Forget what was given; with ``real=False`` keep the real images."""
        self._passes = {
            role: going for role, going in self._passes.items() if role == "real" and not real
        }

    def merge(self, other: "Scorer") -> None:
        """Take in all that another scorer was given, after all that this one was.

        The last batch of each runs as it is, as in `save`.

        Raises:
            GandiagError: it was made with other options.
        """
        if other.plan is None:
            return
        same = other.options.changed(features=None) == self.options.changed(features=None)
        pins = self._planned(other.plan.points, with_real=True).pins()
        if not same or {**other.plan.pins()} != {**pins}:
            raise GandiagError("only scorers with equal options can be merged; make them alike")
        for role, going in [*other._passes.items()]:
            mine = self._passes.pop(role, None)
            for each in (mine, going):
                if each is not None:
                    self._take(role, each.gathered(), other.plan.points)

    def save(self, path: str | Path) -> None:
        """Write all that was given to an .npz file, for `load`.

        The batch that is not full yet runs as it is. A network's features of the same image differ
        by float32 rounding between batches of unlike size, and the scores with them.

        Raises:
            GandiagError: nothing was given, or the file cannot be written.
        """
        if self.plan is None or not self._passes:
            raise GandiagError("no image was given; call update(images) first")
        found = {role: going.gathered() for role, going in self._passes.items()}
        save_gathered(Path(path), found, self.plan)

    def load(self, path: str | Path) -> None:
        """Go on from what `save` wrote; what was given to this scorer before is forgotten.

        Raises:
            GandiagError: the file is none of `save`, or was made with another network.
        """
        found, points, made = load_gathered(Path(path))
        points = points_among(self.references) or points  # these know their mixture, too
        for role in found:
            self._refuse_given(role)
        before = self.plan, self._passes, self._with_real
        self._passes = {}
        plan = self._planned(points, with_real=True)
        pins = {name: dict(each) for name, each in plan.pins().items()}
        if made != pins:
            self.plan, self._passes, self._with_real = before
            raise GandiagError(
                f"{path} was made with other features than {', '.join(pins)}; load it with the "
                "options that it was made with"
            )
        for role, each in found.items():
            for task in plan.tasks:
                kinds = task.metric.accepts.get(role, ())
                if kinds and each.serve(task.extractor.name, task.layer, kinds) is None:
                    self.plan, self._passes, self._with_real = before
                    raise GandiagError(
                        f"{path} does not hold what {task.key} needs; load it with the metrics "
                        "that it was made with"
                    )
            self._take(role, each.to(plan.device), points)

    def _refuse_given(self, role: Role) -> None:
        if role in self.references:
            raise GandiagError(
                f"the {role} images of this scorer are {self.references[role].name}; "
                "leave real= out where you make it, to add them batch by batch"
            )

    def _take(self, role: Role, given: Gathered, points: Points | None) -> None:
        self._refuse_given(role)
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
        # Without real images first, and then with them: what was left out may come in.
        if self.plan is None or self.plan.points != points or with_real > self._with_real:
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
                with_heldout="heldout" in self.references,
            )
            self._gathered, self._with_real = {}, with_real
        return self.plan

    def _collected(
        self, role: Role, opened: Opened, plan: Plan, *, rows: bool = False
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
                by_class=rows or options.per_class,
            ),
            batch_size=options.batch_size,
            store=StatisticsCache.default() if store else None,
            progress=options.progress,
            role=role,
            processes=self.processes,
            threads=options.workers,
        )
        if self.processes.first:
            plan.check_counts(role, found.n, found.name)
        if role != "generated":
            self._gathered[role] = plan, found, warnings
        return found, warnings

    def reported(
        self, plan: Plan, gathered: Mapping[Role, Gathered], warnings: Sequence[Warn]
    ) -> Report:
        """The scores of what was gathered."""
        remarks: list[Warn] = []
        rows = tuple(rows_of(plan, gathered, remarks, self.options.progress))
        classes: dict[str, tuple[Row, ...]] = {}
        if self.options.per_class:
            with self.options.progress("computing the scores of each class", None):
                classes = dict(class_rows(plan, gathered, remarks, self.options.seed))
        means = mean_rows(classes, gathered)
        each = None
        if self.options.per_sample:
            with self.options.progress("computing the numbers of each image", None):
                each = per_sample_of(plan, gathered)
        said = [Warn("left-out", sentence) for sentence in plan.left_out]
        said += plan.protocol.warnings()
        said += [*warnings, *remarks, *cautions(plan, gathered, self.options.precision)]
        return Report(rows, tuple(said), self._provenance(plan, gathered), classes, means, each)

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
                    "sizes": {size_text(size): n for size, n in each.sizes.items()},
                    "skipped": list(each.notes["skipped"].names) if "skipped" in each.notes else [],
                }
                for role, each in sorted(gathered.items())  # generated first, then real
            },
            **options.provenance(),
            "precision": usable(options.precision, plan.device),
            "device": str(plan.device),
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("torch", "torchvision", "numpy", "pillow")},
            },
        }
