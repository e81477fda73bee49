"""Loggers that take numbers alone."""

from gandiag.integrations.handing import Metrics
from gandiag.monitors.alerts import Alert, Over


def test_an_alert_is_a_number_until_it_is_over():
    told = []
    sink = Metrics(lambda values, step: told.append((step, values)))
    sink.signals(10, {"churn": 0.5})
    sink.alert(Alert("plateau", "INFO", 20, 10, "energy", 0.5, 0.1))
    sink.over(Over("plateau", "INFO", 30, 30, 20))
    sink.close()
    assert told == [
        (10, {"gandiag/churn": 0.5}),
        (20, {"gandiag/alert/plateau": 1.0}),
        (30, {"gandiag/alert/plateau": 0.0}),
    ]
