"""The committed results of `gandiag reproduce --all` are of the code at hand."""

import pytest

from reference_models.papers import EXPERIMENTS
from reference_models.papers.records import Record

tables = pytest.importorskip("benchmarks.tables")


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_a_result_was_made_by_this_code(experiment):
    path = tables.REPRODUCED / f"{experiment.name}.json"
    assert path.exists() == path.with_suffix(".png").exists()
    if not path.exists():
        pytest.skip("not run at the default budget")
    again = "gandiag reproduce --all -o benchmarks/results/reproduced; python -m benchmarks.tables"
    assert Record.kept(path, experiment, "default", 0) is not None, again
