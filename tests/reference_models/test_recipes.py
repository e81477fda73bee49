"""The table of recipes: every row fits its data, and published values are whole."""

import pytest

from gandiag.errors import GandiagError
from reference_models.data import DATASETS
from reference_models.recipe import from_json, replace, to_json
from reference_models.recipes import PUBLISHED, RECIPES, SMALL, find_recipe
from reference_models.train import cost
from reference_models.trainer import prepare

SHAPED = [r for r in RECIPES.values() if not r.data.startswith("folder:")]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_rows_are_named_and_sourced(recipe):
    assert RECIPES[recipe.name] is recipe
    assert recipe.source
    assert from_json(to_json(recipe), recipe.name) == recipe


@pytest.mark.parametrize("recipe", SHAPED, ids=lambda recipe: recipe.name)
def test_rows_fit_their_data(recipe):
    assert cost(recipe).generator_parameters > 0


@pytest.mark.parametrize("recipe", PUBLISHED.values(), ids=PUBLISHED)
def test_published_rows_end_in_their_values(recipe):
    assert recipe.targets
    for target in recipe.targets:
        assert target.source
        assert target.protocol
        assert target.n_generated or "studiogan" in recipe.name  # they do not say


@pytest.mark.parametrize("recipe", SMALL.values(), ids=SMALL)
def test_small_rows_claim_no_published_value(recipe):
    assert recipe.targets == ()


def test_every_model_on_every_small_data():
    for data in ("ring8", "grid25", "digits", "stacked-digits", "fashion-mnist"):
        for model in ("vanilla", "ns", "wgan-gp", "sngan", "cgan"):
            assert SMALL[f"{model}-{data}"].data == data
            assert data in DATASETS


def test_sample_sizes_are_part_of_a_target():
    """Mimicry prints 16.77 from 50,000 and 50,000, and 23.90 from 10,000 and 5,000."""
    fids = [t for t in RECIPES["mimicry-sngan-cifar10"].targets if t.metric == "fid"]
    found = {(t.value, t.n_real, t.n_generated) for t in fids}
    assert found == {(16.77, 50_000, 50_000), (23.90, 10_000, 5_000)}


@pytest.mark.parametrize(
    "recipe", [r for r in SMALL.values() if "fashion" not in r.data], ids=lambda r: r.name
)
def test_small_rows_take_a_step(recipe):
    trainer = prepare(replace(recipe, n_critic=1, warmup=0))
    losses = trainer.step()
    assert losses.d_loss.isfinite()
    assert losses.g_loss.isfinite()


def test_recipe_that_is_not_there():
    with pytest.raises(GandiagError, match=r"no recipe called 'gan'; .*train --list"):
        find_recipe("gan")
