"""Sheets of samples: what is on them, and when a sink gets one."""

import numpy as np
import pytest
import torch
from small_gan import Loop, Rows

from gandiag.monitors.sheets import BOX, GENERATED, Sheets


class Shown(Rows):
    """A sink that takes sheets, too."""

    def __init__(self):
        super().__init__()
        self.sheets = []

    def samples(self, step, sheet):
        assert sheet.dtype == torch.uint8
        assert len(sheet) == 3
        self.sheets.append((step, sheet))


def slow_twin(x, low, high, times):
    """Tiles pasted one by one."""
    n, channels, height, width = x.shape
    high_, wide = height * times + 2, width * times + 2
    columns = min(8, n)
    lines = -(-n // columns)
    sheet = np.full((3, lines * high_, columns * wide), 255, np.uint8)
    for place in range(n):
        top, left = place // columns * high_, place % columns * wide
        for i in range(height * times):
            for j in range(width * times):
                for colour in range(3):
                    value = float(x[place, colour % channels, i // times, j // times])
                    share = min(1.0, max(0.0, (value - low) / (high - low)))
                    sheet[colour, top + i, left + j] = round(255 * share)
    return sheet


@pytest.mark.parametrize(("n", "channels"), [(3, 1), (11, 3), (64, 1)])
def test_a_sheet_is_its_tiles(n, channels):
    real = torch.linspace(-1, 1, 20 * channels * 12 * 9).reshape(20, channels, 12, 9)
    x = 3 * torch.rand(n, channels, 12, 9, generator=torch.Generator().manual_seed(0)) - 1.5
    sheet = Sheets(real)(x)
    assert np.array_equal(sheet.numpy(), slow_twin(x, -1.0, 1.0, 2))


def test_bytes_are_shown_as_they_are_and_at_most_64():
    x = torch.arange(100, dtype=torch.uint8)[:, None, None].expand(100, 32, 32)
    sheet = Sheets(torch.full((20, 32, 32), 7, dtype=torch.uint8))(x)
    assert sheet.shape == (3, 8 * 34, 8 * 34)
    assert sheet[0, ::34, ::34].flatten().tolist() == list(range(64))


def test_large_images_are_made_smaller():
    real = torch.rand(16, 3, 300, 150, generator=torch.Generator().manual_seed(0))
    x = torch.full((9, 3, 300, 150), 0.5)
    sheet = Sheets(real)(x)
    assert sheet.shape == (3, 2 * 130, 8 * 66)
    assert sheet[:, :128, :64].unique().tolist() in ([127], [128])


def test_what_is_not_finite_has_a_picture():
    x = torch.full((2, 1, 32, 32), torch.nan)
    x[1] = torch.inf
    sheet = Sheets(torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 1, 32, 32))(x)
    assert sheet[0, 0, 0] == 0
    assert sheet[0, 0, 34] == 255


def test_points_are_dots_on_those_of_the_reals():
    real = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    x = torch.tensor([[0.0, 1.0], [torch.nan, 0.5], [50.0, 0.0]])
    sheet = Sheets(real)(x).permute(1, 2, 0)
    low, high = round((BOX - 1) / 6), round((BOX - 1) * 5 / 6)
    dots = [tuple(each) for each in (sheet == torch.tensor(GENERATED)).all(2).nonzero().tolist()]
    middle = BOX - 1 - round((BOX - 1) / 2)
    assert set(dots) == {(BOX - 1 - high, low), (middle, 0), (BOX - 1 - low, BOX - 1)}
    assert (sheet[BOX - 1 - low, low] == 205).all()


def test_vectors_have_no_picture():
    assert Sheets(torch.zeros(16, 5))(torch.zeros(4, 5)) is None
    assert Sheets(torch.zeros(16, 2, 3, 4, 5))(torch.zeros(4, 2, 3, 4, 5)) is None


def test_sheets_come_first_each_tenth_time_and_beside_alerts():
    loop, sink = Loop(), Shown()
    with loop.monitor(every=1, sinks=[sink, Rows()]) as monitor:
        loop.iterate(monitor, steps=13)
        assert [step for step, _ in sink.sheets] == [1, 11]
        assert not torch.equal(sink.sheets[0][1], sink.sheets[1][1])
        with torch.no_grad():
            loop.G[0].weight.fill_(torch.nan)
        loop.iterate(monitor, steps=1)
    assert sink.alerts
    assert sink.sheets[2][0] == sink.alerts[0].step == 14


def test_no_sheet_without_samples_and_none_of_an_earlier_check():
    loop, sink = Loop(), Shown()
    with loop.monitor(every=1, sinks=[sink], sampler=None, real=None, heldout=None) as monitor:
        loop.iterate(monitor, steps=2)
    assert sink.sheets == []
    calls = []

    def sampler(n, rng):
        calls.append(n)
        if len(calls) > 6:
            raise ValueError("no more")
        return loop.sampler(n, rng)

    with loop.monitor(every=1, sinks=[sink], sampler=sampler, real=loop.real) as monitor:
        loop.iterate(monitor, steps=21)
    assert [step for step, _ in sink.rows][-21:] == list(range(1, 22))
    assert [step for step, _ in sink.sheets] == [1]
