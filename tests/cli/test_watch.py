"""`gandiag watch`, and alerts as a terminal shows them."""

import dataclasses

import pytest

from gandiag.cli.alerts import Tell
from gandiag.cli.watch import SHOWN, thinned
from gandiag.monitors import SIGNALS, Alert, Context, Over
from gandiag.monitors.sinks import JsonLines

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
