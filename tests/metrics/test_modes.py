import math

import pytest
import torch

from gandiag.metrics import ModeCoverage, class_coverage, coverage_of, mode_coverage, nearest_modes
from gandiag.metrics.modes import NOWHERE, agreement, kl_floor, labelled_modes
from gandiag.sources.mixtures import MIXTURES
from gandiag.statistics import Bank


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", MIXTURES)
def test_a_perfect_sampler_has_the_share_and_divergence_that_theory_gives(name):
    """1 - exp(-4.5) of high quality; (K - 1) / 2N of reverse KL."""
    mixture, n, repeats = MIXTURES[name], 2500, 40
    modes = len(mixture.means)
    found = [
        mode_coverage(mixture(n, rng(seed))[0], mixture.means, mixture.sd)
        for seed in range(repeats)
    ]
    assert {each.covered for each in found} == {modes}
    ceiling = 1 - math.exp(-4.5)
    share = sum(each.high_quality for each in found) / repeats
    # Four standard errors of 100,000 Bernoulli draws.
    assert abs(share - ceiling) < 4 * math.sqrt(ceiling * (1 - ceiling) / (n * repeats))
    divergence = sum(each.reverse_kl for each in found) / repeats
    floor = kl_floor(modes, n * ceiling)
    # 2N KL is chi-squared with K - 1 degrees of freedom: four standard errors of a mean of 40.
    assert abs(divergence - floor) < 4 * floor * math.sqrt(2 / (modes - 1) / repeats)
    assert found[0].floor == pytest.approx(floor, rel=0.01)


def test_the_thousand_modes_have_a_floor_too():
    modes, n = 1000, 26_000
    found = coverage_of(torch.randint(modes, (n,), generator=rng()), modes)
    assert found.covered == modes
    assert found.floor == pytest.approx(999 / 52_000)
    # Relative deviation sqrt(2 / 999) = 4.5 %; first order in 1/N is right to 2 % at 26 a mode.
    assert found.reverse_kl == pytest.approx(found.floor, rel=0.2)


def test_intervals_hold_the_truth_where_the_shares_are_uneven():
    """Nineteen in twenty, of the divergence of the true shares plus the floor."""
    shares = torch.tensor([0.5, 0.2, 0.2, 0.1], dtype=torch.float64)
    truth = math.log(4) + float((shares * shares.log()).sum()) + kl_floor(4, 500)
    hits = 0
    for seed in range(200):
        modes = torch.multinomial(shares, 500, replacement=True, generator=rng(seed))
        found = coverage_of(modes, 4)
        hits += abs(found.reverse_kl - truth) < 1.96 * found.deviation
    # Binomial(200, .95) has deviation 3.1.
    assert 178 <= hits <= 200


def twin(points, means, sd):
    """One point at a time."""
    found = []
    for point in points.tolist():
        distances = [math.dist(point, mean) for mean in means.tolist()]
        least = min(distances)
        found.append(distances.index(least) if least < 3 * sd else NOWHERE)
    return found


def test_the_nearest_mode_is_the_slow_twins():
    means = torch.randn(6, 3, generator=rng(1)).double()
    points = torch.randn(400, 3, generator=rng(2)).double()
    found = nearest_modes(points, means, 0.2)
    assert found.tolist() == twin(points, means, 0.2)
    assert (found == NOWHERE).any()
    assert (found != NOWHERE).any()


def test_three_deviations_away_is_not_near():
    points = torch.tensor([[0.75], [math.nextafter(0.75, 0)]], dtype=torch.float64)
    found = nearest_modes(points, torch.zeros(1, 1), 0.25)
    assert found.tolist() == [NOWHERE, 0]


def test_each_mode_has_its_own_deviation():
    means, sd = torch.tensor([[0.0], [10.0]]), torch.tensor([0.1, 1.0])
    assert nearest_modes(torch.tensor([[1.0], [9.0]]), means, sd).tolist() == [NOWHERE, 1]


def test_a_collapsed_sampler():
    mixture = MIXTURES["ring8"]
    found = mode_coverage(mixture.means[:1].repeat(50, 1), mixture.means, mixture.sd)
    assert (found.covered, found.high_quality) == (1, 1.0)
    assert found.reverse_kl == pytest.approx(math.log(8))
    nowhere = mode_coverage(torch.zeros(50, 2), mixture.means, mixture.sd)
    assert (nowhere.covered, nowhere.high_quality) == (0, 0.0)
    assert nowhere.reverse_kl == pytest.approx(math.log(8))


def test_a_tenth_of_its_share():
    modes = torch.tensor([0] * 500 + [1] * 490 + [2] * 9 + [3])
    found = coverage_of(modes, 4)
    assert (found.covered, found.at_a_tenth) == (4, 2)


def test_classes_are_those_that_the_real_images_show():
    real = torch.eye(5)[[0, 0, 0, 1]]
    found = class_coverage(generated=torch.eye(5)[[0, 1, 1, 4]], real=real)
    assert found.counts.tolist() == [1, 2]
    assert found.high_quality == 0.75
    # KL((1/3, 2/3) || (3/4, 1/4)).
    assert found.reverse_kl == pytest.approx(math.log(4 / 9) / 3 + 2 / 3 * math.log(8 / 3))
    assert found.floor == pytest.approx(0.5 * (1 / 3 + 1 / 4))
    assert len(class_coverage(generated=torch.eye(5)).counts) == 5


def test_modes_of_labelled_points():
    points = torch.tensor([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]])
    names, means, sd = labelled_modes(points, ["b", "b", "a"])
    assert names == ("a", "b")
    assert means.tolist() == [[5, 5], [1, 0]]
    # Variances 2 and 0 with n - 1; a single point has none.
    assert sd.tolist() == [0, 1]


def test_labels_that_are_numbers_are_in_their_order():
    names, _, _ = labelled_modes(torch.zeros(3, 1), ["10", "9", "1"])
    assert names == ("1", "9", "10")


def test_agreement_with_labels():
    modes = torch.tensor([0, 1, 2, NOWHERE])
    assert agreement(modes, ["a", "1", "b", "c"], ["a", "b", "c"]) == 0.5
    assert agreement(modes, ["a", "b", "c", "stranger"], ["a", "b", "c"]) is None


def test_the_metric_counts_labels_of_the_generated_only_if_there_are_any():
    mixture = MIXTURES["ring8"]
    real, generated = (mixture(800, rng(seed)) for seed in (1, 2))
    bank = Bank.of(generated[0])
    means = tuple(tuple(mean) for mean in mixture.means.tolist())
    metric = ModeCoverage(means=means, sd=mixture.sd)
    plain = metric(real=Bank.of(real[0]), generated=bank)
    assert list(plain) == ["modes", "high_quality", "mode_kl"]
    labels = [str(mode) for mode in generated[1].tolist()]
    scores = metric(real=Bank.of(real[0]), generated=bank.labelled(labels))
    # A conditional sampler without fault: its points of high quality are where they should be.
    assert scores["gan_test"].value == scores["high_quality"].value
    assert scores["modes"].extra["of"] == 8
    assert sum(scores["modes"].extra[f"count {i}"] for i in range(8)) == 800 * (
        scores["high_quality"].value
    )
    wrong = metric(real=Bank.of(real[0]), generated=bank.labelled(["0"] * 800))
    assert wrong["gan_test"].value == pytest.approx(1 / 8, abs=0.05)
