"""A metric on all samples: undisturbed ones, which are the null, and disturbed ones."""

import ast
import contextlib
import importlib
import math
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.digest import ROOT, digest_of
from benchmarks.sensitivity.disturbances import (
    DISTURBANCES,
    Disturbance,
    Part,
    Sample,
    name_of,
    seed_of,
    undisturbed,
)
from benchmarks.sensitivity.sets import Features, World
from gandiag.errors import GandiagError
from gandiag.extractors import EXTRACTORS, open_extractor
from gandiag.extractors.base import FeatureExtractor
from gandiag.metrics import METRICS, Metric, Unfit
from gandiag.scoring.plan import known_of, layer_of
from gandiag.statistics import Bank, Statistic

Row = dict[str, Any]

NULLS = 12
"""Undisturbed samples at each N."""

NETWORKS = ("lite0", "fashion-mnist", "pixels:32", "laplacian:32")
"""A metric runs on the first that it can be had from; the images have 28 pixels."""

INTRA = {"intra_fid": "fid"}
"""Means over classes, as ``--per-class`` prints them -> the metric."""

CASES = (*METRICS, *INTRA)
"""All that is measured."""

OWN = tuple(f"benchmarks/sensitivity/{name}.py" for name in ("disturbances", "measure", "sets"))
STATISTICS = ("gandiag/statistics/bank.py", "gandiag/statistics/moments.py")
ROOMS = ("gandiag.metrics.", "gandiag.extractors.")
ASIDE = tuple(
    f"gandiag.{name}"
    for name in (
        "metrics.base",
        "metrics.replicates",
        "extractors.base",
        "extractors.request",
        "extractors.weights",
    )
)
"""What says of metrics and networks what they are, and decides no number here."""


def metric_of(case: str) -> Metric:
    """With its own defaults."""
    return METRICS[INTRA.get(case, case)]()


def network_of(metric: Metric) -> str:
    """The network that a metric runs on: lite0 where it can.

    Raises:
        GandiagError: none of `NETWORKS` will do.
    """
    if metric.choose is not None:
        return "fashion-mnist"  # whose classes are those of the images
    for network in NETWORKS:
        try:
            metric.on(known_of(_opened(network), None))
        except Unfit:
            continue
        return network
    raise GandiagError(f"{metric.name} runs on none of {', '.join(NETWORKS)}; add a network")


@cache
def _opened(network: str) -> FeatureExtractor:
    return open_extractor(network, device=torch.device("cpu"))


def sources(case: str, network: str) -> list[str]:
    """The files that decide a row: the metric's and the network's, with all that they import.

    Adding a metric leaves every other one's as they are.
    """
    modules = {type(metric_of(case)).__module__}
    modules.add(EXTRACTORS[network.partition(":")[0]].open.__module__)
    done: set[str] = set()
    while modules - done:
        module = (modules - done).pop()
        done.add(module)
        modules |= {name for name in _imports(module) if name.startswith(ROOMS)} - {*ASIDE}
    files = [f"{name.replace('.', '/')}.py" for name in done]
    return sorted([*files, *OWN, *STATISTICS])


def _imports(module: str) -> Iterator[str]:
    file = importlib.import_module(module).__file__
    assert file is not None
    for node in ast.walk(ast.parse(Path(file).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def digest(case: str, network: str) -> str:
    """Of `sources`."""
    return digest_of(sources(case, network), ROOT)


def sample_of(key: str, strength: float, world: World, n: int) -> Sample:
    """A disturbed sample of `n`; of pixels the first `n` of the base."""
    each = DISTURBANCES[key]
    if each.pixels is not None:
        labels = world.base.labels[:n]
        return Sample((Part(name_of(key, strength), np.arange(n)),), labels)
    assert each.sample is not None
    rng = np.random.default_rng(seed_of(name_of(key, strength)))
    return each.sample(world.pool, n, strength, rng)


def null_of(i: int, world: World, n: int) -> Sample:
    """Undisturbed sample number `i`."""
    return undisturbed(world.pool, n, np.random.default_rng(seed_of(f"null {i}")))


def measured(
    case: str,
    n: int,
    features: Features,
    disturbances: Mapping[str, Disturbance] = DISTURBANCES,
    *,
    seconds: float = math.inf,
) -> Row:
    """One row: the values of all outputs on all samples of `n`.

    Args:
        case: of `CASES`.
        n: images in a sample.
        features: of a network that the metric runs on.
        disturbances: the columns.
        seconds: what the row may take, reckoned from its first sample. One that would take longer
            comes without values.
    """
    extractor = features.extractor
    known = known_of(extractor, None)
    metric = metric_of(case).on(known)
    layer = layer_of(metric, known)
    given: dict[str, Bank] = {
        role: features.reference(role, layer) for role in metric.accepts if role != "generated"
    }
    world = features.world
    count = NULLS + sum(len(each.strengths) for each in disturbances.values())
    row: Row = {
        "case": case,
        "n": n,
        "network": features.network,
        "digest": digest(case, features.network),
    }

    def values(sample: Sample) -> dict[str, float]:
        statistics = {**given, "generated": features.bank(sample, layer)}
        scores = per_class(metric, statistics) if case in INTRA else plain(metric, statistics)
        return {output: float(f"{value:.9g}") for output, value in scores.items()}

    began = time.process_time()
    null = [values(null_of(0, world, n))]
    row["seconds"] = round(time.process_time() - began, 2)
    if row["seconds"] * count > seconds:
        return row
    null += [values(null_of(i, world, n)) for i in range(1, NULLS)]
    outputs = list(null[0])
    row["null"] = {output: [each[output] for each in null] for output in outputs}
    row["disturbed"] = {output: {} for output in outputs}
    for key, each in disturbances.items():
        found = []
        for strength in each.strengths:
            # Where a metric finds too little in a sample there is no value.
            with contextlib.suppress(GandiagError):
                found.append(values(sample_of(key, strength, world, n)))
                continue
            found.append({})
        for output in outputs:
            row["disturbed"][output][key] = [some.get(output) for some in found]
    return row


def plain(metric: Metric, statistics: Mapping[str, Statistic]) -> dict[str, float]:
    """Output => value."""
    return {output: score.value for output, score in metric(**statistics).items()}


def per_class(metric: Metric, statistics: Mapping[str, Bank]) -> dict[str, float]:
    """``intra_`` output => mean over the classes with enough images, each alone."""
    found: list[dict[str, float]] = []
    for label in sorted(set(statistics["generated"].labels or ())):
        parts = {role: _of_class(bank, label) for role, bank in statistics.items()}
        if all(len(parts[role]) >= metric.minimum(role) for role in metric.accepts):
            found.append(plain(metric, {role: Bank.of(rows) for role, rows in parts.items()}))
    return {
        f"intra_{output}": math.fsum(each[output] for each in found) / len(found)
        for output in found[0]
    }


def _of_class(bank: Bank, label: str) -> Tensor:
    return bank.rows[[i for i, each in enumerate(bank.labels or ()) if each == label]]
