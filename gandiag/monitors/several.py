"""Several pairs of networks in one loop, as CycleGAN has them: a monitor a pair."""

from collections.abc import Mapping
from typing import Any

from gandiag.errors import GandiagError
from gandiag.monitors.alerts import Alert
from gandiag.monitors.monitor import Monitor
from gandiag.monitors.report import Report


class Monitors:
    """Monitors with names, stepped, read and closed together.

    Pairs may share an optimizer (CycleGAN's is of both generators) or a network (an encoder beside
    G): each monitor looks at its own networks, and gradient norms are those of the whole optimizer.
    Give each a folder and a writer of its own.

    Args:
        monitors: each with a `name` of its own, which its alerts bear.

    Raises:
        GandiagError: there is none, one has no name, or two have the same.
    """

    def __init__(self, *monitors: Monitor):
        names = [each.name for each in monitors]
        if not monitors or not all(names) or len({*names}) < len(names):
            raise GandiagError(
                f"the monitors' names are {names}; give Monitor(..., name=) to each, all different"
            )
        self._monitors = {each.name: each for each in monitors}

    def __getitem__(self, name: str) -> Monitor:
        return self._monitors[name]

    def __enter__(self) -> "Monitors":
        return self

    def __exit__(self, *error: Any) -> None:
        for each in self._monitors.values():
            each.__exit__(*error)

    def step(self, numbers: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Call once an iteration, after the updates.

        Args:
            numbers: by name, what `Monitor.step` takes: ``{"a to b": {"loss_g": loss_g, ...}}``.
                Pairs that are left out are stepped without numbers.

        Raises:
            GandiagError: a name is no monitor's.
        """
        given = dict(numbers or {})
        if unknown := given.keys() - self._monitors.keys():
            raise GandiagError(
                f"there is no monitor {min(unknown)!r}; choose from {', '.join(self._monitors)}"
            )
        for name, monitor in self._monitors.items():
            monitor.step(**given.get(name, {}))

    def mark(self, event: str) -> None:
        """Say that something changed on purpose, to all."""
        for each in self._monitors.values():
            each.mark(event)

    @property
    def alerts(self) -> list[Alert]:
        """Of all, by step."""
        found = [alert for each in self._monitors.values() for alert in each.alerts]
        return sorted(found, key=lambda alert: alert.step)

    @property
    def should_stop(self) -> bool:
        """Whether any of them says so."""
        return any(each.should_stop for each in self._monitors.values())

    def report(self) -> dict[str, Report]:
        """Of each, by name."""
        return {name: each.report() for name, each in self._monitors.items()}

    def state_dict(self) -> dict[str, Any]:
        """Of each, by name, as JSON values."""
        return {name: each.state_dict() for name, each in self._monitors.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`.

        Raises:
            GandiagError: the state is of monitors with other names, or of another version.
        """
        if state.keys() != self._monitors.keys():
            raise GandiagError(
                f"the state is of {', '.join(state)}, the monitors are "
                f"{', '.join(self._monitors)}; make those that it was saved from"
            )
        for name, each in self._monitors.items():
            each.load_state_dict(state[name])

    def close(self) -> None:
        """Close all."""
        for each in self._monitors.values():
            each.close()
