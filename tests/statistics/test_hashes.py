import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.statistics import Hashes


def hashes(*digests):
    return Hashes.of(torch.tensor(digests, dtype=torch.int64)[:, None])


def test_counts_copies_within_and_between():
    a = hashes(5, -3, 5, 5, 9)
    b = hashes(5, 7)
    assert a.duplicates() == 2
    assert a.overlap(b) == 3  # three images of `a` are in `b`
    assert b.overlap(a) == 1
    assert (a + b).duplicates() == 3
    assert (a + b).n == 7


def test_no_image_is_no_copy():
    empty = Hashes.of(torch.zeros((0, 1), dtype=torch.int64))
    assert (empty.duplicates(), empty.overlap(hashes(1)), hashes(1).overlap(empty)) == (0, 0, 0)


def test_takes_digests_only():
    for rows in (torch.zeros(3, dtype=torch.int64), torch.zeros(3, 1), torch.zeros((3, 2)).long()):
        with pytest.raises(GandiagError, match="int64"):
            Hashes.of(rows)
