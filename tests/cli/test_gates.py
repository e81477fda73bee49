"""``--fail-above`` and ``--fail-below``: what a score is held to."""

import math

import pytest

from gandiag.errors import Warn
from gandiag.metrics import Score
from gandiag.reporting.curve import Curve
from gandiag.reporting.gates import Gate, judged
from gandiag.reporting.report import Report, Row


def report(**values):
    return Report(
        tuple(
            Row(f"{name}[x]", name, Score(value), "lower", 10, 10, "x/y", "M()")
            for name, value in values.items()
        ),
        (),
        {},
    )


def test_each_side_of_a_bound():
    whole = report(fid=2.0)
    for gate, holds in (
        (Gate("fid", 1.0), False),
        (Gate("fid", 2.0), True),  # the bound itself is not above
        (Gate("fid", 3.0), True),
        (Gate("fid", 1.0, above=False), True),
        (Gate("fid", 2.0, above=False), True),
        (Gate("fid[x]", 3.0, above=False), False),
    ):
        (verdict,) = judged(whole, [gate])
        assert verdict.holds is holds
    assert judged(whole, [Gate("fid", 1)])[0].sentence == "fid[x] is 2, above 1"


def test_nobody_can_say():
    for bound in (True, False):
        (verdict,) = judged(report(fid=math.nan), [Gate("fid", 1, above=bound)])
        assert verdict.holds is None
        (verdict,) = judged(report(kid=1.0), [Gate("fid", 1, above=bound)])
        assert verdict.holds is None
        assert "not computed" in verdict.sentence


def test_a_curve_is_judged_by_its_newest_checkpoint():
    good, bad = report(fid=1.0), report(fid=9.0)
    gate = Gate("fid", 5)
    assert judged(Curve("r", ((1, bad), (2, good))), [gate])[0].holds is True
    assert judged(Curve("r", ((1, good), (2, bad))), [gate])[0].holds is False
    diverged = Curve("r", ((1, good),), ((2, Warn("not-scored", "")),))
    assert judged(diverged, [gate])[0].holds is None
    assert judged(Curve("r", ((2, good),), ((1, Warn("not-scored", "")),)), [gate])[0].holds


@pytest.mark.parametrize("flag", ["--fail-above", "--fail-below"])
@pytest.mark.parametrize("text", ["fid=nan", "fid=inf", "fid=-inf", "fid", "fid=", "=3", "fid=x"])
def test_bounds_that_decide_nothing_are_refused(score, flag, text):
    code, out, err = score(flag, text)
    assert (code, out) == (2, "")
    assert "NAME=VALUE" in err


def test_exit_codes(score):
    assert score("--fail-above", "fid=1e9", "--fail-below", "fid=-1")[0] == 0
    code, out, err = score("--fail-below", "fid=1e9")
    assert code == 1
    assert "fd[pixels:4]" in out
    assert err.rstrip().endswith("below 1e+09")


def test_a_misspelt_name_is_found_before_the_work(score, monkeypatch):
    def never(*_args, **_more):
        pytest.fail("the work was begun")

    monkeypatch.setattr("gandiag.scoring.scorer.collect", never)
    for flag in ("--fail-above", "--fail-below"):
        code, _, err = score(flag, "fdi=3")
        assert code == 2
        assert "did you mean fid?" in err


def test_a_score_that_turns_out_no_number(score, tmp_path, monkeypatch):
    import gandiag.scoring.scorer as scorer

    rows_of = scorer.rows_of

    def broken(*args, **more):
        from dataclasses import replace

        return (replace(row, score=Score(math.nan)) for row in rows_of(*args, **more))

    monkeypatch.setattr(scorer, "rows_of", broken)
    code, out, err = score("--fail-above", "fid=3", "--json", tmp_path / "s.json")
    assert code == 2
    assert "fd[pixels:4]" in out
    assert "no number" in err
    assert (tmp_path / "s.json").exists()


def test_a_score_that_turns_out_missing(score, tmp_path, monkeypatch):
    import gandiag.scoring.scorer as scorer

    monkeypatch.setattr(scorer, "rows_of", lambda *_args, **_more: iter(()))
    code, _, err = score("--fail-below", "fid=3", "--json", tmp_path / "s.json")
    assert code == 2
    assert "not computed" in err
    assert (tmp_path / "s.json").exists()
