"""Scores as a table of pandas, which is not among the dependencies."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gandiag.errors import GandiagError

if TYPE_CHECKING:
    import pandas as pd

TEXTS = ("class", "asked", "name", "first", "second", "better")
"""Columns that hold no numbers."""


def frame(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> "pd.DataFrame":
    """Rows => a DataFrame; None is missing, and in a column of numbers NaN.

    Raises:
        GandiagError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise GandiagError(
            "to_pandas needs pandas, which is not installed; pip install 'gandiag[pandas]'"
        ) from error
    made = pd.DataFrame(list(rows), columns=list(columns))
    numbers = [name for name in columns if name not in TEXTS and made[name].isna().any()]
    return made.astype(dict.fromkeys(numbers, "float64"))
