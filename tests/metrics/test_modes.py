import math

import numpy as np
import pytest
import torch

from gandiag.metrics import ModeCoverage, class_coverage, coverage_of, mode_coverage, nearest_modes
from gandiag.metrics import modes as modes_module
from gandiag.metrics.modes import (
    NOWHERE,
    _nearest_mode,
    asked_modes,
    kl_floor,
    labelled_modes,
)
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
    floor = kl_floor(modes, round(n * ceiling))
    # To first order in 1/N.
    assert floor == pytest.approx((modes - 1) / 2 / (n * ceiling), rel=0.01)
    # 2N KL is chi-squared with K - 1 degrees of freedom: four standard errors of a mean of 40.
    assert abs(divergence - floor) < 4 * floor * math.sqrt(2 / (modes - 1) / repeats)
    assert found[0].floor == pytest.approx(floor, rel=0.01)


def test_the_thousand_modes_have_a_floor_too():
    modes, n = 1000, 26_000
    found = coverage_of(torch.randint(modes, (n,), generator=rng()), modes)
    assert found.covered == modes
    # First order in 1/N is right to 2 % at 26 a mode.
    assert found.floor == pytest.approx(999 / 52_000, rel=0.02)
    # Relative deviation sqrt(2 / 999) = 4.5 %.
    assert found.reverse_kl == pytest.approx(found.floor, rel=0.2)


def test_intervals_hold_the_truth_where_the_shares_are_uneven():
    """Nineteen in twenty, of the divergence of the true shares plus the floor."""
    shares = torch.tensor([0.5, 0.2, 0.2, 0.1], dtype=torch.float64)
    truth = math.log(4) + float((shares * shares.log()).sum()) + kl_floor(4, 500)
    hits = 0
    for seed in range(200):
        modes = torch.multinomial(shares, 500, replacement=True, generator=rng(seed))
        found = coverage_of(modes, 4)
        low, high = found.interval
        hits += low < truth < high
    # Binomial(200, .95) has deviation 3.1.
    assert 178 <= hits <= 200


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def drawn(shares, n, seed, reference=None, n_reference=None):
    """Coverage by n samples, of a reference that may be counted from draws itself."""
    modes = torch.multinomial(shares, n, replacement=True, generator=rng(seed))
    if n_reference is None:
        return coverage_of(modes, len(shares) if reference is None else reference)
    real = torch.multinomial(reference, n_reference, replacement=True, generator=rng(seed + 10**6))
    one_hot = torch.eye(len(shares))
    return class_coverage(generated=one_hot[modes], real=one_hot[real])


@pytest.mark.parametrize(
    ("modes", "n", "simulated"),
    [
        # By first order 0.4995 and 0.24975.
        (1000, 1000, 0.572),
        (1000, 2000, 0.284),
    ],
)
def test_the_floor_of_few_samples_a_mode(modes, n, simulated):
    assert kl_floor(modes, n) == pytest.approx(simulated, abs=0.002)
    shares = torch.full((modes,), 1 / modes, dtype=torch.float64)
    values = np.array([drawn(shares, n, seed).reverse_kl for seed in range(100)])
    assert kl_floor(modes, n) == pytest.approx(values.mean(), abs=4 * values.std() / 10)


def test_the_floor_of_uneven_and_of_counted_references():
    shares = torch.linspace(1, 3, 50, dtype=torch.float64)
    shares /= shares.sum()
    values = np.array([drawn(shares, 100, seed, shares).reverse_kl for seed in range(200)])
    error = values.std() / math.sqrt(200)
    assert kl_floor(shares, 100) == pytest.approx(values.mean(), abs=4 * error)
    found = [drawn(shares, 400, seed, shares, 1000) for seed in range(200)]
    values = np.array([each.reverse_kl for each in found])
    # The reference's part is to first order: 20 real samples a mode.
    floor = np.mean([each.floor for each in found])
    assert floor == pytest.approx(values.mean(), rel=0.05)
    # And it is there: 0.0245 of 0.088.
    assert floor > 1.2 * kl_floor(shares, 400)


def test_no_divergence_is_below_the_floor_of_a_single_sample():
    # A collapse onto one mode by one sample: the first order would be 3.5, above log 8.
    found = coverage_of(torch.tensor([3] + [NOWHERE] * 99), 8)
    assert found.reverse_kl == pytest.approx(math.log(8)) == found.floor
    assert kl_floor(1, 5) == 0


@pytest.mark.parametrize(
    ("shape", "n", "n_reference", "low"),
    [
        # Coverage of the mean at this n, by 200 draws at .95: deviation .015, three of these below.
        # The conservative side has its bound from the ratio.
        ("even", 1000, None, 0.90),
        ("uneven", 1000, None, 0.90),
        ("even", 1000, 1000, 0.90),
        # With the reference left out of the first order 84 and 49.
        ("uneven", 1000, 1000, 0.90),
        ("uneven", 5000, 500, 0.90),
    ],
)
def test_the_interval_of_the_divergence_is_that_of_repeated_draws(shape, n, n_reference, low):
    slope = torch.linspace(1, 3, 100, dtype=torch.float64)
    shares = slope / slope.sum()
    even = torch.full((100,), 0.01, dtype=torch.float64)
    if shape == "even":
        shares = shares if n_reference else even
        reference = shares
    else:
        reference = shares.flip(0) if n_reference else even
    found = [drawn(shares, n, seed, reference, n_reference) for seed in range(200)]
    values = np.array([each.reverse_kl for each in found])
    lows, highs = np.array([each.interval for each in found]).T
    covered = ((lows < values.mean()) & (values.mean() < highs)).mean()
    assert covered > low
    deviations = np.array([math.sqrt(sum(each.variances)) for each in found])
    # 200 draws know a standard deviation to 5 %: three of these, and third order. With the noise
    # of counting in both orders it would be 1.7 on even shares.
    ratio = deviations.mean() / values.std(ddof=1)
    assert 0.8 < ratio < (1.2 if n_reference != 500 else 1.45)


@pytest.mark.parametrize("m", [None, 600])
def test_the_variance_at_equality_is_that_of_chi_squared(m):
    # 2N KL with K - 1 = 2 degrees of freedom: variance 2 (K - 1) / (2N)^2, 1/N = 1/n + 1/m.
    modes = torch.tensor([0] * 100 + [1] * 200 + [2] * 300)
    rate = 1 / 600 + (0 if m is None else 1 / m)
    found = coverage_of(modes, torch.tensor([1.0, 2.0, 3.0]), m)
    assert found.reverse_kl == pytest.approx(0, abs=1e-15)
    assert found.variances == (0, pytest.approx(2 * 2 * (rate / 2) ** 2))


def test_ties_go_to_the_first_mode_and_far_points_keep_their_digits():
    means = torch.tensor([[1e6, 0.0], [1e6 + 1, 0.0], [1e6, 0.0]], dtype=torch.float64)
    points = torch.tensor([[1e6 + 0.5, 0], [1e6 + 0.5000001, 0], [1e6, 1e-7]], dtype=torch.float64)
    assert nearest_modes(points, means, 1.0).tolist() == [0, 1, 0]
    assert twin(points, means, 1.0) == [0, 1, 0]


@pytest.mark.parametrize(("n", "modes", "width"), [(300, 25, 2), (50, 40, 300)])
def test_the_distance_is_the_norm_of_the_difference_to_the_last_bit(n, modes, width):
    x = torch.randn(n, width, dtype=torch.float64, generator=rng(1))
    means = torch.randn(modes, width, dtype=torch.float64, generator=rng(2))
    direct = torch.linalg.vector_norm(x[:, None] - means, dim=2).min(dim=1)
    distance, mode = _nearest_mode(x, means)
    assert torch.equal(distance, direct.values)
    assert torch.equal(mode, direct.indices)


def test_modes_in_many_dimensions_stay_within_their_memory(monkeypatch):
    sizes = []
    whole = torch.linalg.vector_norm

    def spy(x, **options):
        sizes.append(x.numel())
        return whole(x, **options)

    monkeypatch.setattr(torch.linalg, "vector_norm", spy)
    monkeypatch.setattr(modes_module, "GATHER", 5000)
    x = torch.randn(400, 60, generator=rng(1)).double()
    means = torch.randn(50, 60, generator=rng(2)).double()
    nearest_modes(x, means, 1.0)
    # A row for each point, not one for each pair; the rest are a few near ties.
    assert max(sizes) <= 5000
    assert sum(sizes) < 1.1 * x.numel()


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
    # The real part (K - 1) / 2m; that of three samples by hand, over the four ways to fall.
    known = sum(
        math.comb(3, i) * 0.75**i * 0.25 ** (3 - i) * kl([i / 3, 1 - i / 3], [0.75, 0.25])
        for i in range(4)
    )
    assert found.floor == pytest.approx(known + 1 / 8)
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


def test_labels_name_modes_or_count_them():
    assert asked_modes(["a", "1", "b", "c"], ["a", "b", "c"]).tolist() == [0, 1, 1, 2]
    assert asked_modes(["a", "b", "c", "stranger"], ["a", "b", "c"]) is None


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
    assert scores["label_agreement"].value == scores["high_quality"].value
    assert scores["modes"].extra["of"] == 8
    assert sum(scores["modes"].extra[f"count {i}"] for i in range(8)) == 800 * (
        scores["high_quality"].value
    )
    wrong = metric(real=Bank.of(real[0]), generated=bank.labelled(["0"] * 800))
    assert wrong["label_agreement"].value == pytest.approx(1 / 8, abs=0.05)
    # Asked for the first mode, the others come as often as they have samples.
    extra = wrong["label_agreement"].extra
    for mode in range(1, 8):
        assert extra[f"asked 0, seen {mode}"] == scores["modes"].extra[f"count {mode}"]


def test_a_tenth_of_the_share_is_a_tenth():
    counts = torch.tensor([1, 19] + [10] * 8)
    modes = torch.repeat_interleave(torch.arange(10), counts)
    assert coverage_of(modes, 10).at_a_tenth == 10


def test_what_a_person_says_of_the_modes_stands():
    from gandiag.metrics.base import Known

    points = Known("identity:2", {"values": 2}, "values", points=True, labelled=True)
    mine = ModeCoverage(means=((0.0, 0.0),), sd=0.1).on(points)
    assert (mine.means, mine.sd, mine.labelled) == (((0.0, 0.0),), 0.1, False)
    judge = Known("judge", {"logits": 3}, "logits", "logits", classes=("a", "b", "c"))
    assert ModeCoverage(uniform=True).on(judge).uniform
    assert ModeCoverage().on(judge).classes == ("a", "b", "c")
