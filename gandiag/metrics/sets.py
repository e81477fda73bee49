"""Several sets of rows at once."""

from collections.abc import Mapping

from torch import Tensor

from gandiag.metrics.checks import Rows, as_rows, check_count, check_same_width


def as_sets(sets: Mapping[str, Rows], least: Mapping[str, int]) -> tuple[Tensor, ...]:
    """Sets that can be compared, by name, on the device of the first.

    Args:
        sets: name -> (n, width).
        least: name -> how many rows it needs.

    Raises:
        GandiagError: as `as_rows`; or too few rows, or widths that differ.
    """
    found = {name: as_rows(values, name) for name, values in sets.items()}
    for name, rows in found.items():
        check_count(name, len(rows), least[name])
    check_same_width({name: rows.shape[1] for name, rows in found.items()})
    device = next(iter(found.values())).device
    return tuple(rows.to(device) for rows in found.values())
