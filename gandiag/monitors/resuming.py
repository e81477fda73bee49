"""The state that a resumed run goes on from."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from gandiag.errors import GandiagError
from gandiag.monitors.guarding import Guard

SCHEMA = 2


class Part(Protocol):
    """Something of a monitor that remembers; no two have a key in common."""

    def state_dict(self, guard: Guard) -> dict[str, Any]:
        """As JSON values; all that could fail is called through the guard."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`; other keys are others'."""
        ...


def state_of(parts: Iterable[Part], guard: Guard) -> dict[str, Any]:
    """Of all parts, as JSON values."""
    state: dict[str, Any] = {"schema": SCHEMA}
    for part in parts:
        state |= part.state_dict(guard)
    return state


def restore(parts: Iterable[Part], state: Mapping[str, Any]) -> None:
    """Go on from `state_of`.

    Raises:
        GandiagError: the state is of another version of gandiag.
    """
    if state.get("schema") != SCHEMA:
        raise GandiagError(
            f"the monitor's state has schema {state.get('schema')!r}, this gandiag reads {SCHEMA}; "
            "resume with the version that wrote it, or without the monitor's state"
        )
    for part in parts:
        part.load_state_dict(state)
