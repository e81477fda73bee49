"""Closed forms of the experiments against sums and draws."""

import pytest
import torch

from reference_models.papers.alaa2022_authenticity import without_borders
from reference_models.papers.binkowski2018_fid_bias import rectified
from reference_models.papers.binkowski2018_kid_unbiased import cubic_mean
from reference_models.papers.miyato2018_sigma import sigma
from reference_models.randomness import seeded


def test_the_moments_of_rectified_normals():
    covariance = torch.tensor([[2.0, 0.8, -0.3], [0.8, 1.0, 0.2], [-0.3, 0.2, 0.7]]).double()
    rng = torch.Generator().manual_seed(0)
    z = torch.randn(400_000, 3, generator=rng, dtype=torch.float64)
    rows = (1 + z @ torch.linalg.cholesky(covariance).T).relu()
    found = rectified(1.0, covariance, terms=20)
    # Four errors of 400,000 draws: deviations are about 1, so .0016 for each.
    assert torch.allclose(found.mean, rows.mean(dim=0), atol=0.007)
    assert torch.allclose(found.covariance, torch.cov(rows.T), atol=0.012)


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_the_mean_of_the_cubic_kernel(a, b):
    rng = torch.Generator().manual_seed(0)
    x, y = (torch.randn(400_000, 16, generator=rng, dtype=torch.float64) for _ in range(2))
    kernel = (((x + a) * (y + b)).sum(dim=1) / 16 + 1) ** 3
    error = float(kernel.std()) / len(kernel) ** 0.5
    assert cubic_mean(a, b, 16) == pytest.approx(float(kernel.mean()), abs=4 * error)


def test_points_without_borders():
    points = torch.tensor([[0.1, 0.5], [0.9, 0.95]], dtype=torch.float64)
    found = {tuple(round(x, 2) for x in row) for row in without_borders(points).tolist()}
    beside = {(1.1, 0.5), (-0.1, 0.95), (0.9, -0.05), (-0.1, -0.05)}
    assert found == {(0.1, 0.5), (0.9, 0.95), *beside}


def test_reading_sigma_moves_nothing():
    with seeded(torch.device("cpu"), "layer"):
        layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(4, 4))
    before = {name: each.clone() for name, each in layer.state_dict().items()}
    value = sigma(layer)
    assert all(torch.equal(each, before[name]) for name, each in layer.state_dict().items())
    # The weight's own norm, of what the next pass uses.
    used = layer.train().weight.detach().double()
    assert value == pytest.approx(float(torch.linalg.svdvals(used)[0]), rel=1e-12)
