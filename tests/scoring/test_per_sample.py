"""Numbers of single images keep to their images, whichever way these come."""

import csv
import io
import math

import pytest
import torch
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import PRDC, Realism
from gandiag.reporting.per_sample import PerSample
from gandiag.statistics import Bank

FAKE, REAL = images(21), images(30, seed=1)
METRICS = "fid,realism,prdc(k=3),authenticity"
NUMBERS = ["realism", "rarity", "in_real_ball", "density", "authentic"]


def scorer(**changes):
    given = {"features": Corners(), "metrics": METRICS, "cache": False, "per_sample": True}
    return gandiag.Scorer(**given | changes)


def at_once(**changes):
    return scorer(real=REAL, **changes)(FAKE)


def same(found, other):
    assert list(found.values) == list(other.values)
    for name, values in found.values.items():
        torch.testing.assert_close(values, other.values[name], rtol=1e-9, atol=0, equal_nan=True)


def test_the_report_has_each_number_of_each_image():
    report = at_once()
    each = report.per_sample
    assert list(each.values) == NUMBERS
    assert all(values.shape == (21,) for values in each.values.values())
    assert len(set(each.names)) == 21
    # Means of these are the scores of the whole.
    for name, score in [("in_real_ball", "precision"), ("density", "density")]:
        assert float(each.values[name].mean()) == pytest.approx(report[score].value)
    assert float(each.values["authentic"].mean()) == pytest.approx(report["authenticity"].value)
    assert float(each.values["realism"].median()) == pytest.approx(report["realism"].value)


def test_they_follow_their_images():
    order = torch.randperm(21, generator=torch.Generator().manual_seed(0))
    plain, mixed = at_once().per_sample, scorer(real=REAL)(FAKE[order]).per_sample
    for name, values in plain.values.items():
        torch.testing.assert_close(
            mixed.values[name], values[order], rtol=1e-9, atol=0, equal_nan=True
        )


def test_none_unless_asked_for():
    assert at_once(per_sample=False).per_sample is None
    report = at_once()
    assert "per_sample" not in report.to_dict()
    assert list(report) == list(at_once(per_sample=False))


def test_names_are_those_of_files(tmp_path):
    from torchvision.utils import save_image

    for i, image in enumerate(FAKE):
        save_image(image / 255, tmp_path / f"{chr(ord('a') + i)}.png")
    each = scorer(real=REAL)(tmp_path).per_sample
    assert [name.rpartition("/")[2] for name in each.names] == [
        f"{chr(ord('a') + i)}.png" for i in range(21)
    ]
    same(each, at_once().per_sample)


def fed(made, fake=FAKE, real=REAL):
    for part in fake.split(4):
        made.update(part)
    if real is not None:
        made.update(real, real=True)
    return made


def test_bit_by_bit_saved_merged_and_loaded(tmp_path):
    due = at_once().per_sample
    whole = fed(scorer()).compute().per_sample
    same(whole, due)
    assert whole.names == tuple(f"generated[{i}]" for i in range(21))
    one, other = fed(scorer(), FAKE[:9]), fed(scorer(), FAKE[9:], None)
    one.merge(other)
    merged = one.compute().per_sample
    same(merged, due)
    assert len(merged.names) == 21
    one.save(tmp_path / "half.npz")
    loaded = scorer()
    loaded.load(tmp_path / "half.npz")
    assert loaded.compute().per_sample.names == merged.names
    loaded.update(FAKE[:3])
    longer = loaded.compute().per_sample
    assert longer.names == (*merged.names, *(f"generated[{i}]" for i in range(21, 24)))
    assert len(longer.values["realism"]) == 24


def test_statistics_without_names_are_named_by_nothing(tmp_path):
    from gandiag.scoring.gathered import Gathered
    from gandiag.scoring.plan import Want

    want = Want("corners", "pixels", "bank")
    known, unknown = (
        Gathered(name, 2, {want: Bank.of(torch.zeros(2, 3))}, names=names)
        for name, names in [("a", ("x", "y")), ("b", ())]
    )
    assert (known + unknown).names == ("x", "y", "", "")
    assert (unknown + known).names == ("", "", "x", "y")
    assert (unknown + unknown).names == ()


def test_two_with_one_name_are_told_apart():
    each = at_once(metrics=(Realism(k=3), Realism(k=4), PRDC(k=3))).per_sample
    first, second = [name for name in each.values if name.startswith("realism")]
    assert first != second
    assert "k=3" in first
    assert "k=4" in second
    assert "in_real_ball" in each.values


def test_a_metric_without_any_is_refused_before_the_work(monkeypatch):
    monkeypatch.setattr("gandiag.scoring.scorer.collect", lambda *_, **__: pytest.fail("begun"))
    with pytest.raises(GandiagError, match=r"fid, kid has no number .* prdc, .*realism"):
        at_once(metrics="fid,kid")


def test_bit_by_bit_it_is_refused_too():
    scorer = gandiag.Scorer(
        options=gandiag.Options(features="pixels:4", metrics="fid", per_sample=True)
    )
    scorer.update(FAKE)
    scorer.update(REAL, real=True)
    with pytest.raises(GandiagError, match="fid has no number of single images"):
        scorer.compute()


def test_the_table():
    values = {"realism": torch.tensor([1.5, math.inf]), "rarity": torch.tensor([math.nan, 0.1])}
    each = PerSample(("a,b.png", 'c"'), {name: x.double() for name, x in values.items()})
    lines = list(csv.reader(io.StringIO(each.to_csv())))
    assert lines[0] == ["name", "realism", "rarity"]
    assert lines[1] == ["a,b.png", "1.5", ""]
    assert lines[2][:2] == ['c"', "inf"]
    assert float(lines[2][2]) == float(each.values["rarity"][1])
