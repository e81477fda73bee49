"""A recorded run as a figure."""

import pytest
from runs import alert, append, signals, start

from gandiag import GandiagError
from gandiag.live import Run, plot_run


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "monitor.jsonl"
    append(path, start(), *(signals(s, energy=1 / s, missing_mass=s) for s in (20, 40, 60)))
    append(path, alert())
    return path


def test_signals_and_alerts_are_drawn(path):
    figure, axes = plot_run(path.parent)
    assert [each.get_title() for each in axes] == ["energy", "missing_mass"]
    course, mark = axes[1].lines
    assert course.get_xydata().tolist() == [[20, 20], [40, 40], [60, 60]]
    assert mark.get_xdata() == [60, 60]
    assert [axes[at].lines[1].get_linestyle() for at in (0, 1)] == [":", "-"]  # the alert's own
    figure.canvas.draw()


def test_one_that_is_followed_and_chosen_signals(path):
    run = Run(path)
    run.look()
    assert len(plot_run(run, ("energy",))[1]) == 1
    assert len(plot_run(run, ("all",))[1]) == 2


@pytest.mark.parametrize("signals", [("eneryg",), ("churn",)])
def test_what_is_not_there_is_one_sentence(path, signals):
    with pytest.raises(GandiagError, match=r"energy|no such signal"):
        plot_run(path, signals)
    with pytest.raises(GandiagError, match="cannot read"):
        plot_run(path.parent / "absent")
