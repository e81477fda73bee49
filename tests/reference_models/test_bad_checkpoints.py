"""Checkpoints that are not what their training wrote."""

import os
import stat

import pytest
import torch
from safetensors.torch import load_file, save_file

import gandiag
from gandiag.errors import GandiagError
from reference_models.recipe import replace
from reference_models.recipes import find_recipe
from reference_models.train import train


@pytest.fixture
def run_folder(tmp_path):
    recipe = replace(find_recipe("ns-digits"), {"steps": 1, "width_g": 8, "width_d": 4})
    train(recipe, out=tmp_path / "run", checkpoint_every=1, keep=0)
    return tmp_path / "run"


def rewritten(run, change):
    for name in ("average", "generator"):
        for path in run.glob(f"*/{name}.safetensors"):
            save_file({key: change(each) for key, each in load_file(path).items()}, path)


def scored(run):
    return gandiag.score(run, "dataset:digits", features="pixels:4", metrics="fid", max_images=64)


def test_weights_that_are_not_finite_are_no_grey_images(run_folder):
    assert scored(run_folder)["fid"].value > 0
    rewritten(run_folder, lambda each: each * float("nan") if each.is_floating_point() else each)
    with pytest.raises(GandiagError, match="not finite: its training diverged"):
        scored(run_folder)


def test_whole_numbers_are_no_weights(run_folder):
    rewritten(run_folder, lambda each: each.to(torch.int8))
    with pytest.raises(GandiagError, match=r"as torch.int8, and it is torch.float32"):
        scored(run_folder)


def test_a_checkpoint_can_be_read_by_others_as_the_process_allows(run_folder):
    mask = os.umask(0)
    os.umask(mask)
    (checkpoint,) = run_folder.glob("step-*")
    assert stat.S_IMODE(checkpoint.stat().st_mode) == 0o777 & ~mask
