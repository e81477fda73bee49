"""What was written as JSON, read again; as a table of pandas; as a figure."""

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gandiag import GandiagError
from gandiag.errors import Warn
from gandiag.metrics import Score
from gandiag.metrics.base import Pair, Placed
from gandiag.reporting.comparison import Comparison, Difference
from gandiag.reporting.comparison_formats import as_csv as comparison_csv
from gandiag.reporting.curve import Curve
from gandiag.reporting.formats import as_csv
from gandiag.reporting.report import Report, Row

# --- any report ---

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=8)
counts = st.integers(0, 10**9)
maybe = st.none() | numbers
scores = st.builds(
    Score,
    value=numbers,
    low=maybe,
    high=maybe,
    confidence=numbers,
    method=texts,
    extra=st.dictionaries(texts, numbers, max_size=2),
    pairs=st.lists(st.builds(Pair, counts, counts, numbers), max_size=2).map(tuple),
    # Written together or not at all.
    highest=st.just((Placed(3, 0.5),)),
    lowest=st.lists(st.builds(Placed, counts, numbers), max_size=2).map(tuple),
)
better = st.sampled_from(["lower", "higher"])
parted = st.tuples(st.none() | numbers, st.none() | st.tuples(counts, counts)).map(
    lambda pair: {"of_real": pair[0], "n_of_real": None if pair[0] is None else pair[1]}
)
rows = st.builds(
    lambda name, output, score, better, n, layer, heldout, parted: Row(
        name, output, score, better, *n, layer, f"{name}()", heldout, **parted
    ),
    texts, texts, scores, better, st.tuples(st.none() | counts, st.none() | counts), texts, maybe,
    parted,
)  # fmt: skip
unique = st.lists(rows, max_size=3, unique_by=lambda row: row.name).map(tuple)
warnings = st.lists(st.builds(Warn, texts, texts), max_size=2).map(tuple)
plain = st.recursive(
    st.none() | st.booleans() | counts | numbers | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
provenances = st.dictionaries(texts.filter(lambda key: key != "value_range"), plain, max_size=3)


@st.composite
def reports(draw):
    classes = draw(st.dictionaries(texts, unique, max_size=2))
    means = draw(unique) if classes else ()
    return Report(draw(unique), draw(warnings), draw(provenances), classes, means)


differences = st.builds(
    Difference,
    first=st.just("A"),
    second=st.just("B"),
    name=texts,
    output=texts,
    better=better,
    values=st.tuples(numbers, numbers),
    difference=numbers,
    low=numbers,
    high=numbers,
    chance=maybe,
    verdict=st.sampled_from(["first", "second", "unknown"]),
    enough=maybe,
    method=texts,
) | st.builds(
    lambda name, method: Difference(
        "A", "B", name, name, "lower", (1.0, 2.0), -1.0, None, None, None, "none", None, method
    ),
    texts, texts,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(reports())
def test_a_report_comes_back_equal(report):
    assert Report.from_json(report.to_json()) == report


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(counts, reports()), max_size=2),
    st.lists(st.tuples(counts, st.builds(Warn, texts, texts)), max_size=2),
)
def test_a_curve_comes_back_equal(points, failed):
    curve = Curve("runs/a", tuple(points), tuple(failed))
    assert Curve.from_json(curve.to_json()) == curve


@settings(max_examples=25, deadline=None)
@given(st.lists(differences, max_size=3), reports(), warnings, provenances)
def test_a_comparison_comes_back_equal(told, report, warned, facts):
    result = Comparison({"A": "a/", "B": "b/"}, {"A": report}, tuple(told), warned, facts)
    assert Comparison.from_json(result.to_json()) == result


# --- one by hand ---


def row(name="fd[lite0]", value=2.0, low=1.0, high=4.0, **more):
    extra = more.pop("extra", {"floor": 0.5})
    score = Score(value, low, high, method="delta method", extra=extra)
    return Row(name, name.split("[")[0], score, "lower", 10, 20, "lite0/features", "F()", **more)


REPORT = Report(
    (row(heldout=1.5), row("vendi", 7.0, None, None, extra={})),
    (Warn("lossy", "half is JPEG"),),
    {"protocol": "gandiag", "extractors": {}, "value_range": (0.0, 1.0)},
)
CURVE = Curve("runs/a", ((100, REPORT), (200, replace(REPORT, rows=(row(value=1.0),)))))
BETTER = Difference(
    "A", "B", "fd[lite0]", "fid", "lower", (1.0, 2.0), -1.0, -1.5, -0.5, 0.01, "first", None, "t"
)
NONE = replace(
    BETTER, name="vendi", better="higher", low=None, high=None, verdict="none", chance=None,
)  # fmt: skip
COMPARISON = Comparison(
    {"A": "a/", "B": "b/"}, {"A": REPORT, "B": REPORT}, (BETTER, NONE), (), {"extractors": {}}
)
ALL = [REPORT, CURVE, COMPARISON]


@pytest.mark.parametrize("whole", ALL, ids=lambda each: type(each).__name__)
def test_from_a_file_and_from_text(whole, tmp_path):
    path = tmp_path / "it.json"
    path.write_text(whole.to_json())
    for given_ in (path, str(path), whole.to_json(), "\n " + whole.to_json()):
        assert type(whole).from_json(given_) == whole


def test_what_is_no_number_stays_none():
    bad = Report((row(value=math.nan, extra={"floor": math.inf}),), (), {})
    back = Report.from_json(bad.to_json())
    assert math.isnan(back["fd"].value)
    assert math.isnan(back["fd"].extra["floor"])
    assert back.to_json() == bad.to_json()


def broken(whole, *path, value):
    found = json.loads(whole.to_json())
    inside = found
    for key in path[:-1]:
        inside = inside[key]
    if value is ...:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return json.dumps(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "schema None"),
        ("{", "is no JSON"),
        ("{" * 100_000, "is no JSON"),
        (broken(REPORT, "schema", value=7), "schema 7"),
        (broken(REPORT, "scores", value=...), "scores"),
        (broken(REPORT, "scores", value=[1]), "nothing that"),
        (broken(REPORT, "scores", "vendi", "value", value="7"), "'7' is no number"),
        (broken(REPORT, "scores", "vendi", "better", value="larger"), "larger"),
        (broken(REPORT, "scores", "vendi", "n_real", value=1.5), "1.5 is no count"),
        (broken(REPORT, "scores", "vendi", "layer", value=3), "3 is no text"),
        (broken(REPORT, "warnings", 0, value={}), "code"),
        (broken(REPORT, "provenance", value=3), "nothing that"),
        (CURVE.to_json(), "scores"),
    ],
)
def test_what_is_no_report_is_one_sentence(text, words):
    with pytest.raises(GandiagError) as told:
        Report.from_json(text)
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_files_that_cannot_be_read(tmp_path):
    for name in (tmp_path, tmp_path / "absent.json", "~nobody-of-that-name/x", "a\0b"):
        with pytest.raises(GandiagError, match="cannot read"):
            Report.from_json(name)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(GandiagError, match="no JSON"):
        Report.from_json(tmp_path / "bytes")


# --- pandas ---


@pytest.mark.parametrize("whole", ALL, ids=lambda each: type(each).__name__)
def test_a_table_has_what_the_csv_has(whole, tmp_path):
    pd = pytest.importorskip("pandas")
    text = (comparison_csv if isinstance(whole, Comparison) else as_csv)(whole)
    (tmp_path / "it.csv").write_text(text + "\n")
    expected = pd.read_csv(tmp_path / "it.csv")
    told = (each.astype(object).where(each.notna(), None) for each in (whole.to_pandas(), expected))
    pd.testing.assert_frame_equal(*told)
    for name in ("value", "low", "n_real", "of_real", "difference", "p"):
        if name in expected:
            assert pd.api.types.is_numeric_dtype(whole.to_pandas()[name])


def test_pandas_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for whole in ALL:
        with pytest.raises(GandiagError, match=r"pip install 'gandiag\[pandas\]'"):
            whole.to_pandas()


# --- figures ---


def whiskers(axes):
    """(x or y) ends of the first error bar."""
    return np.array(axes.containers[0][2][0].get_segments()[0])


def test_a_report_is_drawn():
    figure, axes = REPORT.plot()
    assert axes.shape == (2,)
    assert whiskers(axes[0])[:, 0].tolist() == [1.0, 4.0]
    lines = {line.get_label(): line for line in axes[0].lines}
    assert lines["floor"].get_xdata() == [0.5, 0.5]
    assert lines["held-out real images"].get_xdata() == [1.5]
    assert axes[0].containers[0][0].get_xdata() == [2.0]
    assert figure.axes == list(axes)
    figure.canvas.draw()


def test_a_curve_is_drawn():
    figure, axes = CURVE.plot()
    assert len(axes) == len(CURVE.names) == 2
    assert axes[0].containers[0][0].get_xdata().tolist() == [100, 200]
    assert whiskers(axes[0])[:, 1].tolist() == [1.0, 4.0]
    lines = {line.get_label(): line for line in axes[0].lines}
    assert lines["best"].get_xdata() == [200]
    assert list(lines["floor"].get_ydata()) == [0.5, 0.5]
    figure.canvas.draw()


def test_a_comparison_is_drawn():
    figure, axes = COMPARISON.plot()
    # -1 in an interval of length 1: two halves to the left of nothing.
    assert whiskers(axes)[:, 0].tolist() == [-3.0, -1.0]
    figure.canvas.draw()


def test_nothing_to_draw_is_one_sentence():
    for empty in (Report((), (), {}), Curve("a", ()), replace(COMPARISON, differences=(NONE,))):
        with pytest.raises(GandiagError, match="nothing to draw"):
            empty.plot()


def test_no_screen_is_looked_for():
    """Figures are not pyplot's, which would keep them and may want a display."""
    before = "matplotlib.pyplot" in sys.modules
    REPORT.plot()
    assert ("matplotlib.pyplot" in sys.modules) == before
