"""The same features give the numbers that the published tools print."""

import contextlib
import io
import random
import warnings

import numpy as np
import pytest
import torch

from gandiag.metrics import (
    PRDC,
    InceptionScore,
    KernelDistance,
    Subsets,
    frechet_distance,
    precision_recall_density_coverage,
)
from gandiag.statistics import Bank

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


def features(n, seed, spread=1.0, width=48):
    """Sparse and skewed, of order 1, as a network's rectified features are."""
    mix = np.random.default_rng(7).normal(size=(24, width)) / 5
    return np.maximum(spread * np.random.default_rng(seed).normal(size=(n, 24)) @ mix, 0)


REAL, GENERATED = features(400, 0), features(300, 1, 1.2)
REAL32, GENERATED32 = REAL.astype(np.float32), GENERATED.astype(np.float32)


def bank(x):
    return Bank.of(torch.tensor(x))


@contextlib.contextmanager
def seeded(seed):
    """The global generators, which these tools draw from, seeded and then put back."""
    state = np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng():
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def gaussian(x):
    return x.mean(axis=0), np.cov(x, rowvar=False)


def test_frechet_is_pytorch_fids():
    from pytorch_fid.fid_score import calculate_frechet_distance

    theirs = calculate_frechet_distance(*gaussian(REAL), *gaussian(GENERATED))
    # Both in float64, both covariances of full rank.
    assert frechet_distance(REAL, GENERATED) == pytest.approx(theirs, rel=1e-9)


def test_frechet_is_clean_fids():
    from cleanfid.fid import frechet_distance as clean_frechet_distance

    theirs = clean_frechet_distance(*gaussian(REAL), *gaussian(GENERATED))
    assert frechet_distance(REAL, GENERATED) == pytest.approx(theirs, rel=1e-9)


def test_frechet_is_torch_fidelitys():
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    theirs = fid_statistics_to_metric(
        fid_features_to_statistics(torch.tensor(REAL)),
        fid_features_to_statistics(torch.tensor(GENERATED)),
        verbose=False,
    )["frechet_inception_distance"]
    assert frechet_distance(REAL, GENERATED) == pytest.approx(theirs, rel=1e-9)


def test_frechet_is_torchmetrics():
    from torchmetrics.image.fid import FrechetInceptionDistance

    class Same(torch.nn.Module):
        num_features = 48

        def forward(self, images):
            return images.flatten(1)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = FrechetInceptionDistance(feature=Same(), input_img_size=(3, 4, 4))
    metric.set_dtype(torch.float64)
    metric.update(torch.tensor(REAL).reshape(-1, 3, 4, 4), real=True)
    metric.update(torch.tensor(GENERATED).reshape(-1, 3, 4, 4), real=False)
    # Its covariance is a difference of raw sums: 1e-15 times their size, 400 rows.
    assert frechet_distance(REAL, GENERATED) == pytest.approx(float(metric.compute()), rel=1e-9)


# Theirs sum 10^4 kernels in float32: 1e-7 of a mean kernel of order 1, beside distances of 0.05.
KERNEL = {"rel": 1e-5}


def kid(**fields):
    metric = KernelDistance(Subsets(count=10, size=100, **fields))
    return metric(real=bank(REAL32), generated=bank(GENERATED32))["kid"]


def test_kernel_distance_is_torch_fidelitys():
    from torch_fidelity.metric_kid import kid_features_to_metric

    theirs = kid_features_to_metric(
        torch.tensor(GENERATED32),
        torch.tensor(REAL32),
        kid_subsets=10,
        kid_subset_size=100,
        rng_seed=2020,
        verbose=False,
    )
    ours = kid()
    assert ours.value == pytest.approx(theirs["kernel_inception_distance_mean"], **KERNEL)
    assert ours.extra["std"] == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-4)


def test_kernel_distance_is_clean_fids():
    from cleanfid.fid import kernel_distance

    with seeded(3):
        theirs = kernel_distance(REAL32, GENERATED32, num_subsets=10, max_subset_size=100)
    assert kid(shrink=True, seed=3).value == pytest.approx(theirs, **KERNEL)
    with seeded(3):  # as when its second folder holds the real images
        theirs = kernel_distance(GENERATED32, REAL32, num_subsets=10, max_subset_size=100)
    assert kid(shrink=True, seed=3, first="real").value == pytest.approx(theirs, **KERNEL)


def test_kernel_distance_of_small_sets_is_clean_fids():
    from cleanfid.fid import kernel_distance

    with seeded(3):
        theirs = kernel_distance(REAL32, GENERATED32[:60], num_subsets=5)
    metric = KernelDistance(Subsets(count=5, shrink=True, seed=3))
    ours = metric(real=bank(REAL32), generated=bank(GENERATED32[:60]))["kid"]
    assert ours.value == pytest.approx(theirs, **KERNEL)


def test_kernel_distance_is_torchmetrics():
    from torchmetrics.image.kid import KernelInceptionDistance

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = KernelInceptionDistance(torch.nn.Identity(), subsets=10, subset_size=100)
    metric.update(torch.tensor(REAL32), real=True)
    metric.update(torch.tensor(GENERATED32), real=False)
    with seeded(5):
        mean, std = metric.compute()
    ours = kid(draw="torch", first="real", seed=5)
    assert ours.value == pytest.approx(float(mean), **KERNEL)
    assert ours.extra["std"] == pytest.approx(float(std), rel=1e-4)


LOGITS = 3 * np.random.default_rng(2).normal(size=(205, 20)).astype(np.float32)


def inception_score(**fields):
    return InceptionScore(**fields)(generated=bank(LOGITS))["is"]


def test_inception_score_is_torch_fidelitys():
    from torch_fidelity.metric_isc import isc_features_to_metric

    theirs = isc_features_to_metric(torch.tensor(LOGITS))
    ours = inception_score(splits=10, shuffle="numpy")
    # Both in float64.
    assert ours.value == pytest.approx(theirs["inception_score_mean"], rel=1e-12)
    assert ours.extra["std"] == pytest.approx(theirs["inception_score_std"], rel=1e-9)


def test_inception_score_is_torchmetrics():
    from torchmetrics.image.inception import InceptionScore as Theirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = Theirs(torch.nn.Identity(), splits=10)
    metric.update(torch.tensor(LOGITS))
    with seeded(5):
        mean, std = metric.compute()
    ours = inception_score(splits=10, rule="chunk", ddof=1, shuffle="torch", seed=5)
    # Theirs in float32.
    assert ours.value == pytest.approx(float(mean), rel=1e-5)
    assert ours.extra["std"] == pytest.approx(float(std), rel=1e-4)


def counts(found, n_real, n_generated, k):
    sizes = {"precision": n_generated, "recall": n_real, "coverage": n_real}
    sizes["density"] = k * n_generated
    return {name: round(found[name] * size, 6) for name, size in sizes.items() if name in found}


def both(real, generated, k):
    """Counts of prdc and ours."""
    before = random.getstate()
    with contextlib.redirect_stdout(io.StringIO()):
        from prdc import compute_prdc

        theirs = compute_prdc(real, generated, nearest_k=k)
    random.setstate(before)  # it starts processes, which are named at random
    ours = precision_recall_density_coverage(real=real, generated=generated, k=k, tie="<")
    return [counts(each, len(real), len(generated), k) for each in (theirs, ours)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 5, 10])
def test_neighbourhoods_are_prdcs(dtype, k):
    theirs, ours = both(REAL.astype(dtype), GENERATED.astype(dtype), k)
    assert ours == theirs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbourhoods_with_copies_are_prdcs(dtype):
    # Within the sets and between them. With k = 1 a copy's ball has the radius 0, and in prdc it is
    # rounding that decides (0 or 1e-8): from k = 2 on each ball is wider than that.
    real = np.concatenate([REAL, REAL[:10]]).astype(dtype)
    generated = np.concatenate([GENERATED, REAL[5:15], GENERATED[:10]]).astype(dtype)
    theirs, ours = both(real, generated, 2)
    assert ours == theirs


def test_precision_and_recall_are_torch_fidelitys():
    from torch_fidelity.metric_prc import prc_features_to_metric

    for save_cpu_ram in (False, True):
        theirs = prc_features_to_metric(
            torch.tensor(GENERATED32),
            torch.tensor(REAL32),
            prc_neighborhood=3,
            prc_batch_size=128,
            save_cpu_ram=save_cpu_ram,
            verbose=False,
        )
        scores = PRDC(k=3, tie="<=")(real=bank(REAL32), generated=bank(GENERATED32))
        ours = {name: scores[name].value for name in ("precision", "recall")}
        theirs = {name: theirs[name] for name in ours}
        sizes = len(REAL), len(GENERATED), 3
        # Its shares are means in float32.
        assert counts(ours, *sizes) == pytest.approx(counts(theirs, *sizes), abs=1e-4)
