"""What every statistic promises, from the table that the files are read with."""

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.statistics import STATISTICS, Bank, Hashes, Moments


def rows(kind, n=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    if kind == "hashes":
        return torch.randint(-(2**62), 2**62, (n, 1), generator=generator)
    return torch.randn(n, 4, generator=generator)


@pytest.fixture(params=STATISTICS)
def kind(request):
    return request.param


def test_the_table_is_complete():
    assert dict(STATISTICS) == {"moments": Moments, "bank": Bank, "hashes": Hashes}


def test_counts_and_width(kind):
    x = rows(kind)
    statistic = STATISTICS[kind].of(x)
    assert (statistic.n, statistic.width) == tuple(x.shape)


def test_of_the_whole_is_the_sum_of_its_parts(kind):
    x = rows(kind)
    of = STATISTICS[kind].of
    whole, parts = of(x).arrays(), (of(x[:0]) + of(x[:13]) + of(x[13:])).arrays()
    assert whole.keys() == parts.keys()
    for name in whole:
        # Moments of 20 rows near 1 round in the last digits; the others are exact.
        np.testing.assert_allclose(parts[name], whole[name], rtol=0, atol=1e-13)


def test_restoring_gives_back_every_bit(kind):
    first = STATISTICS[kind].of(rows(kind)).arrays()
    again = STATISTICS[kind].restore(first).arrays()
    assert first.keys() == again.keys()
    for name in first:
        assert first[name].dtype == again[name].dtype
        np.testing.assert_array_equal(first[name], again[name])


def test_restoring_refuses_what_is_missing_or_of_another_dtype(kind):
    arrays = STATISTICS[kind].of(rows(kind)).arrays()
    for name in arrays:
        with pytest.raises(GandiagError):
            STATISTICS[kind].restore({k: v for k, v in arrays.items() if k != name})
        with pytest.raises(GandiagError):
            STATISTICS[kind].restore({**arrays, name: arrays[name].astype(np.int16)})
        with pytest.raises(GandiagError):
            STATISTICS[kind].restore({**arrays, name: arrays[name][None, None]})


def test_refuses_one_dimension(kind):
    with pytest.raises(GandiagError):
        STATISTICS[kind].of(rows(kind)[:, 0])


def test_moves(kind):
    statistic = STATISTICS[kind].of(rows(kind))
    moved = statistic.to(torch.device("cpu"))
    assert moved.arrays().keys() == statistic.arrays().keys()
    # MPS has no float64, so features stay where they can be worked on.
    if kind != "hashes":
        assert statistic.to(torch.device("mps")) is statistic


@pytest.mark.parametrize("kind", ["moments", "bank"])
def test_refuses_to_add_other_widths(kind):
    of = STATISTICS[kind].of
    with pytest.raises(GandiagError, match="4 and 3"):
        of(rows(kind)) + of(rows(kind)[:, :3])


def test_stays_on_the_device_of_its_rows(kind, monkeypatch):
    """Nothing is moved to the CPU until it is written; there, that is no more than a call."""

    def refuse(self, *args, **options):
        raise AssertionError("moved to the CPU")

    x = rows(kind)
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "cpu", refuse)
        whole = STATISTICS[kind].of(x[:7]) + STATISTICS[kind].of(x[7:]) + STATISTICS[kind].of(x[:0])
        if kind == "bank":
            whole.moments()
    assert whole.n == len(x)
