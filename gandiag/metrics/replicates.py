"""What scores would be without a twentieth of the rows, from the metric itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from gandiag.metrics.jackknife import groups_of
from gandiag.statistics import Bank, Moments, Statistic

Replicates = dict[str, dict[str, Tensor]]
"""Output -> role -> (groups,) float64: the value without each group of the role's rows."""

Values = Callable[[Mapping[str, Statistic]], Mapping[str, float]]
"""Statistics by role => the value of each output."""


def deleted(
    values: Values,
    statistics: Mapping[str, Statistic],
    accepts: Mapping[str, Sequence[type[Statistic]]],
    tell: Callable[[float], None] = lambda share: None,
) -> Replicates:
    """`values` once more for each group of each role, with its rows left out.

    Groups depend on the number of rows alone, so that two calls that share their real rows leave
    out the same ones. A role whose rows are not there (moments from a file) is taken as known.

    Args:
        values: what is computed.
        statistics: by role.
        accepts: role -> kinds that `values` takes, see `gandiag.metrics.base.Metric`.
        tell: hears of the share of the work that is done.
    """
    found: Replicates = {}
    rows = {role: each for role, each in statistics.items() if isinstance(each, Bank)}
    light = {role: _lighter(each, accepts[role]) for role, each in statistics.items()}
    done = 0
    for place, (role, bank) in enumerate(rows.items()):
        groups = groups_of(bank.n)
        count = int(groups.max()) + 1
        for group, rest in enumerate(_without_each(bank, light[role], groups)):
            for output, value in values({**light, role: rest}).items():
                start = torch.full((count,), torch.nan, dtype=torch.float64)
                found.setdefault(output, {}).setdefault(role, start)[group] = value
            done = place * count + group + 1
            tell(min(1.0, done / (count * len(rows))))
    return found


def _lighter(statistic: Statistic, kinds: Sequence[type[Statistic]]) -> Statistic:
    """Moments where they will do and are smaller than the rows."""
    if isinstance(statistic, Bank) and Moments in kinds and statistic.n > statistic.width:
        return statistic.moments()
    return statistic


def _without_each(bank: Bank, whole: Statistic, groups: Tensor) -> Iterator[Statistic]:
    for group in range(int(groups.max()) + 1):
        left = (groups != group).to(bank.rows.device)
        if isinstance(whole, Moments):
            yield _less(whole, Moments.of(bank.rows[~left]))
        else:
            rest = Bank((bank.rows[left],))
            labels = bank.labels
            kept = left.tolist()
            yield (
                rest
                if labels is None
                else rest.labelled(
                    [label for label, keep in zip(labels, kept, strict=True) if keep]
                )
            )


def _less(whole: Moments, part: Moments) -> Moments:
    """The moments of what is left when `part` is taken from `whole`: `Moments.__add__` undone."""
    assert whole.n is not None
    assert part.n is not None
    n = whole.n - part.n
    mean = (whole.mean * whole.n - part.mean * part.n) / n
    step = part.mean - mean
    scatter = whole.scatter - part.scatter - torch.outer(step, step) * (n * part.n / whole.n)
    return Moments(n, mean, scatter)
