"""Sources in, a report out: open, plan, gather, score."""

from gandiag.scoring.asking import names_of
from gandiag.scoring.comparing import Comparer, compare
from gandiag.scoring.curve import score_checkpoints
from gandiag.scoring.options import Options, Progress
from gandiag.scoring.protocols import PROTOCOLS, Protocol
from gandiag.scoring.saving import write_statistics
from gandiag.scoring.scorer import Scorer, score

__all__ = [
    "PROTOCOLS",
    "Comparer",
    "Options",
    "Progress",
    "Protocol",
    "Scorer",
    "compare",
    "names_of",
    "score",
    "score_checkpoints",
    "write_statistics",
]
