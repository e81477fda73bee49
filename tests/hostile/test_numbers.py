"""Features of odd sizes and scales: a number, or a sentence; never NaN in a report."""

import math

import pytest
import torch

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import METRICS

GENERAL = [
    name
    for name in METRICS
    if METRICS[name].reads == "features"
    and name not in ("ms_ssim", "swd_patches", "modes", "cas", "critic")
]
"""Scores of any features. `critic` trains for long, the others ask for classes or for pixels."""


def normal(rows, width, seed=0):
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def rank_deficient(rows, width):
    return normal(rows, 2) @ normal(2, width, 9)


SETS = {
    "scale 1e-20": (1e-20 * normal(30, 4), 1e-20 * normal(30, 4, 1)),
    "scale 1e15": (1e15 * normal(30, 4), 1e15 * normal(30, 4, 1)),
    "constant": (torch.ones(30, 4), torch.ones(30, 4)),
    "one constant": (normal(30, 4), torch.ones(30, 4)),
    "one row repeated": (normal(30, 4), normal(1, 4, 1).repeat(30, 1)),
    "rank two of six": (rank_deficient(30, 6), normal(30, 6, 1)),
    "two rows": (normal(2, 4), normal(2, 4, 1)),
    "width one": (normal(30, 1), normal(30, 1, 1)),
    "wider than long": (normal(12, 300), normal(12, 300, 1)),
    "the same": (normal(30, 4), normal(30, 4)),
    "far apart": (normal(30, 4), 1e6 + normal(30, 4, 1)),
}


@pytest.mark.parametrize("metric", GENERAL)
@pytest.mark.parametrize("name", SETS)
def test_a_number_or_a_sentence(name, metric):
    real, generated = SETS[name]
    heldout = {} if "heldout" not in METRICS[metric].accepts else {"heldout": real.flip(0)}
    try:
        report = gandiag.score(
            generated.numpy(), real=real.numpy(), metrics=(metric,), cache=False, **heldout
        )
    except GandiagError:
        return
    for row in report.rows:
        assert not math.isnan(row.value), row
        if row.interval is not None:
            low, high = row.interval
            assert low <= row.value <= high or metric in ("mmd", "kid"), row
            assert not math.isnan(low + high)
    report.to_json()


@pytest.mark.parametrize(
    "change",
    [torch.Tensor.double, torch.Tensor.bfloat16, torch.Tensor.half,
     lambda x: x.repeat_interleave(2, 0)[::2], lambda x: x.t().contiguous().t(),
     lambda x: x.clone().requires_grad_()],
    ids=["float64", "bfloat16", "float16", "strided", "transposed", "with a gradient"],
)  # fmt: skip
def test_the_kind_of_tensor_does_not_matter(change):
    real, generated = normal(30, 4).bfloat16().float(), normal(30, 4, 1).bfloat16().float()
    metrics = {"metrics": ("fid", "prdc"), "cache": False}
    plain = gandiag.score(generated, real=real, **metrics)
    other = gandiag.score(change(generated), real=change(real), **metrics)
    for a, b in zip(plain.rows, other.rows, strict=True):
        assert b.value == pytest.approx(a.value, rel=1e-12)
