"""The picture of which metric sees what: its rules, and that it is of the code at hand."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

command = pytest.importorskip("benchmarks.sensitivity.__main__")
from benchmarks.sensitivity import disturbances as the  # noqa: E402
from benchmarks.sensitivity import measure, picture, sets, verdicts  # noqa: E402

ROWS = command.read(command.OUT)
SMALL = sets.World("dataset:digits", sets.Sizes(real=300, heldout=60, pool=600, more=60, base=60))


def test_the_rows_were_made_by_this_code():
    digests = {(row["case"], row["network"]) for row in ROWS}
    now = {each: measure.digest(*each) for each in digests}
    old = {row["case"] for row in ROWS if row["digest"] != now[row["case"], row["network"]]}
    order = " ".join(case for case in measure.CASES if case in old)
    assert not old, f"of other code: python -m benchmarks.sensitivity --features F --only {order}"


def test_a_row_depends_on_its_own_metric_and_network_alone():
    files = measure.sources("vendi", "lite0")
    assert "gandiag/metrics/vendi.py" in files
    assert "gandiag/extractors/timm_models.py" in files  # which lite0 imports
    assert "gandiag/metrics/__init__.py" not in files
    assert "gandiag/metrics/frechet.py" not in files
    assert "benchmarks/sensitivity/picture.py" not in files


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    return sets.Features(SMALL, "pixels:8", tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def found(features):
    some = {
        "salt": dataclasses.replace(the.DISTURBANCES["salt"], strengths=(0.2, 0.5)),
        "few": dataclasses.replace(the.DISTURBANCES["few"], strengths=(1.0,)),
    }
    rows = [measure.measured(case, 60, features, some) for case in ("fid", "vendi")]
    assert [len(row["null"][row["case"]]) for row in rows] == [measure.NULLS] * 2
    return {output: each for row in rows for output, each in verdicts.verdicts(row, 600).items()}


class TestSmall:
    """60 digits as pixels: signs that theory knows."""

    def test_the_distance_grows_under_both(self, found):
        assert not found["fid"]["salt"].better
        assert not found["fid"]["few"].better
        assert found["fid"]["salt"].level == found["fid"]["few"].level == 0

    def test_few_images_are_fewer_and_noise_passes_for_variety(self, found):
        assert found["vendi"]["few"] == verdicts.Verdict(0, better=False)
        assert found["vendi"]["salt"] == verdicts.Verdict(0, better=True)

    def test_what_would_take_too_long_has_no_values(self, features):
        row = measure.measured("vendi", 60, features, seconds=-1.0)
        assert "null" not in row
        assert command.stale([row], "vendi", 60, "pixels:8", seconds=math.inf)
        assert not command.stale([row], "vendi", 60, "pixels:8", seconds=-1.0)


class TestVerdict:
    def test_beyond_four_deviations_on_one_side_from_there_on(self):
        assert verdicts.verdict([1.0, 5.0, 9.0], "lower") == (1, False)
        assert verdicts.verdict([1.0, 5.0, 9.0], "higher") == (1, True)
        assert verdicts.verdict([5.0, 1.0, 9.0], "lower") == (2, False)
        assert verdicts.verdict([-9.0, 5.0, 5.0], "lower") == (1, False)
        assert verdicts.verdict([9.0, 9.0, 3.9], "lower").level is None
        assert verdicts.verdict([math.nan, 9.0], "lower") == (1, False)
        assert verdicts.verdict([9.0, math.nan], "lower").level is None

    def test_the_deviation_is_that_of_an_endless_pool(self):
        """A mean of n of P without replacement has variance s^2 (1/n - 1/P)."""
        rng = np.random.default_rng(0)
        pool = rng.normal(size=100)
        null = [pool[rng.permutation(100)[:50]].mean() for _ in range(4000)]
        (z,) = verdicts.scores_of(null, [pool.mean() + 1.0], 0.5, 50)
        # The deviation of 4,000 draws is off by 1 / sqrt(8000); three of these.
        assert z == pytest.approx(math.sqrt(50) / pool.std(ddof=1), rel=0.035)

    def test_one_image_is_not_seen_where_the_null_never_moved(self):
        one, two = verdicts.scores_of([0.0] * 12, [1 / 250, 2 / 250], 0.1, 250)
        assert one < verdicts.THRESHOLD < two

    def test_what_is_skewed_can_fall_as_far_as_it_can_rise(self):
        null = [math.exp(30 + i - 5.5) for i in range(12)]
        up, down = verdicts.scores_of(null, [math.exp(50), math.exp(10)], 0.0, 250)
        assert up == pytest.approx(-down)
        assert up == pytest.approx(20 / math.sqrt(13))  # 12 * 13 / 12 is the variance of 1 .. 12
        shares = [i / 250 for i in range(1, 13)]
        (rise,) = verdicts.scores_of(shares, [0.1], 0.0, 250)
        assert rise == pytest.approx((25 - 6.5) / math.sqrt(13))


class TestDisturbances:
    @pytest.mark.parametrize("key", [k for k, each in the.DISTURBANCES.items() if each.pixels])
    def test_pixels_change_more_with_strength_and_always_alike(self, key):
        images = SMALL.images("pool")[:40].repeat_interleave(4, 2).repeat_interleave(4, 3)
        changed = [the.disturbed(key, s, images) for s in the.DISTURBANCES[key].strengths]
        assert torch.equal(
            changed[0], the.disturbed(key, the.DISTURBANCES[key].strengths[0], images)
        )
        moved = [float((each.float() - images).abs().mean()) for each in changed]
        assert moved == sorted(moved)
        assert changed[0].dtype == torch.uint8
        assert changed[0].shape == images.shape
        assert torch.equal(changed[-1][:, 0], changed[-1][:, 2])  # grey stays grey

    @pytest.mark.parametrize("key", [k for k, each in the.DISTURBANCES.items() if each.sample])
    def test_samples_are_of_the_size_asked_for(self, key):
        for strength in the.DISTURBANCES[key].strengths:
            sample = measure.sample_of(key, strength, SMALL, 60)
            assert sum(len(part.rows) for part in sample.parts) == len(sample.labels) == 60

    def test_what_each_does(self):
        def of(key, strength):
            return measure.sample_of(key, strength, SMALL, 60)

        assert len(set(of("classes", 3.0).labels)) == 7
        rarer = of("rarer", 0.9)
        first = np.unique(SMALL.pool.pool)[0]
        assert (rarer.labels == first).sum() > 50  # .1 + .9 * .9 of 60, and chance
        few = of("few", 4.0)
        shown = few.parts[0].rows
        assert all(len(set(shown[few.labels == label])) <= 4 for label in set(few.labels))
        copied = of("copies", 0.2).parts[0]
        assert copied.name == "real"
        assert len(set(copied.rows)) == 12
        shuffled = of("labels", 0.5)
        true = SMALL.pool.pool[shuffled.parts[0].rows]
        assert sorted(true) == sorted(shuffled.labels)
        assert 10 < (true != shuffled.labels).sum() <= 30

    def test_sets_are_disjoint(self):
        names = ("real", "heldout", "pool", "more")
        assert [len(SMALL.images(name)) for name in names] == [300, 60, 600, 60]
        whole = torch.cat([SMALL.images(name) for name in names]).flatten(1)
        assert len(torch.unique(whole, dim=0)) == len(whole)


def test_the_picture_and_the_table_hold_every_score(tmp_path):
    null = {"fid": [float(i) for i in range(12)]}
    row = {"case": "fid", "n": 250, "network": "lite0", "digest": "", "seconds": 1.0}
    seen = {"fid": {key: [0.0, 99.0, 99.0] for key in the.DISTURBANCES}}
    rows = [{**row, "null": null, "disturbed": seen}, {**row, "case": "critic", "n": 1000}]
    lines = list(picture.table(rows))
    assert "| `fid` | 8 | 0.5 |" in lines[3]
    assert "critic at N = 1,000 was left out: 1 s a sample" in lines
    assert lines[-2].startswith("No row yet: is, kid, ")
    picture.draw(rows, Path(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
