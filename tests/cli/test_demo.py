"""The demo, and how many threads a small training takes."""

import pytest
import torch
from click.testing import CliRunner

from gandiag.cli import cli
from gandiag.cli.threads import threads_for
from reference_models.recipes import find_recipe


def test_the_demo_catches_every_fault(tmp_path):
    result = CliRunner().invoke(cli, ["demo", "--images", "50", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "MISSED" not in result.output
    assert result.output.count("caught ") == 7
    assert "mode-collapse at step" in result.output
    assert "R1 penalty" in result.output
    assert (tmp_path / "run" / "monitor.jsonl").exists()


@pytest.mark.parametrize(
    ("recipe", "device", "given", "threads"),
    [
        ("wgan-gp-ring8", "cpu", None, 1),
        ("cgan-fashion-mnist", "cpu", None, 1),
        ("sngan-cifar10", "cpu", None, 3),
        ("wgan-gp-ring8", "cuda", None, 3),
        ("wgan-gp-ring8", "cpu", "3", 3),
    ],
)
def test_a_small_training_takes_one_thread(monkeypatch, recipe, device, given, threads):
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with threads_for(find_recipe(recipe), device):
            assert torch.get_num_threads() == threads
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
