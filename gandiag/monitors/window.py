"""What is recorded between two checks, on the device until it is needed."""

from collections import deque
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

LONGEST = 4096
"""Records a series keeps; the oldest go first."""

Series = npt.NDArray[np.float64]


class Window:
    """Series of scalars that nobody waits for: one transfer takes all of them to the host."""

    def __init__(self) -> None:
        self.step = 0
        self._series: dict[str, deque[tuple[int, Tensor]]] = {}

    def add(self, name: str, value: Tensor | float) -> Tensor:
        """Note a copy of a scalar at the current step; it is returned, and never read here."""
        scalar = value.detach().clone() if isinstance(value, Tensor) else torch.tensor(float(value))
        if scalar.ndim:
            scalar = scalar.mean()
        self._series.setdefault(name, deque(maxlen=LONGEST)).append((self.step, scalar))
        return scalar

    def drain(self) -> dict[str, tuple[list[int], Series]]:
        """Each series' steps and values; the window is empty afterwards."""
        out = self.peek()
        self._series = {}
        return out

    def peek(self) -> dict[str, tuple[list[int], Series]]:
        """As `drain`, keeping all."""
        names = [name for name, records in self._series.items() if records]
        values = to_host([value for name in names for _, value in self._series[name]])
        out, start = {}, 0
        for name in names:
            records = self._series[name]
            out[name] = ([step for step, _ in records], values[start : start + len(records)])
            start += len(records)
        return out

    def fill(self, series: Mapping[str, tuple[list[int], list[float]]]) -> None:
        """Replace all by what `peek` gave."""
        self._series = {
            name: deque(
                ((step, torch.tensor(value)) for step, value in zip(steps, values, strict=True)),
                maxlen=LONGEST,
            )
            for name, (steps, values) in series.items()
        }


def to_host(scalars: list[Tensor]) -> Series:
    """Scalars of any devices as float64, with one transfer from each device."""
    out = np.empty(len(scalars))
    if not scalars:
        return out
    devices = {scalar.device for scalar in scalars}
    if len(devices) == 1 and {(s.dtype, s.ndim) for s in scalars} == {(torch.float32, 0)}:
        stacked = torch.stack(scalars).cpu().double()
        found: Series = stacked.numpy()
        return found
    for device in devices:
        rows = [i for i, scalar in enumerate(scalars) if scalar.device == device]
        stacked = torch.stack([scalars[i].reshape(()).float() for i in rows])
        out[rows] = stacked.cpu().double().numpy()
    return out


def on_host(scalars: Mapping[str, Tensor]) -> dict[str, float]:
    """The same by name."""
    return dict(zip(scalars, to_host(list(scalars.values())).tolist(), strict=True))
