"""A run of an experiment as it is kept: what was measured, judged, when, where, by what code."""

import datetime
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch

import gandiag
from gandiag.errors import GandiagError
from gandiag.files import atomic_write
from reference_models.papers.code import digest_of
from reference_models.papers.experiment import Budget, Experiment, Result
from reference_models.papers.verdicts import Judgement, Verdict, judge, overall

SCHEMA = 1
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Record:
    """A run."""

    experiment: Experiment
    budget: Budget
    seed: int
    result: Result
    provenance: Mapping[str, Any]
    """seconds, date, machine, versions, and a digest of the code that made it."""

    @classmethod
    def make(cls, experiment: Experiment, budget: Budget, seed: int) -> Self:
        """Run it.

        Raises:
            GandiagError: it has no such budget, or what it needs is not there.
        """
        if budget not in experiment.seconds:
            raise GandiagError(
                f"{experiment.name} has no budget {budget!r}; choose from "
                f"{', '.join(experiment.seconds)}"
            )
        begun = time.monotonic()
        result = experiment.run(budget, seed)
        provenance = {
            "seconds": round(time.monotonic() - begun, 2),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": {
                "system": platform.system(),
                "processor": platform.machine(),
                "cores": os.cpu_count(),
                "threads": torch.get_num_threads(),
            },
            "versions": {
                "gandiag": gandiag.__version__,
                "python": platform.python_version(),
                **{name: version(name) for name in PACKAGES},
            },
            "code": code_digest(experiment),
        }
        return cls(experiment, budget, seed, result, provenance)

    @property
    def judgements(self) -> list[Judgement]:
        """By the criteria as declared now."""
        return judge(self.experiment, self.result)

    @property
    def verdict(self) -> Verdict:
        """Of the experiment."""
        return overall(self.judgements)

    def to_json(self) -> dict[str, Any]:
        """All of it, with the declaration."""
        return {
            "schema": SCHEMA,
            **described(self.experiment),
            "budget": self.budget,
            "seed": self.seed,
            "verdict": self.verdict,
            "numbers": [
                {
                    **declared,
                    "ours": each.measured and each.measured.value,
                    "our error": each.measured and each.measured.error,
                    "criterion": each.criterion,
                    "found": each.found,
                    "verdict": each.verdict,
                }
                for declared, each in zip(
                    described(self.experiment)["published"], self.judgements, strict=True
                )
            ],
            "result": self.result.to_json(),
            "provenance": dict(self.provenance),
        }

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        with atomic_write(path) as file:
            file.write(text.encode())

    @classmethod
    def kept(cls, path: Path, experiment: Experiment, budget: Budget, seed: int) -> Self | None:
        """From a file; None if it is not there, damaged, or of another budget, seed or code."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            asked = (SCHEMA, budget, seed, code_digest(experiment))
            made = (found["schema"], found["budget"], found["seed"], found["provenance"]["code"])
            if made != asked:
                return None
            result = Result.from_json(found["result"])
            return cls(experiment, budget, seed, result, found["provenance"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def described(experiment: Experiment) -> dict[str, Any]:
    """The declaration, as the list and the records have it."""
    return {
        "name": experiment.name,
        "citation": experiment.citation,
        "claim": experiment.claim,
        "protocol": experiment.protocol,
        "kind": experiment.kind,
        "needs": experiment.needs,
        "seconds": dict(experiment.seconds),
        "published": [
            {
                "measured": each.name,
                "what": each.what,
                "kind": each.kind,
                "status": each.status,
                "value": each.value,
                "error": each.error,
                "tolerance": each.tolerance,
                "above": each.above,
                "source": each.source,
            }
            for each in experiment.published
        ],
    }


def code_digest(experiment: Experiment) -> str:
    """Of the experiment's file, and of all of ours that it imports."""
    module = experiment.module or experiment.name.replace("-", "_")
    return digest_of(f"{__package__}.{module}")
