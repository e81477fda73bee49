"""Each class scored alone, what its real images get, and the mean over classes."""

import math

import numpy as np
import pytest
import torch

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import Score, frechet_distance
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.intervals import wilson
from gandiag.reporting.report import Row
from gandiag.scoring.rows import mean_rows

WIDTH = 3


def write(path, counts, seed, labels=None, order=None, shift=0.0):
    """Features of classes by name -> count, class after class unless in another order."""
    generator = torch.Generator().manual_seed(seed)
    names = [name for name, n in counts.items() for _ in range(n)]
    place = torch.tensor([list(counts).index(name) for name in names])
    rows = torch.randn(len(names), WIDTH, generator=generator) + 3 * place[:, None] + shift
    order = list(range(len(names))) if order is None else order
    named = np.array([names[i] for i in order])
    np.savez(path, features=rows[order].numpy(), labels=named if labels is None else labels(named))
    return f"features:{path}"


def scored(fake, real, metrics="fid", **more):
    return gandiag.score(fake, real, metrics=metrics, per_class=True, cache=False, **more)


FAKE = {"1": 20, "2": 30, "10": 40}
REAL = {"1": 50, "2": 50, "10": 60}


@pytest.fixture
def both(tmp_path):
    fake = write(tmp_path / "fake.npz", FAKE, 0, shift=0.4)
    return fake, write(tmp_path / "real.npz", REAL, 1)


def part(source, label):
    with np.load(source.removeprefix("features:")) as file:
        return torch.from_numpy(file["features"][file["labels"] == label])


def test_classes_stand_in_the_order_of_their_numbers(both):
    report = scored(*both)
    assert list(report.per_class) == ["1", "2", "10"]
    assert [rows[0].n_generated for rows in report.per_class.values()] == [20, 30, 40]
    assert [rows[0].n_real for rows in report.per_class.values()] == [50, 50, 60]


def test_some_of_the_real_images_stand_for_the_generated(both):
    """As many as there are of these, and half of the real ones where these are more."""
    report = scored(*both)
    for label, counts in {"1": (20, 30), "2": (25, 25), "10": (30, 30)}.items():
        (row,) = report.per_class[label]
        assert row.n_of_real == counts
        real = part(both[1], label)
        order = drawn_order(real, 0)
        expected = frechet_distance(real[order[counts[0] :]], real[order[: counts[0]]])
        assert row.of_real == pytest.approx(expected, rel=1e-9)
    other = scored(*both, seed=1)
    assert other.per_class["1"][0].of_real != report.per_class["1"][0].of_real
    assert other.per_class["1"][0].value == report.per_class["1"][0].value


def test_what_real_images_get_is_what_few_images_do_to_equal_distributions(tmp_path):
    """Of equal unit Gaussians the mean is d (1 + (d + 1) / 4) (1/n + 1/m), to first order.

    Means differ by d (1/n + 1/m) in the square, covariances by d (d + 1) of it, a fourth of which
    counts.
    """
    counts = {str(i): 40 for i in range(60)}
    fake = write(tmp_path / "fake.npz", counts, 2)
    report = scored(fake, write(tmp_path / "real.npz", counts, 3))
    theory = WIDTH * (1 + (WIDTH + 1) / 4) * (1 / 20 + 1 / 20)
    (mean,) = report.class_means
    halves = [rows[0].of_real for rows in report.per_class.values()]
    # Five standard errors, and a twentieth for the next order in 1/20.
    far = 5 * np.std(halves) / 60**0.5 + theory / 20
    assert mean.of_real == pytest.approx(theory, abs=far)
    # With twice the images in both, the samples are nearer.
    assert mean.value < mean.of_real


def test_numbers_and_words_for_classes_and_their_order_are_one(both, tmp_path):
    report = scored(*both, "fid,prdc")
    as_numbers = [
        write(tmp_path / f"{name}.npz", counts, seed, lambda n: n.astype(int), shift=shift)
        for name, counts, seed, shift in (("a", FAKE, 0, 0.4), ("b", REAL, 1, 0.0))
    ]
    assert scored(*as_numbers, "fid,prdc").per_class == report.per_class
    mixed = [
        write(tmp_path / f"{name}.npz", counts, seed, order=order, shift=shift)
        for name, counts, seed, shift in (("c", FAKE, 0, 0.4), ("d", REAL, 1, 0.0))
        for order in [np.random.default_rng(seed).permutation(sum(counts.values()))]
    ]
    for label, rows in scored(*mixed, "fid,prdc").per_class.items():
        for row, expected in zip(rows, report.per_class[label], strict=True):
            assert row.value == pytest.approx(expected.value, rel=1e-11)
            assert row.of_real == pytest.approx(expected.of_real, rel=1e-11)


def test_the_mean_is_that_of_the_classes(both):
    report = scored(*both, "fid,prdc")
    assert [row.output for row in report.class_means] == [
        *("intra_fid", "intra_precision", "intra_recall", "intra_density", "intra_coverage")
    ]
    mean = report["intra_fid"]
    rows = [rows[0] for rows in report.per_class.values()]
    assert mean.name == "intra_fd[features]"
    assert mean.value == pytest.approx(np.mean([row.value for row in rows]), rel=1e-14)
    assert mean.of_real == pytest.approx(np.mean([row.of_real for row in rows]), rel=1e-14)
    assert (mean.n_generated, mean.n_real) == (90, 160)
    assert mean.extra == {"classes": 3.0}
    mean, rows = report["intra_precision"], [rows[1] for rows in report.per_class.values()]
    assert mean.low == pytest.approx(
        mean.value - math.sqrt(sum((row.value - row.low) ** 2 for row in rows)) / 3, rel=1e-12
    )
    assert mean.high == pytest.approx(
        mean.value + math.sqrt(sum((row.high - row.value) ** 2 for row in rows)) / 3, rel=1e-12
    )
    assert mean.interval_method.startswith("of each class: ")


def test_without_classes_there_is_no_mean(both):
    report = gandiag.score(*both, metrics="fid", cache=False)
    assert report.class_means == ()
    assert "class_means" not in report.to_dict()
    assert "intra_fid" not in report


def test_classes_that_are_left_out_are_counted(tmp_path):
    fake = write(tmp_path / "fake.npz", {"a": 20, "b": 20, "c": 3}, 0)
    real = write(tmp_path / "real.npz", {"a": 20, "b": 20, "c": 20, "d": 20}, 1)
    report = scored(fake, real, "prdc")
    assert list(report.per_class) == ["a", "b"]
    # Some of twenty halved would be too few for five neighbours: 10 against 10 are enough.
    assert report.per_class["a"][0].n_of_real == (10, 10)
    assert report["intra_recall"].extra == {"classes": 2.0, "classes left out": 2.0}
    told = [each.message for each in report.warnings if each.code == "classes"]
    assert any("class c was not scored alone" in each for each in told)
    assert any("has no image of d" in each for each in told)


def test_where_the_real_images_are_too_few_to_part_nothing_stands_beside(tmp_path):
    fake = write(tmp_path / "fake.npz", {"a": 20, "b": 20}, 0)
    real = write(tmp_path / "real.npz", {"a": 8, "b": 20}, 1)
    report = scored(fake, real, "prdc")
    assert [row.of_real for row in report.per_class["a"]] == [None] * 4
    assert report.per_class["b"][0].of_real is not None
    # A mean over one of two classes would be of other classes than the value.
    assert report["intra_recall"].of_real is None


def test_what_needs_no_real_image_is_scored_by_class_too(tmp_path):
    fake = write(tmp_path / "fake.npz", {"a": 20, "b": 30}, 0)
    report = scored(fake, write(tmp_path / "real.npz", {"a": 20, "b": 30}, 1), "vendi")
    assert report.per_class["b"][0].n_real is None
    assert report.per_class["b"][0].of_real is None
    alone = np.mean([rows[0].value for rows in report.per_class.values()])
    assert report["intra_vendi"].value == pytest.approx(alone, rel=1e-14)


def test_held_out_images_of_a_class_stand_for_the_generated(both, tmp_path):
    heldout = write(tmp_path / "heldout.npz", {"1": 25, "2": 4}, 5)
    report = scored(*both, "prdc", heldout=heldout)
    real = scored(heldout, both[1], "prdc")
    assert report.per_class["1"][1].heldout == real.per_class["1"][1].value
    # Of these there are too few, and of class 10 there are none.
    assert {row.heldout for label in ("2", "10") for row in report.per_class[label]} == {None}
    assert report["intra_recall"].heldout is None


def test_pairs_of_a_class_are_not_told_for_their_places_are_within_it(both):
    report = scored(*both, "near_copies")
    assert len(report["near_copies"].score.pairs) == 12
    assert {rows[0].score.pairs for rows in report.per_class.values()} == {()}


def test_a_classifier_of_one_class_says_nothing(both):
    report = scored(*both, "cas,fid")
    assert "gan_train" in report
    assert [row.output for row in report.per_class["1"]] == ["fid"]


def rows_of_class(value, low, high):
    score = Score(value, low, high, method="m")
    return (Row("share", "share", score, "higher", 50, 50, "", ""),)


def test_the_interval_of_a_mean_of_shares_covers_it():
    """Five shares of 50 each, of which 95 % should cover; 2,000 runs lie within 1.5 % of that."""
    shares = (0.05, 0.2, 0.5, 0.8, 0.9)
    counts = np.random.default_rng(0).binomial(50, shares, size=(2000, 5))
    covered = 0
    for each in counts:
        classes = {
            str(i): rows_of_class(k / 50, *wilson(k / 50, 50)) for i, k in enumerate(each.tolist())
        }
        (mean,) = mean_rows(classes, {})
        covered += mean.low <= np.mean(shares) <= mean.high
    assert 0.93 < covered / 2000 < 0.98


def test_a_class_without_an_interval_or_a_number():
    whole = {"a": rows_of_class(1.0, 0.5, 1.5), "b": rows_of_class(2.0, None, None)}
    (mean,) = mean_rows(whole, {})
    assert (mean.value, mean.low, mean.high) == (1.5, None, None)
    assert mean.interval_method == "none: not every class has an interval"
    (mean,) = mean_rows({**whole, "c": rows_of_class(math.nan, None, None)}, {})
    assert (mean.value, mean.extra["classes"]) == (1.5, 2.0)
    assert mean_rows({"c": rows_of_class(math.nan, None, None)}, {}) == ()


def test_a_gate_may_be_on_the_mean(both):
    scorer = gandiag.Scorer(both[1], metrics="fid", per_class=True, cache=False)
    inputs = scorer.open(both[0])
    scorer.check_bound("intra_fid", inputs)
    scorer.check_bound("intra_fd[features]", inputs)
    with pytest.raises(GandiagError, match="fdi will not be computed"):
        scorer.check_bound("intra_fdi", inputs)
    scorer = gandiag.Scorer(both[1], metrics="fid", cache=False)
    with pytest.raises(GandiagError, match="mean of fid over classes; add --per-class"):
        scorer.check_bound("intra_fid", scorer.open(both[0]))
