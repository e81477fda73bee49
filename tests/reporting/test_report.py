import json
import math

import pytest
from rich.console import Console

from gandiag.errors import Warn
from gandiag.metrics import Score
from gandiag.reporting.report import Report, Row


def row(name="fd[lite0]", output="fid", value=1.5, low=1.0, high=2.0, **more):
    method = "delta method"
    facts = {
        "name": name,
        "output": output,
        "score": Score(value, low, high, method=method, extra=more.pop("extra", {})),
        "better": "lower",
        "n_generated": 10,
        "n_real": 20,
        "layer": "lite0/features",
        "parameters": "FrechetDistance()",
    }
    return Row(**(facts | more))


def report(*rows, **more):
    facts = {"protocol": "gandiag", "extractors": {"lite0": {"weights": "57934424"}}, "seed": 0}
    return Report(rows, more.pop("warnings", ()), facts, **more)


def shown(report):
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report)
    return console.export_text()


def test_a_row_is_found_by_either_name():
    whole = report(row(), row("precision[lite0]", "precision", 0.5))
    assert whole["fid"] is whole["fd[lite0]"] is whole.rows[0]
    assert "precision" in whole
    assert "recall" not in whole
    with pytest.raises(KeyError, match=r"'recall' was not computed; there are fd\[lite0\]"):
        whole["recall"]


def test_json_has_the_promised_keys():
    whole = json.loads(report(row(), warnings=(Warn("lossy", "half is JPEG"),)).to_json())
    assert whole["schema"] == 1
    promised = {
        "value", "low", "high", "confidence", "n_generated", "n_real", "layer", "parameters"
    }  # fmt: skip
    assert promised <= whole["scores"]["fd[lite0]"].keys()
    assert whole["warnings"] == [{"code": "lossy", "message": "half is JPEG"}]
    assert whole["provenance"]["protocol"] == "gandiag"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_json_never_holds_a_bare_nan(bad):
    text = report(row(value=bad, low=None, high=None, extra={"std": bad})).to_json()
    whole = json.loads(text, parse_constant=lambda token: pytest.fail(f"bare {token}"))
    assert whole["scores"]["fd[lite0]"]["value"] is None


def test_the_terminal_shows_brackets_as_they_are():
    text = shown(report(row(), warnings=(Warn("duplicates", "3 of [bold]x[/bold]"),)))
    assert "fd[lite0]" in text
    assert "[bold]x[/bold]" in text
    assert "1 … 2" in text
    assert "95 % interval" in text


def test_classes_have_a_table_of_their_own():
    text = shown(report(row(), per_class={"cat": (row(value=3.0),), "dog": (row(value=4.0),)}))
    assert "cat" in text
    assert "dog" in text


def test_the_headline_pins_the_numbers():
    whole = report(row())
    whole.provenance["sources"] = {"generated": {"n": 1000}, "real": {"n": None}}
    text = shown(whole)
    assert "protocol gandiag: lite0, weights 57934424; 1,000 generated images" in text


def test_a_report_prints_as_the_command_line_shows_it():
    whole = report(row(), warnings=(Warn("lossy", "half is JPEG"),))
    text = str(whole)
    assert text.splitlines()[0].split() == ["score", "value", "95", "%", "interval"]
    assert "fd[lite0]" in text
    assert "! half is JPEG  (lossy)" in text
    assert "\x1b" not in text


def test_a_row_is_a_number():
    whole = report(row(value=1.5))
    assert float(whole["fid"]) == 1.5
    assert f"{whole['fid']:.2f}" == "1.50"
    assert f"{whole['fid']}" == str(whole["fid"])
    assert list(whole.items()) == [("fd[lite0]", whole["fid"])]


def test_a_class_without_a_score_has_a_dash():
    other = row("kd[lite0]", "kid", 7.0)
    text = shown(report(row(), per_class={"cat": (row(), other), "dog": (row(value=4.0),)}))
    line = next(line for line in text.splitlines() if line.startswith("dog"))
    assert line.split() == ["dog", "4", "-"]
