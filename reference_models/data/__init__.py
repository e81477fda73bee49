"""Data by name, each with three fixed splits: ``train``, ``heldout`` and ``reference``.

A model learns from ``train`` alone; ``heldout`` chooses among checkpoints and watches for
over-fitting; ``reference`` is what the final scores compare with. The splits of a finite set are
disjoint and the same on every machine; those of a synthetic one come from disjoint seeds.
"""

from reference_models.data.base import SPLITS, Batch, Data, Split
from reference_models.data.table import DATASETS, open_data

__all__ = ["DATASETS", "SPLITS", "Batch", "Data", "Split", "open_data"]
