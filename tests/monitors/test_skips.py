"""Steps that were left out."""

import pytest

from gandiag.monitors.skips import Skips


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([(1, 1), (2, 2), (3, 3)], 0),
        ([(1, 1), (2, 2), (2, 3), (3, 4)], 1),  # the generator's scaler skipped one
        ([(1, 1), (2, 2), (2, 2), (3, 3)], 1),  # both did
        ([(0, 1), (0, 2), (1, 3), (1, 4), (1, 5), (2, 6)], 0),  # three steps of D to one of G
        ([(0, 0), (0, 0), (0, 0)], 0),  # what never steps skips nothing
    ],
)
def test_what_is_usual_and_missing_is_counted(steps, count):
    skips = Skips()
    for step in steps:
        skips.look(*step)
        again = Skips()
        again.load_state_dict(skips.state_dict())
        skips = again
    assert skips.drain() == count
    assert skips.drain() == 0
