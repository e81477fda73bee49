"""False alarms and power of `compare`, as `benchmarks.comparing` found them."""

import json
import math

import pytest

comparing = pytest.importorskip("benchmarks.comparing")

KEY = "verdicts, differences, their squares, estimated variances"


def lines():
    return [json.loads(text) for text in comparing.RESULTS.read_text().splitlines()]


def test_the_rows_were_made_by_this_code():
    assert lines()
    old = sorted({each["metric"] for each in lines() if each["code"] != now(each["metric"])})
    assert not old, f"made by other code: python -m benchmarks.comparing --metrics {' '.join(old)}"


def now(name):
    return comparing.code_of(name)


def test_false_alarms_are_no_more_than_promised():
    """Of pairs of equal sets, and of sets that are equally far, of all scores with a verdict."""
    alarms = draws = 0
    for each in lines():
        unjudged = {}
        if each["metric"] != "together":
            unjudged = comparing.ready(each["metric"], each["width"]).unjudged()
        for output, pairs in each[KEY].items():
            if output not in unjudged:
                alarms += sum(pairs[pair][0] for pair in ("equal", "equally far"))
                draws += 2 * each["draws"]
    assert draws > 1000
    assert alarms / draws < comparing.LEVEL + 3 * math.sqrt(0.05 * 0.95 / draws)
