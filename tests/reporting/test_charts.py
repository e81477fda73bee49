"""Charts: places by hand, words, what came from files."""

import math
import re

import pytest

from gandiag.metrics.base import Score
from gandiag.reporting.charts import Scale, class_bars, differences, over_steps, short, whisker
from gandiag.reporting.comparison import Comparison, Difference
from gandiag.reporting.report import Row


def row(value, low=None, high=None, name="fid", heldout=None, **extra):
    return Row(
        name=name,
        output="fid",
        score=Score(value, low=low, high=high, extra=extra),
        better="lower",
        n_generated=10,
        n_real=10,
        layer="a/b",
        parameters="Fid()",
        heldout=heldout,
    )


def title(svg):
    return re.search(r"<title>(.*?)</title>", svg)[1]


class TestScale:
    def test_places(self):
        scale = Scale(0, 10, 100, 300)
        assert [scale(each) for each in (0, 5, 10)] == [100, 200, 300]
        assert Scale(0, 10, 300, 100)(2.5) == 250  # upwards, as y grows downwards

    def test_around_leaves_room_at_both_ends(self):
        scale = Scale.around([1, 2, math.nan, math.inf], 0, 100)
        assert (scale.low, scale.high) == pytest.approx((0.92, 2.08))

    @pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [math.nan]])
    def test_around_has_a_span(self, values):
        scale = Scale.around(values, 0, 100)
        assert scale.high > scale.low

    @pytest.mark.parametrize(
        ("low", "high", "ticks"),
        [(0, 10, [0, 5, 10]), (0.92, 2.08, [1, 1.5, 2]), (-1, 1, [-1, -0.5, 0, 0.5, 1])],
    )
    def test_ticks_are_round(self, low, high, ticks):
        assert Scale(low, high, 0, 1).ticks(4) == ticks

    def test_ticks_of_small_numbers(self):
        assert Scale(1e-9, 3e-9, 0, 1).ticks(4) == [1e-9, 1.5e-9, 2e-9, 2.5e-9, 3e-9]


@pytest.mark.parametrize(
    ("value", "text"),
    [(143.66412, "143.7"), (0.0783847, "0.07838"), (1.23e-7, "1.23e-07"), (50000.4, "50,000"),
     (math.inf, "∞"), (math.nan, "nan"), (0.0, "0")],
)  # fmt: skip
def test_short(value, text):
    assert short(value) == text


class TestWhisker:
    def test_the_bar_goes_from_end_to_end(self):
        svg = whisker(row(5, 0, 10))
        # Of 0 to 10, with 0.8 at each end, on 10 to 290: 0 is at 10 + 280 x 0.8 / 11.6.
        assert 'd="M29.3 12v16M29.3 20H270.7M270.7 12v16"' in svg
        assert '<circle class="dot" cx="150.0"' in svg
        assert title(svg) == "fid: 5; interval 0 to 10"

    def test_what_stands_beside_is_drawn_and_said(self):
        svg = whisker(row(5, floor=1.0, heldout=2.0))
        assert svg.count("<title>floor 1</title></path>") == 1
        assert svg.count('class="heldout"') == 1
        assert title(svg) == "fid: 5; floor 1; held-out real images 2"

    def test_nothing_is_drawn_of_a_value_alone(self):
        assert whisker(row(5)) == ""

    def test_infinity(self):
        assert "nan" not in whisker(row(math.inf, heldout=1.0))


def test_over_steps_draws_each_checkpoint_and_the_best():
    rows = [row(3, 2, 4), row(1, 0, 2), row(math.nan)]
    svg = over_steps("fid", [10, 20, 30], rows, 20)
    assert svg.count('class="dot"') == 2
    # 10 to 30 with 1.6 at each end on 52 to 332: 20 is in the middle.
    assert re.findall(r'class="ring" cx="([\d.]+)"', svg) == ["192.0"]
    assert svg.count('class="band"') == 1
    assert title(svg) == "fid at 3 checkpoints, best 1 at step 20"
    assert "generator step" in svg


def test_over_steps_of_one_checkpoint():
    assert "NaN" not in over_steps("fid", [10], [row(3)], 10)


def test_differences_lie_on_the_side_of_the_better():
    def difference(value, better, verdict):
        return Difference(
            *("A", "B", "fid", "fid", better, (1.0, 2.0), value, value - 1, value + 1),
            *(0.01, verdict, None, "jackknife"),
        )

    told = (difference(-3, "lower", "first"), difference(-3, "higher", "second"))
    result = Comparison({"A": "a", "B": "b"}, {}, told, (), {})
    places = [float(x) for x in re.findall(r'class="dot" cx="([\d.]+)"', differences(result))]
    assert places[0] < 410 < places[1]  # the middle of 230 to 590
    assert places[0] + places[1] == pytest.approx(820)


def test_class_bars_begin_at_zero():
    svg = class_bars("fid", [("cat", 2.0), ("dog", 1.0), ("none", math.nan)])
    # 0 to 2 on 110 to 330.
    assert re.findall(r'<rect class="bar" x="([\d.]+)" y="\d+" width="([\d.]+)"', svg) == [
        ("110.0", "220.0"),
        ("110.0", "110.0"),
    ]


def test_what_came_from_files_is_escaped():
    hostile = '<script>"&'
    drawn = (
        whisker(row(1, 0, 2, name=hostile)),
        over_steps(hostile, [1], [row(1)], 1),
        class_bars(hostile, [(hostile, 1.0)]),
    )
    for svg in drawn:
        assert "<script>" not in svg
        assert "&lt;script&gt;&#34;&amp;" in svg
