"""The runs of the corpus: a row says what is trained, what is wrong, and what that should do.

What a row intends is no label: labels come from what the run did (`labels`).
"""

from benchmarks.detection import faulty_samples, faulty_training, healthy
from benchmarks.detection.case import Case

ROWS = (*healthy.ROWS, *faulty_samples.ROWS, *faulty_training.ROWS)
CASES: dict[str, Case] = {row.name: row for row in ROWS}
