"""Sources of points."""

import math

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.sources import Batch, open_source
from gandiag.sources.base import Points, points_of
from gandiag.sources.mixtures import MIXTURES

POINTS = np.random.Generator(np.random.PCG64(0)).normal(size=(23, 2))
LABELS = np.arange(23) % 3


def saved(path, save=np.savez, **arrays):
    save(path, **arrays)
    return path


def npy(path):
    np.save(path, POINTS)
    return path


KINDS = {
    "array": lambda root: POINTS,
    "tensor": lambda root: torch.from_numpy(POINTS),
    "half": lambda root: torch.from_numpy(POINTS).bfloat16(),
    "npy": lambda root: npy(root / "a.npy"),
    "npz": lambda root: saved(root / "a.npz", x=POINTS, labels=LABELS),
    "npz, compressed": lambda root: saved(root / "a.npz", np.savez_compressed, x=POINTS, y=LABELS),
}


def whole(source, size=7):
    batches = list(source.batches(size))
    labels = [label for batch in batches for label in batch.labels or ()]
    return torch.cat([batch.images for batch in batches]), labels


@pytest.mark.parametrize("kind", KINDS)
def test_points_come_as_they_are_in_float32(kind, tmp_path):
    source = open_source(KINDS[kind](tmp_path))
    points, labels = whole(source)
    assert points.dtype == torch.float32
    expected = torch.from_numpy(POINTS)
    expected = expected.bfloat16().float() if kind == "half" else expected.float()
    assert torch.equal(points, expected)
    assert labels == ([str(each) for each in LABELS] if "npz" in kind else [])
    assert points_of(source) == Points(2, labelled="npz" in kind)
    assert source.count() == 23
    assert source.notes() == {}
    assert source.fingerprint() == open_source(KINDS[kind](tmp_path)).fingerprint()
    some = source.limit(5, seed=1)
    assert len(whole(some)[0]) == 5
    assert points_of(some) == points_of(source)
    assert some.fingerprint() != source.fingerprint()


@pytest.mark.parametrize("bad", [math.nan, -math.inf, 1e300])
def test_a_point_that_is_not_finite_is_a_bad_one(bad):
    points = POINTS.copy()
    points[4, 1] = bad
    with pytest.raises(GandiagError, match=r"cannot read ndarray\[4\]: it holds NaN"):
        whole(open_source(points))
    source = open_source(points, on_bad_image="skip")
    assert len(whole(source)[0]) == 22
    assert source.notes()["skipped"].names == ("ndarray[4]",)


@pytest.mark.parametrize("shape", [(0, 2), (3, 0)])
def test_no_point_is_refused(shape):
    with pytest.raises(GandiagError, match="holds no point"):
        open_source(np.zeros(shape))


def test_whole_numbers_are_no_points():
    with pytest.raises(GandiagError, match="not images"):
        open_source(np.zeros((5, 2), np.uint8))


@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_by_name_is_labelled_and_always_the_same(name):
    source = open_source(f"dataset:{name}")
    points, labels = whole(source, 1000)
    mixture = MIXTURES[name]
    modes = torch.tensor([int(label) for label in labels])
    assert points_of(source) == Points(2, mixture, labelled=True)
    assert torch.equal(points, whole(open_source(f"dataset:{name}"), 1000)[0])
    assert set(labels) == {str(i) for i in range(len(mixture.means))}
    scaled = (points - mixture.means[modes]).double() / mixture.sd
    # 20,000 standard normals: five standard errors of their mean and of their deviation.
    assert abs(scaled.mean()) < 5 / math.sqrt(20_000)
    assert abs(scaled.std() - 1) < 5 / math.sqrt(40_000)


def test_a_source_that_does_not_say_is_asked_for_one_sample():
    class Theirs:
        def count(self):
            return 3

        def batches(self, size):
            for i in range(3):
                yield Batch(torch.zeros(1, self.width), (str(i),), None)

    theirs = Theirs()
    theirs.width = 5
    assert points_of(theirs) == Points(5)
    assert points_of(open_source(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))) is None
    assert points_of(open_source([torch.zeros(2, 3, 4, 4, dtype=torch.uint8)])) is None
