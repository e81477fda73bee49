"""The monitor: hooks in, alerts out."""

import math
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.monitors import pathologies, processes, scores, training
from gandiag.monitors.alerts import Alert, from_json
from gandiag.monitors.attaching import look_ahead
from gandiag.monitors.context import Context
from gandiag.monitors.direction import Direction
from gandiag.monitors.optimizers import StepProbe, parameters
from gandiag.monitors.packing import pack, unpack
from gandiag.monitors.panel import Judge, Panel
from gandiag.monitors.pathologies.detector import make
from gandiag.monitors.pathologies.rule import Pathology
from gandiag.monitors.report import Line, Report
from gandiag.monitors.samples import Draw, Real
from gandiag.monitors.scores import Scores
from gandiag.monitors.signals import SIGNALS
from gandiag.monitors.sinks import JsonLines, Log, Sink
from gandiag.monitors.skips import Skips
from gandiag.monitors.thresholds import Thresholds
from gandiag.monitors.training import Scored, Sketch
from gandiag.monitors.window import Window, to_host

SCORED = 8
"""Steps of a window whose scores are kept."""
NORMS = 12
"""Steps of a window whose gradient norms are taken; losses are taken of all."""
SCHEMA = 1


class Monitor:
    """Watches a GAN's training through its optimizers' own step hooks, and tells what goes wrong.

    Training is the same to the last bit with and without it. Nothing is read from an accelerator
    between checks. What cannot be seen is reported as inactive with the reason.

    Args:
        G: the generator.
        D: the discriminator.
        opt_g: the generator's optimizer. Its steps are the monitor's clock.
        opt_d: the discriminator's optimizer.
        loss: ``minimax``, ``non-saturating``, ``wasserstein``, ``hinge``, ``least-squares``, or
            None for another.
        lipschitz: how the discriminator is constrained: ``gp`` (slope 1 between reals and fakes),
            ``sn``, ``clip``, ``r1`` or None.
        sampler: (n, generator) -> samples of G, or a pair of them and their labels. It must draw
            from the torch.Generator that it is given, which is on the CPU.
        real: reals that the discriminator trains on: a tensor (n, ...), a pair of it and labels
            (n,), or a function like `sampler`.
        heldout: the same of reals that it never trains on.
        discriminator: x -> scores, or (x, y) -> scores for data with labels; `D` itself if None,
            with the labels or, if it takes none, without.
        every: generator steps between checks.
        budget: planned generator steps, if known.
        run: a folder; ``monitor.jsonl`` is written there.
        sinks: where rows and alerts go; the log, and the file in `run`, if None.
        stop_on: pathologies whose WARN or ERROR sets `should_stop`.
        thresholds: of the detectors, if other than the published ones.
        detectors: pathologies of your own, watched beside those of gandiag.
        signals: your own, by name: step -> a number, asked for at each check.
        seed: of all that the monitor draws.

    Attributes:
        alerts: so far, oldest first.
        should_stop: whether an alert of `stop_on` was raised; the same on every process.
        context: what the detectors were told.

    Raises:
        GandiagError: an argument is not what it must be, or `run` cannot be written.
    """

    def __init__(
        self,
        G: nn.Module,  # noqa: N803  (the field's names)
        D: nn.Module,  # noqa: N803
        *,
        opt_g: torch.optim.Optimizer,
        opt_d: torch.optim.Optimizer,
        loss: str | None = None,
        lipschitz: str | None = None,
        sampler: Draw | None = None,
        real: Real | None = None,
        heldout: Real | None = None,
        discriminator: Judge | None = None,
        every: int = 100,
        budget: int | None = None,
        run: str | Path | None = None,
        sinks: Iterable[Sink] | None = None,
        stop_on: Iterable[str] = (),
        thresholds: Thresholds | None = None,
        detectors: Iterable[Pathology] = (),
        signals: Mapping[str, Callable[[int], float]] | None = None,
        seed: int = 0,
    ):
        self._own = dict(signals or {})
        if taken := sorted(set(self._own) & set(SIGNALS)):
            raise GandiagError(f"there is a signal {taken[0]!r}; give yours another name")
        self._known = pathologies.beside(detectors)
        self.stop_on = frozenset(stop_on)
        unknown = self.stop_on - set(self._known)
        if unknown:
            raise GandiagError(
                f"stop_on has {sorted(unknown)[0]!r}; choose from {', '.join(self._known)}"
            )
        if (sampler is None) != (real is None):
            has, lacks = ("sampler", "real") if real is None else ("real", "sampler")
            raise GandiagError(f"{has} was given without {lacks}; give both, or neither")
        self.every, self.seed = every, seed
        self._g_optimizer, self._d_optimizer = weakref.ref(opt_g), weakref.ref(opt_d)
        self.context = Context(
            loss=loss, lipschitz=lipschitz, budget=budget, every=every,
            samples=sampler is not None, heldout=heldout is not None,
        )  # fmt: skip
        self._panel: Panel | None = None
        if sampler is not None and real is not None:
            self._panel = look_ahead(
                G, D, sampler=sampler, real=real, heldout=heldout, judge=discriminator,
                every=every, constrained=lipschitz == "sn", seed=seed,
            )  # fmt: skip
        self.context = Context(
            **{**self.context.to_json(), "conditional": self._conditional()},
        )
        self._detectors = make(self.context, thresholds, self._known.values())
        self._window = Window()
        self._scored: deque[Scored] = deque(maxlen=SCORED)
        self._direction = Direction(D, loss)
        weights = [*parameters(opt_g), *parameters(opt_d)]
        self._sketch = Sketch(weights, seed)
        self._calls = 0
        self._skips = Skips()
        self._called: int | None = None
        self._checked = 0
        self._checked_d = 0
        self._broken = False
        self._seen: set[str] = set()
        self._closed = False
        self.alerts: list[Alert] = []
        self.should_stop = False
        self._first = processes.rank() == 0
        self._file = JsonLines(Path(run) / "monitor.jsonl") if run and self._first else None
        told: list[Sink] = [Log()] if sinks is None else list(sinks)
        if self._file:
            told.append(self._file)
        self._sinks = told if self._first else []
        self._write("start", {"schema": SCHEMA, "context": self.context.to_json()})
        me = weakref.ref(self)

        def due() -> bool:
            monitor = me()
            return monitor is not None and monitor._due(ahead=1)

        def after_g() -> None:
            monitor = me()
            if monitor is not None:
                monitor._after_generator()

        stride = max(1, every // NORMS)
        self._g = StepProbe(opt_g, "g", self._window, due=due, after=after_g, stride=stride)
        self._d = StepProbe(opt_d, "d", self._window, due=due, after=lambda: None, stride=stride)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def steps(self) -> int:
        """Generator steps so far."""
        return self._window.step

    def step(
        self,
        d_real: Scores | None = None,
        d_fake: Scores | None = None,
        loss_d: Tensor | float | None = None,
        loss_g: Tensor | float | None = None,
        penalty: Tensor | None = None,
    ) -> None:
        """Hand over what a training iteration found; everything is detached, nothing is read.

        Call it once an iteration, after the optimizers' steps. All arguments are optional.

        Args:
            d_real: scores on reals, (n,), (n, 1), patches (n, 1, h, w), or a list of these.
            d_fake: scores on fakes.
            loss_d: the discriminator's loss, a scalar.
            loss_g: the generator's.
            penalty: the term of the gradient penalty, with its graph, to see whether it has one.
        """
        if self._closed:
            return
        self._skips.look(self._g.steps, self._d.steps)
        found = (("d_loss", loss_d), ("g_loss", loss_g))
        noted = [self._window.add(name, loss) for name, loss in found if loss is not None]
        if penalty is not None:
            # A penalty whose value does not depend on the weights cannot act on them.
            self._window.add("penalty", penalty)
            self._window.add("penalty_dead", float(not penalty.requires_grad))
        stride = max(1, self.every // SCORED)
        if d_real is not None and d_fake is not None and self._calls % stride == 0:
            with torch.no_grad():
                real, fake = scores.per_sample(d_real), scores.per_sample(d_fake)
            self._scored.append(Scored(self.steps, real.detach(), fake.detach()))
        self._calls += 1
        self._called = self.steps
        if self._due() or self._broke(noted):
            self._check()

    def mark(self, event: str) -> None:
        """Say that something changed on purpose, as the learning rate: detectors start anew."""
        for detector in self._detectors:
            detector.forget()
        self._write("mark", {"step": self.steps, "after": self._checked, "event": event})

    def report(self) -> Report:
        """Every pathology: ok, alerting, or inactive with the reason."""
        inactive = pathologies.inactive(self.context, self._known.values())
        by_name = {detector.pathology: detector for detector in self._detectors}
        lines = []
        for name, known in self._known.items():
            if name in inactive:
                lines.append(Line(name, "inactive", inactive[name]))
                continue
            alert = by_name[name].alerting
            missing = known.unjudged(self._seen, self.context)
            if alert is not None:
                lines.append(Line(name, "alerting", alert.message))
            elif missing and self._checked:
                lines.append(Line(name, "inactive", missing))
            elif not self._checked:
                lines.append(Line(name, "inactive", "no check yet"))
            else:
                lines.append(Line(name, "ok", ""))
        return Report(tuple(lines), tuple(self._notes()))

    def close(self) -> None:
        """Take every hook off and close the sinks; further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._g.close()
        self._d.close()
        for sink in self._sinks:
            sink.close()

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs to go on as if it had not stopped, as JSON values."""
        return {
            "schema": SCHEMA,
            "step": self.steps,
            "steps": [self._g.steps, self._d.steps],
            "checked": [self._checked, self._checked_d],
            "calls": self._calls,
            "skips": self._skips.state_dict(),
            "called": self._called,
            "broken": self._broken,
            "direction": self._direction.state_dict(),
            "seen": sorted(self._seen),
            "window": {
                name: [steps, pack(values)] for name, (steps, values) in self._window.peek().items()
            },
            "scored": [
                [s.step, pack(s.real.cpu().numpy()), pack(s.fake.cpu().numpy())]
                for s in self._scored
            ],
            "sketch": {
                "last": None if self._sketch.last is None else pack(self._sketch.last),
                "moves": [pack(move) for move in self._sketch.moves],
            },
            "panel": None if self._panel is None else self._panel.state_dict(),
            "detectors": {d.pathology: d.state_dict() for d in self._detectors},
            "alerts": [alert.to_json() for alert in self.alerts],
            "should_stop": self.should_stop,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`: no alert is told twice.

        Raises:
            GandiagError: the state is of another version of gandiag.
        """
        if state.get("schema") != SCHEMA:
            raise GandiagError(
                f"the monitor's state has schema {state.get('schema')!r}, this gandiag reads "
                f"{SCHEMA}; resume with the version that wrote it, or without the monitor's state"
            )
        self._window.step = state["step"]
        self._g.steps, self._d.steps = state["steps"]
        self._checked, self._checked_d = state["checked"]
        self._calls = state["calls"]
        self._skips.load_state_dict(state["skips"])
        self._called, self._broken = state["called"], state["broken"]
        self._direction.load_state_dict(state["direction"])
        self._seen = set(state["seen"])
        self._window.fill(
            {name: (steps, unpack(v).tolist()) for name, (steps, v) in state["window"].items()}
        )
        self._scored.clear()
        for step, real, fake in state["scored"]:
            self._scored.append(
                Scored(step, torch.from_numpy(unpack(real)), torch.from_numpy(unpack(fake)))
            )
        last = state["sketch"]["last"]
        self._sketch.last = None if last is None else unpack(last)
        self._sketch.moves.clear()
        self._sketch.moves.extend(unpack(move) for move in state["sketch"]["moves"])
        if self._panel is not None and state["panel"] is not None:
            self._panel.load_state_dict(state["panel"])
        for detector in self._detectors:
            if detector.pathology in state["detectors"]:
                detector.load_state_dict(state["detectors"][detector.pathology])
        self.alerts = [from_json(alert) for alert in state["alerts"]]
        self.should_stop = state["should_stop"]
        self._write("resume", {"step": self.steps})

    # When to check.

    def _due(self, ahead: int = 0) -> bool:
        """Whether a check is due; `ahead` steps before it, too, so that the steps are looked at."""
        return self.steps + ahead - self._checked >= self.every

    def _broke(self, losses: Sequence[Tensor]) -> bool:
        """Whether a loss is not finite for the first time, where looking costs no waiting.

        Values on an accelerator, and of several processes, are looked at when a check is due.
        """
        if self._broken or processes.several():
            return False
        self._broken = any(
            loss.device.type == "cpu" and not math.isfinite(float(loss)) for loss in losses
        )
        return self._broken

    def _after_generator(self) -> None:
        self._window.step += 1
        # A loop that never calls `step` is checked here. One that does is checked there, where the
        # iteration's scores are known.
        silent = self._called is None or self.steps - self._called > self.every
        if silent and self._due():
            self._check()

    # What a check does.

    def _check(self) -> None:
        g_optimizer, d_optimizer = self._g_optimizer(), self._d_optimizer()
        if g_optimizer is None or d_optimizer is None:
            return
        step = self.steps
        series = self._window.drain()
        values = training.of_window({k: v for k, v in series.items() if k != "penalty_dead"})
        generators = step - self._checked
        values["d_steps_per_g"] = (self._d.steps - self._checked_d) / max(1, generators)
        values["skipped_steps"] = float(self._skips.drain())
        if "penalty" in series:
            worth = np.abs(series["penalty"][1]) > 1e-12
            dead = series["penalty_dead"][1] > 0
            values["dead_penalty"] = float((worth & dead).mean() > 0.5)
        with torch.no_grad():
            scored = list(self._scored)
            losses = dict(zip(*series["d_loss"], strict=True)) if "d_loss" in series else {}
            self._direction.settle(scored, losses)
            convention = self._direction.convention
            values |= training.of_scores(scored, self.context.loss, convention)
            device = training.of_weights(g_optimizer, d_optimizer)
        for probe in (self._g, self._d):
            device |= {k: v for k, v in probe.seen.items() if k in SIGNALS}
            probe.seen = {}
        weights = [*parameters(g_optimizer), *parameters(d_optimizer)]
        turning = self._sketch.look(weights)
        if turning is not None:
            values["rotation"] = turning
        if self._panel is not None:
            device |= {
                name: value if isinstance(value, Tensor) else torch.tensor(value)
                for name, value in self._panel.measure(step, convention).items()
            }
        values |= dict(zip(device, to_host(list(device.values())).tolist(), strict=True))
        finite = {name: float(v) for name, v in values.items() if np.isfinite(v)}
        self._checked, self._checked_d = step, self._d.steps
        self._scored.clear()
        finite |= {name: float(of(step)) for name, of in self._own.items()}
        row = processes.agreed(finite, [*SIGNALS, *self._own])
        self._tell(step, row)

    def _tell(self, step: int, row: dict[str, float]) -> None:
        self._seen |= set(row)
        for sink in self._sinks:
            sink.signals(step, row)
        for detector in self._detectors:
            alert = detector(step, row)
            if alert is None:
                continue
            self.alerts.append(alert)
            if alert.pathology in self.stop_on and alert.level != "INFO":
                self.should_stop = True
            for sink in self._sinks:
                sink.alert(alert)

    # Small things.

    def _conditional(self) -> bool:
        return self._panel is not None and bool(self._panel.reference.classes)

    def _notes(self) -> Iterable[str]:
        if self._direction.convention.flipped:
            yield "the discriminator scores reals lower; scores are turned round"
        if self._direction.convention.probabilities:
            yield "the discriminator returns probabilities; their logits are looked at"

    def _write(self, kind: str, fields: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(kind, fields)
