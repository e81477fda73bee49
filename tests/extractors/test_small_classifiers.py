import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.extractors import FeatureExtractor, open_extractor
from gandiag.sources import open_source
from reference_models.data import open_data
from reference_models.data.images import to_bytes

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
