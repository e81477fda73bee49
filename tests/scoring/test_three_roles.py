"""Metrics that compare with unseen real images: given, left out, refused, and without a floor."""

import pytest
import torch
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import CT, FLD, data_copying
from gandiag.scoring import write_statistics
from gandiag.sources import open_source

REAL, HELDOUT, FAKE = images(40, seed=0), images(30, seed=1), images(35, seed=2)
METRICS = (CT(), "kid")
BOTH = (CT(), FLD())


def scored(generated=FAKE, real=REAL, **changes):
    options = {"features": Corners(), "cache": False, "metrics": METRICS} | changes
    return gandiag.score(generated, real, **options)


def features(x):
    net = Corners()
    return net(net.prepare(x), [net.features])[net.features].flatten(1)


def test_each_role_reaches_the_metric():
    report = scored(heldout=HELDOUT)
    sets = {"real": REAL, "heldout": HELDOUT, "generated": FAKE}
    expected = data_copying(**{role: features(x) for role, x in sets.items()})
    assert report["ct"].value == pytest.approx(expected.value, rel=1e-9)
    assert (report["ct"].n_generated, report["ct"].n_real) == (35, 40)
    exchanged = scored(HELDOUT, heldout=FAKE)
    assert exchanged["ct"].value == pytest.approx(-expected.value, rel=1e-9)


def test_there_is_no_floor_where_held_out_images_are_a_role_of_their_own():
    report = scored(heldout=HELDOUT, metrics=(*BOTH, "kid"))
    assert report["ct"].heldout is None
    assert report["fld"].heldout is None
    assert report["kid"].heldout is not None


@pytest.mark.parametrize("metrics", ["ct", "fld,kid"])
def test_without_held_out_images_what_was_named_is_refused(metrics):
    with pytest.raises(GandiagError, match="needs held-out real images; give them with --heldout"):
        scored(metrics=metrics)


def test_without_held_out_images_all_the_others_are_computed():
    report = scored(metrics="all")
    assert "ct" not in report
    told = [each.message for each in report.warnings if each.code == "left-out"]
    sentence = "was left out: it needs held-out real images (give them with --heldout)"
    assert {f"ct {sentence}", f"fld {sentence}"} <= {*told}


def test_held_out_images_are_counted_before_the_long_work():
    with pytest.raises(GandiagError, match=r"holds 1 image and fld needs at least 2"):
        scored(heldout=HELDOUT[:1], metrics=BOTH)
    # As a role of its own one row would do; standing in for generated ones it would not.
    assert "ct" in scored(heldout=HELDOUT[:1], metrics="ct")


def test_a_scorer_takes_batches_beside_held_out_images():
    with pytest.raises(GandiagError, match="--heldout is compared with the real images"):
        gandiag.Scorer(heldout=HELDOUT, features=Corners(), metrics=METRICS)
    scorer = gandiag.Scorer(REAL, heldout=HELDOUT, features=Corners(), metrics=METRICS, cache=False)
    scorer.update(FAKE[:20])
    scorer.update(FAKE[20:])
    whole = scored(heldout=HELDOUT)
    assert scorer.compute()["ct"].value == pytest.approx(whole["ct"].value, rel=1e-9)


def test_saved_statistics_serve_as_held_out_ones(tmp_path):
    path = tmp_path / "heldout.npz"
    write_statistics(HELDOUT, path, features=Corners(), metrics=BOTH)
    assert scored(heldout=path)["ct"].value == scored(heldout=HELDOUT)["ct"].value
    write_statistics(HELDOUT, path, features=Corners(), metrics="fid")
    with pytest.raises(GandiagError, match="ct needs the features of each image"):
        scored(heldout=path, metrics="ct")


def test_classes_are_taken_together():
    labels = [["a", "b"][i % 2] for i in range(40)]
    sets = [[(x, labels[: len(x)])] for x in (FAKE, REAL)]
    report = scored(
        *map(open_source, sets), heldout=HELDOUT, per_class=True, metrics=(*BOTH, "kid")
    )
    assert "ct" in report
    assert {row.output for row in report.per_class["a"]} == {"kid"}
    assert any("ct, fld took all classes together" in each.message for each in report.warnings)


def test_held_out_images_among_the_real_ones_are_told():
    report = scored(heldout=torch.cat((HELDOUT, REAL[:3])))
    (told,) = [each.message for each in report.warnings if each.code == "heldout-overlap"]
    assert told.startswith("3 of the images of heldout (Tensor) are in real (Tensor) too")
    assert not [each for each in scored(heldout=HELDOUT).warnings if each.code == told]
