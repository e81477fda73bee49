"""Names of classes and draws of rows."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from gandiag.metrics import drawing
from gandiag.metrics.drawing import drawn_order
from gandiag.metrics.labels import LISTED, confusions, in_order


def test_numbers_stand_by_size():
    assert in_order(["10", "9", "1", "9"]) == ("1", "9", "10")
    assert in_order(["c10", "c9", "b11", "c9a", "c"]) == ("b11", "c", "c9", "c9a", "c10")
    assert in_order([]) == ()


@given(st.lists(st.text(max_size=6)), st.randoms(use_true_random=False))
def test_the_order_of_names_is_of_the_names_alone(names, random):
    mixed = list(names)
    random.shuffle(mixed)
    assert in_order(mixed) == in_order(names)
    assert set(in_order(names)) == set(names)


def test_confusions_count_what_is_taken_for_another():
    asked = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    seen = torch.tensor([0, 1, 1, 1, 2, -1, 2])
    found = confusions(asked, seen, ["a", "b", "c"])
    assert list(found.items()) == [
        ("asked a, seen b", 2.0),
        ("asked b, seen c", 1.0),
        ("asked c, seen none", 1.0),
    ]


def test_of_many_confusions_the_most_frequent_are_kept():
    asked = torch.arange(LISTED + 50)
    seen = torch.roll(asked, 1)
    often = torch.tensor([LISTED + 7]), torch.tensor([3])
    asked, seen = torch.cat([asked, often[0], often[0]]), torch.cat([seen, often[1], often[1]])
    found = confusions(asked, seen, [str(i) for i in range(LISTED + 50)])
    assert len(found) == LISTED
    assert next(iter(found.items())) == (f"asked {LISTED + 7}, seen 3", 2.0)


def rows(n, width=5, seed=0):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def test_a_draw_is_of_the_rows_whatever_their_order(monkeypatch):
    monkeypatch.setattr(drawing, "NUMBERS", 1000)  # 200 rows
    x = rows(500)
    x[7:90] = x[7]
    mixed = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(3))]
    drawn = x[drawn_order(x, 7)]
    assert (drawn == mixed[drawn_order(mixed, 7)]).all()
    assert (drawn != x[drawn_order(x, 8)]).any()
    assert sorted(drawn_order(x, 7).tolist()) == list(range(len(x)))


def test_a_draw_does_not_hang_on_the_last_digit():
    x = rows(500)
    near = x * (1 + 1e-7 * torch.rand(x.shape, generator=torch.Generator().manual_seed(1)))
    assert (x != near).any()
    assert (drawn_order(x, 0) == drawn_order(near, 0)).all()


def test_a_draw_is_no_range():
    """A half that lay on one side of the direction would have another mean: 40 deviations off."""
    x = rows(4000, width=1)
    half = x[drawn_order(x, 0)[:2000]]
    # Of a half drawn without replacement: 1 / sqrt(4000) each; five of them.
    assert abs(float(half.mean() - x.mean())) < 5 / 4000**0.5


def test_nothing_is_drawn_from_nothing():
    assert drawn_order(torch.empty(0, 3), 0).tolist() == []


def test_equal_rows_stand_as_they_came():
    """A matrix product would give them sums that differ in the last digit, by where they are."""
    x = rows(1, width=363)
    assert torch.equal(drawn_order(x.repeat(303, 1), 0), drawn_order(torch.zeros(303, 363), 0))
