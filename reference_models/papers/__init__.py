"""Published experiments, run again: a file each, with the claim, the numbers and the criterion."""

from gandiag.errors import unknown
from reference_models.papers import (
    binkowski2018_fid_bias,
    gulrajani2017_fig1b,
    gulrajani2017_toy,
    heusel2017_disturb,
    odena2017_acgan,
    pacgan_ring,
    radford2016_arithmetic,
    sajjadi2018_prd_classes,
)
from reference_models.papers.experiment import (
    BUDGETS,
    Budget,
    Experiment,
    Measured,
    Published,
    Result,
)
from reference_models.papers.verdicts import FAILED, Judgement, Verdict, judge, overall

EXPERIMENTS: tuple[Experiment, ...] = (
    binkowski2018_fid_bias.EXPERIMENT,
    gulrajani2017_fig1b.EXPERIMENT,
    gulrajani2017_toy.EXPERIMENT,
    heusel2017_disturb.EXPERIMENT,
    odena2017_acgan.EXPERIMENT,
    pacgan_ring.EXPERIMENT,
    radford2016_arithmetic.EXPERIMENT,
    sajjadi2018_prd_classes.EXPERIMENT,
)
"""What the list, the README's table and the tests read: a line an experiment."""


def find(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        GandiagError: there is none; with the name most like it.
    """
    named = {each.name: each for each in EXPERIMENTS}
    if name not in named:
        raise unknown("experiment", name, named)
    return named[name]


__all__ = [
    "BUDGETS",
    "EXPERIMENTS",
    "FAILED",
    "Budget",
    "Experiment",
    "Judgement",
    "Measured",
    "Published",
    "Result",
    "Verdict",
    "find",
    "judge",
    "overall",
]
