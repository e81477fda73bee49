"""Which code a result depends on: all that it uses, and nothing else."""

import pytest

from reference_models.papers import EXPERIMENTS, code


def module_of(name):
    return f"reference_models.papers.{name.replace('-', '_')}"


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        # A metric by its own file, though it comes from the package's front.
        (
            "naeem2020-prdc",
            {"gandiag.metrics.memberships", "gandiag.metrics.neighbours", "gandiag.metrics.tiles"},
            {"gandiag.metrics", "gandiag.metrics.p_precision", "reference_models.trainer"},
        ),
        # What trains, and what classifies its samples.
        (
            "odena2017-acgan",
            {"reference_models.trainer", "reference_models.losses", "gandiag.extractors.opening"},
            {"gandiag.metrics.kernel", "gandiag.monitors.monitor"},
        ),
        ("heusel2017-disturb", {"gandiag.extractors.lite0", "gandiag.metrics.frechet"}, set()),
        ("gulrajani2017-toy", {"gandiag.metrics.slopes", "gandiag.metrics.exact_transport"}, set()),
        ("mescheder2018-dirac", {"reference_models.losses"}, {"gandiag.metrics.frechet"}),
    ],
)
def test_what_an_experiment_needs(name, inside, outside):
    found = code.needed(module_of(name))
    assert inside <= found
    assert not outside & found
    assert "reference_models.papers.drawing" not in found


def test_only_what_is_needed_moves_a_digest(monkeypatch):
    text = code._text
    before = {each.name: code.digest_of(module_of(each.name)) for each in EXPERIMENTS}

    def changed(addition):
        def other(name):
            return text(name) + (addition if name == "gandiag.metrics.birthday" else "")

        monkeypatch.setattr(code, "_text", other)
        now = {each.name: code.digest_of(module_of(each.name)) for each in EXPERIMENTS}
        return {name for name in now if now[name] != before[name]}

    assert changed("\nX = 1\n") == {"arora2018-birthday"}
    assert changed("\n# a remark\n") == set()
