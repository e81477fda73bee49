"""What notebooks show: parsed, escaped, and readable on white and on black."""

import re
from html.parser import HTMLParser

import pytest

from gandiag.errors import Warn
from gandiag.metrics import Score
from gandiag.monitors import notebook as of_monitors
from gandiag.monitors.alerts import Alert
from gandiag.monitors.report import Line
from gandiag.monitors.report import Report as MonitorReport
from gandiag.reporting import notebook
from gandiag.reporting.comparison import Comparison, Difference
from gandiag.reporting.curve import Curve
from gandiag.reporting.report import Report, Row

EVIL = "<script>alert('x')</script>&\"'"


class Page(HTMLParser):
    """Tags, text and cells of a well-formed piece of HTML."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.open, self.texts, self.rows = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []
        self.text = " ".join(self.texts)

    def handle_starttag(self, tag, attrs):
        assert [name for name, _ in attrs if name != "style"] == []
        self.tags.append(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def row(name, value, **more):
    score = Score(value, value - 1, value + 1, method="delta method")
    return Row(name, name, score, "lower", 10, 20, "lite0/features", "FrechetDistance()", **more)


def report(value=2.0):
    facts = {"protocol": EVIL, "extractors": {}}
    return Report((row("fd[lite0]", value),), (Warn("lossy", EVIL),), facts)


def comparison():
    told = Difference(
        "A", "B", "fd[lite0]", "fid", "lower", (1.0, 2.0), -1.0, -1.5, -0.5, 0.01, "first", None, ""
    )
    sets = {"A": EVIL, "B": "b"}
    return Comparison(sets, {}, (told,), (Warn("lossy", EVIL),), {"protocol": "gandiag"})


def alert(**more):
    facts = {"evidence": {EVIL: 0.25}, "causes": ("a cause", EVIL), "remedies": ("one", "two")}
    return Alert(EVIL, "WARN", 3000, 2000, "missing_mass", 0.5, 0.1, **(facts | more))


SHOWN = {
    "report": report(),
    "curve": Curve("run", ((10, report(3.0)), (20, report(2.0)))),
    "comparison": comparison(),
    "alert": alert(),
    "monitor": MonitorReport((Line("plateau", "ok", ""), Line(EVIL, "inactive", EVIL)), (EVIL,)),
}


@pytest.mark.parametrize("thing", SHOWN.values(), ids=SHOWN)
def test_html_is_well_formed_escaped_and_has_no_scripts(thing):
    source = thing._repr_html_()
    page = Page(source)
    assert set(page.tags) <= set("div table thead tbody tr th td p span b ul li".split())
    assert EVIL in page.text
    assert "<script" not in source
    # Neither words nor grounds have a colour of their own: the notebook's theme has.
    assert re.findall(r"[\"; ](?:color|background):(?!none)", source) == []


def test_tables_say_what_the_terminal_says():
    page = Page(SHOWN["report"]._repr_html_())
    assert page.rows == [["score", "", "value", "95 % interval"], ["fd[lite0]", "↓", "2", "1 … 3"]]
    page = Page(SHOWN["curve"]._repr_html_())
    assert page.rows[:3] == [["step", "fd[lite0] ↓"], ["10", "3"], ["20", "2"]]
    assert page.rows[-1] == ["best at", "20"]
    page = Page(SHOWN["comparison"]._repr_html_())
    assert page.rows[1] == ["fd[lite0]", "↓", "1", "2", "-1", "-1.5 … -0.5", "A better"]
    assert "A is better than B by fd[lite0] (of 1 score judged)." in page.text


def test_the_monitors_tables_and_alerts():
    page = Page(SHOWN["monitor"]._repr_html_())
    assert page.rows[1:] == [["plateau", "ok", ""], [EVIL, "inactive", EVIL]]
    page = Page(alert()._repr_html_())
    assert "at step 3,000, since 2,000" in page.text
    assert f"missing_mass 0.5, threshold 0.1, {EVIL} 0.25" in page.text
    assert page.tags.count("li") == 4
    bare = Page(alert(causes=(), remedies=(), evidence={})._repr_html_())
    assert "li" not in bare.tags


def test_what_is_neither_table_nor_text_is_refused():
    with pytest.raises(TypeError, match="int is no table and no text"):
        notebook.as_html(3)


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    "colour", sorted({*notebook.COLOURS.values(), *of_monitors.COLOURS.values()})
)
@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_lines_are_seen_in_light_and_dark(colour, ground):
    dark, light = sorted((luminance(colour), luminance(ground)))
    assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 2.2, 1.4.11, of what is not text
