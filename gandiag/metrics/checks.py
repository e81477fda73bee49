"""What every metric asks of what it is given."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.metrics.base import Metric
from gandiag.statistics import Bank, NonFiniteRow, Statistic

Rows = Tensor | NDArray[Any]
"""(n, width), of any real dtype, on any device; what is computed is computed in float64."""


def as_rows(values: Rows, name: str) -> Tensor:
    """(n, width) array or tensor => a tensor of its dtype, on its device (MPS: on the CPU).

    Dtypes that torch hardly computes with (booleans, unsigned integers) become float64. Any layout
    and byte order will do.

    Raises:
        GandiagError: `values` are no real numbers, are not two-dimensional, have no column, or
            (`NonFiniteRow`) hold NaN or an infinity.
    """
    rows = _as_tensor(values, name)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise GandiagError(f"{name} must be (n, width), got shape {tuple(rows.shape)}")
    if rows.device.type == "mps":
        rows = rows.cpu()  # it has no float64
    finite = torch.isfinite(rows).all(dim=1)
    if not finite.all():
        raise NonFiniteRow(int((~finite).nonzero()[0, 0]))
    return rows


def _as_tensor(values: Rows, name: str) -> Tensor:
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "fiub":
            raise GandiagError(f"{name} must be real numbers, got {values.dtype}")
        if values.dtype.kind in "ub" or values.dtype.itemsize > 8:
            values = values.astype(np.float64)
        native = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
        # torch warns of memory that may not be written to.
        return torch.from_numpy(native if native.flags.writeable else native.copy())
    rows = torch.as_tensor(values).detach()
    if rows.is_complex():
        raise GandiagError(f"{name} must be real numbers, got {rows.dtype}")
    known = rows.is_floating_point() or rows.is_signed()
    return rows if known else rows.cpu().double().to(rows.device)


def as_pair(real: Rows, generated: Rows, least: int) -> tuple[Tensor, Tensor]:
    """Two sets of rows that can be compared, on the device of the first.

    Raises:
        GandiagError: as `as_rows`; or fewer than `least` rows, or widths that differ.
    """
    a, b = as_rows(real, "real"), as_rows(generated, "generated")
    check_count("real", len(a), least)
    check_count("generated", len(b), least)
    check_same_width({"real": a.shape[1], "generated": b.shape[1]})
    return a, b.to(a.device)


def check_count(role: str, n: int | None, least: int) -> None:
    """Refuse too few rows; a published file that does not say how many is trusted."""
    if n is not None and n < least:
        raise GandiagError(f"{role} has {n} rows and at least {least} are needed; add images")


def check_same_width(widths: Mapping[str, int]) -> None:
    """Refuse features that cannot come from the same layer."""
    if len(set(widths.values())) > 1:
        found = " and ".join(f"{role} features are {width} wide" for role, width in widths.items())
        raise GandiagError(f"{found}; take both from the same layer of the same extractor")


def check_statistics(metric: Metric, statistics: Mapping[str, Statistic]) -> None:
    """Refuse what `metric` cannot work from.

    Raises:
        GandiagError: a role is missing or too many, a statistic is of a kind it does not accept,
            too few rows, or widths that differ.
    """
    if set(statistics) != set(metric.accepts):
        raise GandiagError(
            f"{metric.name} takes {' and '.join(metric.accepts)}, "
            f"got {' and '.join(statistics) or 'nothing'}"
        )
    for role, kinds in metric.accepts.items():
        statistic = statistics[role]
        if not isinstance(statistic, kinds):
            wanted = " or ".join(kind.kind for kind in kinds)
            raise GandiagError(
                f"{metric.name} needs the {wanted} of the {role} images, got their "
                f"{statistic.kind}; give the images, or statistics saved for this metric"
            )
        check_count(role, statistic.n, metric.minimum(role))
    check_same_width({role: statistic.width for role, statistic in statistics.items()})


def banks(metric: Metric, statistics: Mapping[str, Statistic]) -> tuple[Tensor, ...]:
    """The rows of each role, in the order of `metric.accepts`, after `check_statistics`."""
    check_statistics(metric, statistics)
    found = [statistics[role] for role in metric.accepts]
    return tuple(each.rows for each in found if isinstance(each, Bank))
