"""Rules of other tools, on the rows that our detectors read.

Each says at which step it would first warn, and of what: {pathology: step}, in our names. They are
ports of the rules, not the tools, which were made for one network with one loss: what is theirs is
the statistic and its threshold. "D" and "G" are looked at where a rule would look at "the" network.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

Row = tuple[int, Mapping[str, float]]
Rule = Callable[[Sequence[Row]], dict[str, int]]


def first(rows: Sequence[Row], condition: Callable[[Mapping[str, float]], bool]) -> int | None:
    """The first step whose row fulfils a condition."""
    return next((step for step, values in rows if condition(values)), None)


def _named(**found: int | None) -> dict[str, int]:
    return {name.replace("_", "-"): step for name, step in found.items() if step is not None}


def ganhacks(rows: Sequence[Row]) -> dict[str, int]:
    """Chintala et al. 2016, number 10: D's loss goes to 0 (.05 here); gradient norms over 100."""
    return _named(
        discriminator_overpowering=first(rows, lambda v: abs(v.get("d_loss", 1.0)) < 0.05),
        divergence=first(
            rows, lambda v: max(v.get("g_grad_norm", 0.0), v.get("d_grad_norm", 0.0)) > 100
        ),
    )


def autotrainer(rows: Sequence[Row]) -> dict[str, int]:
    """Zhang et al. 2021, utils/monitor.py, with D's accuracy as the accuracy.

    Vanishing: gradient of the first over the last layer below 1e-3 and below 1e-4; exploding: that
    ratio over 70, a loss of 1,000 or not finite; dying ReLU: .7 of the gradients are 0;
    oscillation: local extremes of the accuracy .03 apart, more than .2 of the checks; slow: the
    accuracy changes by less than .01.
    """
    vanish = first(
        rows,
        lambda v: v.get("g_first_last_ratio", 1.0) < 1e-3 and v.get("g_grad_norm", 1.0) < 1e-4,
    )
    explode = first(
        rows,
        lambda v: (
            v.get("g_first_last_ratio", 1.0) > 70
            or abs(v.get("d_loss", 0.0)) >= 1e3
            or v.get("nonfinite", 0.0) > 0
        ),
    )
    seen = [(step, v["d_accuracy"]) for step, v in rows if "d_accuracy" in v]
    swings, last, slow, swing_step = 0, None, None, None
    for i in range(1, len(seen) - 1):
        before, (step, now), after = seen[i - 1][1], seen[i], seen[i + 1][1]
        if (now - before) * (now - after) > 0:
            swings += last is not None and abs(now - last) >= 0.03
            last = now
        if swing_step is None and swings >= 0.2 * len(seen):
            swing_step = step
    values = [value for _, value in seen]
    if len(values) >= 10 and max(values) - min(values) < 0.01:
        slow = seen[-1][0]
    return _named(
        saturated_gradients=vanish,
        divergence=explode,
        dead_units=first(rows, lambda v: v.get("zero_grad_share", 0.0) >= 0.7),
        oscillation=swing_step,
        plateau=slow,
    )


def sagemaker(rows: Sequence[Row]) -> dict[str, int]:
    """SageMaker Debugger's rules: mean gradient below 1e-7; a layer with over half dead ReLUs.

    Its mean absolute value is not recorded; the global norm, never smaller, stands for it.
    """
    return _named(
        saturated_gradients=first(rows, lambda v: v.get("g_grad_norm", 1.0) < 1e-7),
        dead_units=first(rows, lambda v: v.get("dead_units", 0.0) > 0.5),
        divergence=first(rows, lambda v: v.get("nonfinite", 0.0) > 0),
    )


def deepchecker(rows: Sequence[Row]) -> dict[str, int]:
    """TheDeepChecker, settings.yaml: five periods in a row, the loss's fluctuation and divergence.

    Gradients below 1e-6 or halved each period, above 1e6 or doubled each period; over half of a
    layer dead; log10 of update over weight outside -4..-1; over half of the loss's differences
    switch their sign; the loss is twice its least.
    """
    norms = [(step, v["g_grad_norm"]) for step, v in rows if "g_grad_norm" in v]

    def runs(condition: Callable[[float, float], bool]) -> int | None:
        count = 0
        for (_, before), (step, now) in pairwise(norms):
            count = count + 1 if condition(before, now) else 0
            if count >= 5:
                return step
        return None

    least, twice = np.inf, None
    for step, v in rows:
        loss = v.get("d_loss", np.nan)
        if twice is None and least > 0 and loss >= 2 * least:
            twice = step
        least = min(least, loss) if np.isfinite(loss) else least
    steps = [
        step
        for step in (
            runs(lambda before, now: now > 1e6 or now > 2 * before),
            twice,
            first(rows, lambda v: v.get("g_update_ratio", 1e-2) > 1e-1),
            first(rows, lambda v: v.get("nonfinite", 0.0) > 0),
        )
        if step is not None
    ]
    return _named(
        saturated_gradients=runs(lambda before, now: now < 1e-6 or now < 0.5 * before),
        divergence=min(steps, default=None),
        dead_units=first(rows, lambda v: v.get("dead_units", 0.0) > 0.5),
        oscillation=first(rows, lambda v: v.get("d_sign_changes", 0.0) > 0.5),
        plateau=first(rows, lambda v: v.get("g_update_ratio", 1e-2) < 1e-4),
    )


def lightning(rows: Sequence[Row]) -> dict[str, int]:
    """Lightning's SpikeDetection on D's loss: |x - mean| >= 2 |mean| of the last ten, or no number.

    On the means of the checks' windows: single batches are not recorded.
    """
    past: list[float] = []
    for step, v in rows:
        loss = v.get("d_loss", np.nan)
        mean = float(np.mean(past)) if past else 0.0
        spike = len(past) == 10 and abs(loss - mean) >= 2 * abs(mean)
        if spike or not np.isfinite(loss) or v.get("nonfinite", 0.0) > 0:
            return {"divergence": step}
        past = [*past[-9:], loss]
    return {}


def sign_of_reals(rows: Sequence[Row]) -> dict[str, int]:
    """The mean sign of the reals' scores over .6, ADA's target (Karras et al. 2020), three times.

    ADA aims at it with augmentation on; as an alarm it is folklore.
    """
    count = 0
    for step, v in rows:
        count = count + 1 if v.get("sign_real", 0.0) > 0.6 else 0
        if count >= 3:
            return {"discriminator-overfitting": step}
    return {}


BASELINES: Mapping[str, Rule] = {
    "ganhacks": ganhacks,
    "AutoTrainer": autotrainer,
    "SageMaker Debugger": sagemaker,
    "TheDeepChecker": deepchecker,
    "Lightning SpikeDetection": lightning,
    "sign of reals > .6": sign_of_reals,
}
"""Name to rule."""
