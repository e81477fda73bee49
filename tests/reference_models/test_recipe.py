"""Recipes: JSON there and back, and nothing misspelt goes through."""

import dataclasses
import json
from itertools import pairwise

import pytest

from gandiag.errors import GandiagError
from reference_models.recipe import (
    PATHS,
    Recipe,
    Target,
    from_json,
    replace,
    settings_of,
    to_json,
)
from reference_models.settings import Networks, Objective, Optimisation
from reference_models.tricks import TRICKS
from reference_models.tricks.mirror import Mirror
from reference_models.tricks.replay import Replay

TARGET = Target("fid", 16.77, 0.04, 50_000, 50_000, "three seeds", "somewhere")
PLAIN = Recipe("plain", "ring8")
FULL = replace(
    Recipe("full", "cifar10"), network="resnet", loss="hinge", r1=0.5, targets=(TARGET, TARGET)
)


@pytest.mark.parametrize("recipe", [PLAIN, FULL])
def test_json_round_trip(recipe):
    assert from_json(to_json(recipe), "here") == recipe


RECORDS = (Networks, Objective, Optimisation)
CHOICES = {
    name: choices
    for kind in (*RECORDS, *TRICKS)
    for name, choices in getattr(kind, "choices", {}).items()
}


def test_every_setting_has_a_name_of_its_own():
    kinds = (Recipe, *RECORDS, *TRICKS)
    names = [field.name for kind in kinds for field in dataclasses.fields(kind)]
    assert len(names) == len(set(names))
    groups = {"networks", "objective", "optimisation", "tricks"}
    assert set(settings_of(PLAIN)) == set(PATHS) == set(names) - groups


def test_every_setting_travels():
    """Each away from its default, one at a time."""
    for name, value in settings_of(FULL).items():
        other = {bool: not value, int: 64, float: 0.25}.get(type(value), value)
        if name in CHOICES:
            other = CHOICES[name][-1]
        changes = {name: other}
        if name == "condition_g":
            changes["norm_g"] = "batch"
        if name in Networks.only_in:
            changes["network"] = Networks.only_in[name][0]
        if name == "multi_scale":
            changes["network"] = "dcgan"
        changed = replace(FULL, changes)
        assert settings_of(changed)[name] == other
        assert from_json(to_json(changed), "here") == changed
        # And back: a trick that is off is in no recipe.
        assert replace(changed, settings_of(FULL)) == FULL


@pytest.mark.parametrize("kind", TRICKS, ids=lambda kind: kind().name)
def test_a_trick_is_listed_with_its_file(kind):
    assert kind.__module__ == f"reference_models.tricks.{kind().name}"
    assert PLAIN.trick(kind) == kind()
    assert PLAIN.tricks == dataclasses.replace(PLAIN, tricks=(kind(),)).tricks == ()


def test_tricks_have_one_order_and_come_once():
    tricks = (Replay(replay=64), Mirror(mirror=True))
    assert dataclasses.replace(FULL, tricks=tricks).tricks == tricks[::-1]
    with pytest.raises(GandiagError, match="twice"):
        dataclasses.replace(FULL, tricks=(Replay(replay=64), Replay(replay=32)))


def spoilt(**changes):
    """The text of a recipe with some settings changed, each where it is at home."""
    values = json.loads(to_json(PLAIN))
    for name, value in changes.items():
        *path, last = PATHS.get(name, (name,))
        place = values
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
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
        (spoilt(networks=3), "networks holds int"),
        (spoilt(networks={"widht_g": 3}), "networks has the unknown field 'widht_g'"),
        (spoilt(optimisation={"r1": 3}), "optimisation has the unknown field 'r1'"),
        (spoilt(tricks=[]), r"tricks is \[\], not of type dict"),
        (spoilt(tricks={"magic": {}}), "tricks has the unknown field 'magic'"),
        (spoilt(tricks={"replay": {"size": 3}}), "replay has the unknown field 'size'"),
        (spoilt(tricks={"replay": 3}), "replay holds int"),
        (spoilt(replay=1.5), "replay is 1.5, not of type int"),
        (spoilt(label_noise=-1.0), "label_noise is -1.0 .* at least 0"),
        (spoilt(pack=0), "pack is 0 .* at least 1"),
        (spoilt(batch=63, accumulate=2), "use multiples"),
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
    assert recipe.objective.r1 == 10.0
    assert isinstance(recipe.objective.r1, float)


def test_replace_is_as_strict():
    with pytest.raises(GandiagError, match="unknown field 'width'"):
        replace(PLAIN, {"width": 3})


@pytest.mark.parametrize("kind", [Recipe, *RECORDS, *TRICKS], ids=lambda kind: kind.__name__)
def test_each_switch_says_where_it_comes_from(kind):
    """Every field has a line of documentation in the source."""
    import ast
    import inspect
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    undocumented = []
    for node, after in pairwise(body):
        ours = isinstance(node, ast.AnnAssign) and node.target.id in PATHS
        if ours and not isinstance(after, ast.Expr):
            undocumented.append(node.target.id)
    assert undocumented == (["name"] if kind is Recipe else [])
