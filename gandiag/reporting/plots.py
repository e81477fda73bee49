"""Numbers and images as pictures."""

import base64
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float]) -> str:
    """Values as bars of eight heights, from the lowest value to the highest; a gap for a NaN."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = (high - low) or 1.0
    return "".join(
        BARS[round(7 * (value - low) / span)] if math.isfinite(value) else " " for value in values
    )


def figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches; not pyplot's, which keeps figures and may look for a screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def png(picture: "Tensor | Figure", dpi: int = 100) -> bytes:
    """A figure, or an image (3, height, width) uint8 => a PNG file."""
    buffer = io.BytesIO()
    if isinstance(picture, Tensor):
        pixels = picture.permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    else:
        picture.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def data_url(picture: "Tensor | Figure", dpi: int = 100) -> str:
    """The same as a ``data:`` address."""
    return "data:image/png;base64," + base64.b64encode(png(picture, dpi)).decode()
