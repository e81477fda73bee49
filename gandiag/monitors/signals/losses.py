"""What the losses and the scores of the training batches say."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor

Series = npt.NDArray[np.float64]

SLOPES: Mapping[str, Callable[[Tensor], Tensor]] = {
    # |d/db -softplus(b)|, |d/db softplus(-b)|, |d/db (b - 1)^2 / 2|
    "minimax": lambda b: b.sigmoid(),
    "non-saturating": lambda b: (-b).sigmoid(),
    "least-squares": lambda b: (b - 1).abs(),
}
BOUNDARIES: Mapping[str, float] = {
    "minimax": 0.0,
    "non-saturating": 0.0,
    "hinge": 0.0,
    "least-squares": 0.5,
}


def loss_slope(loss: str | None, fake: Tensor) -> Tensor | None:
    """E |dL_G / db| over the fakes' scores b (n,); None where it is 1 whatever happens."""
    slope = SLOPES.get(loss or "")
    return None if slope is None else slope(fake).mean()


def sign_changes(series: Series) -> float | None:
    """Share of successive differences that switch sign, as in TheDeepChecker (2023)."""
    signs = np.sign(np.diff(series))
    return float((signs[1:] * signs[:-1] < 0).mean()) if len(signs) > 1 else None


def periodicity(series: Series) -> float | None:
    """p-value of Fisher's g on a series whose AR(1) part is removed; None below 32 values.

    g = max I / sum I over the periodogram's m ordinates without the ends, and
    P(g > x) <= m (1 - x)^(m - 1) (Fisher 1929, the first term of his sum, an upper bound).
    """
    if len(series) < 32:
        return None
    centred = series - series.mean()
    power = float(centred[:-1] @ centred[:-1])
    if power == 0:
        return None
    white = centred[1:] - float(centred[1:] @ centred[:-1]) / power * centred[:-1]
    spectrum = np.abs(np.fft.rfft(white - white.mean())[1:-1]) ** 2
    if spectrum.sum() == 0:
        return None
    m, g = len(spectrum), float(spectrum.max() / spectrum.sum())
    return min(1.0, m * (1 - g) ** (m - 1))
