"""Recipes: JSON there and back, and nothing misspelt goes through."""

import dataclasses
import json
from itertools import pairwise

import pytest

from gandiag.errors import GandiagError
from reference_models.recipe import CHOICES, ONLY_IN, Recipe, Target, from_json, replace, to_json

TARGET = Target("fid", 16.77, 0.04, 50_000, 50_000, "three seeds", "somewhere")
PLAIN = Recipe("plain", "ring8")
FULL = Recipe("full", "cifar10", network="resnet", loss="hinge", r1=0.5, targets=(TARGET, TARGET))


@pytest.mark.parametrize("recipe", [PLAIN, FULL])
def test_json_round_trip(recipe):
    assert from_json(to_json(recipe), "here") == recipe


def test_every_field_travels():
    """Each field away from its default, one at a time."""
    for field in dataclasses.fields(Recipe):
        value = getattr(FULL, field.name)
        other = {bool: not value, int: 64, float: 0.25}.get(type(value), value)
        if field.name in CHOICES:
            other = CHOICES[field.name][-1]
        changes = {field.name: other}
        if field.name == "condition_g":
            changes["norm_g"] = "batch"
        if field.name in ONLY_IN:
            changes["network"] = ONLY_IN[field.name][0]
        changed = replace(FULL, changes)
        assert getattr(changed, field.name) == other
        assert from_json(to_json(changed), "here") == changed


def spoilt(**changes):
    values = json.loads(to_json(PLAIN)) | changes
    return json.dumps({name: value for name, value in values.items() if value != "gone"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (spoilt(n_critics=5), "unknown field 'n_critics'"),
        (spoilt(data="gone"), "lacks the field 'data'"),
        (spoilt(steps="100"), "steps is '100', not of type int"),
        (spoilt(steps=1.5), "steps is 1.5, not of type int"),
        (spoilt(steps=True), "steps is True, not of type int"),
        (spoilt(compile=1), "compile is 1, not of type bool"),
        (spoilt(r1=None), "r1 is None, not of type float"),
        (spoilt(targets="many"), "targets is 'many'"),
        (spoilt(targets=[{"metric": "fid"}]), "targets lacks the field 'value'"),
        (spoilt(loss="hindge"), "loss is 'hindge'"),
        (spoilt(batch=0), "at least 1"),
        (spoilt(lr_g=-1e-3), "at least 0"),
        (spoilt(batch=63, pack=2), "use multiples"),
        (spoilt(pack=2, condition_d="projection"), "packs samples of different labels"),
        (spoilt(condition_g="norm"), "needs norm_g batch"),
        (spoilt(unroll=5, optimizer="sgd"), "only adam"),
        (spoilt(interleave=True), "the network mlp has no use for it"),
        (spoilt(network="resnet", dropout=0.5), "use mlp or dcgan"),
        (spoilt(truncation=1.0, latent_kind="sphere"), "truncates sphere latents"),
        ("[1]", "holds list"),
        ("{", "is not JSON"),
    ],
)
def test_mistakes_are_named(text, says):
    with pytest.raises(GandiagError, match=says) as caught:
        from_json(text, "the file x.json")
    assert "\n" not in str(caught.value)


def test_not_a_number_is_no_number():
    with pytest.raises(GandiagError, match="finite"):
        from_json(spoilt(r1=float("nan")), "here")


def test_integers_are_floats_where_floats_are_meant():
    recipe = from_json(spoilt(r1=10), "here")
    assert recipe.r1 == 10.0
    assert isinstance(recipe.r1, float)


def test_replace_is_as_strict():
    with pytest.raises(GandiagError, match="unknown field 'width'"):
        replace(PLAIN, {"width": 3})


def test_each_switch_says_where_it_comes_from():
    """Every field has a line of documentation in the source."""
    import ast
    import inspect
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(Recipe))).body[0].body
    undocumented = []
    for node, after in pairwise(body):
        if isinstance(node, ast.AnnAssign) and not isinstance(after, ast.Expr):
            undocumented.append(node.target.id)
    assert undocumented == ["name"]
