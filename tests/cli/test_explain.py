"""``gandiag explain``: a card, all names, or one sentence."""

import shutil

import pytest

from gandiag.cards import explain, names
from gandiag.cli.explain import listing
from gandiag.cli.terminal import Printer
from gandiag.reporting.tables import as_text


@pytest.mark.parametrize("name", ["fid", "precision", "small-sample", "mode-collapse"])
def test_a_card_in_a_pipe(run, name):
    code, out, err = run("explain", name)
    assert (code, err) == (0, "")
    assert out == f"{explain(name)}\n"
    assert max(map(len, out.splitlines())) <= 80


def test_all_names(run):
    code, out, err = run("explain")
    assert (code, err) == (0, "")
    words = set(out.split())
    assert words >= {name for known in names().values() for name in known}


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_all_names_fit(width):
    assert max(map(len, as_text(listing(), width).splitlines())) <= min(width, 100)


def test_a_name_that_is_none(run):
    code, out, err = run("explain", "smal-sample")
    assert (code, out) == (2, "")
    assert err == "gandiag: there is no card of 'smal-sample'; did you mean small-sample?\n"


def test_one_name_at_a_time(run):
    code, _, err = run("explain", "fid", "kid")
    assert code == 2
    assert "Unexpected argument 'kid'" in err


def test_a_terminal_has_the_name_in_bold(capsys):
    Printer(force_terminal=True, color_system="standard", width=200).print(explain("fid"))
    out = capsys.readouterr().out
    assert out.startswith("\x1b[1mfid\x1b[0m\x1b[2m  Fréchet distance (metric)\x1b[0m")
    assert "\x1b[1mBias\x1b[0m" in out


def test_warnings_end_with_where_they_are_explained(folders, score):
    first = min(folders[0].iterdir())
    shutil.copy(first, first.with_name("again.png"))
    code, out, _ = score()
    assert code == 0
    lines = out.rstrip().splitlines()
    assert [line[:2] for line in lines[-3:]] == ["! ", "! ", "  "]
    assert lines[-1] == "  what a code in brackets means: gandiag explain CODE"
    assert out.count("gandiag explain") == 1


def test_without_a_warning_there_is_nothing_to_explain(folders, run):
    fake, real = folders
    words = ("--features", "pixels:2", "--metrics", "kid")
    code, out, _ = run("score", fake, "--real", real, *words)
    assert code == 0
    assert "! " not in out
    assert "gandiag explain" not in out
