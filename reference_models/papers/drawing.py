"""How the pictures look: ours in blue, what was published in red, and a caption of the claim."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, PAPER, THEORY = "tab:blue", "tab:red", "0.4"
COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:purple", "tab:brown", "tab:cyan")


def canvas(columns: int = 1, rows: int = 1, *, width: float = 5.0, height: float = 3.6) -> "Figure":
    """A figure with a grid of axes, each `width` x `height` inches; not pyplot's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    figure.subplots(rows, columns)
    return figure


def published(axes: "Axes", x: Sequence[float], y: Sequence[float], **kind: Any) -> None:
    """Published points, as open red diamonds."""
    axes.plot(x, y, "D", markersize=8, **{"color": PAPER, "fillstyle": "none", **kind})
