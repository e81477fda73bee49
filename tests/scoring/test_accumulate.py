"""Images that come bit by bit give the number that they give at once."""

import numpy as np
import pytest
import torch
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError
from gandiag.scoring.gather import Pass
from gandiag.scoring.plan import Want
from gandiag.sources import open_source
from gandiag.sources.mixtures import MIXTURES

BANK, MOMENTS = Want("corners", "pixels", "bank"), Want("corners", "pixels", "moments")

METRICS = "fid,kid,is,prdc,vendi"
FAKE, REAL = images(70), images(50, seed=1)
# Sums in another order, of float64.
CLOSE = 1e-12


def scorer(**changes):
    return gandiag.Scorer(**{"features": Corners(), "metrics": METRICS, "cache": False} | changes)


def fed(made, size=9, fake=FAKE, real=REAL):
    for start in range(0, len(fake), size):
        made.update(fake[start : start + size])
    for start in range(0, len(real), size):
        made.update(real[start : start + size], real=True)
    return made


def same(report, other, close=CLOSE):
    assert list(report) == list(other)
    ends = max(close, 1e-9)
    for name in report:
        assert report[name].value == pytest.approx(other[name].value, rel=close, abs=close)
        found, expected = report[name].interval, other[name].interval
        assert (found is None) == (expected is None)
        assert found is None or found == pytest.approx(expected, rel=ends, abs=ends)
        assert report[name].n_real == other[name].n_real


def at_once(fake=FAKE, real=REAL, **changes):
    keywords = {"features": Corners(), "metrics": METRICS, "cache": False}
    return gandiag.score(fake, real, **keywords | changes)


@pytest.mark.parametrize("size", [1, 7, 32, 1000])
@pytest.mark.parametrize("batch_size", [4, 32])
def test_the_same_number_at_any_batch_size(size, batch_size):
    same(fed(scorer(batch_size=batch_size), size).compute(), at_once())


@pytest.mark.parametrize("count", [5, 6, 7])
def test_the_same_number_about_the_width(count):
    # Fewer rows than columns are kept as they are; of more, moments are.
    fake, real = images(count), images(count, seed=1)
    made = fed(scorer(metrics="fid"), 2, fake, real)
    same(made.compute(), at_once(fake, real, metrics="fid"))


@pytest.mark.parametrize(("count", "kind"), [(5, "bank"), (6, "moments"), (1500, "moments")])
def test_rows_are_kept_only_while_they_are_few(count, kind):
    going = Pass("real", [Corners()], [MOMENTS], batch_size=4, brief=[BANK])
    for batch in open_source(images(count)).batches(7):
        going.add(batch)
        going.gathered()
    assert [want.kind for want in going.gathered().statistics] == [kind]


def test_a_network_gives_the_same_number(monkeypatch):
    fake, real = images(11, size=(16, 16)), images(9, seed=1, size=(16, 16))
    made = fed(scorer(features="lite0", metrics="fid,kid"), 4, fake, real)
    same(made.compute(), at_once(fake, real, features="lite0", metrics="fid,kid"))


def test_a_network_gives_the_same_number_in_two_sittings(tmp_path):
    fake, real = images(11, size=(16, 16)), images(9, seed=1, size=(16, 16))
    keywords = {"features": "lite0", "metrics": "fid,kid"}
    first, rest, last = (scorer(**keywords) for _ in range(3))
    fed(first, 4, fake[:5], real[:3]).save(tmp_path / "first.npz")
    rest.load(tmp_path / "first.npz")
    rest.merge(fed(last, 4, fake[5:], real[3:]))
    # Convolutions of one image and of four sum in another order, in float32.
    same(rest.compute(), at_once(fake, real, **keywords), close=1e-6)


def test_a_scorer_without_real_images_scores_a_set_after_batches():
    made = scorer(metrics=None)
    made.update(FAKE)
    assert list(made(FAKE)) == list(made.compute()) == ["is[corners]"]


def test_computing_changes_nothing():
    made = scorer()
    made.update(REAL, real=True)
    for start in range(0, 70, 10):
        made.update(FAKE[start : start + 10])
        if start >= 10:
            made.compute()
    same(made.compute(), at_once())


def test_the_real_ones_may_come_from_a_source():
    made = scorer(real=REAL)
    made.update(FAKE)
    same(made.compute(), at_once())
    with pytest.raises(GandiagError, match="real images of this scorer are real"):
        made.update(REAL, real=True)


def test_reset_forgets():
    made = fed(scorer())
    made.reset(real=False)
    made.update(REAL)
    same(made.compute(), at_once(REAL))
    made.reset()
    with pytest.raises(GandiagError, match="no generated image was given"):
        made.compute()


def test_merge_is_both():
    halves = [fed(scorer(), 9, FAKE[:40], REAL[:20]), fed(scorer(), 9, FAKE[40:], REAL[20:])]
    halves[0].merge(halves[1])
    same(halves[0].compute(), at_once())
    with pytest.raises(GandiagError, match="equal options"):
        halves[0].merge(fed(scorer(seed=1)))


@pytest.mark.parametrize(("one", "two"), [(65, 5), (5, 65), (3, 2)])
def test_merge_of_a_long_and_a_short_one(one, two):
    # The short one remembers rows, the long one moments.
    fake, real = images(one + two), images(one + two, seed=1)
    halves = [scorer(metrics="fid"), scorer(metrics="fid")]
    fed(halves[0], 9, fake[:one], real[:one])
    fed(halves[1], 9, fake[one:], real[one:])
    halves[0].merge(halves[1])
    same(halves[0].compute(), at_once(fake, real, metrics="fid"), close=1e-10)


def test_merge_with_itself_is_twice():
    made = fed(scorer(metrics="kid"))
    made.merge(made)
    assert made.compute()["kid"].n_real == 100


def test_real_images_of_another_are_not_dropped():
    made = scorer(real=REAL)
    made.update(FAKE)
    with pytest.raises(GandiagError, match="real images of this scorer are real"):
        made.merge(fed(scorer()))


def test_a_batch_that_is_refused_is_not_counted():
    class Picky(Corners):
        def prepare(self, images):
            if images.shape[2] != 4:
                raise GandiagError("only 4 x 4")
            return super().prepare(images)

    made = scorer(features=Picky(), metrics="vendi")
    made.update(FAKE[:20])
    with pytest.raises(GandiagError, match="only 4 x 4"):
        made.update(images(5, size=(5, 5)))
    made.update(FAKE[20:])
    assert made.compute().provenance["sources"]["generated"]["n"] == 70


def test_what_was_left_out_of_a_set_comes_in_with_batches():
    made = scorer(metrics=None)
    assert list(made(FAKE)) == ["is[corners]"]
    same(fed(made).compute(), at_once(metrics=None))


def test_what_a_source_said_of_a_batch_is_told():
    made = scorer(metrics="vendi")
    made.update(FAKE.float() / 255, value_range=(-1, 1))
    assert [each.code for each in made.compute().warnings] == ["half-range"]
    made.update(FAKE.float() / 127.5 - 1, value_range=(-1, 1))
    assert [each.code for each in made.compute().warnings] == []  # not of all


def test_what_update_cannot_do_is_refused():
    with pytest.raises(GandiagError, match="2 labels for 70 images"):
        scorer().update(FAKE, labels=[1, 2])
    with pytest.raises(GandiagError, match="max_images draws from a source"):
        scorer(max_images=20).update(FAKE)
    with pytest.raises(GandiagError, match="no metric 'fdi'"):
        scorer(metrics="fdi")
    with pytest.raises(GandiagError, match="no protocol 'adn'; did you mean adm"):
        scorer(protocol="adn")


def test_a_state_without_what_the_metrics_need_is_refused(tmp_path):
    fed(scorer(metrics="fid")).save(tmp_path / "half.npz")
    with pytest.raises(GandiagError, match="does not hold what prdc needs"):
        scorer(metrics="fid,prdc").load(tmp_path / "half.npz")
    with pytest.raises(GandiagError, match=r"was written by Scorer\.save; Scorer\.load reads it"):
        gandiag.score(FAKE, tmp_path / "half.npz", features=Corners(), metrics="fid")


def test_real_batches_go_with_batches():
    made = scorer(metrics="fid")
    made.update(REAL, real=True)
    with pytest.raises(GandiagError, match=r"go with update\(samples\) and compute"):
        made(FAKE)


def test_labels_of_points_are_refused():
    points = torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises(GandiagError, match="labels go with images here"):
        gandiag.Scorer(metrics="vendi").update(points, labels=["a"] * 10)


def test_a_saved_state_keeps_the_mixture(tmp_path):
    points, _ = MIXTURES["ring8"](200, torch.Generator().manual_seed(0))
    first, rest = (gandiag.Scorer("dataset:ring8", metrics="modes") for _ in range(2))
    first.update(points[:100])
    first.save(tmp_path / "half.npz")
    rest.load(tmp_path / "half.npz")
    rest.update(points[100:])
    first.update(points[100:])
    report, other = rest.compute(), first.compute()
    assert list(report) == list(other)
    assert all(report[name].score == other[name].score for name in report)
    assert "means=((1.0, 0.0)" in report["modes"].parameters


def test_a_load_that_is_refused_changes_nothing(tmp_path):
    fed(scorer()).save(tmp_path / "half.npz")
    other = fed(scorer(features=Corners(resize="another")))
    before = other.compute()
    with pytest.raises(GandiagError, match="other features"):
        other.load(tmp_path / "half.npz")
    same(other.compute(), before)


def test_what_was_saved_goes_on(tmp_path):
    half = fed(scorer(), 9, FAKE[:33], REAL[:20])
    half.save(tmp_path / "half.npz")
    rest = scorer()
    rest.load(tmp_path / "half.npz")
    same(fed(rest, 9, FAKE[33:], REAL[20:]).compute(), at_once())


def test_points_that_were_saved_go_on(tmp_path):
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(60, 2, generator=rng), torch.randn(60, 2, generator=rng)
    made, rest = gandiag.Scorer(metrics="fid"), gandiag.Scorer(metrics="fid")
    made.update(a[:30])
    made.update(b, real=True)
    made.save(tmp_path / "half.npz")
    rest.load(tmp_path / "half.npz")
    rest.update(a[30:])
    same(rest.compute(), gandiag.score(a, b, metrics="fid", cache=False))


def test_what_was_saved_with_other_features_is_refused(tmp_path):
    fed(scorer()).save(tmp_path / "half.npz")
    with pytest.raises(GandiagError, match="made with other features than corners"):
        scorer(features=Corners(resize="another")).load(tmp_path / "half.npz")
    np.savez(tmp_path / "other.npz", mu=np.zeros(3), sigma=np.eye(3))
    with pytest.raises(GandiagError, match=r"other.npz was not written by Scorer.save"):
        scorer().load(tmp_path / "other.npz")


def test_labels_come_with_the_batches():
    labels = torch.arange(70) % 2
    made = scorer(per_class=True, metrics="fid")
    for start in range(0, 70, 9):
        made.update(FAKE[start : start + 9], labels=labels[start : start + 9])
    made.update(REAL, real=True, labels=(torch.arange(50) % 2).tolist())
    report = made.compute()
    assert set(report.per_class) == {"0", "1"}
    assert report.per_class["1"][0].n_generated == 35


def test_floats_have_a_stated_range():
    # Levels / 255 come back to the level that they were made of.
    made = scorer()
    made.update(FAKE.float() / 255, value_range=(0, 1))
    made.update(REAL.float() / 127.5 - 1, real=True, value_range=(-1, 1))
    same(made.compute(), at_once())


def test_points_may_be_given():
    rng = torch.Generator().manual_seed(0)
    a, b = torch.randn(60, 2, generator=rng), torch.randn(60, 2, generator=rng)
    made = gandiag.Scorer(metrics="fid,kid")
    for part in a.split(13):
        made.update(part)
    made.update(b, real=True)
    same(made.compute(), gandiag.score(a, b, metrics="fid,kid", cache=False))
    with pytest.raises(GandiagError, match="was given points before"):
        made.update(FAKE)


def test_without_real_images_what_needs_them_is_said():
    made = scorer(metrics=None)
    made.update(FAKE)
    report = made.compute()
    assert list(report) == ["is[corners]"]
    assert [each.code for each in report.warnings][:3] == ["left-out"] * 3
    named = scorer(metrics="fid")
    named.update(FAKE)
    with pytest.raises(GandiagError, match=r"update\(images, real=True\) first"):
        named.compute()
