"""What every statistic asks of the rows it is given."""

import torch
from torch import Tensor

from gandiag.errors import GandiagError


class NonFiniteRow(GandiagError):  # noqa: N818 (named for what it found, as GandiagError itself is)
    """A row holds NaN or an infinity; `row` is its index, so that a caller can name the image."""

    def __init__(self, row: int) -> None:
        self.row = row
        super().__init__(
            f"row {row} of the features holds NaN or an infinity; look at that image, "
            "or run the extractor in float32"
        )


def check_rows(rows: Tensor) -> None:
    """Refuse rows that are not (n, width) or not finite.

    On a GPU this waits for the rows: once a chunk of about 1,024, which is lost in the time that
    a network takes for as many images, and the only moment when the row can still be named.

    Raises:
        GandiagError: `rows` is not two-dimensional.
        NonFiniteRow: with the first bad row.
    """
    if rows.ndim != 2:
        raise GandiagError(
            f"rows must be (n, width), got shape {tuple(rows.shape)}; flatten each image's features"
        )
    finite = torch.isfinite(rows).all(dim=1)
    if not finite.all():
        raise NonFiniteRow(int((~finite).nonzero()[0, 0]))


def check_widths(a: int, b: int) -> None:
    """Refuse to add statistics of different widths."""
    if a != b:
        raise GandiagError(
            f"cannot add statistics of width {a} and {b}; they come from different features"
        )
