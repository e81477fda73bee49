import math

import numpy as np
import pytest
import scipy.linalg
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import (
    FrechetInfinity,
    InceptionInfinity,
    frechet_distance,
    frechet_infinity,
    inception_infinity,
    inception_score,
)
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.infinity import extrapolate, sizes_of
from gandiag.statistics import Bank, Moments


def normal(n, width, seed):
    return np.random.default_rng(seed).normal(size=(n, width))


def uniform(n, width):
    return torch.rand(n, width, generator=torch.Generator().manual_seed(0))


def one_hot(n, classes, seed):
    return 60.0 * np.eye(classes)[np.random.default_rng(seed).integers(classes, size=n)]


def twin(real, generated, seed):
    """dgm-eval's arithmetic: sqrtm, LinearRegression, its sizes and draws, here seeded."""
    from sklearn.linear_model import LinearRegression

    mu, sigma = real.mean(0), np.cov(real, rowvar=False)
    n = len(generated)
    sizes = np.linspace(min(5000, max(n // 10, 2)), n, 15).astype("int32")
    random = np.random.default_rng(seed)
    values = []
    for size in sizes:
        part = random.choice(generated, size, replace=False)
        other = np.cov(part, rowvar=False)
        root = scipy.linalg.sqrtm(sigma @ other).real
        shift = ((mu - part.mean(0)) ** 2).sum()
        values.append(shift + np.trace(sigma) + np.trace(other) - 2 * np.trace(root))
    line = LinearRegression().fit(1 / sizes.reshape(-1, 1), np.array(values).reshape(-1, 1))
    return sizes, values, line.predict(np.array([[0.0]]))[0, 0], line.coef_[0, 0]


class TestLine:
    def test_what_is_linear_is_found_exactly(self):
        line = extrapolate(uniform(200, 2), lambda rows: 3 + 7 / len(rows))
        assert line.value == pytest.approx(3, rel=1e-12)
        assert line.slope == pytest.approx(7, rel=1e-10)
        assert line.residual < 1e-12
        assert line.r2 == pytest.approx(1)
        assert line.sizes.tolist() == sizes_of(200).tolist()

    def test_a_bent_one_tells(self):
        line = extrapolate(uniform(200, 2), lambda rows: 30 / len(rows) ** 2)
        assert line.residual > 1e-3
        assert line.r2 < 0.99
        assert line.value < 0

    def test_the_weights_are_those_of_a_mean(self):
        rows = torch.from_numpy(normal(150, 1, 0))
        line = extrapolate(rows, lambda part: float(part.mean()))
        assert float(line.weights.sum()) == pytest.approx(1)
        assert float(line.weights @ rows[:, 0]) == pytest.approx(line.value, rel=1e-10)

    def test_sizes_are_those_of_chong_and_forsyth(self):
        assert sizes_of(50_000).tolist() == np.linspace(5000, 50_000, 15).astype(int).tolist()
        assert sizes_of(100, sizes=4, lowest=6).tolist() == [6, 37, 68, 100]
        assert sizes_of(20).tolist()[:2] == [2, 3]

    def test_refuses(self):
        with pytest.raises(GandiagError, match="sizes=1"):
            FrechetInfinity(sizes=1)
        with pytest.raises(GandiagError, match="lowest=1"):
            inception_infinity(np.ones((30, 2)), lowest=1)
        with pytest.raises(GandiagError, match="at least 20"):
            frechet_infinity(real=np.ones((9, 2)), generated=np.ones((19, 2)))
        with pytest.raises(GandiagError, match="ddof"):
            FrechetInfinity(ddof=2)


class TestFrechet:
    def test_agrees_with_dgm_eval_on_the_same_subsets(self):
        real, generated = normal(300, 5, 0), 0.8 * normal(400, 5, 1) + 0.2
        drawn = generated[drawn_order(torch.from_numpy(generated), 3)]
        sizes, values, value, slope = twin(real, drawn, seed=3)
        line = frechet_infinity(real=real, generated=generated, seed=3)
        assert line.sizes.tolist() == sizes.tolist()
        # sqrtm of a product keeps half of the digits of the least eigenvalue.
        assert line.scores.numpy() == pytest.approx(values, rel=1e-8)
        assert line.value == pytest.approx(value, rel=1e-8)
        assert line.slope == pytest.approx(slope, rel=1e-7)

    def test_takes_the_bias_of_finite_n_away(self):
        """N(0, I) against N(0, 4 I): the distance is d, its bias (d + d (d + 1) / 2) / n.

        E tr S = d, E tr S^(1/2) = d (1 - (d + 1) / 8n) to first order, and E |mean|^2 = d / n.
        """
        width, n = 40, 1200
        eye = torch.eye(width, dtype=torch.float64)
        exact = Moments(None, 0 * eye[0], 4 * eye)
        found = [
            FrechetInfinity()(real=exact, generated=Bank.of(torch.from_numpy(rows)))["fid_inf"]
            for rows in (normal(n, width, seed) for seed in range(8))
        ]
        values = np.array([each.value for each in found])
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert values.mean() == pytest.approx(width, abs=3.5 * error)
        slope = width + width * (width + 1) / 2
        # Its own error over 8 draws is 5 %.
        assert np.mean([each.extra["slope"] for each in found]) == pytest.approx(slope, rel=0.2)
        assert slope / n > 5 * error  # which the distance at n would be too large by
        assert found[0].extra["largest"] == n
        assert found[0].extra["r2"] > 0.9

    def test_the_bias_depends_on_the_generator(self):
        """Why FID at one N may order two generators wrongly."""
        width, n = 32, 640
        real = normal(5_000, width, 0)
        narrow, wide = (
            [share * normal(n, width, seed) for seed in (1, 2, 3)] for share in (0.3, 1.0)
        )
        slopes = [
            np.mean([frechet_infinity(real=real, generated=y, sizes=6).slope for y in each])
            for each in (narrow, wide)
        ]
        assert slopes[1] > 2 * slopes[0]

    def test_moments_of_the_reals_do(self):
        real, generated = (normal(n, 4, n).astype(np.float32) for n in (90, 80))
        bank = Bank.of(torch.from_numpy(generated))
        score = FrechetInfinity()(real=Moments.of(torch.from_numpy(real)), generated=bank)
        expected = frechet_infinity(real=real, generated=generated).value
        assert score["fid_inf"].value == pytest.approx(expected, rel=1e-10)

    def test_the_last_subset_is_the_whole_set(self):
        real, generated = normal(90, 4, 0), normal(80, 4, 1)
        line = frechet_infinity(real=real, generated=generated, sizes=3, ddof=0)
        whole = frechet_distance(real, generated, ddof=0)
        assert float(line.scores[-1]) == pytest.approx(whole, rel=1e-12)

    def test_says_where_the_line_bends(self):
        metric = FrechetInfinity()
        few, many = (Bank.of(uniform(n, 6)) for n in (50, 60))
        ((code, sentence),) = metric.remarks(real=few, generated=few)
        assert code == "line-bends"
        assert "5 images" in sentence
        assert "60 generated" in sentence
        assert not [*metric.remarks(real=few, generated=many)]


class TestInception:
    def test_closed_form_of_the_bias(self):
        """One-hot, uniform over C: E log IS_n = log C - (C - 1) / 2n to first order."""
        classes, n = 10, 4000
        found = [inception_infinity(one_hot(n, classes, seed)) for seed in range(12)]
        values = np.array([each.value for each in found])
        slopes = np.array([each.slope for each in found])
        error = values.std(ddof=1) / math.sqrt(len(values))
        # The second order at n = 400 is classes * (9 / 800)^2 / 2 = 6e-4.
        assert values.mean() == pytest.approx(classes, abs=4 * error + 6e-4)
        # chi-squared of 9 degrees of freedom at each size: 47 % of its mean, of 12 draws.
        assert slopes.mean() == pytest.approx(-classes * (classes - 1) / 2, rel=0.45)
        plain = np.mean([inception_score(one_hot(n, classes, seed)) for seed in range(12)])
        assert classes - plain == pytest.approx(classes * (classes - 1) / (2 * n), rel=0.45)

    def test_the_metric_has_the_line(self):
        logits = torch.from_numpy(normal(100, 5, 0)).float()
        score = InceptionInfinity(sizes=4, lowest=5, seed=2)(generated=Bank.of(logits))["is_inf"]
        line = inception_infinity(logits, sizes=4, lowest=5, seed=2)
        assert score.value == line.value
        assert score.extra["slope"] == line.slope
        assert (score.extra["sizes"], score.extra["smallest"]) == (4, 5)
        assert inception_infinity(logits, sizes=4, lowest=5, seed=3).value != line.value

    def test_no_interval_of_few_images_a_class(self):
        many, few = (torch.from_numpy(one_hot(200, classes, 0)).float() for classes in (100, 10))
        score = InceptionInfinity()(generated=Bank.of(many))["is_inf"]
        assert score.low is None
        assert score.method.startswith("no interval: fewer than 5 images")
        assert InceptionInfinity()(generated=Bank.of(few))["is_inf"].low is not None


@pytest.mark.parametrize("freedom", [2.5, 6])
def test_no_interval_where_few_images_carry_the_variance(freedom):
    """Of a thousand rows of heavy tails; of 6 degrees of freedom a hundred carry it, and their
    intervals would hold the mean in 77 %."""
    random = np.random.default_rng(0)
    heavy = torch.from_numpy(random.standard_t(freedom, size=(1000, 16))).float()
    real = Bank.of(torch.from_numpy(normal(2000, 16, 0)).float())
    score = FrechetInfinity()(real=real, generated=Bank.of(heavy))["fid_inf"]
    assert score.low is None
    assert score.method.startswith("no interval: its variance comes mostly from")


def test_an_interval_where_many_images_carry_the_variance():
    real, generated = (Bank.of(torch.from_numpy(normal(1000, 16, i)).float()) for i in range(2))
    assert FrechetInfinity()(real=real, generated=generated)["fid_inf"].low is not None
