"""Numbers are never cut."""

import pytest
from rich.console import Console
from rich.text import Text

from gandiag.reporting.tables import as_text, table

NUMBERS = ("0.123456", "-1.23456e-07", "12345.6")
LONG = "a class whose name is longer than any terminal is wide, " * 3


def shown(what, width):
    return as_text(what, width=width)


@pytest.mark.parametrize("width", [20, 30, 40, 80, 200])
def test_digits_are_whole_in_any_terminal(width):
    rows = [(LONG, *NUMBERS), ("cat", *NUMBERS)]
    text = shown(table("class", ">fd[lite0]", ">precision", ">kd", rows=rows), width)
    for number in NUMBERS:
        assert text.count(number) == 2
    for title in ("fd[lite0]", "precision", "kd"):
        assert title in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "".join(text.split()).count("longerthananyterminal") >= 1


def test_console_s_own_cropping_takes_nothing():
    """As `rich.print` does, which crops lines at the terminal's edge."""
    console = Console(width=30, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table("score", ">value", "interval", rows=[("x" * 20, "0.123456", "1 … 22222")]))
    text = console.export_text()
    assert "0.123456" in text
    assert "1 … 22222" in text


def test_columns_that_do_not_fit_stand_below_with_the_first():
    made = table("step", ">a", ">b", rows=[("1", "1111111", "2222222")])
    assert shown(made, 80).splitlines() == ["step        a        b", "1     1111111  2222222"]
    assert shown(made, 16).splitlines() == [
        "step        a",
        "1     1111111",
        "",
        "step        b",
        "1     2222222",
    ]


def test_a_column_that_may_wrap_does():
    made = table("name", "~for", rows=[("x", "words " * 10)])
    assert shown(made, 30).count("words") == 10
    assert len(shown(made, 30).splitlines()) > 2
    assert len(shown(made, 200).splitlines()) == 2


def test_markup_is_text():
    assert "[bold]" in shown(table("a", rows=[("[bold]",)]), 80)
    assert "x" in shown(table("a", rows=[(Text("x", "bold"),)]), 80)
    assert shown(table("a", "b"), 80) == "a  b"
