"""Cards of pathologies of training, made from what the monitors know."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from gandiag.cards.card import Card
from gandiag.monitors.context import Context
from gandiag.monitors.detectors import RULES
from gandiag.monitors.detectors.base import Rule
from gandiag.monitors.remedies import CAUSES, REMEDIES
from gandiag.monitors.signals import SIGNALS
from gandiag.monitors.thresholds import Thresholds


class Told(NamedTuple):
    """What the monitors' tables do not say of a pathology."""

    title: str
    what: str
    when: str
    """When it is told; names in braces are thresholds."""


TOLD: Mapping[str, Told] = {
    "oscillation": Told(
        "samples that move round and round",
        "The generator's samples keep changing as a whole and come no nearer to the data: it goes "
        "from mode to mode, and the discriminator forgets what it once told apart.",
        "churn above {churn} with tv_to_real above {churn_distance}; or forgetting above "
        "{forgetting} while samples still move; or rotation above {rotation}; each while samples "
        "are far from the data and have come no nearer for {stuck_checks} checks.",
    ),
    "mode-collapse": Told(
        "parts of the data that are never made",
        "Whole parts of the data have no samples, or all samples are alike.",
        "missing_mass above {missing} (an error above {missing_error}), or diversity below "
        "{diversity} (an error below {diversity_error}); not while modes are still being found.",
    ),
    "intra-mode-collapse": Told(
        "samples of a mode that are all alike",
        "Every mode or class has samples, but within it they are nearly the same image.",
        "spread below {spread}, nn_ratio below {nearest} or class_spread below {class_spread}; "
        "not while samples are still widening.",
    ),
    "saturated-gradients": Told(
        "a generator that is told nothing",
        "The discriminator is sure, its slope at the samples buys nothing, and the generator "
        "stands still.",
        "loss_slope below {slope} or reach below {reach}, with an AUC above {saturated_auc} and "
        "samples that hardly move (motion below {still}).",
    ),
    "discriminator-overpowering": Told(
        "a discriminator that is sure for long",
        "The discriminator tells real from generated nearly always, for long, and samples do not "
        "improve.",
        "auc_fresh (or auc_real_fake) of {overpowering_auc} and more for {overpowering_steps} "
        "steps or {overpowering_share} of the budget, whichever is less. Without samples it is "
        "only worth knowing, for good networks live there.",
    ),
    "discriminator-overfitting": Told(
        "a discriminator that knows its training images",
        "The discriminator takes training images for more real than held-out ones: it has learned "
        "them by heart, and teaches the generator that.",
        "auc_train_heldout above {overfitting_auc} by more than {overfitting_z} standard errors "
        "(an error above {overfitting_error}).",
    ),
    "divergence": Told(
        "numbers that grow without bound",
        "Losses, gradients or scores are NaN or infinite, or on their way there.",
        "any NaN or infinity, at once; gradient norms of {spike_factor} times the median before "
        "and more; scores that grow {growth_factor} times from check to check; panel_range above "
        "{panel_range}.",
    ),
    "lipschitz-violation": Told(
        "a critic that is steeper than declared",
        "The constraint that was declared on the discriminator (lipschitz=) does not hold, or its "
        "penalty cannot act.",
        "gradient penalty: lipschitz_median above {slope_median_high} or below "
        "{slope_median_low}, lipschitz_q95 above {slope_q95_high}; spectral normalisation: "
        "sigma_max above {sigma}; clipping: clip_share above {clip_share}; a penalty without "
        "gradient, at once an error.",
    ),
    "dead-units": Told(
        "units that never fire",
        "ReLU units are 0 for every sample, and no gradient passes through them; or none reaches "
        "the generator at all.",
        "dead_units above {dead} and risen by {dead_rise} since warm-up while samples do not "
        "improve (an error above {dead_error}); a generator's gradient of exactly 0.",
    ),
    "label-ignored": Told(
        "samples that are not of their class",
        "Samples are hardly nearer to the class that was asked for than chance.",
        "label_agreement below {agreement}, where 0 is chance and 1 is as real images.",
    ),
    "plateau": Told(
        "no progress for long",
        "The distance of samples to the data has not fallen for long. It is no fault: training "
        "may be done.",
        "no lower energy for {plateau_share} of the budget, or {plateau_steps} steps without a "
        "known one.",
    ),
}


def card_of(pathology: str) -> Card:
    """The card of one that a detector tells."""
    (rule,) = (each for each in RULES if each.pathology == pathology)
    told, thresholds = TOLD[pathology], Thresholds()
    return Card(
        name=pathology,
        kind="pathology",
        title=told.title,
        sections={
            "What it is": told.what,
            "When it is told": told.when.format_map(vars(thresholds)),
            "How long it must hold": _held(rule, thresholds),
            "Signals": {name: SIGNALS[name] for name in rule.reads},
            "Likely causes": CAUSES[pathology],
            "What to try": tuple(f"{what} [{source}]" for what, source in REMEDIES[pathology]),
            "Why it may not be watched": tuple(_unwatched(pathology)),
        },
    )


def _held(rule: Rule, thresholds: Thresholds) -> str:
    checks = rule.persist(thresholds)
    start = (
        f"after warm-up ({thresholds.warm_up_steps} steps or {100 * thresholds.warm_up_share:g} % "
        f"of the budget, whichever is more, but {100 * thresholds.warm_up_most:g} % at most)"
        if rule.warm
        else "from the first step on"
    )
    return f"{checks} check{'s' * (checks > 1)} in a row, {start}."


def _unwatched(pathology: str) -> Iterator[str]:
    """Of contexts that each lack something, or have another loss."""
    whole = Context("minimax", "gp", conditional=True)
    lacking = (
        replace(whole, samples=False),
        replace(whole, samples=False, scores=False),
        replace(whole, samples=False, loss="wasserstein"),
        replace(whole, judged=False),
        replace(whole, heldout=False),
        replace(whole, lipschitz=None),
        replace(whole, conditional=False),
    )
    yield from dict.fromkeys(
        why for each in lacking if (why := each.inactive().get(pathology)) is not None
    )
