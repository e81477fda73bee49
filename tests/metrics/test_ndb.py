import math

import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import norm

from gandiag.metrics import Bins
from gandiag.metrics import bins as by_name


def bins(real, generated, **options):
    return by_name(real=real, generated=generated, **options)


def rows(n, seed, width=8):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def test_equal_distributions_differ_in_alpha_of_the_bins():
    """Over eight draws; K-means fits the real rows, which adds a little."""
    found = [bins(rows(2000, i), rows(2000, 100 + i), count=50) for i in range(8)]
    share = sum(float(each.different().double().mean()) for each in found) / 8
    # 400 bins at .05: deviation .011; five of them above.
    assert 0.02 < share < 0.105
    js = sum(each.js_divergence for each in found) / 8
    # 8 JS / (1/n + 1/m) is chi-squared with 49 degrees: relative deviation of the mean .07.
    assert js == pytest.approx(49 / 8 * (2 / 2000), rel=0.35)


def test_a_missing_class_is_seen():
    real = torch.cat([rows(500, i) + 20 * torch.eye(8)[i] for i in range(8)])
    fake = torch.cat([rows(500, 50 + i) + 20 * torch.eye(8)[i] for i in range(7)])
    found = bins(real, fake, count=40)
    gone = (found.generated == 0) & (found.real > 20)
    assert gone.sum() >= 3
    assert found.different()[gone].all()
    assert found.js_divergence > 10 * 39 / 8 * (1 / 4000 + 1 / 3500)


def test_z_and_divergence_are_the_textbooks():
    found = Bins(torch.tensor([30, 70, 0]), torch.tensor([60, 120, 0]))
    pooled = 90 / 280
    z = (60 / 180 - 30 / 100) / math.sqrt(pooled * (1 - pooled) * (1 / 100 + 1 / 180))
    assert float(found.z[0]) == pytest.approx(z)
    # A bin that is empty on both sides is no difference, and no NaN.
    assert float(found.z[2]) == 0
    level = 2 * norm.sf(z)
    assert bool(found.different(level * 1.001)[0])
    assert not bool(found.different(level * 0.999)[0])
    scipys = jensenshannon([0.3, 0.7, 0], [1 / 3, 2 / 3, 0]) ** 2
    assert found.js_divergence == pytest.approx(scipys)


def test_there_are_fewer_bins_where_they_would_be_empty():
    assert len(bins(rows(55, 0), rows(30, 1)).real) == 5
    assert len(bins(torch.zeros(90, 2), rows(30, 1, 2)).real) == 1
