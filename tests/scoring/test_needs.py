"""What cannot be had is found before any image is read."""

import numpy as np
import pytest
import torch
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError
from gandiag.sources import GeneratedImages


class Unread:
    """A source that may not be read."""

    name = "unread"
    labels = None
    points = None

    def __init__(self, labels=None):
        self.known = labels

    def count(self):
        return 100

    def batches(self, size):
        raise AssertionError("images were read")

    def fingerprint(self):
        return None

    def limit(self, count, seed):
        return self

    def notes(self):
        return {}

    def labelled(self):
        return self.known is not None

    def classes(self):
        return None if self.known is None else frozenset(self.known)


@pytest.fixture
def published(tmp_path):
    """A file with mu and sigma, as pytorch-fid writes it."""
    rows = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)).numpy()
    np.savez(tmp_path / "real.npz", mu=rows.mean(0), sigma=np.cov(rows, rowvar=False))
    return tmp_path / "real.npz"


def scored(generated, real, **changes):
    return gandiag.score(generated, real, features=Corners(), cache=False, **changes)


def test_what_moments_cannot_serve_is_left_out_when_nobody_named_it(published):
    report = scored(images(30), published)
    assert set(report) == {"fd[corners]", "is[corners]"}
    told = [each.message for each in report.warnings if each.code == "left-out"]
    assert len(told) == 2
    assert all("real.npz holds mean and covariance" in each for each in told)
    assert all("give the images" in each for each in told)


def test_what_was_named_is_refused_before_the_work(published):
    with pytest.raises(
        GandiagError,
        match=r"kid needs the features of each image of corners/pixels, and .* mean and covariance",
    ):
        scored(Unread(), published, metrics="fid,kid")


@pytest.mark.parametrize("metrics", ["is,fid", "fid,is"])
def test_moments_are_those_of_the_features_whatever_comes_first(published, metrics):
    pixels = images(30)
    both = scored(pixels, published, metrics=metrics)
    assert both["fid"].value == scored(pixels, published, metrics="fid")["fid"].value
    assert both["fid"].n_real is None


def test_statistics_of_another_width_are_refused_before_the_work(tmp_path):
    np.savez(tmp_path / "wide.npz", mu=np.zeros(7), sigma=np.eye(7))
    with pytest.raises(GandiagError, match=r"wide.npz.*7 features and corners gives 6"):
        scored(Unread(), tmp_path / "wide.npz", metrics="fid")


def test_classes_are_asked_for_before_the_work():
    with pytest.raises(GandiagError, match="unread has no labels"):
        scored(Unread(), Unread(), metrics="fid", per_class=True)
    with pytest.raises(GandiagError, match="share no class"):
        scored(Unread("ab"), Unread("cd"), metrics="fid", per_class=True)
    with pytest.raises(AssertionError, match="images were read"):
        scored(Unread("ab"), Unread("bc"), metrics="fid", per_class=True)


def test_a_gate_is_on_a_number_that_there_will_be():
    scorer = gandiag.Scorer(Unread(), features=Corners(), metrics="fid,prdc", cache=False)
    inputs = scorer.open(Unread())
    scorer.check_bound("fid", inputs)
    scorer.check_bound("fd[corners]", inputs)
    scorer.check_bound("recall", inputs)
    with pytest.raises(GandiagError, match="fdi will not be computed; did you mean fid"):
        scorer.check_bound("fdi", inputs)


def test_a_gate_names_one_score():
    scorer = gandiag.Scorer(Unread(), features=Corners(), metrics="prdc(k=3),prdc,birthday")
    inputs = scorer.open(Unread())
    with pytest.raises(GandiagError, match=r"precision is the name of several scores; name prec"):
        scorer.check_bound("precision", inputs)
    scorer.check_bound("precision[corners](k=3)", inputs)
    with pytest.raises(GandiagError, match=r"birthday gives support\[corners\]: name one"):
        scorer.check_bound("birthday", inputs)


def test_classes_that_cannot_be_scored_alone_are_told():
    fake = [(images(30), ["a"] * 20 + ["b"] * 10)]
    real = [(images(33, seed=1), ["a"] * 20 + ["b"] * 3 + ["c"] * 10)]
    report = scored(fake, real, metrics="prdc", per_class=True)
    assert set(report.per_class) == {"a"}
    told = [each.message for each in report.warnings if each.code == "classes"]
    assert "has no image of c" in told[0]
    assert "class b was not scored alone: class b of real" in told[1]


def test_a_generator_makes_as_many_as_the_statistics_are_of(tmp_path):
    gandiag.write_statistics(images(70), tmp_path / "real.npz", features="pixels:2", metrics="fid")
    made = GeneratedImages("made", lambda numbers: (images(len(numbers)), None))
    report = gandiag.score(made, tmp_path / "real.npz", features="pixels:2", metrics="fid")
    assert report["fid"].n_generated == 70


def test_one_file_serves_as_statistics_and_as_images(tmp_path):
    # ADM's reference batches: images, and the moments of many more than those.
    pixels = images(40, seed=5)
    rows = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)).numpy()
    mu, sigma = rows.mean(0), np.cov(rows, rowvar=False)
    array = pixels.permute(0, 2, 3, 1).numpy()
    np.savez(tmp_path / "reference.npz", arr_0=array, mu=mu, sigma=sigma)
    np.savez(tmp_path / "moments.npz", mu=mu, sigma=sigma)
    samples = images(30)
    report = scored(samples, tmp_path / "reference.npz", metrics="fid,prdc")
    fid = scored(samples, tmp_path / "moments.npz", metrics="fid")["fid"]
    recall = scored(samples, pixels, metrics="prdc")["recall"]
    assert report["fid"].value == fid.value
    assert (report["fid"].n_real, report["recall"].n_real) == (None, 40)
    assert report["recall"].value == recall.value


def test_statistics_cannot_be_drawn_from(published):
    with pytest.raises(GandiagError, match="holds statistics"):
        scored(Unread(), published, metrics="fid", max_images=5)
