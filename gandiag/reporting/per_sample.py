"""Numbers of single generated images, for a program or a spreadsheet."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class PerSample:
    """What metrics say of each generated image, in the order in which they were read."""

    names: tuple[str, ...]
    """Of the images; empty texts where they are not known."""
    values: Mapping[str, Tensor]
    """Number -> (m,) float64 on the CPU; NaN where an image has none."""

    def to_csv(self) -> str:
        """A line of titles, then a line an image: its name, and its numbers, all their digits.

        What an image has not is left empty.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("name", *self.values))
        columns = [each.tolist() for each in self.values.values()]
        for name, *numbers in zip(self.names, *columns, strict=True):
            writer.writerow((name, *("" if math.isnan(each) else each for each in numbers)))
        return text.getvalue()
