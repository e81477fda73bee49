"""Rules of other tools, on the rows that our detectors read, each at the best of its settings.

Each says at which step it would first warn, and of what, in our names. They are ports of the rules,
not the tools, which were made for one network with one loss: what is theirs is the statistic. Its
thresholds are those they publish and others around them, and the best on the runs that our own
rules may see is what is compared (`best`); the trends of samples that the last ones follow need
samples, as ours do. "D" and "G" are looked at where a rule would look at "the" network.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

from benchmarks.detection.scoring.examples import Example
from benchmarks.detection.scoring.figures import summary, told
from benchmarks.detection.scoring.telling import Rule, theirs

Values = Mapping[str, float]
Rows = Sequence[tuple[int, Values]]


class Baseline(NamedTuple):
    """A rule with the settings that are tried, the published one first."""

    rule: Callable[..., dict[str, int]]
    settings: Mapping[str, tuple[float, ...]]
    names: tuple[str, ...]
    """Pathologies that it can name."""

    def rules(self) -> Iterator[tuple[dict[str, float], Rule]]:
        """One for each combination of settings."""
        for values in product(*self.settings.values()):
            chosen = dict(zip(self.settings, values, strict=True))
            yield chosen, partial(self.rule, **chosen)


def first(rows: Rows, condition: Callable[[Values], bool], persist: int = 1) -> int | None:
    """The step of the last of the first `persist` rows in a row that fulfil a condition."""
    count = 0
    for step, values in rows:
        count = count + 1 if condition(values) else 0
        if count >= persist:
            return step
    return None


def _named(**found: int | None) -> dict[str, int]:
    return {name.replace("_", "-"): step for name, step in found.items() if step is not None}


def ganhacks(rows: Rows, loss: float, norm: float) -> dict[str, int]:
    """Chintala et al. 2016, number 10: D's loss goes to 0; gradient norms over 100."""

    def steep(v: Values) -> bool:
        return max(v.get("g_grad_norm", 0.0), v.get("d_grad_norm", 0.0)) > norm

    return _named(
        discriminator_overpowering=first(rows, lambda v: abs(v.get("d_loss", 1.0)) < loss),
        divergence=first(rows, steep),
    )


def autotrainer(
    rows: Rows, ratio: float, grown: float, dead: float, swings: float, persist: int
) -> dict[str, int]:
    """Zhang et al. 2021, utils/monitor.py, with D's accuracy as the accuracy.

    Vanishing: gradient of the first over the last layer below 1e-3 and below 1e-4; exploding: that
    ratio over 70, a loss of 1,000 or not finite; dying ReLU: .7 of the gradients are 0;
    oscillation: local extremes of the accuracy .03 apart, more than .2 of the checks.
    """
    seen = [(step, v["d_accuracy"]) for step, v in rows if "d_accuracy" in v]
    turns, last, swing = 0, None, None
    for i in range(1, len(seen) - 1):
        before, (step, now), after = seen[i - 1][1], seen[i], seen[i + 1][1]
        if (now - before) * (now - after) > 0:
            turns += last is not None and abs(now - last) >= 0.03
            last = now
        if swing is None and turns >= swings * len(seen):
            swing = step

    def vanishing(v: Values) -> bool:
        return v.get("g_first_last_ratio", 1.0) < ratio and v.get("g_grad_norm", 1.0) < ratio / 10

    def exploding(v: Values) -> bool:
        large = abs(v.get("d_loss", 0.0)) >= 1e3 or v.get("nonfinite", 0.0) > 0
        return large or v.get("g_first_last_ratio", 1.0) > grown

    return _named(
        saturated_gradients=first(rows, vanishing, persist),
        divergence=first(rows, exploding, persist),
        dead_units=first(rows, lambda v: v.get("zero_grad_share", 0.0) >= dead, persist),
        oscillation=swing,
    )


def sagemaker(rows: Rows, norm: float, dead: float, persist: int) -> dict[str, int]:
    """SageMaker Debugger's rules: mean gradient below 1e-7; a layer with over half dead ReLUs.

    Its mean absolute value is not recorded; the global norm, never smaller, stands for it.
    """
    return _named(
        saturated_gradients=first(rows, lambda v: v.get("g_grad_norm", 1.0) < norm, persist),
        dead_units=first(rows, lambda v: v.get("dead_units", 0.0) > dead, persist),
        divergence=first(rows, lambda v: v.get("nonfinite", 0.0) > 0),
    )


def deepchecker(
    rows: Rows, low: float, high: float, dead: float, switches: float, persist: int
) -> dict[str, int]:
    """TheDeepChecker, settings.yaml: five periods in a row.

    Gradients below 1e-6 or halved, above 1e6 or doubled; over half of a layer dead; update over
    weight above .1; over half of the loss's differences switch their sign.
    """
    norms = [(step, v["g_grad_norm"]) for step, v in rows if "g_grad_norm" in v]

    def runs(condition: Callable[[float, float], bool]) -> int | None:
        count = 0
        for (_, before), (step, now) in pairwise(norms):
            count = count + 1 if condition(before, now) else 0
            if count >= persist:
                return step
        return None

    exploding = [
        runs(lambda before, now: now > high or now > 2 * before),
        first(rows, lambda v: v.get("g_update_ratio", 1e-2) > 1e-1, persist),
        first(rows, lambda v: v.get("nonfinite", 0.0) > 0),
    ]
    return _named(
        saturated_gradients=runs(lambda before, now: now < low or now < 0.5 * before),
        divergence=min((step for step in exploding if step is not None), default=None),
        dead_units=first(rows, lambda v: v.get("dead_units", 0.0) > dead, persist),
        oscillation=first(rows, lambda v: v.get("d_sign_changes", 0.0) > switches, persist),
    )


def lightning(rows: Rows, times: float, window: int) -> dict[str, int]:
    """Lightning's SpikeDetection on D's loss: |x - mean| >= 2 |mean| of the last ten, or no number.

    On the means of the checks' windows: single batches are not recorded.
    """
    past: list[float] = []
    for step, v in rows:
        loss = v.get("d_loss", np.nan)
        mean = float(np.mean(past)) if past else 0.0
        spike = len(past) == window and abs(loss - mean) >= times * abs(mean)
        if spike or not np.isfinite(loss) or v.get("nonfinite", 0.0) > 0:
            return {"divergence": step}
        past = [*past[1 - window :], loss]
    return {}


def sign_of_reals(rows: Rows, target: float, persist: int) -> dict[str, int]:
    """The mean sign of the reals' scores over .6, ADA's target (Karras et al. 2020).

    ADA aims at it with augmentation on; as an alarm it is folklore.
    """
    step = first(rows, lambda v: v.get("sign_real", 0.0) > target, persist)
    return _named(discriminator_overfitting=step)


def trend(rows: Rows, signal: str, times: float, persist: int) -> dict[str, int]:
    """The distance of samples to the data is again so many times its best: training went wrong.

    What people do who plot FID or KID while they train, with the energy distance that is recorded
    in their place. It cannot say of what kind the fault is; collapse is what it is taken for.
    """
    best, count = np.inf, 0
    for step, v in rows:
        if signal not in v:
            continue
        best = min(best, v[signal])
        count = count + 1 if v[signal] > times * max(best, 1e-3) else 0
        if count >= persist:
            return {"mode-collapse": step}
    return {}


def still(rows: Rows, level: float, persist: int) -> dict[str, int]:
    """The distance of samples to the data stays above a level, with no better value for long."""
    best, count = np.inf, 0
    for step, v in rows:
        if "energy" not in v:
            continue
        count = count + 1 if v["energy"] >= 0.95 * best and v["energy"] > level else 0
        best = min(best, v["energy"])
        if count >= persist:
            return {"discriminator-overpowering": step}
    return {}


PERSIST = (1, 2, 3, 5)
BASELINES: Mapping[str, Baseline] = {
    "ganhacks": Baseline(
        ganhacks,
        {"loss": (0.05, 0.1, 0.01, 0.001), "norm": (100, 10, 1000, 1e4)},
        ("discriminator-overpowering", "divergence"),
    ),
    "AutoTrainer": Baseline(
        autotrainer,
        {
            "ratio": (1e-3, 1e-2, 1e-5),
            "grown": (70, 1000),
            "dead": (0.7, 0.9),
            "swings": (0.2, 0.4),
            "persist": (1, 3),
        },
        ("saturated-gradients", "divergence", "dead-units", "oscillation"),
    ),
    "SageMaker Debugger": Baseline(
        sagemaker,
        {"norm": (1e-7, 1e-5, 1e-3, 1e-2), "dead": (0.5, 0.7, 0.9), "persist": PERSIST},
        ("saturated-gradients", "dead-units", "divergence"),
    ),
    "TheDeepChecker": Baseline(
        deepchecker,
        {
            "low": (1e-6, 1e-4),
            "high": (1e6, 1e3),
            "dead": (0.5, 0.9),
            "switches": (0.5, 0.7, 0.9),
            "persist": (5, 3, 8),
        },
        ("saturated-gradients", "divergence", "dead-units", "oscillation"),
    ),
    "Lightning SpikeDetection": Baseline(
        lightning, {"times": (2, 3, 5, 10), "window": (10, 5)}, ("divergence",)
    ),
    "sign of reals": Baseline(
        sign_of_reals,
        {"target": (0.6, 0.7, 0.8, 0.9, 0.95), "persist": (3, 1, 5, 10)},
        ("discriminator-overfitting",),
    ),
    "distance again above its best": Baseline(
        partial(trend, signal="energy"),
        {"times": (2, 3, 5, 10, 20), "persist": PERSIST},
        ("mode-collapse",),
    ),
    "distance that stays": Baseline(
        still,
        {"level": (0.5, 0.2, 0.1, 0.05), "persist": (5, 3, 8)},
        ("discriminator-overpowering", "saturated-gradients"),
    ),
}


def worth(found: Mapping[str, Any]) -> float:
    """What settings are chosen by: detection of what can be named, less false alarms threefold."""
    return float(found["macro_detection"]) - 3 * (found["healthy_warned"]["value"] or 0.0)


def best(baseline: Baseline, seen: Sequence[Example]) -> tuple[dict[str, float], Rule]:
    """The settings that do best on some runs, and the rule with them."""
    return max(
        baseline.rules(),
        key=lambda each: worth(summary(told(seen, theirs(each[1])), baseline.names)),
    )
