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
from gandiag.monitors.arguments import check_every, check_networks, unwrapped
from gandiag.monitors.attaching import look_ahead
from gandiag.monitors.clock import Clock
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
from gandiag.monitors.sinks import Log, Sink
from gandiag.monitors.skips import Skips
from gandiag.monitors.telling import Teller
from gandiag.monitors.thresholds import Thresholds
from gandiag.monitors.training import Scored, Sketch
from gandiag.monitors.window import Series, Window, on_host

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
        opt_g: the generator's optimizer. Its steps are the monitor's clock. A wrapper that holds
            one as ``.optimizer`` will do.
        opt_d: the discriminator's optimizer, another one.
        loss: ``minimax``, ``non-saturating``, ``wasserstein``, ``hinge``, ``least-squares``, or
            None for another.
        lipschitz: how the discriminator is constrained: ``gp`` (slope 1 between reals and fakes),
            ``sn``, ``clip``, ``r1`` or None.
        sampler: (n, generator) -> samples of G, or a pair of them and their labels. It must draw
            from the torch.Generator that it is given, which is on the CPU.
        real: reals that the discriminator trains on, as it sees them (bytes are refused beside a
            generator of floats): a tensor (n, ...), a pair of it and labels (n,), a Dataset, a
            DataLoader, or a function like `sampler`. At most 4,096 are read, and labels of a
            Dataset or DataLoader only if `sampler` gives some.
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
        check_every(every)
        opt_g, opt_d = unwrapped(opt_g, "opt_g"), unwrapped(opt_d, "opt_d")
        check_networks(G, D, opt_g, opt_d)
        self.every, self.seed = every, seed
        first = processes.rank() == 0
        told: list[Sink] = [Log()] if sinks is None else list(sinks)
        self._teller = Teller(told if first else [])
        self._guard = self._teller.guard
        self._g_optimizer, self._d_optimizer = weakref.ref(opt_g), weakref.ref(opt_d)
        self.context = Context(
            loss=loss, lipschitz=lipschitz, budget=budget, every=every,
            samples=sampler is not None, heldout=heldout is not None,
        )  # fmt: skip
        self._panel: Panel | None = None
        if sampler is not None and real is not None:
            self._panel = look_ahead(
                G, D, sampler=sampler, real=real, heldout=heldout, judge=discriminator,
                every=every, constrained=lipschitz == "sn", seed=seed, guard=self._guard,
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
        self._failures = 0
        self._closed = False
        self.alerts: list[Alert] = []
        self.should_stop = False
        self._clocks = {"g": Clock("generator", every), "d": Clock("discriminator", every)}
        if run and first:
            self._teller.open(Path(run) / "monitor.jsonl")
        self._teller.write("start", {"schema": SCHEMA, "context": self.context.to_json()})
        me = weakref.ref(self)

        def due() -> bool:
            monitor = me()
            return monitor is not None and monitor._due(ahead=1)

        def after_g() -> None:
            monitor = me()
            if monitor is not None:
                monitor._after_generator()

        def after_d() -> None:
            monitor = me()
            if monitor is not None and monitor._called is None:
                monitor._look_at_clocks()

        stride = max(1, every // NORMS)

        def probe(
            optimizer: torch.optim.Optimizer, name: str, after: Callable[[], None]
        ) -> StepProbe:
            return StepProbe(
                optimizer, name, self._window,
                due=due, after=after, stride=stride, guard=self._guard,
            )  # fmt: skip

        self._g, self._d = probe(opt_g, "g", after_g), probe(opt_d, "d", after_d)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After an error the networks may be in any state, and other processes do not wait.
        self._close(judge=kind is None)

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
        self._calls += 1
        self._called = self.steps
        self._guard("steps left out", self._skips.look, self._g.steps, self._d.steps)
        found = (("d_loss", loss_d), ("g_loss", loss_g), ("penalty", penalty))
        noted = [self._guard(name, self._note, name, loss) for name, loss in found]
        if d_real is not None and d_fake is not None:
            self._guard("scores", self._keep, d_real, d_fake)
        self._guard("clock", self._look_at_clocks)
        if self._due() or self._guard("losses", self._broke, noted[:2]):
            self._check()

    def mark(self, event: str) -> None:
        """Say that something changed on purpose, as the learning rate: detectors start anew."""
        for detector in self._detectors:
            self._guard(f"detector {detector.pathology}", detector.forget)
        self._teller.write("mark", {"step": self.steps, "after": self._checked, "event": event})

    def report(self) -> Report:
        """Every pathology: ok, alerting, or inactive with the reason; then parts that failed."""
        inactive = pathologies.inactive(self.context, self._known.values())
        by_name = {detector.pathology: detector for detector in self._detectors}
        lines = []
        for name, known in self._known.items():
            if name in inactive:
                lines.append(Line(name, "inactive", inactive[name]))
                continue
            alert = by_name[name].alerting
            broken = self._guard.failed.get(f"detector {name}") or self._guard.failed.get("checks")
            missing = known.unjudged(self._seen, self.context)
            if broken:
                lines.append(Line(name, "inactive", broken))
            elif alert is not None and not (missing and self._failures):
                lines.append(Line(name, "alerting", alert.message))
            elif still := self._still("g"):
                lines.append(Line(name, "inactive", still))
            elif not self._checked and not self._seen:
                lines.append(Line(name, "inactive", "no check yet"))
            elif missing:
                lines.append(Line(name, "inactive", "; ".join([missing, *self._blind()])))
            else:
                lines.append(Line(name, "ok", ""))
        if still := self._still("d"):
            lines.append(Line("optimizer of D", "inactive", still))
        lines += [Line(part, "inactive", why) for part, why in self._guard.failed.items()]
        return Report(tuple(lines), tuple(self._notes()))

    def close(self) -> None:
        """Judge what came since the last check, take every hook off and close the sinks.

        Further calls do nothing.
        """
        self._close(judge=True)

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
        self._teller.write("resume", {"step": self.steps, "checked": self._checked})

    # When to check.

    def _due(self, ahead: int = 0) -> bool:
        """Whether a check is due; `ahead` steps before it, too, so that the steps are looked at."""
        return self.steps + ahead - self._checked >= self.every

    def _broke(self, losses: Sequence[Tensor | None]) -> bool:
        """Whether a loss is not finite for the first time, where looking costs no waiting.

        Values on an accelerator, and of several processes, are looked at when a check is due.
        """
        if self._broken or processes.several():
            return False
        self._broken = any(
            loss is not None and loss.device.type == "cpu" and not math.isfinite(float(loss))
            for loss in losses
        )
        return self._broken

    def _after_generator(self) -> None:
        self._window.step += 1
        # A loop that never calls `step` is checked here. One that does is checked there, where the
        # iteration's scores are known.
        silent = self._called is None or self.steps - self._called > self.every
        if silent and self._due():
            self._check()

    def _look_at_clocks(self) -> None:
        """Tell of an optimizer that stands still, and judge what has come until then."""
        gone = {"g": self._g_optimizer() is None, "d": self._d_optimizer() is None}
        steps = {"g": self._g.steps, "d": self._d.steps}
        new = [n for n, clock in self._clocks.items() if clock.look(steps[n], gone=gone[n])]
        self._tell_of(new)
        # Several processes check together, at steps that they agree on.
        if "g" in new and not processes.several():
            self._check()

    def _tell_of(self, clocks: Iterable[str]) -> None:
        for name in clocks:
            self._teller.note("WARN", f"step {self.steps}: {self._clocks[name].still}")

    # What comes from the loop.

    def _note(self, name: str, value: Tensor | float | None) -> Tensor | None:
        if value is None:
            return None
        if name == "penalty":
            # A penalty whose value does not depend on the weights cannot act on them.
            graph = isinstance(value, Tensor) and value.requires_grad
            self._window.add("penalty_dead", float(not graph))
        return self._window.add(name, value)

    def _keep(self, d_real: Scores, d_fake: Scores) -> None:
        stride = max(1, self.every // SCORED)
        if (self._calls - 1) % stride == 0:
            with torch.no_grad():
                real, fake = scores.per_sample(d_real), scores.per_sample(d_fake)
            # Copies: the loop may write into its own.
            self._scored.append(Scored(self.steps, real.detach().clone(), fake.detach().clone()))

    # What a check does.

    def _check(self) -> None:
        self._guard("checks", self._look)

    def _look(self, together: bool = True) -> None:
        step = self._teller.step = self.steps
        series = self._guard("window", self._window.drain) or {}
        generators = step - self._checked
        values = {"skipped_steps": float(self._skips.drain())}
        if generators:
            values["d_steps_per_g"] = (self._d.steps - self._checked_d) / generators
        for part, look in (
            ("losses and norms", lambda: self._of_window(series)),
            ("scores", lambda: self._of_scores(series)),
            ("weights", self._of_weights),
            ("last steps", self._of_steps),
            ("path of the weights", self._of_path),
            ("panel", lambda: self._of_panel(step)),
            ("signals of your own", lambda: self._of_own(step)),
        ):
            values |= self._guard(part, look) or {}
        finite = {name: float(v) for name, v in values.items() if np.isfinite(v)}
        self._checked, self._checked_d = step, self._d.steps
        self._scored.clear()
        row = None
        if together:
            names = [*SIGNALS, *self._own]
            row = self._guard("processes", processes.agreed, finite, names)
        self._tell(step, finite if row is None else row)

    def _of_window(self, series: Mapping[str, tuple[list[int], Series]]) -> dict[str, float]:
        values = training.of_window({k: v for k, v in series.items() if k != "penalty_dead"})
        if "penalty" in series:
            worth = np.abs(series["penalty"][1]) > 1e-12
            dead = series["penalty_dead"][1] > 0
            values["dead_penalty"] = float((worth & dead).mean() > 0.5)
        for name, clock in self._clocks.items():
            skipped = series.get(f"{name}_skipped", ((), np.empty(0)))[1]
            clock.skipping = len(skipped) > 1 and bool((skipped > 0).all())
        return values

    def _of_scores(self, series: Mapping[str, tuple[list[int], Series]]) -> dict[str, float]:
        scored = list(self._scored)
        losses = dict(zip(*series["d_loss"], strict=True)) if "d_loss" in series else {}
        with torch.no_grad():
            self._direction.settle(scored, losses)
            return training.of_scores(scored, self.context.loss, self._direction.convention)

    def _of_weights(self) -> dict[str, float]:
        optimizers = self._optimizers()
        if optimizers is None:
            return {}
        with torch.no_grad():
            return on_host(training.of_weights(*optimizers))

    def _of_steps(self) -> dict[str, float]:
        seen = self._g.seen | self._d.seen
        self._g.seen, self._d.seen = {}, {}
        return on_host({k: v for k, v in seen.items() if k in SIGNALS})

    def _of_path(self) -> dict[str, float]:
        optimizers = self._optimizers()
        if optimizers is None:
            return {}
        turning = self._sketch.look([p for each in optimizers for p in parameters(each)])
        return {} if turning is None else {"rotation": turning}

    def _of_panel(self, step: int) -> dict[str, float]:
        if self._panel is None:
            return {}
        found = self._panel.measure(step, self._direction.convention)
        return on_host(
            {k: v if isinstance(v, Tensor) else torch.tensor(v) for k, v in found.items()}
        )

    def _of_own(self, step: int) -> dict[str, float]:
        found = {}
        for name, of in self._own.items():
            value = self._guard(f"signal {name}", of, step)
            if value is not None:
                found[name] = float(value)
        return found

    def _tell(self, step: int, row: dict[str, float]) -> None:
        if len(self._guard.failed) > self._failures:
            # What could be seen before a part failed says nothing of what can be seen now.
            self._failures = len(self._guard.failed)
            self._seen = set()
        self._seen |= set(row)
        self._teller.signals(step, row)
        for detector in self._detectors:
            alert = self._guard(f"detector {detector.pathology}", detector, step, row)
            if alert is None:
                continue
            self.alerts.append(alert)
            if alert.pathology in self.stop_on and alert.level != "INFO":
                self.should_stop = True
            self._teller.alert(alert)
        self._teller.samples(step, self._panel.take_sheet() if self._panel else None)

    def _close(self, judge: bool) -> None:
        if self._closed:
            return
        self._closed = True
        self._g.close()
        self._d.close()
        if judge and self.steps > self._checked:
            # Not together: a process that has failed would be waited for.
            self._guard("checks", self._look, together=False)
        self._teller.write("end", {"step": self.steps})
        self._teller.close()

    # Small things.

    def _conditional(self) -> bool:
        return self._panel is not None and bool(self._panel.reference.classes)

    def _probe(self, name: str) -> StepProbe:
        return self._g if name == "g" else self._d

    def _optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer] | None:
        g, d = self._g_optimizer(), self._d_optimizer()
        return None if g is None or d is None else (g, d)

    def _still(self, name: str) -> str | None:
        """Why an optimizer is not listened to, also where nobody calls `step` any more."""
        clock, optimizer = (
            self._clocks[name],
            self._g_optimizer if name == "g" else self._d_optimizer,
        )
        if not self._closed and optimizer() is None:
            clock.look(self._probe(name).steps, gone=True)
        return clock.still

    def _blind(self) -> Iterable[str]:
        """Failures of what measures, for a pathology whose signals do not come."""
        for part, why in self._guard.failed.items():
            if not part.startswith(("sink ", "detector ", "closing ")):
                yield f"{part}: {why}"

    def _notes(self) -> Iterable[str]:
        if self._direction.convention.flipped:
            yield "the discriminator scores reals lower; scores are turned round"
        if self._direction.convention.probabilities:
            yield "the discriminator returns probabilities; their logits are looked at"
