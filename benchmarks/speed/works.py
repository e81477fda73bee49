"""The works, and who can do each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.coverage_draws import sources_of
from benchmarks.digest import ROOT, digest_of
from benchmarks.speed import features
from gandiag.metrics import METRICS

OURS = "gandiag"


@dataclass(frozen=True)
class Work:
    """A thing to do, and who can do it."""

    title: str
    given: Callable[[], Sequence[Any]]
    """Makes the inputs, which is not timed."""
    tools: Mapping[str, Callable[[], Callable[..., Mapping[str, float]]]]
    """Name => imports the tool and returns what is timed, from inputs to values; `OURS` first."""
    decides: Sequence[str]
    """Files that decide how long ours takes, relative to the checkout."""
    peers: Sequence[str] = ()
    """Distributions whose versions are told, torch and numpy apart."""

    def digest(self) -> str:
        """Of the code that decides."""
        return digest_of([*self.decides, "benchmarks/speed/*.py"])


def _sources(name: str) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in sources_of(METRICS[name])]


WORKS: Mapping[str, Work] = {
    "frechet": Work(
        "Fréchet distance from 2 x 5,000 features of width 2,048",
        features.rows,
        {
            OURS: features.frechet,
            "gandiag, with interval": features.frechet_with_interval,
            "torch-fidelity": features.frechet_of_torch_fidelity,
            "pytorch-fid": features.frechet_of_pytorch_fid,
        },
        _sources("fid"),
        ("torch-fidelity", "pytorch-fid", "scipy"),
    ),
    "kid": Work(
        "KID by 100 subsets of 1,000 of them",
        features.rows,
        {OURS: features.kid, "torch-fidelity": features.kid_of_torch_fidelity},
        _sources("kid"),
        ("torch-fidelity",),
    ),
    "prdc": Work(
        "Precision, recall, density and coverage of them",
        features.rows,
        {
            OURS: features.prdc,
            "gandiag, with intervals": features.prdc_with_intervals,
            "prdc": features.prdc_of_prdc,
        },
        _sources("prdc"),
        ("prdc", "scikit-learn"),
    ),
    "precision-recall": Work(
        "Precision and recall of them",
        features.rows,
        {
            OURS: features.precision_recall,
            "torch-fidelity": features.precision_recall_of_torch_fidelity,
        },
        _sources("prdc"),
        ("torch-fidelity",),
    ),
}
