"""Scores of a run's checkpoints over training."""

from pathlib import Path

from gandiag.errors import GandiagError, Warn
from gandiag.reporting.curve import Curve
from gandiag.reporting.report import Report
from gandiag.scoring.scorer import Scorer
from gandiag.sources import checkpoints


def score_checkpoints(run: str | Path, scorer: Scorer) -> Curve:
    """Score every checkpoint of a run; the real images are read once.

    A checkpoint that cannot be scored, such as one of a training that diverged, is left out and
    told of in the curve's `failed`.

    Args:
        run: a folder of checkpoints, see `gandiag.sources.checkpoints`.
        scorer: what to score them with.

    Raises:
        GandiagError: there is no checkpoint, or none can be scored.
    """
    points: list[tuple[int, Report]] = []
    failed: list[tuple[int, Warn]] = []
    found = checkpoints(Path(run).expanduser())
    for step, folder in found:
        try:
            inputs = scorer.open(folder)
            scorer.prepared(inputs)
        except GandiagError as error:
            if len(found) == 1:
                raise
            failed.append((step, Warn("not-scored", f"step {step:,} was left out: {error}")))
            continue
        scorer.read_references(inputs)  # an error of theirs is none of the checkpoint's
        try:
            points.append((step, scorer.scored(inputs)))
        except GandiagError as error:
            if len(found) == 1:
                raise
            failed.append((step, Warn("not-scored", f"step {step:,} was left out: {error}")))
    if not points:
        raise GandiagError(
            f"none of the {len(found)} checkpoints of {run} can be scored; {failed[-1][1].message}"
        )
    return Curve(str(run), tuple(points), tuple(failed))
