"""The state that a resumed run goes on from."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from gandiag.errors import GandiagError

SCHEMA = 1


class Part(Protocol):
    """Something of a monitor that remembers; no two have a key in common."""

    def state_dict(self) -> dict[str, Any]:
        """As JSON values."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`; other keys are others'."""
        ...


def state_of(parts: Iterable[Part]) -> dict[str, Any]:
    """Of all parts, as JSON values."""
    state: dict[str, Any] = {"schema": SCHEMA}
    for part in parts:
        state |= part.state_dict()
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
