"""A saved report as the thing to compare with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError
from gandiag.metrics.intervals import Z
from gandiag.reporting.report import SCHEMA


@dataclass(frozen=True)
class Known:
    """One score of the report."""

    value: float
    deviation: float | None
    """From its interval; None where it had none."""
    parameters: str
    layer: str
    n_real: int | None


@dataclass(frozen=True)
class Baseline:
    """What `gandiag score --json` wrote."""

    path: str
    name: str
    """Of the images that were scored."""
    n: int
    scores: Mapping[str, Known]
    """Printed name -> score."""
    extractors: Mapping[str, Mapping[str, str]]
    """What pins the networks."""

    def check(self, extractors: Mapping[str, Mapping[str, str]]) -> None:
        """Refuse scores of other networks.

        Raises:
            GandiagError: a network that both use is pinned otherwise.
        """
        for name, pins in extractors.items():
            there = self.extractors.get(name)
            if there is None:
                continue
            differ = [key for key in pins if there.get(key) != pins[key]]
            if differ:
                raise GandiagError(
                    f"{self.path} was made with another {differ[0]} of {name} "
                    f"({there.get(differ[0])}, here {pins[differ[0]]}); make it again with "
                    "`gandiag score --json` and the same options"
                )


def read_baseline(path: Path) -> Baseline:
    """A report from its file.

    Raises:
        GandiagError: it cannot be read, or is no report of `gandiag score --json`.
    """
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GandiagError(
            f"cannot read {path}: {error.strerror or error}; name a report"
        ) from error
    except ValueError as error:
        raise GandiagError(f"{path} is no JSON; give what `gandiag score --json` wrote") from error
    try:
        return _baseline(str(path), whole)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GandiagError(
            f"{path} is no report of one scoring; give what `gandiag score --json` wrote"
        ) from error


def _baseline(path: str, whole: Any) -> Baseline:
    if whole["schema"] != SCHEMA:
        raise GandiagError(
            f"{path} is of schema {whole['schema']} and this version reads {SCHEMA}; "
            "make it again with `gandiag score --json`"
        )
    source = whole["provenance"]["sources"]["generated"]
    if source["n"] is None:
        raise GandiagError(
            f"{path} does not say of how many images it is; score the images, not statistics"
        )
    return Baseline(
        path=path,
        name=f"{source['name']} ({path})",
        n=int(source["n"]),
        scores={name: _known(each) for name, each in whole["scores"].items()},
        extractors=whole["provenance"]["extractors"],
    )


def _known(each: Mapping[str, Any]) -> Known:
    low, high = each["low"], each["high"]
    return Known(
        value=float("nan") if each["value"] is None else float(each["value"]),
        deviation=None if low is None or high is None else (float(high) - float(low)) / 2 / Z,
        parameters=str(each["parameters"]),
        layer=str(each["layer"]),
        n_real=each["n_real"],
    )
