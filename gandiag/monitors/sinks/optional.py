"""Packages that only some sinks need."""

from importlib import import_module
from typing import Any

from gandiag.errors import GandiagError
from gandiag.monitors.probing import random_states


def optional(module: str, package: str) -> Any:
    """A module, imported without a trace in the global random states.

    Raises:
        GandiagError: the package that it comes with is not installed.
    """
    try:
        with random_states():
            return import_module(module)
    except ImportError as error:
        raise GandiagError(
            f"this sink needs {package}, which is not installed; pip install {package}"
        ) from error
