"""What stands behind an option's ``=``, as click reads it."""

import math
from typing import TYPE_CHECKING, Any

import click

from gandiag.reporting.gates import Gate

if TYPE_CHECKING:
    Kind = click.ParamType[Any]
else:
    # Before click 8.4 the class takes no subscript.
    Kind = click.ParamType


SEED = click.IntRange(0, 2**32 - 1)
"""As many as every generator of random numbers takes."""


class Names(Kind):
    """``energy,churn``: names from a table, separated by commas."""

    name = "NAME[,NAME...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split; unknown names are reported where the table is known."""
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


class Numbers(Kind):
    """``0.5,0.7,1``: numbers separated by commas."""

    name = "X[,X...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """The numbers; there is one or more."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            numbers = (math.nan,)
        if not all(map(math.isfinite, numbers)):
            self.fail(f"{value!r} is not numbers separated by commas, as 0.5,0.7,1", param, ctx)
        return numbers


class Bound(Kind):
    """``fid=20``."""

    name = "NAME=VALUE"

    def __init__(self, *, above: bool) -> None:
        self.above = above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Gate:
        """A gate."""
        if isinstance(value, Gate):
            return value
        name, _, text = str(value).rpartition("=")
        try:
            bound = float(text)
        except ValueError:
            bound = math.nan
        if not (name.strip() and math.isfinite(bound)):
            self.fail(f"{value!r} is not NAME=VALUE with a finite number, as in fid=20", param, ctx)
        # As metrics are asked for in any case; what is printed, as fd[timm:ViT], has its own.
        plain = name.strip() if "[" in name else name.strip().lower()
        return Gate(plain, bound, self.above)
