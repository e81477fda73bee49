"""The published recipes as experiments: declared, tried on random images, scored, counted."""

import math
from dataclasses import replace

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.sources import GeneratedImages
from gandiag.sources.mixtures import MIXTURES
from reference_models import recipe as recipes
from reference_models.data import open_data
from reference_models.data.images import to_bytes
from reference_models.papers import LARGE, find, large, scoring
from reference_models.papers.counting import counter_of
from reference_models.papers.experiment import Measured, Result
from reference_models.papers.large_runs import numbers_of
from reference_models.papers.rehearsal import rehearsed, time_steps
from reference_models.papers.verdicts import judge
from reference_models.randomness import generator
from reference_models.recipes import PUBLISHED
from reference_models.trainer import prepare
from reference_models.tricks.packing import Packing

CPU = torch.device("cpu")


@pytest.mark.parametrize("recipe", PUBLISHED.values(), ids=PUBLISHED)
def test_every_published_recipe_takes_two_steps(recipe):
    tried = rehearsed(recipe, recipe.optimisation.batch // (2 * recipe.trick(Packing).pack))
    trainer = prepare(tried)
    before = [each.clone() for each in trainer.generator.parameters()]
    for _ in range(2):
        losses = trainer.step()
        assert math.isfinite(float(losses.d_loss))
        assert math.isfinite(float(losses.g_loss))
    assert losses.d_real.shape == (tried.optimisation.batch // tried.trick(Packing).pack,)
    after = list(trainer.generator.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("experiment", LARGE, ids=lambda each: each.name)
def test_the_declaration_is_complete(experiment):
    recipe = PUBLISHED[experiment.name]
    assert len({each.name for each in experiment.published}) == len(recipe.targets)
    assert numbers_of(recipe) == 3 * len(recipe.targets)
    assert experiment.needs.startswith(("a GPU", "hours of a CPU"))
    assert experiment.seconds == {"full": None}
    assert recipe.departures.partition(";")[0] in experiment.protocol
    measured = {each.name: Measured.of([each.value] * 2) for each in experiment.published}
    found = judge(experiment, Result(measured))
    assert {each.verdict for each in found} <= {"reproduces", "printed only"}
    for each in found:
        assert (each.published.kind == "scaled") == (each.verdict == "printed only")


def test_what_is_judged_has_an_error_and_its_sizes():
    kinds = {
        each.name: {published.name: published.kind for published in each.published}
        for each in LARGE
    }
    assert kinds["sngan-cifar10"] == {
        "inception score, ? / 5,000": "same protocol",
        "fid, 10,000 / 5,000": "same protocol",
    }
    # No error, and no number of images.
    assert kinds["ttur-dcgan-cifar10"] == {"fid, 50,000 / 50,000": "scaled"}
    assert set(kinds["studiogan-sngan-cifar10"].values()) == {"scaled"}


def test_a_number_of_unknown_size_is_printed_alone():
    target = PUBLISHED["mimicry-dcgan-cifar10"].targets[0]
    unknown = [replace(target, n_real=None), replace(target, n_generated=None)]
    found = [large._published(each).kind for each in (target, *unknown)]
    assert found == ["same protocol", "scaled", "scaled"]


def test_one_run_is_held_against_the_spread_of_trials():
    (experiment,) = [each for each in LARGE if each.name == "gan-ring-full"]
    modes, _ = experiment.published
    # Ten trials of standard error .5 spread by .5 sqrt(10); and their mean errs by .5 more.
    assert modes.error == pytest.approx(math.hypot(0.5 * math.sqrt(10), 0.5))
    (fid,) = [p for e in LARGE if e.name == "mimicry-dcgan-cifar10" for p in e.published]
    assert fid.error == 0.42


@pytest.mark.parametrize(
    ("name", "metric", "protocol", "generated", "real", "splits"),
    [
        ("sngan-cifar10", "inception score", "adm", 50_000, None, ("train", "heldout")),
        ("sngan-cifar10", "fid", "adm", 5_000, 10_000, ("train", "heldout")),
        ("mimicry-sngan-stl10", "kid", "mimicry", 50_000, 50_000, ("train", "heldout")),
        ("binkowski-wgan-gp-cifar10", "kid", "mmd-gan", 25_000, 10_000, ("reference",)),
        ("binkowski-wgan-gp-cifar10", "fid", "adm", 25_000, 10_000, ("reference",)),
        ("studiogan-sngan-cifar10", "fid", "studiogan", 50_000, None, ("train", "heldout")),
    ],
)
def test_the_way_to_a_number(name, metric, protocol, generated, real, splits):
    (target, *_) = [each for each in PUBLISHED[name].targets if each.metric == metric]
    found = scoring.way(target)
    assert found[0] == protocol
    assert found[2:] == (generated, real, splits)


def test_what_is_missing_is_said_with_the_way_to_it(monkeypatch):
    def nothing(*_, **__):
        raise GandiagError("nothing is here")

    monkeypatch.setattr(large, "open_source", nothing)
    monkeypatch.setattr(large, "find_weights", nothing)
    monkeypatch.chdir("/")
    with pytest.raises(GandiagError) as error:
        large.check_ready(PUBLISHED["sngan-stl10"], gpu=False)
    for part in ("a GPU (--device cpu", "fetch dataset:stl10:unlabeled", "weights fetch inception"):
        assert part in str(error.value)
    imagenet = large.missing(PUBLISHED["sngan-projection-imagenet128"], gpu=True)
    assert imagenet[0].startswith("the images of folder:imagenet")
    assert large.missing(PUBLISHED["dcgan-stacked-mnist"], gpu=True) == [
        "the data stacked-mnist (gandiag weights fetch dataset:mnist)"
    ]
    large.check_ready(PUBLISHED["gan-ring-full"], gpu=True)


def ring(seed):
    def draw(numbers):
        drawn = [MIXTURES["ring8"](1, generator("of", seed, number))[0] for number in numbers]
        return torch.cat(drawn), None

    return GeneratedImages("ring", draw)


def test_the_ring_itself_is_scored_as_such():
    told = []
    recipe = PUBLISHED["gan-ring-full"]
    found = scoring.measure(recipe, ring, 0, CPU, told.append)
    assert sum(told) == numbers_of(recipe)
    assert found["modes, ? / 2,500"].repeats == (8.0, 8.0, 8.0)
    divergence = found["reverse kl, ? / 2,500"]
    # (K - 1) / 2N = .0014, and chi-squared of 7 over 5,000 varies by .00075.
    assert divergence.value == pytest.approx(0.0014, abs=4 * 0.00075 / math.sqrt(3))
    assert len(set(divergence.repeats)) == 3


def test_samples_of_another_shape_are_refused_at_once():
    with pytest.raises(GandiagError, match="samples of shape"):
        scoring.check_samples(ring(0), (3, 32, 32))


def test_images_are_scored_with_their_numbers_and_sets(monkeypatch):
    """On pixels of digits: what does not come with the package is left out."""
    asked = []

    class Scorer:
        def __init__(self, real, **how):
            asked.append((real.count(), how["protocol"], how["per_class"]))

        def __call__(self, samples):
            return {name: Measured(float(samples.count())) for name in scoring.OUTPUTS.values()}

    monkeypatch.setattr(scoring.gandiag, "Scorer", Scorer)
    base = PUBLISHED["mimicry-cgan-pd-cifar10"]
    targets = tuple(replace(each, n_real=100) for each in base.targets[1:2])
    recipe = recipes.replace(
        base,
        data="digits",
        targets=(*targets, PUBLISHED["studiogan-sngan-cifar10"].targets[2]),
    )
    images = to_bytes(open_data("digits").split("train", 64).x).expand(-1, 3, -1, -1)
    draw = lambda seed: GeneratedImages("digits", lambda numbers: (images[: len(numbers)], None))  # noqa: E731
    found = scoring.measure(recipe, draw, 0, CPU, lambda _: None)
    # Training and held-out digits: four fifths of 1,797.
    assert asked == [(100, "mimicry", False), (1438, "studiogan", True)]
    assert [each.value for each in found.values()] == [50_000, 50_000]
    # A generator that cannot be asked for a class has no distance within classes.
    plain = recipes.replace(recipe, condition_g="none", condition_d="none")
    assert len(scoring.measure(plain, draw, 0, CPU, lambda _: None)) == 1


def test_stacks_are_counted_by_a_classifier_that_is_trained_for_it():
    stacked = open_data("stacked-digits")
    counter = counter_of(stacked.grey, CPU, epochs=15)
    assert counter.accuracy > 0.93
    x, y = stacked.split("reference", 2000)
    found = counter.count(to_bytes(x))
    assert len(found.counts) == 1000
    # All three channels right; of stacks that are none, a chance of about .6 is left.
    truth = torch.bincount(y, minlength=1000)
    overlap = int(torch.minimum(found.counts, truth).sum())
    assert overlap > 0.8 * 2000


def test_a_cut_batch_is_timed_and_multiplied():
    points = time_steps(PUBLISHED["gan-ring-full"], CPU)
    assert (points.share, points.device) == (1, "cpu")
    assert points.hours(3600) == pytest.approx(points.seconds)
    told = []
    images = time_steps(PUBLISHED["pacgan2-stacked-mnist-quarter"], CPU, told.append)
    assert images.share == 16  # 256 in packs of two: 16 of 8 packs
    assert sum(told) == 4


def test_random_images_stand_for_any_data():
    recipe = rehearsed(PUBLISHED["sngan-projection-imagenet128"], 128)
    data = open_data(recipe.data, recipe.resolution)
    assert data.shape == (3, 128, 128)
    assert len(data.classes) == 1000
    assert data.batch(0, 2, 0).x.abs().max() <= 1
    assert rehearsed(PUBLISHED["sngan-stl10"]).data == "noise:0"


def test_a_published_recipe_is_hinted_at():
    with pytest.raises(GandiagError, match="did you mean mimicry-sngan-cifar10"):
        find("mimicry-sngan-cifar-10")
    with pytest.raises(GandiagError, match="to be listed"):
        LARGE[0].run("full", 0)
