import json
import math

import pytest
from rich.console import Console

from gandiag.errors import Warn
from gandiag.metrics import Score
from gandiag.reporting.html import page
from gandiag.reporting.report import Report, Row, headline


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
    long = headline({"protocol": "gandiag", "extractors": {"digits": {"weights": 32 * "ab"}}})
    assert long == f"protocol gandiag: digits, weights {8 * 'ab'}"
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
    assert line.split() == ["dog", "10", "20", "4", "-"]


def with_classes():
    """Two classes, their mean, and what the real images of each get."""
    cat = row(value=3.0, of_real=2.5, n_of_real=(5, 15))
    dog = row(value=4.0, of_real=1.5, n_of_real=(10, 1000))
    mean = row("intra_fd[lite0]", "intra_fid", 3.5, of_real=2.0, extra={"classes": 2.0})
    return report(row(), per_class={"cat": (cat,), "dog": (dog,)}, class_means=(mean,))


def test_beside_a_class_stands_what_its_real_images_get():
    lines = [line.split() for line in shown(with_classes()).splitlines()]
    assert ["class", "generated", "real", "of", "real", "fd[lite0]", "(of", "real)"] in lines
    assert ["cat", "10", "20", "5:15", "3", "(2.5)"] in lines
    assert ["dog", "10", "20", "10:1,000", "4", "(1.5)"] in lines
    assert ["mean", "3.5", "(2)"] in lines


def test_the_mean_of_the_classes_is_found_by_name_and_shown_with_its_interval():
    whole = with_classes()
    assert whole["intra_fid"] is whole["intra_fd[lite0]"] is whole["intra_fd"]
    assert "intra_fid" in whole
    assert list(whole) == ["fd[lite0]"]
    (line,) = [each for each in shown(whole).splitlines() if each.startswith("intra_fd")]
    assert line.split() == ["intra_fd[lite0]", "↓", "3.5", "1", "…", "2", "classes", "2"]
    written = json.loads(whole.to_json())
    assert written["class_means"]["intra_fd[lite0]"]["value"] == 3.5
    assert written["per_class"]["cat"]["fd[lite0]"]["of_real"] == {
        "value": 2.5,
        "n_generated": 5,
        "n_real": 15,
    }


def test_the_most_frequent_confusion_stands_beside():
    confused = row(extra={"ceiling": 0.5, "asked 4, seen 9": 12.0, "asked 1, seen 7": 3.0})
    assert confused.beside == "ceiling 0.5, asked 4, seen 9: 12"
    assert confused.confused == ("asked 4, seen 9: 12", "asked 1, seen 7: 3")


def test_the_page_has_a_table_of_classes():
    whole = with_classes()
    pins = {"protocol": "gandiag", "extractors": {}, "device": "cpu", "precision": "fp32"}
    sources = {"generated": {"name": "fake", "n": 9}, "real": {"name": "real", "n": 9}}
    facts = {**pins, "max_images": None, "seed": 0, "gandiag": "0", "versions": {}}
    whole = Report(
        (row(extra={"asked 4, seen 9": 12.0}),),
        (),
        {**facts, "sources": sources},
        whole.per_class,
        whole.class_means,
    )
    html = page(whole, {})
    assert '<td class="n">3 (2.5)' in html
    assert "intra_fd[lite0]" in html
    assert 'title="5 against 15"' in html
    assert "asked 4, seen 9: 12" in html
    assert html.count("<details>") == 2
