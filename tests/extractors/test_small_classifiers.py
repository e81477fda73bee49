import numpy as np
import pytest
import torch

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import FeatureExtractor, open_extractor
from gandiag.metrics import kl_floor
from gandiag.sources import open_source
from gandiag.sources.datasets import FASHION_CLASSES
from reference_models.data import open_data
from reference_models.data.files import FASHION
from reference_models.data.images import to_bytes
from reference_models.recipe import replace
from reference_models.recipes import find_recipe
from reference_models.train import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    split = open_data("digits").split("reference")
    return to_bytes(split.x).expand(-1, 3, -1, -1), split.y


def classified(name, images):
    extractor = open_extractor(name, device=CPU)
    assert isinstance(extractor, FeatureExtractor)
    return extractor, extractor(extractor.prepare(images), extractor.layers)


def test_its_accuracy_is_the_one_it_states(digits):
    images, labels = digits
    extractor, layers = classified("digits", images)
    share = float((layers["logits"].argmax(1) == labels).double().mean())
    assert share > 0.97
    facts = extractor.provenance()
    assert facts["accuracy"] == f"{100 * share:.2f} % of 359 held-out images of digits"
    assert {name: rows.shape[1] for name, rows in layers.items()} == extractor.layers


def test_a_stack_is_three_grey_images(digits):
    images, _ = digits
    three = torch.cat([images[:50, :1], images[50:100, :1], images[100:150, :1]], 1)
    _, stacked = classified("stacked-digits", three)
    _, grey = classified("digits", images[:150])
    found = grey["logits"].argmax(1)
    expected = 100 * found[:50] + 10 * found[50:100] + found[100:150]
    assert torch.equal(stacked["logits"].argmax(1), expected)
    # The joint distribution is the product: its sum over two channels is that of the third.
    joint = stacked["logits"].softmax(1).reshape(50, 10, 10, 10)
    torch.testing.assert_close(joint.sum((2, 3)), grey["logits"][:50].softmax(1))
    torch.testing.assert_close(joint.sum((1, 2)), grey["logits"][100:150].softmax(1))
    torch.testing.assert_close(stacked["features"][:, :64], grey["features"][:50])


def test_what_it_cannot_read(digits):
    images, _ = digits
    extractor = open_extractor("digits", device=CPU)
    with pytest.raises(GandiagError, match="8 x 8, and was given 9 x 8"):
        extractor.prepare(torch.zeros(2, 3, 9, 8, dtype=torch.uint8))
    with pytest.raises(GandiagError, match="given points"):
        extractor.prepare(torch.zeros(2, 3))
    coloured = images[:2].clone()
    coloured[0, 1, 0, 0] = 200
    with pytest.raises(GandiagError, match="stacked-digits"):
        extractor.prepare(coloured)


def test_stacks_cover_a_thousand_modes():
    report = gandiag.score(
        "dataset:stacked-digits",
        open_source("dataset:stacked-digits").limit(100, seed=0),
        features="stacked-digits",
        metrics=["modes"],
        cache=False,
    )
    modes, divergence = report["modes"], report["mode_kl"]
    # All are there by their labels; the classifier errs in 3 x .28 % of stacks.
    assert modes.value >= 998
    assert modes.extra["of"] == 1000
    assert divergence.extra["floor"] == kl_floor(1000, 10_000)
    # Chi-squared with 999 degrees of freedom has the deviation 44.7: five of them over 2N.
    assert divergence.value == pytest.approx(999 / 20_000, abs=5 * 44.7 / 20_000)
    assert report["label_agreement"].value > 0.97
    assert "unknown-classes" not in [each.code for each in report.warnings]


def test_a_run_of_stacks_is_counted_without_labels(run, tmp_path):
    recipe = replace(find_recipe("ns-stacked-digits"), {"steps": 2, "width_g": 8, "width_d": 4})
    train(recipe, out=tmp_path / "run", checkpoint_every=2, keep=0)
    args = ("score", tmp_path / "run", "--real", "dataset:stacked-digits", "--metrics", "modes")
    code, _, err = run(*args, "--max-images", "128")
    assert code == 2
    assert "choose --features digits, fashion-mnist, stacked-digits" in err
    code, out, err = run(*args, "--max-images", "128", "--features", "stacked-digits")
    assert (code, err) == (0, "")
    assert "of 1000" in out.replace(",", "")
    assert "label_agreement" not in out


def test_labels_that_are_no_classes_are_told(digits, tmp_path):
    images, labels = digits
    names = ["seven" if y == 7 else str(y) for y in labels.tolist()]
    np.savez(tmp_path / "fake.npz", images=images[:, 0].numpy(), labels=names)
    report = gandiag.score(
        tmp_path / "fake.npz",
        "dataset:digits",
        features="digits",
        metrics=["modes"],
        cache=False,
    )
    (told,) = [each.message for each in report.warnings if each.code == "unknown-classes"]
    assert "(seven) are not the classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in told
    assert "label_agreement" not in report
    assert "modes" in report


@pytest.mark.fashion
def test_clothes_are_called_alike_everywhere():
    try:
        source = open_source("dataset:fashion-mnist:test").limit(100, seed=0)
    except GandiagError as absent:
        pytest.skip(str(absent))
    classifier = open_extractor("fashion-mnist", device=CPU)
    assert classifier.classes == FASHION_CLASSES == FASHION
    report = gandiag.score(source, source, features="fashion-mnist", metrics=["modes"], cache=False)
    # 91.78 % of the whole test set; five standard errors of a hundred.
    assert report["label_agreement"].value == pytest.approx(0.9178, abs=5 * 0.028)
    assert report["modes"].extra["count T-shirt/top"] > 0


def test_digits_are_counted_by_class(run, tmp_path):
    code, out, err = run(
        *("score", "dataset:digits", "--real", "dataset:digits", "--features", "digits"),
        *("--metrics", "modes", "--max-images", "600"),
    )
    assert (code, err) == (0, "")
    assert "of 10" in out
    assert "floor 0.015" in out  # 9 / 2 (1 / 600 + 1 / 600)
    # Rich breaks lines.
    assert "accuracy 99.72 % of 359 held-out images of digits" in " ".join(out.split())
    assert open_source("dataset:digits").count() == 1797
