"""Classification accuracy: are the samples of a class like the real ones of that class?"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from gandiag.errors import GandiagError
from gandiag.metrics.base import Better, Known, Metric, Role, Score, Unfit
from gandiag.metrics.checks import Rows, as_pair, banks, check_count
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.intervals import clopper_pearson
from gandiag.metrics.labels import confusions, in_order
from gandiag.metrics.unjudged import TOO_WIDE
from gandiag.statistics import Bank, Statistic

STEPS = 1000
"""Of the solver, at most."""

TOLD = 10
"""Names listed in a sentence."""

Array = NDArray[Any]


class Accuracies(NamedTuple):
    """What classifiers of generated and of real rows get right."""

    train: float
    """GAN-train: of the evaluated real rows, by a classifier of generated ones."""
    test: float
    """GAN-test: of the generated rows, by a classifier of real ones."""
    ceiling: float
    """Of the evaluated real rows, by that classifier of real ones."""
    n_trained: int
    """Rows that each classifier was trained on."""
    n_real: int
    """Real rows that were evaluated."""
    n_generated: int
    """Generated rows that were evaluated."""
    converged: bool
    """Whether both fits ended before the last step that they may take."""
    confused: Mapping[str, float]
    """How often the classifier of real rows takes generated ones of one class for another."""


def classification_accuracies(
    *,
    real: Rows,
    generated: Rows,
    real_labels: Sequence[str],
    generated_labels: Sequence[str],
    penalty: float = 1.0,
    seed: int = 0,
) -> Accuracies:
    """GAN-train and GAN-test (Shmelkov et al. 2018, section 3) with what real rows get in between.

    GAN-train is the classification accuracy score of Ravuri & Vinyals 2019. Both papers train a
    ResNet on pixels; here a multinomial logistic regression reads features: standardised by the
    mean and deviation of what it is trained on, a column of one value left at 0, with the penalty
    ``penalty / 2`` times the squared weights beside the sum of the losses. What the features do
    not tell, it cannot see, and accuracies compare with none of those papers.

    The real rows of each class are halved by chance. A classifier of the one half gives the ceiling
    on the other and GAN-test on the generated rows. GAN-train is from as many generated rows, on
    that same other half; where there are fewer generated rows than half of the real ones, both
    train on as many as there are. Generated rows of classes that no real row shows are left out; a
    class that no generated row shows counts as wrong in GAN-train.

    A generator that repeats the real rows has seen the half that GAN-train is evaluated on, and may
    come out above the ceiling.

    Args:
        real: (n, width), n >= 2.
        generated: (m, width), at least one of a class that real rows show.
        real_labels: n of them.
        generated_labels: m of them, the class that each was asked to be of.
        penalty: of the weights, above 0.
        seed: of the halves, and of the rows that are trained on where not all are.

    Raises:
        GandiagError: too few rows, widths that differ, NaN or infinities, not one label a row, or
            no class in common.
    """
    real, generated = as_pair(real, generated, least=1)
    check_count("real", len(real), 2)
    for role, rows, labels in (
        ("real", real, real_labels),
        ("generated", generated, generated_labels),
    ):
        if len(labels) != len(rows):
            raise GandiagError(f"{role} has {len(rows)} rows and {len(labels)} labels; give equal")
    names = in_order(real_labels)
    place = {name: i for i, name in enumerate(names)}
    known = [i for i, label in enumerate(generated_labels) if label in place]
    if not known:
        raise GandiagError("real and generated rows share no class; name their classes alike")
    x = real.cpu().double().numpy()
    y = np.array([place[label] for label in real_labels])
    z = generated.cpu()[known].double().numpy()
    asked = np.array([place[generated_labels[i]] for i in known])
    taught, judged = _halves(x, y, seed)
    count = min(len(taught), len(z))
    chosen = _order(z, asked, seed)[:count]
    of_real, done = _classifier(x[taught[:count]], y[taught[:count]], penalty)
    of_generated, also = _classifier(z[chosen], asked[chosen], penalty)
    seen = of_real(z)
    return Accuracies(
        train=float((of_generated(x[judged]) == y[judged]).mean()),
        test=float((seen == asked).mean()),
        ceiling=float((of_real(x[judged]) == y[judged]).mean()),
        n_trained=count,
        n_real=len(judged),
        n_generated=len(z),
        converged=done and also,
        confused=confusions(torch.from_numpy(asked), torch.from_numpy(seen), names),
    )


def _order(rows: Array, classes: Array, seed: int) -> Array:
    """The rows in a random order that is not of the order in which they came."""
    # By class before: equal rows of two classes stand as they are given.
    before = np.argsort(classes, kind="stable")
    order: Array = before[drawn_order(torch.from_numpy(rows[before]), seed).numpy()]
    return order


def _halves(rows: Array, classes: Array, seed: int) -> tuple[Array, Array]:
    """Two halves of the rows and, to one row, of each class; in random order."""
    order = _order(rows, classes, seed)
    first = np.zeros(len(order), dtype=bool)
    first[order[np.argsort(classes[order], kind="stable")][::2]] = True
    return order[first[order]], order[~first[order]]


def _classifier(
    rows: Array, classes: Array, penalty: float
) -> tuple[Callable[[Array], Array], bool]:
    """Rows => their classes, and whether the fit converged."""
    # Imported here, for it takes a second.
    from sklearn.linear_model import LogisticRegression

    if len(only := np.unique(classes)) == 1:
        return lambda some: np.full(len(some), only[0]), True
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    # Rounding leaves a column of one value a deviation that is not quite 0.
    flat = deviation <= 1e-12 * np.abs(rows).max(axis=0)
    scale = np.where(flat, 0.0, 1 / np.where(flat, 1.0, deviation))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few steps, which is told by the caller
        fit = LogisticRegression(C=1 / penalty, max_iter=STEPS).fit((rows - mean) * scale, classes)
    return lambda some: fit.predict((some - mean) * scale), bool(fit.n_iter_.max() < STEPS)


@dataclass(frozen=True)
class ClassificationAccuracy(Metric):
    """GAN-train and GAN-test, after Ravuri & Vinyals 2019 and Shmelkov et al. 2018.

    By logistic regression on features where they train a ResNet on pixels; see
    `classification_accuracies`. The accuracy of the same classifier on real images stands beside
    each. GAN-train below it: samples lack some of what real images of their class show, or are
    labelled wrongly. GAN-test below it: samples do not look like their class.

    The intervals are of the classifier that was trained, and hold for it. Of another classifier
    from other images of as large a set, they hold nearly as often while no more rows are evaluated
    than were trained on; with five times as many, nine times in ten.
    """

    name: ClassVar[str] = "cas"
    summary: ClassVar[str] = (
        "GAN-train and GAN-test: classifiers of generated and of real images, each on the other"
    )
    outputs: ClassVar[Mapping[str, Better]] = {"gan_train": "higher", "gan_test": "higher"}

    penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.penalty < float("inf"):
            raise GandiagError(f"cas needs a penalty above 0, got {self.penalty}")

    def minimum(self, role: Role) -> int:
        """Real images are halved."""
        return 2 if role == "real" else 1

    def on(self, known: Known) -> Self:
        """Of points, those with labels."""
        if known.points and not known.labelled:
            raise Unfit("needs real points with labels", "give them as an .npz with `labels`")
        return super().on(known)

    def unjudged(self) -> Mapping[str, str]:
        """All of it."""
        return dict.fromkeys(self.outputs, TOO_WIDE)

    def __call__(self, **statistics: Statistic) -> dict[str, Score]:
        """``real=, generated=`` with labels => ``gan_train`` and ``gan_test``; else nothing."""
        real, generated = banks(self, statistics)
        labels = _labels(statistics)
        if _why_not(labels):
            return {}
        found = classification_accuracies(
            real=real,
            generated=generated,
            real_labels=labels["real"],
            generated_labels=labels["generated"],
            penalty=self.penalty,
            seed=self.seed,
        )
        end = "" if found.converged else f"; a fit had not converged after {STEPS:,} steps"
        beside = {"ceiling": found.ceiling, "trained on": float(found.n_trained)}
        scores = {}
        for output, share, n, what in (
            ("gan_train", found.train, found.n_real, "half of the real images"),
            ("gan_test", found.test, found.n_generated, "generated images"),
        ):
            low, high = clopper_pearson(round(share * n), n)
            method = f"Clopper-Pearson over the {n:,} evaluated ({what}), the classifier fixed{end}"
            scores[output] = Score(share, low, high, method=method, extra=beside)
        scores["gan_test"] = replace(scores["gan_test"], extra={**beside, **found.confused})
        return scores

    def remarks(self, **statistics: Statistic) -> Iterator[tuple[str, str]]:
        """Why there is no score, or which classes are not in both sets."""
        labels = _labels(statistics)
        why = _why_not(labels)
        if why:
            yield "no-classes", f"cas was left out: {why}"
            return
        real, generated = set(labels["real"]), set(labels["generated"])
        if real - generated:
            sentence = (
                f"no generated image is of class {_few(real - generated)}: gan_train counts the "
                "real ones as wrong"
            )
            yield "classes-lacking", sentence
        if generated - real:
            sentence = (
                f"no real image is of class {_few(generated - real)}: cas leaves out the "
                "generated ones"
            )
            yield "classes-lacking", sentence


def _labels(statistics: Mapping[str, Statistic]) -> dict[str, tuple[str, ...]]:
    """By role; none where there are none."""
    return {
        role: (each.labels or ()) if isinstance(each, Bank) else ()
        for role, each in statistics.items()
    }


def _why_not(labels: Mapping[str, Sequence[str]]) -> str:
    """Why nothing can be classified, and the way out; empty if it can."""
    lacking = [role for role in ("generated", "real") if not labels[role]]
    if lacking:
        return (
            f"the {' and the '.join(lacking)} images have no labels; put each class in a "
            "sub-folder of its name, or add `labels` to the npz"
        )
    if not {*labels["real"]} & {*labels["generated"]}:
        return (
            f"the classes of the generated images ({_few(labels['generated'])}) are none of the "
            f"real ones ({_few(labels['real'])}); name them alike"
        )
    if len({*labels["real"]}) == 1:
        return f"all real images are of class {labels['real'][0]}; give images of two or more"
    return ""


def _few(labels: Iterable[str]) -> str:
    names = in_order(labels)
    more = f" and {len(names) - TOLD:,} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more
