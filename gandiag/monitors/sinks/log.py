"""Alerts to Python's own logging."""

import logging
from collections.abc import Mapping
from typing import Any

from gandiag.monitors.alerts import Alert, Over

LOGGING = {"INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR}


class Log:
    """Alerts to the logger ``gandiag``; signals are left out."""

    def __init__(self, logger: logging.Logger | logging.LoggerAdapter[Any] | None = None):
        self.logger = logger or logging.getLogger("gandiag")

    def signals(self, step: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def alert(self, alert: Alert) -> None:
        """One record of the alert's level."""
        self.logger.log(LOGGING[alert.level], "%s", alert.message)

    def over(self, over: Over) -> None:
        """One record of the alert's level: who has seen the one sees the other."""
        self.logger.log(LOGGING[over.level], "%s", over.message)

    def note(self, step: int, level: str, message: str, trace: str) -> None:
        """One record; the traceback is of level DEBUG."""
        self.logger.log(LOGGING[level], "%s", message)
        if trace:
            self.logger.debug("%s", trace)

    def close(self) -> None:
        """Nothing."""
