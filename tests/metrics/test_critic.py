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


@pytest.mark.parametrize(("penalty", "close"), [("two-sided", 0.4), ("spectral", 0.95)])
def test_a_shift_on_a_line_is_met_from_below(penalty, close):
    found = critic_wasserstein(rows(600, 0), rows(600, 1) + 3, penalty=penalty, steps=100).found
    # The critic x => -x has all of it; a short training with kinks has a part. Above, by three
    # standard errors of the two means.
    assert 3 * close - 3 * found.deviation < found.bound < 3 + 3 * found.deviation


@pytest.mark.parametrize("penalty", ["two-sided", "spectral"])
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
    result = critic_wasserstein(ring(800, 0), noisy(800, 1), weight=0.1, steps=150)
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
    assert critic_wasserstein(x, y, steps=10, size=60, seed=1).found != one
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
        CriticWasserstein(penalty="one-sided")


def test_it_tells_how_far_it_is():
    told = []
    metric = CriticWasserstein(steps=3)
    given = {"real": Bank.of(rows(20, 0, 2)), "generated": Bank.of(rows(20, 1, 2))}
    assert metric.telling(told.append)(**given) == metric(**given)
    assert told == pytest.approx([i / 6 for i in range(1, 7)])
