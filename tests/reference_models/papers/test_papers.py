"""The contract of every experiment: declared, deterministic, judged, drawn."""

import json
import math

import pytest

from gandiag.errors import GandiagError
from gandiag.reporting.plots import png
from reference_models.papers import BUDGETS, EXPERIMENTS, FAILED, find, judge
from reference_models.papers.page import markdown
from reference_models.papers.records import HERE, Record

RED = {"miyato2018-sigma": {"off, sngan-ring8 at 2e-4"}}
"""What does not hold at the small budget, and is shown as such."""

MODULES = {
    *("code", "drawing", "experiment", "he", "page", "records", "verdicts", "__init__"),
    *("counting", "large", "large_runs", "rehearsal", "scoring"),
}


@pytest.fixture(scope="module", params=EXPERIMENTS, ids=lambda each: each.name)
def record(request):
    return Record.make(request.param, "small", 0)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_the_declaration_is_complete(experiment):
    assert all((experiment.citation, experiment.claim, experiment.protocol))
    assert experiment.claim.endswith(".")
    assert experiment.claim.count(". ") == 0
    assert {"small", "default"} <= experiment.seconds.keys() <= set(BUDGETS)
    assert (HERE / f"{experiment.name.replace('-', '_')}.py").is_file()
    for each in experiment.published:
        assert each.what
        assert each.source, f"{each.name}: where does it stand?"
        assert each.tolerance is None or each.tolerance >= 0


def test_every_file_is_in_the_table():
    names = {path.stem for path in HERE.glob("*.py")} - MODULES
    assert {each.name.replace("-", "_") for each in EXPERIMENTS} == names
    assert len(EXPERIMENTS) == len({each.name for each in EXPERIMENTS})


def test_it_is_deterministic_given_the_seed(record):
    again = record.experiment.run("small", 0)
    assert again.to_json() == record.result.to_json()


def test_all_that_is_measured_is_finite_and_judged(record):
    found = judge(record.experiment, record.result)
    assert [each.published for each in found] == list(record.experiment.published)
    assert any(each.verdict not in ("not run", "printed only") for each in found)
    for each in record.result.measured.values():
        assert math.isfinite(each.value)
        assert math.isfinite(each.error)


def test_it_reproduces_at_the_small_budget(record):
    wrong = {each.published.name for each in record.judgements if each.verdict in FAILED}
    assert wrong <= RED.get(record.experiment.name, set())


def test_the_picture_is_drawn_from_what_was_kept(record, tmp_path):
    path = tmp_path / "record.json"
    record.save(path)
    kept = Record.kept(path, record.experiment, "small", 0)
    assert kept.result.measured == record.result.measured
    assert kept.result.to_json() == record.result.to_json()
    assert png(kept.experiment.draw(kept.result)).startswith(b"\x89PNG")
    assert json.loads(path.read_text())["verdict"] == record.verdict
    assert f"## {record.experiment.name}" in markdown([kept], {})


def test_a_result_of_another_run_is_not_taken(record, tmp_path):
    path = tmp_path / "record.json"
    record.save(path)
    assert Record.kept(path, record.experiment, "small", 1) is None
    assert Record.kept(path, record.experiment, "default", 0) is None
    found = json.loads(path.read_text())
    found["provenance"]["code"] = "another"
    path.write_text(json.dumps(found))
    assert Record.kept(path, record.experiment, "small", 0) is None
    path.write_text("{")
    assert Record.kept(path, record.experiment, "small", 0) is None


def test_a_name_that_is_none():
    with pytest.raises(GandiagError, match="did you mean binkowski2018-fid-bias"):
        find("binkowski2018-fid-bia")
