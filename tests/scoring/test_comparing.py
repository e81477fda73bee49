"""Which set is better: pairs, equal N, verdicts, and a saved report to compare with."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import Metric, Score
from gandiag.metrics.paired import contrast
from gandiag.statistics import Bank

WIDTH = 4


def normal(n, seed, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(n, WIDTH, generator=generator) + shift).numpy()


REAL, GOOD, BAD = normal(300, 0), normal(200, 1), normal(200, 2, shift=0.6)


def test_tells_a_shift_from_none():
    found = gandiag.compare(GOOD, BAD, real=REAL, metrics="fid,kid")
    assert found.sets == {"A": "A (ndarray)", "B": "B (ndarray)"}
    for name in ("fid", "kid"):
        assert found[name].verdict == "first"
        assert found[name].words == "A better"
        assert found[name].low < found[name].difference < found[name].high < 0
    assert [each.name for each in found.worse("B")] == ["fd[identity]", "kd[identity]"]
    assert not found.worse("A")
    turned = gandiag.compare(BAD, GOOD, real=REAL, metrics="fid,kid")
    assert turned["fid"].difference == -found["fid"].difference
    assert [each.name for each in turned.worse("A")] == ["fd[identity]", "kd[identity]"]


def test_the_values_are_those_of_score():
    found = gandiag.compare(GOOD, BAD, real=REAL, metrics="fid,kid")
    for letter, rows in (("A", GOOD), ("B", BAD)):
        report = gandiag.score(rows, real=REAL, metrics="fid,kid")
        # FID from rows here, and there from moments.
        assert found.reports[letter]["fid"].value == pytest.approx(report["fid"].value, rel=1e-10)
    assert found["kid"].values[1] == gandiag.score(BAD, real=REAL, metrics="kid")["kid"].value


def test_a_set_against_itself_cannot_be_told():
    found = gandiag.compare(GOOD, GOOD, real=REAL, metrics="fid,kid")
    for each in found.differences:
        assert each.difference == 0
        assert each.verdict == "unknown"
        assert each.words == "cannot tell"
        assert each.enough is None
    assert "cannot be told apart by any of 2 scores" in found.summary


def test_says_how_many_images_would_tell():
    found = gandiag.compare(GOOD, normal(200, 3, shift=0.12), real=REAL, metrics="kid")["kid"]
    assert found.verdict == "unknown"
    assert found.enough > 200
    assert "of each might" in found.words


def test_three_sets_are_three_pairs_and_harder_to_tell():
    two = gandiag.compare(GOOD, BAD, real=REAL, metrics="kid")
    three = gandiag.compare(GOOD, BAD, normal(200, 5, shift=0.6), real=REAL, metrics="kid")
    assert three.pairs == (("A", "B"), ("A", "C"), ("B", "C"))
    one, same = two["kid"], three.of_pair("A", "B")[0]
    assert same.difference == one.difference
    assert same.chance == one.chance
    assert same.high - same.low > one.high - one.low


def test_larger_sets_are_cut_to_the_smallest():
    found = gandiag.compare(GOOD, np.concatenate([BAD, BAD]), real=REAL, metrics="kid")
    assert found.reports["B"]["kid"].n_generated == 200


def test_batches_of_which_nobody_knows_how_many_come_are_cut_afterwards():
    pictures = torch.randint(0, 256, (60, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    batches = pictures.byte().split(20)
    found = gandiag.compare(
        iter(batches[:2]), iter(batches), real=batches[0], metrics="kid", features="pixels:2"
    )
    assert found.reports["B"]["kd"].n_generated == 40
    (cut,) = [each.message for each in found.warnings if each.code == "cut"]
    assert "has 60 images, and 40 of them were drawn" in cut


def test_without_real_images():
    found = gandiag.compare(GOOD, BAD, metrics="vendi")
    assert [each.output for each in found.differences] == ["vendi"]


@dataclasses.dataclass(frozen=True)
class Still(Metric):
    """A number that no image moves."""

    name = "still"
    summary = "none"
    outputs = {"still": "lower"}  # noqa: RUF012
    accepts = {"generated": (Bank,)}  # noqa: RUF012

    def __call__(self, **statistics):
        return {"still": Score(1.0)}


def test_what_nothing_moves_has_no_verdict():
    found = gandiag.compare(GOOD, BAD, metrics=Still())["still"]
    assert found.verdict == "none"
    assert found.low is None
    assert "no image that is left out moves it" in found.words


def test_the_real_images_are_left_out_for_both_at_once():
    scorer = gandiag.Scorer(REAL, metrics="kid")
    found = gandiag.compare(GOOD, BAD, real=REAL, metrics="kid")["kid"]
    metric = gandiag.metrics.KernelDistance()
    banks = {role: Bank.of(torch.from_numpy(x)) for role, x in (("real", REAL), ("a", GOOD))}
    one = metric.replicates(real=banks["real"], generated=banks["a"])["kid"]
    other = metric.replicates(real=banks["real"], generated=Bank.of(torch.from_numpy(BAD)))["kid"]
    expected = contrast(*found.values, (one, other))
    assert found.high - found.difference == pytest.approx(expected.half(0.05))
    assert scorer(GOOD)["kid"].value == found.values[0]


# --- a saved report ---


@pytest.fixture
def baseline(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(gandiag.score(BAD, real=REAL, metrics="fid,kid").to_json())
    return path


def test_against_a_saved_report(baseline):
    found = gandiag.compare(GOOD, real=REAL, baseline=baseline, metrics="fid,kid")
    assert list(found.reports) == ["A"]
    assert str(baseline) in found.sets["B"]
    paired = gandiag.compare(GOOD, BAD, real=REAL, metrics="fid,kid")
    assert found["kid"].verdict == "first"
    assert found["kid"].difference == pytest.approx(paired["kid"].difference, rel=1e-9)
    assert "saved report" in found["kid"].method
    # Of so few images a report has no interval of FID, and so nothing to tell a difference by.
    assert found["fid"].words == "cannot tell: the saved report has no interval of it"


def test_a_saved_report_of_fewer_images_cuts_the_new_ones(baseline):
    found = gandiag.compare(normal(500, 7), real=REAL, baseline=baseline, metrics="kid")
    assert found.reports["A"]["kid"].n_generated == 200


def test_a_score_without_an_interval_has_no_verdict(baseline):
    whole = json.loads(baseline.read_text())
    whole["scores"]["kd[identity]"] |= {"low": None, "high": None}
    baseline.write_text(json.dumps(whole))
    found = gandiag.compare(GOOD, real=REAL, baseline=baseline, metrics="kid")["kid"]
    assert found.verdict == "none"
    assert "no interval" in found.words


def refused(match, *generated, **options):
    with pytest.raises(GandiagError, match=match):
        gandiag.compare(*generated, **options)


def test_refuses_what_cannot_be_compared(baseline, tmp_path):
    refused("one set cannot be compared", GOOD, real=REAL)
    refused("too many", *[GOOD] * 27, real=REAL)
    refused("per_class is no part", GOOD, BAD, real=REAL, per_class=True)
    refused("is of 200 images and there are 100", normal(100, 1), real=REAL, baseline=baseline)
    refused("cannot read", GOOD, real=REAL, baseline=tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    refused("is no JSON", GOOD, real=REAL, baseline=tmp_path / "text.json")
    (tmp_path / "other.json").write_text("[]")
    refused("is no report of one scoring", GOOD, real=REAL, baseline=tmp_path / "other.json")
    gandiag.write_statistics(GOOD, tmp_path / "a.npz", metrics="fid")
    refused("holds statistics", tmp_path / "a.npz", BAD, real=REAL, metrics="fid")


def test_refuses_a_report_of_other_parameters_or_networks(baseline):
    other = gandiag.metrics.FrechetDistance(ddof=0)
    refused("make it again with the same", GOOD, real=REAL, baseline=baseline, metrics=other)
    whole = json.loads(baseline.read_text())
    (pins,) = whole["provenance"]["extractors"].values()
    pins["weights"] = "others"
    baseline.write_text(json.dumps(whole))
    refused("was made with another weights", GOOD, real=REAL, baseline=baseline, metrics="fid")
    whole["schema"] = 99
    baseline.write_text(json.dumps(whole))
    refused("schema 99", GOOD, real=REAL, baseline=baseline, metrics="fid")


def test_scores_of_three_roles_take_heldout_images():
    heldout = normal(150, 8)
    found = gandiag.compare(GOOD, BAD, real=REAL, heldout=heldout, metrics="kid,diversity")
    without = gandiag.compare(GOOD, BAD, real=REAL, metrics="kid,diversity")
    assert [each.to_dict() for each in found.differences] == [
        each.to_dict() for each in without.differences
    ]
    found = gandiag.compare(GOOD, BAD, real=REAL, heldout=heldout, metrics=Nearest())["nearer"]
    assert found.verdict == "first"
    refused("needs held-out real images", GOOD, BAD, real=REAL, metrics="ct")


@dataclasses.dataclass(frozen=True)
class Nearest(Metric):
    """A score of three roles: how far the generated mean is from the held-out one."""

    name = "nearer"
    summary = "none"
    outputs = {"nearer": "lower"}  # noqa: RUF012
    accepts = dict.fromkeys(("real", "heldout", "generated"), (Bank,))

    def __call__(self, **statistics):
        means = {role: each.rows.double().mean(dim=0) for role, each in statistics.items()}
        rest = float((means["generated"] - means["heldout"]).norm())
        return {"nearer": Score(rest, method="none")}


@dataclasses.dataclass(frozen=True)
class Shy(Nearest):
    """One that no difference is judged of, and that cannot be computed without some rows."""

    accepts = {"generated": (Bank,)}  # noqa: RUF012

    def __call__(self, **statistics):
        return {"nearer": Score(float(statistics["generated"].rows.mean()), 0.0, 1.0)}

    def replicates(self, tell=None, **statistics):
        raise AssertionError("hours of work for nothing")

    def unjudged(self):
        return {"nearer": "it is shy"}


def test_what_is_not_judged_says_why_and_costs_nothing(tmp_path):
    found = gandiag.compare(GOOD, BAD, metrics=Shy())
    assert found["nearer"].verdict == "none"
    assert found["nearer"].words == "no verdict: it is shy"
    assert found["nearer"].difference == found["nearer"].values[0] - found["nearer"].values[1]
    assert found.summary == "No score here can tell A from B."
    path = tmp_path / "old.json"
    path.write_text(gandiag.score(BAD, metrics=Shy()).to_json())
    found = gandiag.compare(GOOD, baseline=path, metrics=Shy())["nearer"]
    assert found.words == "no verdict: it is shy"
