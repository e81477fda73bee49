import dataclasses

import pytest

from gandiag import Options
from gandiag.errors import GandiagError


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"max_images": 0}, "max_images must be at least 1"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 1.5}, "seed is 1.5; it must be a whole number"),
        ({"seed": True}, "seed is True"),
        ({"precision": "fp8"}, "precision is 'fp8'; it must be fp32 or tf32 or bf16"),
        ({"precision": None}, "precision is None"),
        ({"on_bad_image": "ignore"}, "on_bad_image is 'ignore'"),
        ({"value_range": (1, 0)}, "value_range is"),
        ({"value_range": (0, float("inf"))}, "value_range is"),
        ({"value_range": 1}, "value_range is 1"),
        ({"value_range": (float("nan"), 1)}, "value_range is"),
        ({"metric": "fid"}, "there is no option 'metric'; did you mean metrics"),
    ],
)
def test_a_wrong_value_is_one_sentence(changes, sentence):
    with pytest.raises(GandiagError, match=sentence):
        Options().changed(**changes)


def test_a_record_is_frozen_and_compared_by_what_it_says():
    assert Options() == Options(progress=lambda what, total: None)
    assert Options(seed=1) != Options()
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().seed = 3


def test_what_is_said_on_the_command_line_has_a_sentence():
    for each in dataclasses.fields(Options):
        if each.name not in ("generator", "progress", "per_sample"):
            assert each.metadata["help"].endswith(".")
