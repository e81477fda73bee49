import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.state_dicts import read_state


def test_several_state_dicts_are_told_apart_by_name(tmp_path):
    torch.save(
        {"g_ema": {"w": torch.ones(2)}, "d": {"w": torch.ones(2)}, "step": 3}, tmp_path / "a.pt"
    )
    with pytest.raises(GandiagError, match=r"holds several \(g_ema, d\); save the one you mean"):
        read_state(tmp_path / "a.pt", "a generator's weights")


def test_what_is_beside_the_tensors_is_passed_over(tmp_path):
    torch.save({"w": torch.ones(2), "step": 3, "more": {"a": 1}}, tmp_path / "a.pt")
    assert list(read_state(tmp_path / "a.pt", "weights")) == ["w"]
