import numpy as np
import ot
import pytest
import torch
from torch import nn

from gandiag.errors import GandiagError
from gandiag.metrics import CriticWasserstein, critic_bound, critic_wasserstein
from gandiag.metrics.critic_training import trained
from gandiag.metrics.slopes import steepest_secant
from gandiag.statistics import Bank

STEPS = 60


def rows(n, seed, width=1):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def exact(x, y):
    return ot.emd2([], [], ot.dist(x.double().numpy(), y.double().numpy(), metric="euclidean"))


def ring(n, seed):
    """Gulrajani et al. 2017, figure 1: eight Gaussians."""
    rng = np.random.default_rng(seed)
    angle = rng.integers(8, size=n) * np.pi / 4
    points = 2 * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.02 * rng.normal(size=(n, 2))
    return torch.from_numpy(points / 1.414).float()


def noisy(n, seed):
    return ring(n, seed) + rows(n, seed + 50, 2)


@pytest.mark.parametrize(
    ("penalty", "close"), [("one-sided", 0.4), ("two-sided", 0.4), ("spectral", 0.95)]
)
def test_a_shift_on_a_line_is_met_from_below(penalty, close):
    found = critic_wasserstein(rows(600, 0), rows(600, 1) + 3, penalty=penalty, steps=100).found
    # The critic x => -x has all of it; a short training with kinks has a part. Above, by three
    # standard errors of the two means.
    assert 3 * close - 3 * found.deviation < found.bound < 3 + 3 * found.deviation


@pytest.mark.parametrize("penalty", ["one-sided", "two-sided", "spectral"])
@pytest.mark.parametrize(
    ("real", "generated"),
    [
        (rows(200, 0, 2), rows(260, 1, 2) * 2),
        (ring(200, 0), noisy(200, 1)),
        (rows(200, 0, 30), rows(200, 1, 30) + 0.3),
        (rows(200, 0, 30), rows(200, 1, 30)),
    ],
)
def test_no_bound_is_above_the_exact_distance_of_the_same_rows(penalty, real, generated):
    result = critic_wasserstein(real, generated, penalty=penalty, steps=STEPS)
    theirs = exact(result.real, result.generated)
    assert result.exact == pytest.approx(theirs, rel=1e-9)
    # Duality, for any critic of any training: no sampling error, as the slope is of these rows.
    assert abs(result.found.bound) <= theirs * (1 + 1e-9)


def test_the_raw_gap_is_no_distance():
    """At the weight .1 of the published toy code the gap is several times W1, the slope is why."""
    result = critic_wasserstein(
        ring(800, 0), noisy(800, 1), penalty="two-sided", weight=0.1, steps=150
    )
    found = result.found
    assert found.gap > 1.5 * result.exact
    assert found.mean_slope > 2
    assert 0.2 * result.exact < found.bound < result.exact


def test_equal_distributions_are_near_zero_and_the_floor():
    metric = CriticWasserstein(steps=STEPS)
    score = metric(real=Bank.of(rows(1600, 0, 8)), generated=Bank.of(rows(800, 1, 8)))["critic_w1"]
    assert abs(score.value) < 4 * score.extra["standard error"]
    assert score.low is None
    # Both are gaps of mean 0 over slopes of about 1, sd of D at most 1: 5 x sqrt(2 / 400).
    assert abs(score.value - score.extra["floor"]) < 0.5
    assert score.extra["floor rows"] == 800
    assert score.extra["held out"] == 400
    assert score.extra["exact w1"] > 0.5  # what finite sets have in eight dimensions
    assert score.value == pytest.approx(score.extra["critic gap"] / score.extra["slope"])
    # The floor is of real rows alone, and of two draws with no row in common.
    far = metric(real=Bank.of(rows(1600, 0, 8)), generated=Bank.of(rows(800, 1, 8) + 5))
    assert far["critic_w1"].extra["floor"] == score.extra["floor"] != 0


def test_the_interval_is_of_the_held_out_rows():
    """With one critic, intervals of many draws cover what it says of the distributions."""
    critic, constant = trained(
        rows(400, 0, 3), rows(400, 1, 3) + 0.5, "spectral", 20, 10.0, 0, None
    )
    found = [
        critic_bound(
            critic,
            rows(100, 10 + i, 3).double(),
            rows(80, 900 + i, 3).double() + 0.5,
            lipschitz=constant,
        )
        for i in range(120)
    ]
    expected = np.mean([each.bound for each in found])
    covers = np.mean([abs(each.bound - expected) < 1.96 * each.deviation for each in found])
    # Three standard errors of 95 % in 120.
    assert 0.89 < covers < 1


def test_the_order_of_rows_and_the_global_generators_are_left_alone():
    x, y = rows(90, 0, 3), rows(70, 1, 3) + 1
    x[5:20] = x[4]
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    one = critic_wasserstein(x, y, steps=10, size=60).found
    two = critic_wasserstein(x.flip(0), y.roll(7, 0), steps=10, size=60).found
    assert one == two
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    other = critic_wasserstein(x, y, steps=10, size=60, seed=1)
    assert other.found != one
    assert set(other.real[:, 0].tolist()) != set(
        critic_wasserstein(x, y, steps=10, size=60).real[:, 0].tolist()
    )
    # Copies are not drawn beside their originals.
    same = critic_wasserstein(x, x.clone(), steps=10, size=60)
    assert not torch.equal(same.real, same.generated)
    with torch.inference_mode():
        assert critic_wasserstein(x + 0, y + 0, steps=10, size=60).found == one


def test_the_certificate_is_the_product_of_spectral_norms():
    x, y = rows(100, 0, 4), rows(100, 1, 4) * 2
    critic, certificate = trained(x, y, "spectral", 20, 10.0, 0, None)
    cells = dict(zip(critic.__code__.co_freevars, critic.__closure__, strict=True))
    layers = cells["exact"].cell_contents
    norms = [np.linalg.svd(w.numpy(), compute_uv=False)[0] for w, _ in layers]
    assert certificate == pytest.approx(np.prod(norms), rel=1e-12)
    assert certificate == pytest.approx(1, abs=0.2)  # power iteration is near the norms
    found = critic_bound(critic, x.double(), y.double(), lipschitz=certificate)
    assert found.slope == certificate
    # A certificate is above every slope.
    assert found.largest_slope <= certificate * (1 + 1e-12)


def test_a_bound_by_hand():
    x, y = torch.tensor([[0.0, 0], [0, 2]]), torch.tensor([[3.0, 4], [0, 4]])
    critic = nn.utils.skip_init(nn.Linear, 2, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[0.0, -5.0]]))
        critic.bias.zero_()
    critic.train()
    found = critic_bound(critic, x, y)
    assert critic.training
    assert critic.weight.grad is None
    assert found.gap == pytest.approx(15)
    # Answers are float32.
    assert found[1:5] == pytest.approx([5] * 4, rel=1e-6)
    assert found.bound == pytest.approx(3)  # the shift of the second coordinate
    assert found.error == pytest.approx(5)  # D is 0, -10 and -20, -20: sqrt(50 / 2)
    at = [torch.tensor([0.0, 3]).double(), torch.tensor([10.0, 3]).double()]
    # From (0, 0) to (3, 4): 10 / 5; from (0, 2) to (0, 4): 0; 7 / sqrt(13); 3 / 4.
    assert steepest_secant(*at, x, y) == pytest.approx(2)


def test_images_and_answers_that_are_wrong():
    images = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert critic_bound(lambda x: x.sum((1, 2, 3)), images, images + 1).bound == pytest.approx(
        -(48**0.5), rel=1e-5
    )
    with pytest.raises(GandiagError, match="one number each"):
        critic_bound(lambda x: x, images, images)
    with pytest.raises(GandiagError, match="diverged"):
        critic_bound(lambda x: x.sum((1, 2, 3)) * torch.nan, images, images)
    with pytest.raises(GandiagError, match="choose one of them"):
        CriticWasserstein(penalty="no-sided")


def test_it_tells_how_far_it_is():
    told = []
    metric = CriticWasserstein(steps=3)
    given = {"real": Bank.of(rows(20, 0, 2)), "generated": Bank.of(rows(20, 1, 2))}
    assert metric.telling(told.append)(**given) == metric(**given)
    assert told == pytest.approx([i / 6 for i in range(1, 7)])


def test_a_one_sided_penalty_comes_nearer():
    """A slope of 1 everywhere is not what the best critic of many modes has."""
    one, two = (
        critic_wasserstein(ring(500, 0), noisy(500, 1), penalty=penalty, steps=300).found.bound
        for penalty in ("one-sided", "two-sided")
    )
    assert one > 1.1 * two


def test_a_certified_bound_has_the_interval_of_its_standard_error():
    given = {"real": Bank.of(rows(60, 0, 2)), "generated": Bank.of(rows(60, 1, 2) + 1)}
    score = CriticWasserstein(penalty="spectral", steps=5)(**given)["critic_w1"]
    half = 1.959964 * score.extra["standard error"]
    assert score.high - score.value == pytest.approx(half, rel=1e-6)
    assert score.value - score.low == pytest.approx(half, rel=1e-6)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_the_slope_is_the_steeper_of_secants_and_gradients():
    # x^2 has secants x + y, at most 3, and slopes 2 x.
    found = critic_bound(lambda x: x.square(), column(0, 1), column(0.5, 2))
    assert found.slope == found.largest_slope == pytest.approx(4)
    # A step is flat wherever one looks, and rises by 1 from .2 to 1.
    found = critic_bound(lambda x: (x > 0.5) + 0 * x, column(0, 0.2), column(1, 2))
    assert (found.largest_slope, found.slope) == (0, pytest.approx(1.25))
    assert found.bound == pytest.approx(-0.8)


def test_slopes_are_summed_up_by_their_quantile():
    even = torch.linspace(0, 1, 300, dtype=torch.float64)[:, None]
    found = critic_bound(lambda x: x.square(), even, even)
    # Of the rows they are even in [0, 2], of interpolates nearer to 1: 99 % of three parts.
    assert 1.9 < found.slope_99 < 1.99
    assert found.mean_slope == pytest.approx(1, abs=0.05)
