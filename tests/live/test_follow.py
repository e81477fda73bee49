"""A run's file read on while it grows, is cut, replaced and damaged."""

import dataclasses
import json
import os

import pytest
from runs import ALERT, END, OVER, alert, append, line, over, signals, start

from gandiag.live import Run, follow
from gandiag.monitors import read


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "monitor.jsonl"
    append(path, start(), *(signals(step, energy=1 / step) for step in (20, 40, 60)))
    return path


def steps(run):
    return [step for step, _ in run.found.rows]


def test_what_is_new_is_added(path):
    run = Run(path.parent)
    assert run.look()
    assert (steps(run), run.step, run.budget) == ([20, 40, 60], 60, 100)
    assert not run.look()
    append(path, signals(80, energy=2), alert())
    assert run.look()
    assert steps(run) == [20, 40, 60, 80]
    assert run.found.alerts == [ALERT]
    assert run.extremes["energy"] == (1 / 60, 2)


def test_the_same_as_when_read_at_once(path):
    run = Run(path)
    append(path, alert(), over(), line("mark", step=61, after=60, event="lr"), END)
    run.look()
    assert run.found == dataclasses.replace(read(path))


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_half_a_line_waits_for_its_end(path, cut):
    run = Run(path)
    whole = signals(80, energy=0.5)
    append(path, whole[:cut])
    run.look()
    assert (steps(run), run.trouble) == ([20, 40, 60], "")
    append(path, whole[cut:])
    run.look()
    assert steps(run) == [20, 40, 60, 80]


def test_a_cut_within_a_letter(path):
    run = Run(path)
    whole = line("note", step=60, level="WARN", message="größer").encode()
    raw = json.dumps(
        {"type": "note", "step": 1, "level": "WARN", "message": "ö"}, ensure_ascii=False
    )
    with path.open("ab") as file:
        file.write(whole + raw.encode()[: raw.encode().index("ö".encode()) + 1])
    run.look()
    assert [note.message for note in run.found.notes] == ["größer"]


@pytest.mark.parametrize("how", ["replaced", "shortened", "rewritten"])
def test_a_run_that_begins_anew(path, how):
    run = Run(path)
    append(path, alert())
    run.look()
    new = start() + signals(10, energy=0.1)
    if how == "replaced":
        other = path.with_name("other")
        other.write_text(new + "".join(signals(step, energy=0) for step in range(11, 30)))
        other.replace(path)
    else:
        more = 0 if how == "shortened" else 30
        with path.open("r+") as file:  # the same file, as `truncate` leaves it
            file.truncate(0)
            file.write(new + "".join(signals(step, energy=0.1) for step in range(11, 11 + more)))
    assert run.look()
    assert steps(run)[0] == 10
    assert (run.found.alerts, run.restarts) == ([], 1)
    assert run.extremes["energy"][1] == 0.1


def test_a_run_that_goes_on_drops_what_it_does_again(path):
    run = Run(path)
    run.look()
    append(path, start(), line("resume", step=40, checked=40), signals(60, energy=9))
    run.look()
    assert (steps(run), run.restarts) == ([20, 40, 60], 0)
    assert run.extremes["energy"] == (1 / 40, 9)


def test_the_half_line_of_a_killed_run_is_cut_when_it_goes_on(path):
    run = Run(path)
    size = path.stat().st_size
    append(path, '{"type": "sig')
    run.look()
    os.truncate(path, size)
    append(path, start(), line("resume", step=60, checked=60), signals(80, energy=9))
    run.look()
    assert (steps(run), run.restarts) == ([20, 40, 60, 80], 0)


def test_the_end(path):
    run = Run(path)
    run.look()
    assert not run.over
    append(path, END)
    run.look()
    assert run.over
    append(path, start(), line("resume", step=60, checked=60))
    run.look()
    assert not run.over


def test_the_last_planned_step_is_an_end(path):
    append(path, signals(100, energy=0))
    run = Run(path)
    run.look()
    assert run.over


def test_silence_is_measured(path):
    clock = Clock()
    run = Run(path, now=clock)
    os.utime(path, (900, 900))
    run.look()
    assert run.silence == 100
    assert run.silent  # over a minute, and no line was seen to come later than another
    append(path, signals(80, energy=0))
    os.utime(path, (1_000, 1_000))
    run.look()
    clock.now = 1_250
    assert (run.silence, run.silent) == (250, False)  # they have been 100 seconds apart
    clock.now = 1_301
    assert run.silent
    append(path, END)
    run.look()
    assert (run.silence, run.silent) == (0, False)


@pytest.mark.parametrize("bad", ["[]", "nonsense", '{"step": 3}', '{"type": "alert"}', "3",
                                 '{"type": "signals", "step": "x", "values": {}}',
                                 '{"type": "signals", "step": 3, "values": 4}',
                                 '{"type": "start", "context": {"loss": "odd"}}'])  # fmt: skip
def test_a_line_of_something_else_is_told_with_its_number(path, bad):
    append(path, bad + "\n", signals(80, energy=0))
    run = Run(path)
    assert run.look()
    assert "line 5, is not of a monitor" in run.trouble
    assert steps(run) == [20, 40, 60]
    assert not run.look()  # told, and not added twice
    assert steps(run) == [20, 40, 60]


def test_a_file_that_goes_away_and_comes_back(path):
    run = Run(path)
    run.look()
    kept = path.read_text()
    path.unlink()
    assert run.look()
    assert "cannot read" in run.trouble
    assert steps(run) == [20, 40, 60]
    path.write_text(kept)
    run.look()
    assert run.trouble == ""


def test_a_file_without_lines_is_not_read_for_ever(path, monkeypatch):
    monkeypatch.setattr(follow, "BLOCK", 4_096)
    append(path, "x" * 10_000)
    run = Run(path)
    run.look()
    assert "has no lines" in run.trouble


def test_blocks_end_anywhere(path, monkeypatch):
    whole = Run(path)
    append(path, *(signals(step, energy=step) for step in range(70, 100)))
    whole.look()
    monkeypatch.setattr(follow, "BLOCK", 301)
    parts = Run(path)
    parts.look()
    assert parts.found == whole.found


def test_memory_is_bounded_and_keeps_ends_and_extremes(path, monkeypatch):
    monkeypatch.setattr(follow, "ROWS", 100)
    values = {step: float(step == 333) for step in range(61, 2_000)}
    append(path, *(signals(step, energy=value) for step, value in values.items()))
    run = Run(path)
    run.look()
    assert len(run.found.rows) <= 100
    assert steps(run)[0] == 20
    assert steps(run)[-50:] == list(range(1_950, 2_000))
    assert steps(run) == sorted(set(steps(run)))
    assert run.extremes["energy"][1] == 1  # though its own row is gone


def test_messages_are_bounded(path, monkeypatch):
    monkeypatch.setattr(follow, "MESSAGES", 3)
    append(path, *(alert(dataclasses.replace(ALERT, step=step)) for step in range(61, 70)))
    run = Run(path)
    run.look()
    assert [each.step for each in run.found.alerts] == [67, 68, 69]


def test_a_copy_that_is_brought_up_to_date_goes_on(path):
    run = Run(path)
    run.look()
    longer = path.with_name("longer")
    longer.write_text(path.read_text() + signals(80, energy=0))
    longer.replace(path)
    run.look()
    assert (steps(run), run.restarts) == ([20, 40, 60, 80], 0)


def test_what_is_no_number_is_left_out(path):
    append(
        path,
        '{"type": "signals", "step": 80, "values": {"energy": NaN, "churn": "x", "reach": 2}}\n',
    )
    run = Run(path)
    run.look()
    assert run.found.rows[-1] == (80, {"reach": 2})


def test_alerts_that_last(path):
    again = dataclasses.replace(ALERT, step=95)
    other = dataclasses.replace(ALERT, pathology="plateau", level="INFO", step=50)
    run = Run(path)
    append(path, alert(other), alert())
    run.look()
    assert run.standing == [ALERT, other]
    append(path, over(OVER))
    run.look()
    assert run.standing == [other]
    append(path, alert(again))
    run.look()
    assert run.standing == [again, other]
