"""What every metric promises, from the table that the command line reads."""

import dataclasses
import math

import pytest
import torch

from gandiag import metrics
from gandiag.errors import GandiagError
from gandiag.metrics import (
    CT,
    METRICS,
    PRDC,
    RKE,
    Blocks,
    ClassificationAccuracy,
    CriticWasserstein,
    ExactTransport,
    FrechetDistance,
    FrechetInfinity,
    GaussianMMD,
    InceptionScore,
    KernelDistance,
    Known,
    MaxSlicedWasserstein,
    ModeCoverage,
    NearCopies,
    Score,
    SinkhornDivergence,
    SlicedPatches,
    SlicedWasserstein,
    Subsets,
    Unfit,
    VendiScore,
)
from gandiag.statistics import STATISTICS, Bank, SavedStatistics, load_statistics, save_statistics

N = 30

# In place of the defaults: quicker, and on rows of this width.
SMALL = {
    "critic": CriticWasserstein(steps=10),
    "swd_patches": SlicedPatches(patches=2, side=1, directions=20),
}

# As they come, and in the published variants that take another path.
INSTANCES = [
    *(metric() for name, metric in METRICS.items() if name not in SMALL),
    *SMALL.values(),
    KernelDistance(Subsets(count=3, size=20)),
    InceptionScore(splits=3, shuffle="numpy", ddof=1),
    KernelDistance(Blocks(32)),
    InceptionScore(block=13),
    FrechetDistance(ddof=0),
    PRDC(k=3, tie="<", layer="pool"),
    ExactTransport(order=1, size=12, seed=3),
    SinkhornDivergence(order=1, blur=0.5, size=12),
    SlicedWasserstein(directions=7, seed=1),
    MaxSlicedWasserstein(starts=1, seed=1),
    FrechetInfinity(sizes=5, lowest=4, ddof=0),
    GaussianMMD(sigma=2.0, normalise=False, scale=1.0, biased=True),
    GaussianMMD(subsets=Subsets(count=3, size=20)),
    VendiScore(q=0.5),
    VendiScore(q="inf"),
    RKE(sigma=0.5),
    CriticWasserstein(penalty="spectral", steps=10, size=9),
    ModeCoverage(labelled=True),
    ClassificationAccuracy(penalty=10.0, seed=1),
    ModeCoverage(means=((0.0,) * 6, (1.0,) * 6), sd=0.5),
    ModeCoverage(classes=tuple("abcdef"), uniform=True),
    NearCopies(within=0.5),
    CT(cells=1),
]


# Features of most; and the smallest pictures that are compared.
WIDTHS = {"ms_ssim": 3 * 11 * 11}


def width_of(metric):
    return WIDTHS.get(metric.name, 6)


def rows(n=N, seed=0, width=6):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed)).abs()


SEEDS = {"real": 0, "heldout": 1, "generated": 2}


def statistics(metric, n=N, order=None, index=0):
    """Of random features, by role; `index` picks among the kinds that the metric accepts."""
    given = {}
    for role, kinds in metric.accepts.items():
        x = rows(n, SEEDS[role], width_of(metric))
        given[role] = of(kinds[min(index, len(kinds) - 1)], x if order is None else x[order], order)
    return given


def of(kind, x, order=None):
    """With labels where the kind has them: a metric that needs none looks at none."""
    whole = kind.of(x)
    if not isinstance(whole, Bank):
        return whole
    order = range(len(x)) if order is None else order.tolist()
    return whole.labelled([str(i % 3) for i in order])


@pytest.fixture(params=INSTANCES, ids=repr)
def metric(request):
    return request.param


@pytest.mark.parametrize(("name", "cls"), METRICS.items())
def test_the_table_names_each_by_its_name(name, cls):
    assert cls.name == name
    assert cls().layer is None
    assert cls(layer="x").layer == "x"


def test_describes_itself(metric):
    assert metric.summary
    assert "\n" not in metric.summary
    assert set(metric.generic) <= set(metric.outputs)
    assert set(metric.outputs.values()) <= {"lower", "higher"}
    assert metric.reads in ("features", "logits")
    assert set(metric.accepts) <= {"real", "heldout", "generated"}
    for kinds in metric.accepts.values():
        assert set(kinds) <= set(STATISTICS.values())


def test_no_two_metrics_have_an_output_in_common():
    outputs = [name for cls in METRICS.values() for name in cls.outputs]
    assert len(set(outputs)) == len(outputs)


def test_is_frozen_and_its_repr_makes_it_again(metric):
    with pytest.raises(dataclasses.FrozenInstanceError):
        metric.layer = "other"
    assert eval(repr(metric), {name: getattr(metrics, name) for name in metrics.__all__}) == metric


def test_gives_its_outputs(metric):
    scores = metric(**statistics(metric))
    # Those that the data has, in that order.
    assert list(scores) == [output for output in metric.outputs if output in scores]
    assert next(iter(metric.outputs)) in scores
    for score in scores.values():
        assert isinstance(score, Score)
        assert type(score.value) is float
        assert math.isfinite(score.value)
        assert score.method
        assert (score.low is None) == (score.high is None)
        if score.low is not None:
            assert type(score.low) is type(score.high) is float
            assert score.low <= score.value <= score.high
            assert math.isfinite(score.high - score.low)


def test_every_accepted_statistic_gives_one_value(metric):
    first = metric(**statistics(metric))
    other = metric(**statistics(metric, index=1))
    for name, score in first.items():
        # Moments and features take different routes to the same number.
        assert other[name].value == pytest.approx(score.value, rel=1e-10)


def test_gives_the_same_again(metric):
    assert metric(**statistics(metric)) == metric(**statistics(metric))


def test_order_does_not_matter_unless_it_cuts_or_draws(metric):
    order = torch.randperm(N, generator=torch.Generator().manual_seed(9))
    plain, mixed = metric(**statistics(metric)), metric(**statistics(metric, order=order))
    cut = getattr(metric, "splits", 1) > 1 or getattr(metric, "block", None) is not None
    by_order = cut or isinstance(getattr(metric, "subsets", None), Subsets)
    for name, score in plain.items():
        if by_order:
            assert mixed[name].value != score.value
        else:
            assert mixed[name].value == pytest.approx(score.value, rel=1e-11)


def test_saved_and_restored_statistics_give_the_same_scores(metric, tmp_path):
    for index in (0, 1):
        given = statistics(metric, index=index)
        restored = {}
        for role, statistic in given.items():
            key = f"layer/{statistic.kind}"
            save_statistics(tmp_path / f"{role}.npz", SavedStatistics({key: statistic}))
            restored[role] = load_statistics(tmp_path / f"{role}.npz").statistics[key]
        assert metric(**restored) == metric(**given)


def test_its_minimum_is_enough_and_one_less_is_refused(metric):
    for role in metric.accepts:
        least = metric.minimum(role)
        width = width_of(metric)
        whole = rows(max(N, least), width=width)
        enough = {each: of(kinds[0], whole) for each, kinds in metric.accepts.items()}
        kind = metric.accepts[role][0]
        scores = metric(**{**enough, role: of(kind, rows(least, width=width))})
        assert all(math.isfinite(score.value) for score in scores.values())
        with pytest.raises(GandiagError, match=f"{role} has {least - 1} rows"):
            metric(**{**enough, role: of(kind, rows(least - 1, width=width))})


def test_refuses_widths_that_differ(metric):
    given = statistics(metric)
    if len(given) > 1:
        given["generated"] = of(metric.accepts["generated"][0], rows(width=5))
        with pytest.raises(GandiagError, match=rf"{width_of(metric)} wide .* 5 wide"):
            metric(**given)


def test_refuses_other_roles_and_kinds(metric):
    given = statistics(metric)
    with pytest.raises(GandiagError, match=f"{metric.name} takes"):
        metric()
    with pytest.raises(GandiagError, match=f"{metric.name} takes"):
        metric(**given, stranger=given["generated"])
    hashes = STATISTICS["hashes"].of(torch.zeros((N, 1), dtype=torch.int64))
    with pytest.raises(GandiagError, match="hashes"):
        metric(**{**given, "generated": hashes})


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_all_images_alike_cost_no_nan(metric, value):
    alike = torch.full((N, width_of(metric)), value)
    given = {role: of(kinds[0], alike) for role, kinds in metric.accepts.items()}
    for score in metric(**given).values():
        assert math.isfinite(score.value)
        assert score.low is None or math.isfinite(score.high - score.low)


# What equal sets have by theory; of those that are not here, the value is finite.
EQUAL = {
    "fid": 0.0,
    "sw1": 0.0,
    "sw2": 0.0,
    "emd": 0.0,
    "sinkhorn": 0.0,
    "swd_patches": 0.0,
    "precision": 1.0,
    "recall": 1.0,
    "coverage": 1.0,
    "authenticity": 0.0,
    "f8": 1.0,
    "f1_8": 1.0,
}


def test_equal_sets(metric):
    x = rows(60, 0, width_of(metric))
    scores = metric(**{role: of(kinds[0], x) for role, kinds in metric.accepts.items()})
    for name, score in scores.items():
        # A copy of a real image is infinitely real.
        assert math.isfinite(score.value) or name == "realism"
        if name in EQUAL and "size=12" not in repr(metric):
            # Roots of what rounding leaves; the marginals of sinkhorn are met to 1e-7.
            assert score.value == pytest.approx(EQUAL[name], abs=1e-4)


def ties(kind):
    if kind == "alike":
        return {"real": torch.ones(2000, 4), "heldout": torch.ones(2000, 4)}
    return {"real": torch.eye(500), "heldout": torch.eye(500).flip(0)}


# Their cost, or their outcome, does not hang on ties; or they have tests of that of their own.
SLOW = {"critic", "fid_inf", "ms_ssim", "prd"}


@pytest.mark.parametrize("kind", ["alike", "equidistant"])
@pytest.mark.parametrize("cls", [cls for key, cls in METRICS.items() if key not in SLOW])
def test_thousands_of_ties_are_no_harder_than_other_rows(cls, kind):
    """Of 2,000 equal rows, and of 500 that are as far from each other: all is finite."""
    metric = cls(**({"patches": 2, "side": 1, "directions": 20} if cls is SlicedPatches else {}))
    sets = ties(kind)
    sets["generated"] = sets["real"]
    if cls is SlicedPatches:
        sets = {role: x[:, :6].repeat(1, 2)[:, :6] for role, x in sets.items()}
    given = {role: of(kinds[0], sets[role]) for role, kinds in metric.accepts.items()}
    for name, score in metric(**given).items():
        assert math.isfinite(score.value) or name == "realism"
        assert score.low is None or score.low <= score.value <= score.high


def test_rows_that_are_no_numbers_never_reach_a_metric():
    for wrong in (math.nan, math.inf):
        x = rows()
        x[7, 2] = wrong
        for kind in STATISTICS.values():
            if kind.kind != "hashes":
                with pytest.raises(GandiagError):
                    kind.of(x)


def test_labels_of_a_class_that_the_other_set_has_not(metric):
    given = statistics(metric)
    for role, statistic in given.items():
        if isinstance(statistic, Bank) and role != "real":
            labels = ["0" if label == "2" else label for label in statistic.labels]
            given[role] = statistic.labelled(labels)
    for score in metric(**given).values():
        assert math.isfinite(score.value)


def test_leaves_its_statistics_alone(metric):
    given = statistics(metric)
    before = {r: {k: v.copy() for k, v in s.arrays().items()} for r, s in given.items()}
    metric(**given)
    for role, arrays in before.items():
        for name, array in arrays.items():
            assert (given[role].arrays()[name] == array).all()


def test_a_bank_in_pieces_is_the_bank(metric):
    def pieces(x):
        labels = of(Bank, x).labels
        return Bank.of(x[:7]).labelled(labels[:7]) + Bank.of(x[7:]).labelled(labels[7:])

    sets = {role: rows(N, SEEDS[role], width_of(metric)) for role in metric.accepts}
    given = {role: pieces(x) for role, x in sets.items()}
    whole = {role: of(Bank, x) for role, x in sets.items()}
    assert metric(**given) == metric(**whole)


def test_everything_exported_is_there():
    for name in metrics.__all__:
        assert getattr(metrics, name) is not None


def test_functions_that_tell_the_two_sets_apart_take_them_by_name():
    x = rows()
    for call in (
        metrics.precision_recall_density_coverage,
        metrics.neighbourhoods,
        metrics.bins,
        metrics.classification_accuracies,
        metrics.class_coverage,
        metrics.kernel_distance_of_subsets,
        metrics.kernel_distance_of_blocks,
        metrics.frechet_with_deviation,
        metrics.frechet_infinity,
        metrics.gaussian_mmd_of_subsets,
        metrics.data_copying,
        metrics.feature_likelihood,
        metrics.memorization_distance,
        metrics.near_copies,
        metrics.closest_pairs,
    ):
        with pytest.raises(TypeError, match="positional"):
            call(x, x)
    # Symmetric, so either way.
    assert metrics.frechet_distance(x, x) == metrics.frechet_distance(real=x, generated=x)
    assert metrics.gaussian_mmd(x, x) == metrics.gaussian_mmd(real=x, generated=x)
    assert metrics.kernel_distance(x, x) == metrics.kernel_distance(real=x, generated=x)


def test_what_it_becomes_on_features_can_be_computed(metric):
    name = "pixels" if metric.name == "ms_ssim" else "net"
    layers = {"pool": width_of(metric), "logits": 6}
    known = Known(name, layers, "pool", "logits", classes=tuple("abcdef"))
    ready = metric.on(known)
    assert type(ready) is type(metric)
    assert ready(**statistics(ready))
    for code, sentence in ready.remarks(**statistics(ready)):
        assert code == code.lower()
        assert "\n" not in sentence


def test_logits_are_asked_for_only_where_they_are_needed(metric):
    name = "pixels" if metric.name == "ms_ssim" else "net"
    without = Known(name, {"pool": width_of(metric)}, "pool")
    if metric.reads == "logits":
        with pytest.raises(Unfit, match="class logits") as caught:
            metric.on(without)
        assert caught.value.way
        assert not isinstance(metric, InceptionScore) or type(metric)(layer="x").on(without)
    else:
        assert metric.on(without) == metric
