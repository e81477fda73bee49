"""Whether runs that were made before the trainer was rewritten are still what it does."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.detection.corpus.cases import CASES
from benchmarks.detection.keeping import Kept, digests
from benchmarks.detection.recording import LOOKS, Recorder, monitor_of
from benchmarks.detection.truth.judge import Judge
from benchmarks.detection.truth.worlds import open_world
from reference_models.trainer import prepare


def still(kept: Kept) -> bool:
    """Whether the first looks of a run, made again with today's trainer, are the same.

    Up to a tenth of the run. Training does not depend on the monitor, which is only asked whether
    it was told the same. What is broken later than that is not tried.
    """
    case = CASES[kept.meta["case"]]
    trainer = prepare(case.recipe(), seed=kept.meta["seed"])
    judge = Judge(trainer, open_world(trainer.recipe.data))
    if case.fault and not case.begins:
        case.fault.breaks(trainer)
    with monitor_of(trainer, Recorder()) as monitor:
        told = monitor.context.to_json()
    looks = [judge.look()]
    while trainer.finished < round(kept.meta["steps"] / LOOKS):
        trainer.step()
    looks.append(judge.look())
    same: bool = looks == kept.meta["truth"]["looks"][:2]
    return same and told == kept.meta["context"]


def renewed(runs: list[Kept]) -> Iterator[tuple[Kept, bool]]:
    """Runs with today's digest of the training, and whether one of each case was the same.

    Where it was not, the run keeps its digest. A run whose signals were of other code is not
    renewed.
    """
    verdicts: dict[str, bool] = {}
    for run in runs:
        name = run.meta["case"]
        today = digests()
        if run.meta["digests"]["monitors"] != today["monitors"]:
            yield run, False
            continue
        if name not in verdicts:
            verdicts[name] = run.meta["digests"] == today or still(run)
        new = {**run.meta, "digests": today} if verdicts[name] else run.meta
        yield replace(run, meta=new), verdicts[name]
