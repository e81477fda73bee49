"""torchmetrics: gandiag's scores as metrics with `update`, `compute` and `reset`."""

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gandiag.errors import GandiagError, unknown
from gandiag.metrics import METRICS
from gandiag.reporting.report import Report
from gandiag.scoring import Options, Scorer

try:
    from torchmetrics import Metric
    from torchmetrics.utilities.distributed import gather_all_tensors
except ImportError as error:
    raise GandiagError(
        "these metrics need torchmetrics, which is not installed; "
        "pip install 'gandiag[torchmetrics]'"
    ) from error

BETTER = {name: way for each in METRICS.values() for name, way in each.outputs.items()}


class GanScores(Metric):
    """Several scores of the images that came: those of `gandiag.score`, whatever the batches.

    Where several processes train, `compute` gathers what each was given, by torchmetrics' own
    means, in the order of the ranks; the scores are those of all images together. What is gathered
    are statistics and features, not images.

    Args:
        metrics: As `gandiag.score` takes them.
        real: Real images, where they are not given by ``update(images, real=True)``.
        keep_real: Whether `reset` keeps the real images.
        options: How, in one record.
        more: Arguments of `torchmetrics.Metric`, and fields of `gandiag.Options` that differ:
            ``features="lite0", value_range=(0, 1)``.

    Raises:
        GandiagError: as `gandiag.Scorer`.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(
        self,
        metrics: Any = "fid",
        *,
        real: Any = None,
        keep_real: bool = False,
        options: Options | None = None,
        **more: Any,
    ):
        theirs = {name: more.pop(name) for name in THEIRS if name in more}
        super().__init__(**theirs)
        self.options = (options or Options()).changed(metrics=metrics, **more)
        self.scorer = Scorer(real, options=self.options)
        self.keep_real = keep_real
        self._given = {"real": 0, "generated": 0}
        # Of all processes, while they are synchronized. No state of torchmetrics': a collection
        # would take two metrics with equal ones for one, and update the first alone.
        self.parts: list[Tensor] = []

    def update(self, images: Any, real: bool = False, labels: Any = None) -> None:
        """Take in a batch: (n, 3, height, width) uint8, or floats with a `value_range`.

        Raises:
            GandiagError: as `gandiag.Scorer.update`.
        """
        self.scorer.update(images, real=real, labels=labels)
        self._given["real" if real else "generated"] += len(images)

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """The same as `update`: a score of one batch would be another number."""
        self.update(*args, **kwargs)

    def compute(self) -> Any:
        """Printed name => a float64 scalar.

        Raises:
            GandiagError: as `gandiag.Scorer.compute`.
        """
        return {name: self._scalar(row.value) for name, row in self.report().items()}

    def report(self) -> Report:
        """Scores with intervals and warnings; of all processes within `sync_context`."""
        if not self.parts:
            return self.scorer.compute()
        whole = copy.copy(self.scorer)  # its real images, where it was given some
        whole.reset()
        for part in self.parts:
            unpacked(whole, part)
        return whole.compute()

    def reset(self) -> None:
        """Forget what was given, but for the real images with `keep_real`."""
        super().reset()
        self.scorer.reset(real=not self.keep_real)
        self._given = {"real": self._given["real"] * self.keep_real, "generated": 0}

    def sync(
        self,
        dist_sync_fn: Callable[..., Any] | None = None,
        process_group: Any = None,
        **more: Any,
    ) -> None:
        """As torchmetrics does, of what each process was given."""
        super().sync(dist_sync_fn, process_group, **more)
        if self._is_synced:
            own = packed(self.scorer, any(self._given.values())).to(self.device)
            gather = dist_sync_fn or gather_all_tensors
            self.parts = gather(own, group=process_group or self.process_group)

    def unsync(self, should_unsync: bool = True) -> None:
        """As torchmetrics does."""
        super().unsync(should_unsync)
        if should_unsync:
            self.parts = []

    def _scalar(self, value: float) -> Tensor:
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        return torch.tensor(value, dtype=kind, device=self.device)


THEIRS = (
    *("compute_on_cpu", "dist_sync_on_step", "process_group", "dist_sync_fn"),
    *("distributed_available_fn", "sync_on_compute", "compute_with_cache"),
)
"""Arguments of `torchmetrics.Metric`."""


class GanScore(GanScores):
    """One of them, as a scalar: ``GanScore("fid", features="lite0")``.

    Args:
        name: of a score: ``fid``, ``precision``; not of a metric with several.
        more: as `GanScores`.

    Raises:
        GandiagError: there is no such score, or as `gandiag.Scorer`.
    """

    def __init__(self, name: str = "fid", **more: Any):
        if name not in BETTER:
            raise unknown("score", name, BETTER)
        super().__init__(more.pop("metrics", name), **more)
        self.name = name

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        return BETTER[self.name] == "higher"

    def compute(self) -> Tensor:
        """A float64 scalar.

        Raises:
            GandiagError: as `gandiag.Scorer.compute`.
        """
        return self._scalar(self.report()[self.name].value)


def packed(scorer: Scorer, given: bool) -> Tensor:
    """What a scorer was given, as `Scorer.save` writes it => (bytes,) uint8."""
    if not given:
        return torch.empty(0, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        scorer.save(path)
        return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)


def unpacked(scorer: Scorer, part: Tensor) -> None:
    """Have a scorer take in what `packed` gave of another."""
    if not len(part):
        return
    other = Scorer(options=scorer.options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        path.write_bytes(part.cpu().numpy().tobytes())
        other.load(path)
    scorer.merge(other)
