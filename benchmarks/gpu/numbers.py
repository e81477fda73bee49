"""The same features and scores on the CPU and on a device: how far apart they are."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import get_args

import torch
from torch import Tensor

from benchmarks.gpu.networks import OPEN, pictures
from benchmarks.gpu.rows import Row, judged, tried
from gandiag.extractors.base import Precision
from gandiag.metrics import METRICS, CriticWasserstein, Metric, Score, SlicedPatches
from gandiag.statistics import Bank, Statistic

CPU = torch.device("cpu")
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
FEATURES: Mapping[str, float] = {"fp32": 1e-4, "tf32": 5e-2, "bf16": 3e-1}
"""The longest difference of two rows over their mean length. On the CPU bfloat16 is 0.17 off after
the 70 layers to ``mixed_6e`` of random weights (``--rehearse``), and TensorFloat-32 has three bits
more. Of float32 a thousand roundings are allowed: cuDNN may transform pictures before it multiplies
(Winograd)."""
SCORES = 1e-6
"""Relative, of a score and the ends of its interval: they are computed in float64."""
LOOSER: Mapping[str, float] = {"critic": 1e-2, "fld": 1e-3, "max_swd": 1e-3, "cas": 1e-3}
"""Of scores that train or compare in float32, or climb to an optimum."""
INSTEAD: Mapping[str, Metric] = {
    "critic": CriticWasserstein(steps=20),
    "swd_patches": SlicedPatches(patches=4, side=2, directions=64),
}
"""In place of the defaults: quicker, and on rows of these widths."""
WIDTH = 16
WIDTHS = {"ms_ssim": 3 * 11 * 11, "swd_patches": 4 * 3 * 2 * 2}


def features(device: torch.device, *, count: int = 8) -> Iterator[Row]:
    """A row an extractor and precision, each against float32 on the CPU."""
    for name in OPEN:
        exact: dict[str, Tensor] = {}
        for precision in PRECISIONS:
            facts = {"of": name, "precision": precision}
            yield tried(facts, partial(_layers_apart, name, precision, device, count, exact))


def _layers_apart(
    name: str, precision: Precision, device: torch.device, count: int, exact: dict[str, Tensor]
) -> Row:
    if not exact:
        exact |= _features(name, CPU, "fp32", count)
    found = _features(name, device, precision, count)
    apart = {layer: rows_apart(rows, exact[layer]) for layer, rows in found.items()}
    worst = max(apart, key=lambda layer: apart[layer])
    return judged({"where": worst}, apart[worst], FEATURES[precision])


def _features(
    name: str, device: torch.device, precision: Precision, count: int
) -> dict[str, Tensor]:
    extractor = OPEN[name](device, precision)
    found = extractor(extractor.prepare(pictures(name, count)), extractor.layers)
    return {layer: rows.cpu().double() for layer, rows in found.items()}


def rows_apart(found: Tensor, exact: Tensor) -> float:
    """(n, width) twice => the longest difference of two rows over the mean length of `exact`'s."""
    longest = float((found - exact).norm(dim=1).max())
    mean = float(exact.norm(dim=1).mean())
    if longest == 0:
        return 0.0
    return longest / mean if mean and math.isfinite(longest) else math.inf


def scores(device: torch.device, *, count: int = 300) -> Iterator[Row]:
    """A row a metric, of random features; once more where the process allows TensorFloat-32.

    bfloat16 is the networks' alone: no metric computes in it.
    """
    for name in METRICS:
        exact: dict[str, Score] = {}
        for precision in ("fp32", "tf32"):
            facts = {"of": name, "precision": precision}
            yield tried(facts, partial(_outputs_apart, name, precision, device, count, exact))


def _outputs_apart(
    name: str, precision: str, device: torch.device, count: int, exact: dict[str, Score]
) -> Row:
    metric = INSTEAD.get(name) or METRICS[name]()
    given = drawn(metric, count)
    if not exact:
        exact |= metric(**given)
    with allowed(precision):
        found = metric(**{role: each.to(device) for role, each in given.items()})
    if found.keys() != exact.keys():
        raise ValueError(f"it gives {', '.join(found)} there and {', '.join(exact)} on the CPU")
    apart = {output: scores_apart(found[output], exact[output]) for output in found}
    worst = max(apart, key=lambda output: apart[output])
    return judged({"where": worst}, apart[worst], LOOSER.get(name, SCORES))


def drawn(metric: Metric, count: int) -> dict[str, Statistic]:
    """Statistics of random features on the CPU, those of the generated shrunk and moved.

    So no score is near zero, where a relative difference would be one of rounding alone.
    """
    given: dict[str, Statistic] = {}
    width = WIDTHS.get(metric.name, WIDTH)
    for seed, (role, kinds) in enumerate(metric.accepts.items()):
        rows = torch.randn(count, width, generator=torch.Generator().manual_seed(seed)).abs()
        whole = kinds[0].of(0.8 * rows + 0.3 if role == "generated" else rows)
        labels = [str(i % 4) for i in range(count)]
        given[role] = whole.labelled(labels) if isinstance(whole, Bank) else whole
    return given


def scores_apart(found: Score, exact: Score) -> float:
    """The largest relative difference of value, low and high; infinite where only one has it."""
    pairs = zip(
        (found.value, found.low, found.high), (exact.value, exact.low, exact.high), strict=True
    )
    return max(_relative(a, b) for a, b in pairs)


def _relative(a: float | None, b: float | None) -> float:
    if a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b)):
        return 0.0
    if a is None or b is None or not math.isfinite(a - b):
        return math.inf
    return abs(a - b) / max(abs(a), abs(b))


@contextmanager
def allowed(precision: str) -> Iterator[None]:
    """The process's own products of float32: true, or with TensorFloat-32 as many trainings set."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
