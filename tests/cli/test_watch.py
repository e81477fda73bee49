"""`gandiag watch`, and alerts as a terminal shows them."""

import dataclasses
import os

import pytest
from rich.console import Console

from gandiag.cli.alerts import Tell
from gandiag.cli.terminal import duration
from gandiag.cli.watch_view import screen, thinned
from gandiag.live import Run
from gandiag.live.shown import SHOWN
from gandiag.live.web import Server
from gandiag.monitors import SIGNALS, Alert, Context, Over
from gandiag.monitors.sinks import JsonLines
from gandiag.reporting.plots import BARS

ALERT = Alert(
    "mode-collapse",
    "WARN",
    step=60,
    since=40,
    signal="missing_mass",
    value=0.5,
    threshold=0.1,
    evidence={"diversity": 0.3},
    remedies=("pack samples [Lin et al. 2018]",),
)


@pytest.fixture
def folder(tmp_path):
    file = JsonLines(tmp_path / "monitor.jsonl")
    file.write("start", {"schema": 1, "context": Context(loss="hinge", budget=100).to_json()})
    for step in range(20, 101, 20):
        file.signals(step, {"energy": 1 / step, "churn": 0.25})
    file.alert(ALERT)
    file.close()
    return tmp_path


def test_a_run_is_shown(run, folder):
    code, out, err = run("watch", folder)
    assert (code, err) == (0, "")
    assert f"{folder}: generator step 100 of 100, 1 alert" in out
    energy = next(line for line in out.splitlines() if line.startswith("energy"))
    assert energy.split() == ["energy", "0.01", "0.01", "0.05", "█▄▂▁▁"]
    assert "WARN  mode-collapse at step 60 (since 40): missing_mass 0.5, threshold 0.1" in out
    assert "try: pack samples [Lin et al. 2018]" in out
    assert "inactive: lipschitz-violation, no constraint was declared" in out


OVER = Over("mode-collapse", "WARN", step=90, since=70, alerted=60)


def test_what_is_over_is_shown_below_its_alert(run, folder):
    file = JsonLines(folder / "monitor.jsonl")
    file.over(OVER)
    file.alert(dataclasses.replace(ALERT, step=95))
    file.close()
    out = run("watch", folder)[1].splitlines()
    shown = [line.split(" (")[0] for line in out if "mode-collapse" in line]
    assert shown == [
        "WARN  mode-collapse at step 60",
        "over  mode-collapse since step 70: told at step 60",
        "WARN  mode-collapse at step 95",
    ]


def test_training_tells_that_it_is_over(capsys):
    Tell().over(OVER)
    assert capsys.readouterr().err == "over  mode-collapse since step 70: told at step 60\n"


def test_a_folder_or_its_file(run, folder):
    assert (
        run("watch", folder / "monitor.jsonl", "--once")[1].splitlines()[2:]
        == (run("watch", folder, "--once")[1].splitlines()[2:])
    )


def test_chosen_signals(run, folder):
    out = run("watch", folder, "--signals", "churn")[1]
    assert "churn" in out
    assert "energy" not in out
    assert "energy" in run("watch", folder, "--signals", "all")[1]


def test_unknown_signals_and_runs(run, folder, tmp_path):
    code, _, err = run("watch", folder, "--signals", "chorn")
    assert code == 2
    assert "there is no signal 'chorn'" in err
    code, _, err = run("watch", tmp_path / "absent")
    assert code == 2
    assert "absent" in err


def test_what_is_shown_is_measured():
    assert set(SHOWN) <= set(SIGNALS)


def test_long_courses_are_thinned():
    assert thinned([1.0, 2.0, 3.0], 48) == [1.0, 2.0, 3.0]
    assert thinned([1.0, 3.0, 5.0, 7.0, 9.0], 3) == [2.0, 6.0, 9.0]
    assert len(thinned([0.0] * 1000, 48)) <= 48


def test_alerts_go_to_standard_error(capsys):
    sink = Tell()
    sink.signals(20, {"energy": 1.0})
    sink.alert(ALERT)
    sink.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("WARN  mode-collapse at step 60")


def test_half_a_line_of_a_killed_run_is_cut(folder):
    path = folder / "monitor.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"type": "sig')
    JsonLines(path).close()
    assert path.read_bytes() == whole


# --- a screen ---


def painted(width, height, *runs):
    """What a terminal of that size shows, and all of it fits."""
    console = Console(width=width, color_system=None, highlight=False)
    followed = [Run(each) for each in runs]
    for run in followed:
        run.look()
    with console.capture() as captured:
        console.print(screen(followed, SHOWN, width, height))
    lines = captured.get().splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    return lines


def long_run(folder, alerts=1):
    file = JsonLines(folder / "monitor.jsonl")
    file.write("start", {"schema": 1, "context": Context(loss="hinge", budget=99_999).to_json()})
    for step in range(1, 200):
        file.signals(step, dict.fromkeys(SHOWN, -1.2345e-05 * step))
    for number in range(alerts):
        file.alert(dataclasses.replace(ALERT, pathology=f"fault-{number}", causes=("a cause",)))
    file.close()
    return folder


@pytest.mark.parametrize("size", [(80, 24), (80, 10), (60, 24), (40, 16), (34, 12), (200, 50)])
def test_alerts_are_on_the_screen_and_numbers_whole(tmp_path, size):
    lines = painted(*size, long_run(tmp_path, alerts=2))
    words = " ".join(lines).split()
    assert {"fault-0", "fault-1"} <= set(words)
    assert words.count("threshold") == 2
    value = f"{-1.2345e-05 * 199:.4g}"
    rows = [line.split() for line in lines if line.split()[0] in SHOWN and "0.5," not in line]
    assert rows
    assert all(row[1] == value for row in rows)
    assert all(set(row[-1]) <= set(BARS) for row in rows if size[0] >= 40)


def test_the_newest_end_of_a_course_is_seen(tmp_path):
    file = JsonLines(tmp_path / "monitor.jsonl")
    file.write("start", {"schema": 1, "context": Context(loss="hinge").to_json()})
    for step in range(1, 300):
        file.signals(step, {"energy": float(step > 280)})
    file.close()
    for width in (80, 40):
        row = next(e for e in painted(width, 24, tmp_path) if e.startswith("energy"))
        assert row.endswith("█")


def test_advice_is_on_a_screen_with_room(tmp_path):
    text = "\n".join(painted(80, 24, long_run(tmp_path)))
    assert "often: a cause" in text
    assert "try: pack samples" in text
    assert "gandiag watch --legend" in text


def test_more_alerts_than_lines_are_counted(tmp_path):
    text = "\n".join(painted(80, 8, long_run(tmp_path, alerts=9)))
    assert "fault-0" in text
    shown = text.count("threshold")
    assert f"and {9 - shown} more alerts" in text


def test_several_runs_below_or_beside_one_another(tmp_path):
    runs = [tmp_path / name for name in "abc"]
    for run in runs:
        run.mkdir()
        long_run(run)
    below = painted(80, 24, *runs)
    assert sum("99,999" in line for line in below) == 3
    assert sum("fault-0" in line for line in below) == 3
    beside = painted(190, 24, *runs)
    assert sum("fault-0" in line for line in beside) == 1
    crowded = painted(80, 9, *runs, *runs)
    assert "and 4 more runs" in "\n".join(crowded)


def test_a_run_that_says_nothing_is_told_of(tmp_path):
    os.utime(long_run(tmp_path) / "monitor.jsonl", (0, 0))
    assert "nothing has come for" in "\n".join(painted(80, 24, tmp_path))


def test_times_are_one_word():
    assert [duration(each) for each in (3, 119, 185, 9_000)] == ["3s", "119s", "3min", "2.5h"]


# --- the verb ---


def test_several_are_shown_at_once(run, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    long_run(other)
    code, out, _ = run("watch", folder, other, "--once")
    assert code == 0
    assert f"{folder}: generator step" in out
    assert f"{other}: generator step" in out


def test_causes_are_told(run, tmp_path):
    assert "often: a cause" in run("watch", long_run(tmp_path), "--once")[1]


def test_the_legend(run):
    code, out, _ = run("watch", "--legend")
    assert code == 0
    assert all(each.name in out and each.meaning in out for each in SIGNALS.values())
    assert len(run("watch", "--legend", "--signals", "energy")[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "hint"),
    [((), "no run is named"), (("x", "--web", "--once"), "--once"), (("x", "--port", 3), "--web")],
)
def test_words_that_mean_nothing(run, words, hint):
    code, out, err = run("watch", *words)
    assert (code, out) == (2, "")
    assert hint in err


def test_watching_ends_with_the_run(run, folder, monkeypatch):
    """On a terminal: a run is waited for, half a line is survived, and its end ends it."""
    path = folder / "monitor.jsonl"
    whole = path.read_text().replace('"budget": 100', '"budget": 1000')
    path.unlink()
    parts = iter([whole[:-20], whole, whole + '{"type": "end", "step": 100}\n'])
    monkeypatch.setattr("gandiag.cli.watch.time.sleep", lambda _: path.write_text(next(parts)))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    code, out, _ = run("watch", folder)
    assert code == 0
    assert "nothing recorded yet" in out
    assert "mode-collapse" in out
    assert "ended" in out
    assert next(parts, None) is None


def test_a_run_that_has_not_begun_is_no_run_without_a_terminal(run, tmp_path):
    code, _, err = run("watch", tmp_path)
    assert code == 2
    assert "cannot read" in err


def test_the_page_s_address_is_told(run, folder, monkeypatch):
    served = []
    monkeypatch.setattr(Server, "serve_forever", lambda self: served.append(self.address))
    code, out, _ = run("watch", folder, "--web")
    assert (code, out.splitlines()[0]) == (0, served[0])
    assert run("watch", folder.parent / "absent", "--web")[0] == 2
