"""Ignite: a handler of an engine, and a sink that tells through it."""

from collections.abc import Mapping
from typing import Any

from gandiag.errors import GandiagError
from gandiag.integrations.handing import hand_over
from gandiag.monitors import Monitor
from gandiag.monitors.alerts import Alert
from gandiag.monitors.sinks import Log

try:
    from ignite.engine import EventEnum, Events
except ImportError as error:
    raise GandiagError(
        "the handler needs Ignite, which is not installed; pip install 'gandiag[ignite]'"
    ) from error

STEP = "gandiag_step"
"""Of the engine's state: the generator's steps, which are the x axis of Ignite's loggers."""


class MonitorEvents(EventEnum):
    """Fired by an engine with an `EngineSink`; ``engine.state.gandiag_step`` says when."""

    CHECK = "gandiag_check"
    """The signals are in ``engine.state.metrics``, as ``gandiag/NAME``."""
    ALERT = "gandiag_alert"
    """The alert is ``engine.state.alert``."""


class EngineSink(Log):
    """Alerts to the engine's own logger, signals to its metrics, and an event for each.

    Ignite's own loggers take the signals with ``OutputHandler("gandiag", metric_names="all")`` at
    `MonitorEvents.CHECK`.

    Args:
        engine: that trains.
    """

    def __init__(self, engine: Any):
        super().__init__(engine.logger)
        self.engine = engine
        engine.register_events(*MonitorEvents, event_to_attr=dict.fromkeys(MonitorEvents, STEP))

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Into the engine's metrics."""
        self.engine.state.metrics.update({f"gandiag/{k}": v for k, v in values.items()})
        self._fire(MonitorEvents.CHECK, step)

    def alert(self, alert: Alert) -> None:
        """One record of the alert's level, then the event."""
        super().alert(alert)
        self.engine.state.alert = alert
        self._fire(MonitorEvents.ALERT, alert.step)

    def _fire(self, event: Any, step: int) -> None:
        setattr(self.engine.state, STEP, step)
        self.engine.fire_event(event)


class MonitorHandler:
    """Hands what each iteration gave to `Monitor.step`.

    That is what the engine's function returned, a dict with some of ``d_real``, ``d_fake``,
    ``loss_d``, ``loss_g`` and ``penalty``. The engine terminates where the monitor was given
    `stop_on`. Use the monitor in a ``with`` around ``engine.run``, which closes it.

    Args:
        monitor: of the networks that the engine trains.
    """

    def __init__(self, monitor: Monitor):
        self.monitor = monitor

    def __call__(self, engine: Any) -> None:
        """At the end of an iteration."""
        hand_over(self.monitor, engine.state.output)
        if self.monitor.should_stop:
            engine.terminate()

    def attach(self, engine: Any) -> None:
        """From now on, at each iteration of an engine."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
