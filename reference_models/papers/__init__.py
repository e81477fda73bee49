"""Published experiments, run again: a file each, with the claim, the numbers and the criterion."""

from gandiag.errors import unknown
from reference_models.papers import (
    alaa2022_authenticity,
    arjovsky2017_js_gradient,
    arora2018_birthday,
    barratt2018_is,
    binkowski2018_fid_bias,
    binkowski2018_kid_unbiased,
    chong2020_fidinf,
    gulrajani2017_fig1b,
    gulrajani2017_toy,
    heusel2017_disturb,
    heusel2017_ttur_saddle,
    huang2024_r3gan,
    lucic2018_search,
    mescheder2018_dirac,
    metz2017_unrolled,
    miyato2018_sigma,
    naeem2020_prdc,
    odena2017_acgan,
    pacgan_ring,
    radford2016_arithmetic,
    richardson2018_ndb,
    sajjadi2018_prd_classes,
    stacked_1000,
)
from reference_models.papers.experiment import (
    BUDGETS,
    Budget,
    Experiment,
    Measured,
    Published,
    Result,
)
from reference_models.papers.large import LARGE
from reference_models.papers.verdicts import FAILED, Judgement, Verdict, judge, overall

EXPERIMENTS: tuple[Experiment, ...] = (
    alaa2022_authenticity.EXPERIMENT,
    arjovsky2017_js_gradient.EXPERIMENT,
    arora2018_birthday.EXPERIMENT,
    barratt2018_is.EXPERIMENT,
    binkowski2018_fid_bias.EXPERIMENT,
    binkowski2018_kid_unbiased.EXPERIMENT,
    chong2020_fidinf.EXPERIMENT,
    gulrajani2017_fig1b.EXPERIMENT,
    gulrajani2017_toy.EXPERIMENT,
    heusel2017_disturb.EXPERIMENT,
    heusel2017_ttur_saddle.EXPERIMENT,
    huang2024_r3gan.EXPERIMENT,
    lucic2018_search.EXPERIMENT,
    mescheder2018_dirac.EXPERIMENT,
    metz2017_unrolled.EXPERIMENT,
    miyato2018_sigma.EXPERIMENT,
    naeem2020_prdc.EXPERIMENT,
    odena2017_acgan.EXPERIMENT,
    pacgan_ring.EXPERIMENT,
    radford2016_arithmetic.EXPERIMENT,
    richardson2018_ndb.EXPERIMENT,
    sajjadi2018_prd_classes.EXPERIMENT,
    stacked_1000.EXPERIMENT,
)
"""What the list, the README's table and the tests read: a line an experiment."""


def find(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        GandiagError: there is none; with the name most like it.
    """
    named = {each.name: each for each in EXPERIMENTS}
    if name not in named:
        raise unknown("experiment", name, [*named, *(each.name for each in LARGE)])
    return named[name]


__all__ = [
    "BUDGETS",
    "EXPERIMENTS",
    "FAILED",
    "LARGE",
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
