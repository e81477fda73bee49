"""A metric that is broken on purpose turns a verdict; whole, the same experiment is green."""

import pytest
import torch

from gandiag.extractors import resizing
from gandiag.metrics import InceptionScore, frechet, kernel, memberships
from gandiag.statistics import Moments
from reference_models.papers import FAILED, find, judge


def failed(name):
    """Names of what does not hold at the small budget."""
    experiment = find(name)
    found = judge(experiment, experiment.run("small", 0))
    return {each.published.name for each in found if each.verdict in FAILED}


def test_a_covariance_by_n(monkeypatch):
    """Shrinks ten points' deviations by sqrt(.9): the true order of the pair is half hidden."""
    assert failed("binkowski2018-fid-bias") == set()
    whole = Moments.covariance_with
    monkeypatch.setattr(Moments, "covariance_with", lambda self, ddof: whole(self, 0))
    assert "line P2 - P1" in failed("binkowski2018-fid-bias")


def with_tie(tie, monkeypatch):
    """Whatever is asked for."""
    whole = memberships.Balls
    monkeypatch.setattr(memberships, "Balls", lambda *how: whole(*how[:-1], tie))


def test_open_balls_for_closed_ones(monkeypatch):
    assert failed("naeem2020-prdc") == set()
    with_tie("<", monkeypatch)
    wrong = failed("naeem2020-prdc")
    assert wrong == {f"closed {name}" for name in ("precision", "recall", "density", "coverage")}


def test_closed_balls_for_open_ones(monkeypatch):
    with_tie("<=", monkeypatch)
    wrong = failed("naeem2020-prdc")
    assert wrong == {f"open {name}" for name in ("precision", "recall", "density", "coverage")}


def test_a_split_too_many(monkeypatch):
    assert failed("barratt2018-is") == set()
    whole = InceptionScore.split

    def one_more(self, logits):
        return whole(InceptionScore(splits=self.splits + 1), logits)

    monkeypatch.setattr(InceptionScore, "split", one_more)
    assert {"few, 1", "few, 2", "few, 10"} <= failed("barratt2018-is")


def test_a_kernel_with_its_diagonal(monkeypatch):
    assert failed("binkowski2018-kid-unbiased") == set()
    whole = kernel._within

    def biased(x):
        means, square = whole(x)
        n = len(x)
        diagonal = torch.stack([kernel.cubic_kernel(row[None], row[None])[0, 0] for row in x])
        return (means * (n - 1) + diagonal) / n, square

    monkeypatch.setattr(kernel, "_within", biased)
    wrong = failed("binkowski2018-kid-unbiased")
    assert {"kid at 50", "kid at 100", "kid at 200"} <= wrong


def test_a_resize_with_half_pixel_centres(monkeypatch):
    assert failed("heusel2017-disturb") == set()
    monkeypatch.setitem(resizing.RESIZES, "tf1", resizing.torch_bilinear)
    assert failed("heusel2017-disturb") == {"shift"}


def test_a_root_of_the_covariances_left_out(monkeypatch):
    """The Fréchet distance without its cross term."""

    def assembled(real, generated, spectrum):
        return float((real.mean - generated.mean).square().sum() + real.factor.square().sum())

    monkeypatch.setattr(frechet, "_assemble", assembled)
    assert "population P1" in failed("binkowski2018-fid-bias")


@pytest.mark.parametrize(("wrong", "name"), [("minimax", "slope, non-saturating")])
def test_the_losses_exchanged(monkeypatch, wrong, name):
    from reference_models.papers import arjovsky2017_js_gradient as experiment

    exchanged = {**experiment.LOSSES, "non-saturating": experiment.LOSSES[wrong]}
    monkeypatch.setattr(experiment, "LOSSES", exchanged)
    assert name in failed("arjovsky2017-js-gradient")
