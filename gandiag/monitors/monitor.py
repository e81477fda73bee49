"""The monitor: hooks in, alerts out."""

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from gandiag.monitors import arguments, pathologies, processes
from gandiag.monitors.alerts import Alert
from gandiag.monitors.asking import Judge
from gandiag.monitors.attaching import look_ahead
from gandiag.monitors.context import Context
from gandiag.monitors.direction import Direction
from gandiag.monitors.extracting import Extract
from gandiag.monitors.judging import Judging, check_stop_on
from gandiag.monitors.listening import Listener
from gandiag.monitors.measuring import Instruments, measure
from gandiag.monitors.optimizers import parameters
from gandiag.monitors.overhead import NAMES, PROBES, Overhead, grouped
from gandiag.monitors.panel import Panel
from gandiag.monitors.pathologies.rule import Pathology
from gandiag.monitors.report import Line, Report
from gandiag.monitors.resuming import SCHEMA, Part, restore, state_of
from gandiag.monitors.samples import Draw, Real
from gandiag.monitors.scores import Scores
from gandiag.monitors.signals import SIGNALS
from gandiag.monitors.sinks import Log, Sink
from gandiag.monitors.telling import Teller
from gandiag.monitors.thresholds import Thresholds
from gandiag.monitors.training import Sketch


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
        features: in which samples are compared beside their pixels, for images that differ in what
            they show: a function of images (n, c, h, w), as the discriminator sees them, to rows
            (n, width), or a name of `gandiag.extractors` as ``lite0``, for images in [-1, 1], or in
            [0, 1] where none is negative.
        every: generator steps between checks.
        overhead: share of the time that the monitor may take. It measures itself, and draws and
            judges samples less often to keep it, but at every fourth check at least; all else is
            looked at at every check. Which steps are looked at then depends on the machine. None:
            at every check, and the record is a function of the seed, also of a resumed run.
        budget: planned generator steps, if known.
        run: a folder; ``monitor.jsonl`` is written there.
        sinks: where rows and alerts go; the log, and the file in `run`, if None.
        stop_on: pathologies whose WARN or ERROR sets `should_stop`.
        thresholds: of the detectors, if other than the published ones.
        detectors: pathologies of your own, watched beside those of gandiag.
        signals: your own, by name: step -> a number, asked for at each check.
        name: of the pair, where there are several (`gandiag.monitors.Monitors`), for its alerts.
        alone: watch this process alone, where several train: the others need no monitor, and what
            it finds, `should_stop` too, is of this process.
        seed: of all that the monitor draws.

    Attributes:
        context: what the detectors were told.

    Raises:
        GandiagError: an argument is not what it must be, `run` cannot be written, or another
            process makes no monitor.
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
        features: str | Extract | None = None,
        every: int = 100,
        overhead: float | None = 0.02,
        budget: int | None = None,
        run: str | Path | None = None,
        sinks: Iterable[Sink] | None = None,
        stop_on: Iterable[str] = (),
        thresholds: Thresholds | None = None,
        detectors: Iterable[Pathology] = (),
        signals: Mapping[str, Callable[[int], float]] | None = None,
        name: str = "",
        alone: bool = False,
        seed: int = 0,
    ):
        own = dict(signals or {})
        arguments.check_signals(own)
        known = pathologies.beside(detectors)
        self.stop_on = frozenset(stop_on)
        check_stop_on(self.stop_on, known)
        arguments.check_pair(sampler, real)
        arguments.check_every(every)
        arguments.check_overhead(overhead)
        opt_g, opt_d = arguments.unwrapped(opt_g, "opt_g"), arguments.unwrapped(opt_d, "opt_d")
        arguments.check_networks(G, D, opt_g, opt_d)
        self.every, self.seed, self.name = every, seed, name
        self._alone, self._together = alone, processes.several() and not alone
        if self._together:
            processes.meet()
        first = not self._together or processes.rank() == 0
        told: list[Sink] = [Log()] if sinks is None else list(sinks)
        self._teller = Teller(told if first else [])
        self._guard = self._teller.guard
        context = Context(
            loss=loss, lipschitz=lipschitz, budget=budget, every=every,
            samples=sampler is not None, heldout=heldout is not None,
        )  # fmt: skip
        self._panel: Panel | None = None
        if sampler is not None and real is not None:
            self._panel = look_ahead(
                G, D, sampler=sampler, real=real, heldout=heldout, judge=discriminator,
                every=every, constrained=lipschitz == "sn", seed=seed, guard=self._guard,
                features=features,
            )  # fmt: skip
            context = replace(context, conditional=bool(self._panel.reference.classes))
        self.context = context
        self._judging = Judging(
            context, known, thresholds=thresholds, stop_on=self.stop_on, teller=self._teller,
            name=name,
        )  # fmt: skip
        sketch = Sketch([*parameters(opt_g), *parameters(opt_d)], seed)
        self._instruments = Instruments(loss, Direction(D, loss), sketch, self._panel, own)
        self._overhead = Overhead(overhead, every, PROBES[: 2 if features is None else 3])
        self._closed = False
        if run and first:
            self._teller.open(Path(run) / "monitor.jsonl")
        self._teller.write("start", {"schema": SCHEMA, "context": context.to_json()})
        me = weakref.ref(self)

        def after_g() -> None:
            monitor = me()
            if monitor is not None:
                monitor._after_generator()

        def after_d() -> None:
            monitor = me()
            if monitor is not None and monitor._heard.called is None:
                monitor._look_at_clocks()

        self._heard = Listener(
            (opt_g, opt_d), every=every, together=self._together, guard=self._guard,
            after_g=after_g, after_d=after_d,
        )  # fmt: skip

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
    def alerts(self) -> list[Alert]:
        """So far, oldest first."""
        return self._judging.alerts

    @property
    def should_stop(self) -> bool:
        """Whether an alert of `stop_on` was raised; the same on every process, unless `alone`."""
        return self._judging.should_stop

    @property
    def steps(self) -> int:
        """Generator steps so far."""
        return self._heard.window.step

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
        losses = {"d_loss": loss_d, "g_loss": loss_g, "penalty": penalty}
        noted = self._heard.hear(d_real, d_fake, losses)
        self._guard("clock", self._look_at_clocks)
        if self._heard.due() or self._guard("losses", self._heard.broke, noted[:2]):
            self._check()

    def mark(self, event: str) -> None:
        """Say that something changed on purpose, as the learning rate: detectors start anew."""
        self._judging.forget()
        checked, _ = self._heard.checked
        self._teller.write("mark", {"step": self.steps, "after": checked, "event": event})

    def report(self) -> Report:
        """Every pathology: ok, alerting, or inactive with the reason; then parts that failed."""
        checked, _ = self._heard.checked
        lines = self._judging.lines(checked=checked > 0, still=self._heard.still("g"))
        if still := self._heard.still("d"):
            lines.append(Line("optimizer of D", "inactive", still))
        lines += [Line(part, "inactive", why) for part, why in self._guard.failed.items()]
        notes = [*self._instruments.direction.notes(), *self._overhead.notes()]
        return Report(tuple(lines), tuple(notes))

    def close(self) -> None:
        """Judge what came since the last check, take every hook off and close the sinks.

        Further calls do nothing.
        """
        self._close(judge=True)

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs to go on as if it had not stopped, as JSON values.

        A part that fails here is told, and left out from now on.
        """
        return state_of(self._parts(), self._guard)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`: no alert is told twice.

        Raises:
            GandiagError: the state is of another version of gandiag.
        """
        restore(self._parts(), state)
        checked, _ = self._heard.checked
        self._teller.write("resume", {"step": self.steps, "checked": checked})

    def _parts(self) -> tuple[Part, ...]:
        return self._heard, self._instruments, self._judging, self._overhead

    def _after_generator(self) -> None:
        self._heard.window.step += 1
        # A loop that never calls `step` is checked here. One that does is checked there, where the
        # iteration's scores are known.
        if self._heard.silent and self._heard.due():
            self._check()

    def _look_at_clocks(self) -> None:
        """Tell of an optimizer that stands still, and judge what has come until then."""
        new = self._heard.stopped()
        for name in new:
            still = self._heard.clocks[name].still
            self._teller.note("WARN", f"step {self.steps}: {still}")
        # Several processes check together, at steps that they agree on.
        if "g" in new and not self._together:
            self._check()

    def _check(self) -> None:
        self._guard("checks", self._look)

    def _look(self, together: bool = True) -> None:
        step = self._teller.step = self.steps
        steps, due = step - self._heard.checked[0], self._overhead.due()
        row = measure(self._heard, self._instruments, self._guard, due)
        seconds = {f"seconds {k}": v for k, v in grouped(self._guard.watch.taken()).items()}
        row |= seconds
        if together and not self._alone:
            names = [*SIGNALS, *self._instruments.own, *seconds]
            shared = self._guard("processes", processes.agreed, row, names)
            row = row if shared is None else shared
        taken = {name: row.pop(f"seconds {name}", 0.0) for name in NAMES}
        self._overhead.learn(taken, steps, due)
        self._judging.tell(step, row)
        panel = self._instruments.panel
        self._teller.samples(step, panel.take_sheet() if panel else None)

    def _close(self, judge: bool) -> None:
        if self._closed:
            return
        self._closed = True
        self._heard.close()
        if judge and self.steps > self._heard.checked[0]:
            # Not together: a process that has failed would be waited for.
            self._guard("checks", self._look, together=False)
        self._teller.write("end", {"step": self.steps})
        self._teller.close()
