"""A page of runs as a file."""

import json
import re
import shutil
import subprocess

import pytest
import torch
from click.testing import CliRunner
from runs import ALERT, END, alert, append, signals, start

from gandiag.cli import cli
from gandiag.cli.report import relevant
from gandiag.live import Run
from gandiag.live.follow import look_at
from gandiag.live.still import Plane, Points, Sheets, page, shades
from gandiag.monitors import SIGNALS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "run <script>"
    folder.mkdir()
    rows = [signals(step, energy=1 / step, churn=0.1) for step in range(10, 70, 10)]
    append(folder / "monitor.jsonl", start(), *rows, alert(), END)
    return folder


@pytest.fixture
def plane():
    real = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    frames = (
        Points(25, torch.tensor([[0.5, 0.5]]), torch.arange(16.0).view(4, 4)),
        Points(50, torch.tensor([[0.0, 1.0], [1.0, 0.0], [9.0, 9.0]])),
    )
    return Plane(real, (-0.5, -0.5), 2.0, frames)


def followed(*paths):
    runs = [Run(each) for each in paths]
    look_at(runs)
    return runs


def given(text):
    data = re.search(r'id="given">(.*?)</script>', text, re.S)[1]
    return json.loads(data)


def test_places_are_thousandths_of_the_side_from_the_top_left(plane):
    found = plane.to_json()
    assert found["real"] == [[250, 750], [750, 250]]
    assert found["frames"][0]["points"] == [[500, 500]]
    assert found["frames"][1]["points"] == [[250, 250], [750, 750]]  # the third lies outside
    assert found["frames"][1]["surface"] is None


def test_shades_go_from_orange_over_white_to_blue_by_rank():
    low, middle, high = shades(torch.tensor([[-1e9, 0.0, 1e-9]]))[:, 0].T.tolist()
    assert low == [213, 94, 0]
    assert middle == [255, 255, 255]
    assert high == [0, 114, 178]


def test_the_page_holds_the_run_and_asks_for_nothing(path, plane):
    text = page(followed(path), ("energy", "churn"), {str(path): plane})
    found = given(text)
    assert found["runs"][0]["alerts"][0]["pathology"] == ALERT.pathology
    assert [point[0] for point in found["runs"][0]["signals"]["energy"]["points"]] == [
        *range(10, 70, 10)
    ]
    assert found["made"][str(path)]["frames"][0]["step"] == 25
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "default-src 'none'" in text
    assert "run <script>" not in text  # it would end the data


def test_signals_of_alerts_come_first():
    assert relevant([ALERT])[:2] == ("missing_mass", "diversity")
    assert set(relevant([ALERT])) == set(SIGNALS)


def test_a_report_of_scores_stands_alone(tmp_path, path):
    words = ["report", str(path), "a.json", "-o", str(tmp_path / "x.html")]
    told = str(CliRunner().invoke(cli, words).exception)
    assert told.startswith("a.json is a report of scores")
    assert not (tmp_path / "x.html").exists()


def test_the_pictures_of_a_real_run(tmp_path):
    """Points with the discriminator's surface, from a training of a few steps."""
    run = str(tmp_path / "run")
    words = ["train", "ns-ring8", "--set", "steps=4", "--checkpoint-every", "2", "--out", run]
    assert CliRunner().invoke(cli, words).exit_code == 0
    out = tmp_path / "run.html"
    result = CliRunner().invoke(cli, ["report", run, "-o", str(out)])
    assert result.exit_code == 0, result.output
    made = given(out.read_text())["made"][run]
    assert [frame["step"] for frame in made["frames"]] == [2, 4]
    assert all(frame["surface"].startswith("data:image/png") for frame in made["frames"])
    assert 0 < len(made["frames"][0]["points"]) <= 500
    assert out.stat().st_size < 3e6


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
@pytest.mark.parametrize(("place", "step", "dots"), [("#frame=0", "25", 1), ("", "50", 2)])
def test_a_browser_draws_it_without_an_error(tmp_path, path, plane, place, step, dots):
    sheets = Sheets(((25, torch.zeros(3, 8, 8).byte()), (50, torch.ones(3, 8, 8).byte())))
    out = tmp_path / "page.html"
    out.write_text(page(followed(path), ("energy", "churn"), {str(path): plane, "b": sheets}))
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
             "--virtual-time-budget=2000", f"--user-data-dir={tmp_path / 'own'}")  # fmt: skip
    done = subprocess.run(
        [str(CHROMIUM), *flags, "--dump-dom", f"file://{out}{place}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    assert re.findall(r'data-signal="(\w+)"', done.stdout) == ["energy", "churn"]
    assert f"{dots} samples and 2 real points at step {step}" in done.stdout
    assert f"Samples at step {step}" in done.stdout
    assert done.stdout.count('type="range"') == 2
    assert "<details" in done.stdout
    drawn = re.findall(r' d="([^"]*)"', done.stdout)
    assert drawn
    assert not any("NaN" in each for each in drawn)
