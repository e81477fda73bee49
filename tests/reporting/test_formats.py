"""Scores for other programs."""

import csv
import math
from xml.etree import ElementTree

import pytest

from gandiag.errors import Warn
from gandiag.metrics import Score
from gandiag.reporting.curve import Curve
from gandiag.reporting.formats import COLUMNS, FORMATS, as_csv, as_github, as_junit, as_latex
from gandiag.reporting.gates import Gate, judged
from gandiag.reporting.plots import sparkline
from gandiag.reporting.report import Report, Row


def row(name, output, value, low=None, high=None, heldout=None):
    score = Score(value, low, high)
    return Row(name, output, score, "lower", 10, None, "lite0/features", "M()", heldout)


FID = row("fd[lite0]", "fid", 1 / 3, 0.25, 0.5, heldout=0.1)
KID = row("kd_100%[a_b]", "kid", -1.5e-7)
NOTHING = row("vendi", "vendi", math.nan)
REPORT = Report(
    (FID, KID, NOTHING),
    (Warn("small-sample", "50 % of\nit: few"),),
    {},
    {"cat, big": (FID,), "dog & co": (KID,)},
)


def test_csv_has_all_digits_and_classes():
    rows = list(csv.DictReader(as_csv(REPORT).splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 5
    assert float(rows[0]["value"]) == 1 / 3
    assert rows[0] | {"value": ""} == {
        **dict.fromkeys(COLUMNS, ""),
        "asked": "fid",
        "name": "fd[lite0]",
        "low": "0.25",
        "high": "0.5",
        "n_generated": "10",
        "heldout": "0.1",
    }
    assert rows[2]["value"] == ""  # no number
    assert [each["class"] for each in rows] == ["", "", "", "cat, big", "dog & co"]


def test_csv_of_a_curve_names_the_steps():
    curve = Curve("run", ((10, Report((FID,), (), {})), (20, Report((KID,), (), {}))))
    rows = list(csv.DictReader(as_csv(curve).splitlines()))
    assert [(each["step"], each["asked"]) for each in rows] == [("10", "fid"), ("20", "kid")]


def test_latex_is_escaped():
    lines = as_latex(Report(REPORT.rows, (), {})).splitlines()
    assert lines == [
        r"\begin{tabular}{lrl}",
        r"score & value & interval \\",
        r"\hline",
        r"fd[lite0] & $0.333333$ & [$0.25$, $0.5$] \\",
        r"kd\_100\%[a\_b] & $-1.5 \times 10^{-7}$ & -- \\",
        r"vendi & -- & -- \\",
        r"\end{tabular}",
    ]
    assert r"dog \& co & kd\_100\%[a\_b]" in as_latex(REPORT)
    assert r"\begin{tabular}{llrl}" in as_latex(REPORT)


def test_github_s_commands_are_a_line_each():
    verdicts = judged(REPORT, [Gate("fid", 0.2), Gate("fid", 1.0), Gate("vendi", 3, above=False)])
    lines = as_github(REPORT, verdicts).splitlines()
    assert lines == [
        "fd[lite0] = 0.333333",
        "kd_100%[a_b] = -1.5e-07",
        "vendi = -",
        "::error title=--fail-above fid=0.2::fd[lite0] is 0.333333, above 0.2",
        "::error title=--fail-below vendi=3::--fail-below vendi=3: vendi came out as no number",
        "::warning title=small-sample::50 %25 of%0Ait: few",
    ]


def test_junit_has_a_case_a_gate():
    verdicts = judged(REPORT, [Gate("fid", 0.2), Gate("fid", 1.0), Gate("vendi", 3)])
    suite = ElementTree.fromstring(as_junit(REPORT, verdicts))
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    cases = suite.findall("testcase")
    assert [[child.tag for child in case] for case in cases] == [["failure"], [], ["error"]]
    assert cases[0].get("name") == "--fail-above fid=0.2"
    assert cases[0][0].get("message") == "fd[lite0] is 0.333333, above 0.2"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_takes_every_result(name):
    curve = Curve("run", ((10, REPORT),), ((20, Warn("not-scored", "step 20")),))
    for result in (REPORT, curve, Report((), (), {})):
        assert FORMATS[name](result, judged(result, [Gate("fid", 1)]))


def test_a_curve_with_a_gap():
    """A score that is NaN, or that one checkpoint lacks, takes no other along."""
    curve = Curve(
        "run",
        (
            (10, Report((row("fd", "fid", math.nan),), (), {})),
            (20, Report((row("fd", "fid", 3.0), KID), (), {})),
            (30, Report((row("fd", "fid", 4.0),), (), {})),
        ),
        ((40, Warn("not-scored", "step 40 was left out")),),
    )
    assert curve.best("fd") == 20
    assert curve.best(KID.name) == 20
    text = str(curve)
    assert "step 40 was left out" in text
    assert "best at" in text
    whole = curve.to_dict()
    assert whole["best"] == {"fd": 20, KID.name: 20}
    assert whole["warnings"] == [
        {"code": "not-scored", "step": 40, "message": "step 40 was left out"}
    ]
    assert curve.to_json()


def test_bars_have_gaps():
    assert sparkline([1.0, math.nan, 2.0]) == "▁ █"
    assert sparkline([math.nan, math.inf]) == "  "
    assert sparkline([1.0, 1.0]) == "▁▁"


def test_a_mean_over_classes_is_of_no_class():
    mean = row("intra_fd[lite0]", "intra_fid", 2.0)
    whole = Report((FID,), (), {}, {"cat": (FID,)}, (mean,))
    rows = list(csv.DictReader(as_csv(whole).splitlines()))
    assert [(each["class"], each["asked"]) for each in rows] == [
        ("", "fid"),
        ("cat", "fid"),
        ("", "intra_fid"),
    ]
    assert as_latex(whole).splitlines()[-2] == r" & intra\_fd[lite0] & $2$ & -- \\"
