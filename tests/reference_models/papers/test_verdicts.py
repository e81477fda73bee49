"""A verdict follows from the criterion alone."""

import math

import pytest

from reference_models.papers.experiment import Experiment, Measured, Published, Result
from reference_models.papers.verdicts import judge, overall


def verdict_of(published, **measured):
    experiment = Experiment("a", "b", "c.", "d", (published,), {}, None, None)
    (found,) = judge(experiment, Result(measured))
    return found.verdict


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        (1.0, "reproduces"),
        (1.5, "reproduces"),
        (1.51, "does not reproduce"),
        (0.49, "does not reproduce"),
        (math.nan, "does not reproduce"),
    ],
)
def test_exact_is_within_the_tolerance(ours, verdict):
    published = Published("a", "it", "exact", "derived", 1.0, tolerance=0.5)
    assert verdict_of(published, a=Measured(ours)) == verdict


@pytest.mark.parametrize(
    ("error", "ours", "verdict"),
    [
        # 3 x hypot(.3, .4) = 1.5
        (0.3, Measured(2.49, 0.4), "reproduces"),
        (0.3, Measured(2.51, 0.4), "does not reproduce"),
        (0.3, Measured(-0.51, 0.4), "does not reproduce"),
        (0.0, Measured(1.0, 0.0), "reproduces"),
        (0.0, Measured(1.1, 0.0), "does not reproduce"),
        (0.0, Measured(math.nan, 0.1), "does not reproduce"),
    ],
)
def test_the_same_protocol_is_within_three_errors(error, ours, verdict):
    published = Published("a", "it", "same protocol", "confirmed", 1.0, error=error)
    assert verdict_of(published, a=ours) == verdict


def test_one_published_run_has_our_spread():
    repeats = (0.0, 2.0, 0.0, 2.0)
    published = Published("a", "it", "same protocol", "confirmed", 4.8)
    measured = Measured.of(repeats)
    assert measured.spread == pytest.approx(math.sqrt(4 / 3))
    assert measured.error == pytest.approx(math.sqrt(1 / 3))
    # 3 x sqrt(4/3 + 1/3) = 3.87, and 3.8 is off.
    assert verdict_of(published, a=measured) == "reproduces"
    further = Published("a", "it", "same protocol", "confirmed", 4.9)
    assert verdict_of(further, a=measured) == "does not reproduce"


def test_scaled_is_a_direction_alone():
    above = Published("a", "it", "scaled", "confirmed", 1e9, above="b")
    low, high = Measured.of([1, 2, 3, 4]), Measured.of([5, 6, 7, 8])
    # 1 / C(8, 4) = .014 for a complete separation; of three each it would be .05.
    assert verdict_of(above, a=high, b=low) == "direction holds"
    assert verdict_of(above, a=low, b=high) == "direction does not hold"
    assert verdict_of(above, a=low, b=low) == "direction does not hold"
    assert (
        verdict_of(above, a=Measured.of([3, 4, 5]), b=Measured.of([0, 1, 2])) != "direction holds"
    )
    alone = Published("a", "it", "scaled", "confirmed", 1e9)
    assert verdict_of(alone, a=low) == "printed only"


def test_what_was_left_out_is_said():
    published = Published("a", "it", "exact", "derived", 1.0, tolerance=0.5)
    other = Published("b", "it", "exact", "derived", 1.0, tolerance=0.5)
    experiment = Experiment("a", "b", "c.", "d", (published, other), {}, None, None)
    found = judge(experiment, Result({"a": Measured(1.0)}))
    assert [each.verdict for each in found] == ["reproduces", "not run"]
    with pytest.raises(ValueError, match="measured nothing"):
        judge(experiment, Result({}))


def test_what_failed_goes_first():
    exact = Published("a", "it", "exact", "derived", 1.0, tolerance=0.5)
    scaled = Published("b", "it", "scaled", "derived", None, above="a")
    experiment = Experiment("a", "b", "c.", "d", (exact, scaled), {}, None, None)
    low, high = Measured.of([1, 1, 1, 1]), Measured.of([2, 2, 2, 2])
    assert overall(judge(experiment, Result({"a": low, "b": high}))) == "direction holds"
    assert overall(judge(experiment, Result({"a": low, "b": low}))) == "direction does not hold"
    assert overall(judge(experiment, Result({"a": high, "b": low}))) == "does not reproduce"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "exact", "value": 1.0},
        {"kind": "exact", "value": None, "tolerance": 1.0},
        {"kind": "exact", "value": 1.0, "tolerance": 1.0, "error": 1.0},
        {"kind": "same protocol", "value": None},
        {"kind": "same protocol", "value": 1.0, "tolerance": 1.0},
        {"kind": "scaled", "value": 1.0, "tolerance": 1.0},
    ],
)
def test_a_declaration_that_fits_no_kind(fields):
    with pytest.raises(ValueError, match="does not fit the kind"):
        Published("a", "it", status="derived", **fields)
