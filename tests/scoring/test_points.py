"""Points through the whole of `gandiag score`."""

import json

import numpy as np
import pytest
import torch
from toys import images

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import open_extractor
from gandiag.reporting.html import previews
from gandiag.sources import open_source
from gandiag.sources.base import Points
from gandiag.sources.mixtures import MIXTURES


def ring(count=500, seed=0):
    points, modes = MIXTURES["ring8"](count, torch.Generator().manual_seed(seed))
    return points.numpy(), modes.numpy()


@pytest.fixture
def fake(tmp_path):
    points, modes = ring()
    np.savez(tmp_path / "fake.npz", x=points, labels=modes)
    return tmp_path / "fake.npz"


def test_points_are_scored_on_their_coordinates(run, fake):
    code, out, err = run("score", fake, "--real", "dataset:ring8", "--json", "-")
    assert (code, err) == (0, "")
    whole = json.loads(out)
    assert {"fd[identity]", "kd[identity]", "precision[identity]"} <= set(whole["scores"])
    assert whole["provenance"]["sources"]["generated"]["sizes"] == {"2-d": 500}
    codes = [each["code"] for each in whole["warnings"]]
    assert codes == ["left-out", "unequal-n"]


def test_the_distance_of_shifted_points_is_the_shift():
    # Equal covariances: FD is the squared distance of the means, here of the same sample.
    points, _ = ring()
    report = gandiag.score(points + np.float32(0.25), points, metrics=["fid"], cache=False)
    # float32 coordinates near 1 carry 1e-7.
    assert report["fd[identity]"].value == pytest.approx(2 * 0.25**2, rel=1e-5)


def test_named_and_left_out_is_the_same(fake):
    by_name = gandiag.score(fake, "dataset:ring8", features="identity", metrics=["fid"])
    assert (
        by_name["fid"].value == gandiag.score(fake, "dataset:ring8", metrics=["fid"])["fid"].value
    )


@pytest.mark.parametrize(
    ("real", "features", "sentence"),
    [
        ("dataset:digits", None, "dataset:digits holds images and .* holds 2-d points"),
        ("dataset:ring8", "lite0", "lite0 reads images, and these are 2-d points"),
        ("dataset:ring8", "identity:3", "identity:3 reads images|these are 2-d points"),
    ],
)
def test_points_and_images_do_not_mix(run, fake, real, features, sentence):
    options = ("--features", features) if features else ()
    code, out, err = run("score", fake, "--real", real, *options)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    with pytest.raises(GandiagError, match=sentence):
        gandiag.score(fake, real, features=features)


@pytest.mark.parametrize("features", ["identity", "identity:2"])
def test_images_are_refused_by_identity(features):
    with pytest.raises(GandiagError, match=r"for points|reads 2-d points and was given images"):
        gandiag.score(images(20), images(20), features=features)


def test_the_identity_changes_nothing():
    extractor = open_extractor("identity:3", device=torch.device("cpu"))
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(extractor(extractor.prepare(x), {"values"})["values"], x)
    with pytest.raises(GandiagError, match="2-d points"):
        extractor.prepare(x[:, :2])


def test_statistics_of_points_can_be_saved(run, fake, tmp_path):
    path = tmp_path / "real.npz"
    assert run("stats", "dataset:ring8", "-o", path)[0] == 0
    saved = gandiag.score(fake, path, metrics=["kid"])["kid"].value
    assert saved == gandiag.score(fake, "dataset:ring8", metrics=["kid"])["kid"].value


def test_the_page_shows_points_in_two_dimensions(fake, run, tmp_path):
    html = tmp_path / "page.html"
    code, _, _ = run("score", fake, "--real", "dataset:ring8", "--metrics", "fid", "--html", html)
    assert code == 0
    assert html.read_text().count("data:image/png") == 2
    assert previews({"generated": open_source(np.zeros((5, 3)))}, Points(3)) == {}


def test_a_perfect_sampler_covers_the_ring(run, fake):
    code, out, err = run("score", fake, "--real", "dataset:ring8", "--metrics", "modes")
    assert (code, err) == (0, "")
    assert "of 8" in out
    assert "floor 0.007" in out  # 7 / 2N, N about 495 of high quality
    report = gandiag.score(fake, "dataset:ring8", metrics=["modes"])
    # Four standard errors of 500 Bernoulli draws.
    assert report["high_quality"].value == pytest.approx(1 - np.exp(-4.5), abs=4 * 0.0047)
    assert (
        report["label_agreement"].value == report["high_quality"].value
    )  # its labels are its modes


def test_points_have_no_logits_and_no_network_to_choose(fake):
    with pytest.raises(GandiagError, match=r"is needs class logits, .*; give images"):
        gandiag.score(fake, "dataset:ring8", metrics="is")


def test_warnings_speak_of_points(tmp_path):
    points, modes = ring(20)
    np.savez(tmp_path / "copies.npz", x=np.r_[points, points], labels=np.r_[modes, modes + 8])
    np.savez(tmp_path / "real.npz", x=points, labels=modes)
    report = gandiag.score(tmp_path / "copies.npz", tmp_path / "real.npz", metrics=["modes", "fid"])
    told = {each.code: each.message for each in report.warnings}
    assert "labels of the generated (10, 11" in told["unknown-classes"]
    assert "are not the classes 0, 1" in told["unknown-classes"]
    assert "40 of the points of" in told["overlap"]
    assert "20 of the 40 points of" in told["duplicates"]
    assert "image" not in "".join(told.values())
    with pytest.raises(GandiagError, match=r"holds 1 point and .*; add points"):
        gandiag.score(points[:1], points, metrics=["fid"])
    wide = np.tile(points, (1, 20))
    warnings = gandiag.score(wide + 1, wide, metrics=["fid"]).warnings
    (small,) = [each.message for each in warnings if each.code == "small-sample"]
    assert small.count("has 20") == 2
    assert "points, fewer than the 40 features" in small


def test_modes_that_nobody_named(run, fake, tmp_path):
    np.save(tmp_path / "real.npy", ring(100, 1)[0])
    code, _, err = run("score", fake, "--real", tmp_path / "real.npy", "--metrics", "modes")
    assert code == 2
    assert "modes needs real points with labels" in err
    np.savez(tmp_path / "real.npz", x=ring(4000, 1)[0], labels=ring(4000, 1)[1])
    report = gandiag.score(fake, tmp_path / "real.npz", metrics=["modes"])
    assert report["modes"].value == 8
