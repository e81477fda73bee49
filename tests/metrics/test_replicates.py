"""Scores without a twentieth of the rows, against leaving them out by hand."""

import pytest
import torch

from gandiag.metrics import (
    METRICS,
    PRDC,
    ExactTransport,
    FrechetDistance,
    GaussianMMD,
    KernelDistance,
    SinkhornDivergence,
    SlicedWasserstein,
    Subsets,
    VendiScore,
)
from gandiag.metrics.jackknife import groups_of
from gandiag.metrics.kernel import cubic_kernel, kernel_distance
from gandiag.metrics.kernel_groups import kernel_distance_without_groups
from gandiag.metrics.paired import BOTH, contrast, spread
from gandiag.metrics.replicates import deleted
from gandiag.metrics.transport import draw
from gandiag.statistics import Bank, Moments


def normal(n, width, seed):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def by_hand(metric, output, **rows):
    """{role: [value without each group]}, the rows picked one by one."""
    found = {}
    for role, x in rows.items():
        groups = groups_of(len(x)).tolist()
        found[role] = [
            metric(
                **{
                    each: Bank.of(
                        torch.stack([row for row, g in zip(y, groups, strict=True) if g != group])
                        if each == role
                        else y
                    )
                    for each, y in rows.items()
                }
            )[output].value
            for group in range(max(groups) + 1)
        ]
    return found


@pytest.mark.parametrize(
    ("metric", "output", "n", "width"),
    [
        # From moments, groups taken off; and from rows, where there are fewer than they are wide.
        (FrechetDistance(), "fid", 120, 5),
        (FrechetDistance(), "fid", 45, 60),
        (FrechetDistance(ddof=0), "fid", 120, 5),
        (KernelDistance(), "kid", 60, 5),
        (GaussianMMD(), "mmd", 60, 5),
        (GaussianMMD(normalise=False, sigma=2.0, scale=1.0), "mmd", 60, 5),
    ],
)
def test_leaves_out_each_group(metric, output, n, width):
    real, generated = normal(n, width, 0), 0.8 * normal(n + 7, width, 1) + 0.3
    found = metric.replicates(real=Bank.of(real), generated=Bank.of(generated))[output]
    expected = by_hand(metric, output, real=real, generated=generated)
    assert list(found) == ["real", "generated"]
    for role, values in expected.items():
        # Moments without a group are the whole's less the group's: some digits go.
        assert found[role].tolist() == pytest.approx(values, rel=1e-9)


def test_one_role_alone():
    rows = normal(50, 4, 3)
    found = VendiScore().replicates(generated=Bank.of(rows))["vendi"]
    assert found["generated"].tolist() == pytest.approx(
        by_hand(VendiScore(), "vendi", generated=rows)["generated"], rel=1e-12
    )


def test_what_has_no_rows_is_known():
    real, generated = Moments.of(normal(200, 4, 0)), Bank.of(normal(60, 4, 1))
    found = FrechetDistance().replicates(real=real, generated=generated)["fid"]
    assert list(found) == ["generated"]


def test_labels_go_with_their_rows():
    seen = []

    def values(given):
        seen.append(given["generated"])
        return {"n": float(given["generated"].n)}

    rows = torch.arange(40.0)[:, None]
    labels = [str(i) for i in range(40)]
    found = deleted(values, {"generated": Bank.of(rows).labelled(labels)}, {"generated": (Bank,)})
    assert found["n"]["generated"].tolist() == [38.0] * 20
    for each in seen:
        assert [str(int(row)) for row in each.rows[:, 0]] == list(each.labels)
    # Each row was left out once.
    assert sum(len(each.labels) for each in seen) == 19 * 40


def test_tells_how_far_it_is():
    told = []
    VendiScore().replicates(told.append, generated=Bank.of(normal(40, 3, 0)))
    assert told == sorted(told)
    assert len(told) == 20
    assert told[-1] == 1.0


@pytest.mark.parametrize(("n", "m"), [(50, 50), (41, 67)])
def test_kernel_sums_by_groups_are_the_distances_without_them(n, m):
    x, y = normal(n, 4, 0), normal(m, 4, 1) + 0.2
    found = kernel_distance_without_groups(x, y, cubic_kernel)
    for role, groups in (("real", groups_of(n)), ("generated", groups_of(m))):
        expected = [
            kernel_distance(
                x[groups != g] if role == "real" else x,
                y[groups != g] if role == "generated" else y,
            )
            for g in range(20)
        ]
        # Differences of sums, of some thousand pairs.
        assert found[role].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("k", [3, 5])
def test_neighbourhoods_find_them_in_one_pass(k):
    # Balls of rows that are left out reach further; candidates suffice for that here.
    real, generated = normal(80, 3, 0), normal(70, 3, 1) * 1.2
    metric = PRDC(k=k)
    found = metric.replicates(real=Bank.of(real), generated=Bank.of(generated))
    groups = groups_of(80), groups_of(70)
    for output in ("precision", "recall", "density"):
        expected = by_hand(metric, output, real=real, generated=generated)
        for role, values in expected.items():
            assert found[output][role].tolist() == pytest.approx(values, abs=1e-12), (output, role)
        # Rows are of the set whose balls are counted.
        both = found[output][BOTH].T if output == "recall" else found[output][BOTH]
        for i, j in ((0, 0), (3, 17), (19, 8)):
            mine, theirs = real[groups[0] != i], generated[groups[1] != j]
            alone = metric(real=Bank.of(mine), generated=Bank.of(theirs))[output].value
            assert float(both[i, j]) == pytest.approx(alone, abs=1e-12), (output, i, j)


@pytest.mark.parametrize("output", PRDC.outputs)
def test_deviations_of_neighbourhoods_are_those_of_repeated_draws(output):
    """Of one score, and of the difference of two on the same real rows."""
    values, spreads, differences, deviations = [], [], [], []
    for seed in range(120):
        real, *generated = (Bank.of(normal(120, 6, 3 * seed + i)) for i in range(3))
        found = [PRDC(k=3).replicates(real=real, generated=each)[output] for each in generated]
        scores = [PRDC(k=3)(real=real, generated=each)[output].value for each in generated]
        values.append(scores[0])
        spreads.append(spread(found[0]) ** 2)
        difference = contrast(*scores, tuple(found))
        differences.append(difference.value)
        deviations.append(difference.deviation**2)
    for estimated, seen in ((spreads, values), (deviations, differences)):
        ratio = torch.tensor(estimated).mean().sqrt() / torch.tensor(seen).std()
        # The deviation of 120 draws is known to a fifteenth; with what both sides have counted
        # twice it was 1.5 to 2.3.
        assert 0.8 < ratio < 1.4


@pytest.mark.parametrize(
    ("metric", "width"),
    [
        (ExactTransport(), 3),
        (ExactTransport(order=1), 3),
        (ExactTransport(), 1),
        (SinkhornDivergence(blur=1.0), 3),
        (SlicedWasserstein(directions=20), 3),
    ],
    ids=repr,
)
def test_transport_finds_them_to_first_order(metric, width):
    # Copies are one point with more weight. Far apart, little is left to the second order.
    real, generated = normal(80, width, 0), 1.5 * normal(60, width, 1) + 4
    real, generated = torch.cat([real, real[:20]]), torch.cat([generated, generated[:20]])
    found = metric.replicates(real=Bank.of(real), generated=Bank.of(generated))
    drawn = {"real": real, "generated": generated}
    for output, by_role in found.items():
        # Groups are of the rows in the order that they are drawn in.
        for role, values in by_role.items():
            exact = torch.tensor(by_hand_in_order(metric, output, role, drawn))
            spread = (exact - exact.mean()).square().mean().sqrt()
            error = (values - values.mean() - exact + exact.mean()).square().mean().sqrt()
            assert error < 0.15 * spread, (output, role)


def by_hand_in_order(metric, output, role, drawn):
    given = draw(drawn["real"], drawn["generated"], None, metric.seed)
    sets = {"real": given.real, "generated": given.generated}
    if sets[role].shape[1] == 1 and isinstance(metric, ExactTransport):
        sets[role] = sets[role].sort(dim=0)[0]
    groups = groups_of(len(sets[role]))
    return [
        metric(**{r: Bank.of(x[groups != g] if r == role else x) for r, x in sets.items()})[
            output
        ].value
        for g in range(20)
    ]


def test_without_a_distance_nothing_moves_it():
    alike = Bank.of(torch.ones(30, 3))
    for metric in (ExactTransport(), SinkhornDivergence(), SlicedWasserstein()):
        for by_role in metric.replicates(real=alike, generated=alike).values():
            for values in by_role.values():
                assert values.tolist() == [0.0] * 20


def test_what_chance_draws_is_not_judged():
    assert KernelDistance(Subsets(size=10)).unjudged()["kid"].startswith("its subsets are drawn")
    assert GaussianMMD(subsets=Subsets(size=10)).unjudged()
    assert not KernelDistance().unjudged()
    assert not GaussianMMD().unjudged()


@pytest.mark.parametrize("metric", [each() for each in METRICS.values()], ids=repr)
def test_reasons_are_of_outputs(metric):
    assert set(metric.unjudged()) <= set(metric.outputs)
    for why in metric.unjudged().values():
        assert "\n" not in why
        assert not why.endswith(".")
