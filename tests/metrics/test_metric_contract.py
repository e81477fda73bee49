"""What every metric promises, from the table that the command line reads."""

import dataclasses
import math

import pytest
import torch

from gandiag import metrics
from gandiag.errors import GandiagError
from gandiag.metrics import (
    METRICS,
    PRDC,
    RKE,
    Blocks,
    ClassificationAccuracy,
    ExactTransport,
    FrechetDistance,
    FrechetInfinity,
    GaussianMMD,
    InceptionScore,
    KernelDistance,
    Known,
    MaxSlicedWasserstein,
    ModeCoverage,
    Score,
    SinkhornDivergence,
    SlicedWasserstein,
    Subsets,
    Unfit,
    VendiScore,
)
from gandiag.statistics import STATISTICS, Bank, SavedStatistics, load_statistics, save_statistics

N = 30

# As they come, and in the published variants that take another path.
INSTANCES = [
    *(metric() for metric in METRICS.values()),
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
    ModeCoverage(labelled=True),
    ClassificationAccuracy(penalty=10.0, seed=1),
    ModeCoverage(means=((0.0,) * 6, (1.0,) * 6), sd=0.5),
    ModeCoverage(classes=tuple("abcdef"), uniform=True),
]


def rows(n=N, seed=0, width=6):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed)).abs()


SEEDS = {"real": 0, "heldout": 1, "generated": 2}


def statistics(metric, n=N, order=None, index=0):
    """Of random features, by role; `index` picks among the kinds that the metric accepts."""
    given = {}
    for role, kinds in metric.accepts.items():
        x = rows(n, SEEDS[role])
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
        enough = {each: of(kinds[0], rows(max(N, least))) for each, kinds in metric.accepts.items()}
        kind = metric.accepts[role][0]
        scores = metric(**{**enough, role: of(kind, rows(least))})
        assert all(math.isfinite(score.value) for score in scores.values())
        with pytest.raises(GandiagError, match=f"{role} has {least - 1} rows"):
            metric(**{**enough, role: of(kind, rows(least - 1))})


def test_refuses_widths_that_differ(metric):
    given = statistics(metric)
    if len(given) > 1:
        given["generated"] = of(metric.accepts["generated"][0], rows(width=5))
        with pytest.raises(GandiagError, match=r"6 wide .* 5 wide"):
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
    alike = torch.full((N, 6), value)
    given = {role: of(kinds[0], alike) for role, kinds in metric.accepts.items()}
    for score in metric(**given).values():
        assert math.isfinite(score.value)
        assert score.low is None or math.isfinite(score.high - score.low)


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

    given = {role: pieces(rows(seed=SEEDS[role])) for role in metric.accepts}
    whole = {role: of(Bank, rows(seed=SEEDS[role])) for role in metric.accepts}
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
    ):
        with pytest.raises(TypeError, match="positional"):
            call(x, x)
    # Symmetric, so either way.
    assert metrics.frechet_distance(x, x) == metrics.frechet_distance(real=x, generated=x)
    assert metrics.gaussian_mmd(x, x) == metrics.gaussian_mmd(real=x, generated=x)
    assert metrics.kernel_distance(x, x) == metrics.kernel_distance(real=x, generated=x)


def test_what_it_becomes_on_features_can_be_computed(metric):
    known = Known("net", {"pool": 6, "logits": 6}, "pool", "logits", classes=tuple("abcdef"))
    ready = metric.on(known)
    assert type(ready) is type(metric)
    assert ready(**statistics(ready))
    for code, sentence in ready.remarks(**statistics(ready)):
        assert code == code.lower()
        assert "\n" not in sentence


def test_logits_are_asked_for_only_where_they_are_needed(metric):
    without = Known("net", {"pool": 6}, "pool")
    if metric.reads == "logits":
        with pytest.raises(Unfit, match="class logits") as caught:
            metric.on(without)
        assert caught.value.way
        assert not isinstance(metric, InceptionScore) or type(metric)(layer="x").on(without)
    else:
        assert metric.on(without) == metric
