import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import critic_bound
from reference_models import checkpoints
from reference_models.critics import load_critic
from reference_models.generator import load
from reference_models.recipe import Recipe, replace
from reference_models.trainer import prepare

POINTS = replace(
    Recipe("points", "ring8"), latent=4, width_g=16, width_d=16, steps=2, batch=16, scale=2.0
)


def saved(run, recipe):
    trainer = prepare(recipe)
    checkpoints.save(trainer, run)
    return trainer


def test_the_critic_of_a_checkpoint_bounds_a_distance(tmp_path):
    trainer = saved(tmp_path, POINTS)
    critic = load_critic(tmp_path)
    x = trainer.data.batch(0, 50, 0).x
    zeros = torch.zeros(50, dtype=torch.int64)
    trainer.discriminator.eval()
    theirs = trainer.discriminator(x / 2, zeros)[:, 0]
    assert torch.equal(critic(x), theirs)
    samples = load(tmp_path).samples(range(60)).x
    found = critic_bound(critic, x, samples)
    assert found.gap == pytest.approx(float(critic(x).mean() - critic(samples).mean()), abs=1e-6)
    assert abs(found.bound) <= float(torch.cdist(x, samples).max())


@pytest.mark.parametrize(
    ("change", "why"),
    [({"pack": 2}, "packs"), ({"data": "digits", "condition_d": "concat"}, "label")],
)
def test_what_is_no_function_of_a_sample_is_refused(tmp_path, change, why):
    saved(tmp_path, replace(POINTS, change))
    with pytest.raises(GandiagError, match=why):
        load_critic(tmp_path)
