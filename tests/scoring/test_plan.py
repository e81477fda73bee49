"""Names of numbers, and which metrics can be had."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError
from gandiag.metrics import PRDC, FrechetDistance, Metric, Score
from gandiag.scoring import PROTOCOLS, Options, Protocol
from gandiag.scoring.plan import make_plan

CPU = torch.device("cpu")


class Canonical(Corners):
    canonical = True


def plan(metrics, features=None, **changes):
    options = Options(metrics=metrics, features=features or Corners(), **changes)
    return make_plan(options, with_real=True, device=CPU)


def printed(metrics, features=None):
    return list(plan(metrics, features).outputs())


def test_the_published_name_is_for_the_canonical_network_and_layer():
    assert printed("fid", Canonical()) == ["fid"]
    assert printed("fid") == ["fd[corners]"]
    assert printed("fid(layer=contrast)", Canonical()) == ["fid[contrast]"]
    assert printed("fid(layer=contrast)") == ["fd[corners/contrast]"]
    assert printed("is", Canonical()) == ["is"]
    assert printed("is") == ["is[corners]"]


def test_numbers_that_would_share_a_name_say_in_what_they_differ():
    assert printed((PRDC(k=3), "prdc"))[::4] == [
        "precision[corners](k=3)",
        "precision[corners](k=5)",
    ]
    assert printed("fid,fid(layer=contrast)") == ["fd[corners]", "fd[corners/contrast]"]


def test_both_are_in_the_report():
    x, y = images(20), images(20, seed=1)
    report = gandiag.score(x, y, features=Corners(), metrics=(PRDC(k=3), PRDC(k=5)))
    alone = gandiag.score(x, y, features=Corners(), metrics=PRDC(k=5))
    assert report["recall[corners](k=5)"].value == alone["recall"].value
    assert len(report.to_dict()["scores"]) == 8


@dataclass(frozen=True)
class Shift(Metric):
    """A metric that somebody else wrote."""

    name: ClassVar[str] = "shift"
    summary: ClassVar[str] = "distance of the means"
    outputs: ClassVar[Mapping[str, str]] = {"shift": "lower"}

    power: int = 1

    def __call__(self, *, real, generated):
        distance = float((real.rows.mean(0) - generated.rows.mean(0)).norm())
        return {"shift": Score(distance**self.power)}


def test_a_metric_of_ones_own_is_an_object_and_four_declarations():
    x = images(20)
    report = gandiag.score(
        x, images(20, seed=1), features=Corners(), metrics=("fid", Shift(power=2))
    )
    rows = [each[:, :, :2, :1].flatten(1).float().mean(0) for each in (x, images(20, seed=1))]
    assert report["shift"].value == pytest.approx(float((rows[0] - rows[1]).norm()) ** 2)
    assert report["shift"].name == "shift[corners]"
    assert "power=2" in report["shift"].parameters


def test_a_protocol_of_ones_own_is_an_object():
    mine = Protocol("mine", "as in my paper", features="pixels:4", metrics={"prdc": PRDC(k=2)})
    report = gandiag.score(images(20), images(20, seed=1), protocol=mine)
    assert report.provenance["protocol"] == "mine"
    assert "k=2" in report["precision"].parameters
    assert list(report) == [f"{name}[pixels:4]" for name in PRDC.outputs]


def test_a_layer_that_is_not_there():
    with pytest.raises(GandiagError, match=r"corners has no layer 'pool9', which fid names"):
        plan(FrechetDistance(layer="pool9"))


def test_every_protocol_asks_for_layers_and_networks_that_there_are():
    for protocol in PROTOCOLS.values():
        assert set(protocol.extractors) <= set(protocol.metrics)
        assert set(protocol.default or ()) <= set(protocol.metrics)
        assert protocol.summary


@pytest.mark.parametrize(
    ("protocol", "key", "layer"),
    [
        ("adm", "sfid", "mixed_6d.branch1x1"),
        ("dgm-eval", "sfid", "mixed_6e"),
        ("iqa-pytorch", "sfid", "mixed_6a"),
    ],
)
def test_each_tools_sfid_is_of_its_own_layer(protocol, key, layer):
    row = PROTOCOLS[protocol]
    assert row.metrics[key] == FrechetDistance(layer=layer)
    assert row.extractors.get(key, row.features) == "inception"


def test_cmmd_is_what_its_code_prints():
    row = PROTOCOLS["cmmd"]
    metric = row.metrics["cmmd"]
    assert row.features == "clip"
    assert (metric.sigma, metric.scale, metric.normalise, metric.biased) == (10, 1000, True, True)


def test_kids_of_other_tools():
    mimicry = PROTOCOLS["mimicry"].metrics["kid"].subsets
    assert (mimicry.count, mimicry.size, mimicry.first) == (10, 5000, "real")
    authors = PROTOCOLS["mmd-gan"].metrics["kid"].subsets
    assert (authors.count, authors.size, authors.first) == (100, 1000, "generated")
    rbf = PROTOCOLS["torch-fidelity"].metrics["kid_rbf"]
    assert (rbf.sigma, rbf.scale, rbf.normalise, rbf.biased) == (10, 1, False, False)
