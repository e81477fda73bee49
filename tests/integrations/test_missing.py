"""Frameworks that are not installed are named in one sentence."""

import importlib
import sys

import pytest

from gandiag import GandiagError


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("lightning", ("lightning", "lightning.pytorch", "pytorch_lightning")),
        ("ignite", ("ignite", "ignite.engine")),
        ("accelerate", ("accelerate", "accelerate.logging")),
        ("torchmetrics", ("torchmetrics",)),
    ],
)
def test_a_missing_framework_is_named(monkeypatch, ours, theirs):
    for name in theirs:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"gandiag.integrations.{ours}", raising=False)
    with pytest.raises(GandiagError, match=rf"pip install 'gandiag\[{ours}\]'"):
        importlib.import_module(f"gandiag.integrations.{ours}")
