"""One job of the agreement with other tools: their numbers, ours, and how far apart they are."""

import dataclasses
from typing import Any
from unittest import mock

from random_inception import RandomInception
from twins.random_clip import RandomClip

import gandiag
from benchmarks.agreement_inputs import Folders, count_of
from benchmarks.agreement_jobs import JOBS, Job
from gandiag.extractors import clip
from gandiag.metrics import GaussianMMD, KernelDistance, Metric, Subsets
from gandiag.scoring.protocols import PROTOCOLS

Row = dict[str, Any]


def asked_of(job: Job, scores: dict[str, float], count: int) -> dict[str, Metric]:
    """The protocol's metrics that give these scores, with KID's subsets as the tool was told."""
    found = {}
    for key, metric in PROTOCOLS[job.protocol].metrics.items():
        # A number that a protocol calls otherwise goes by that name alone, as fd_dinov2.
        names = {key, *metric.outputs} if key == metric.name else {key}
        if not names & {*scores}:
            continue
        if (
            job.subsets is not None
            and isinstance(metric, KernelDistance | GaussianMMD)
            and isinstance(metric.subsets, Subsets)
        ):
            subsets = dataclasses.replace(metric.subsets, size=job.subsets(count))
            metric = dataclasses.replace(metric, subsets=subsets)
        found[key] = metric
    return found


def compare(name: str, folders: Folders, weights: RandomInception) -> list[Row]:
    """One row a number: theirs, ours, and the relative difference."""
    job, count = JOBS[name], count_of(folders)
    common = {
        "job": name,
        "protocol": job.protocol,
        "tool": job.tool(),
        "digest": job.digest(),
    }
    if job.run is None:
        return [{**common, "score": score} for score in job.unmeasured]
    theirs = job.run(folders, weights)
    protocol = PROTOCOLS[job.protocol]
    smaller = dataclasses.replace(protocol, metrics=asked_of(job, theirs, count))
    options = {} if job.features is None else {"features": job.features}
    with mock.patch.object(clip, "hub_model", return_value=RandomClip()):
        report = gandiag.score(
            *folders,
            protocol=smaller,
            metrics="all",
            allow_unverified=True,
            cache=False,
            **options,
        )
    rows = []
    for score, value in theirs.items():
        ours = report[score].value
        shown = score
        if score.startswith("kid") and job.subsets is not None:
            size = job.subsets(count)
            if size != protocol.metrics[score].subsets.size:
                shown = f"{score}, subsets of {size}"
        rows.append(
            {
                **common,
                "images": count,
                "score": shown,
                "theirs": value,
                "ours": ours,
                "relative_difference": abs(ours - value) / max(abs(value), 1e-30),
            }
        )
    return rows
