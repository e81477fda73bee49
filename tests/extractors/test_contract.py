"""What `FeatureExtractor` promises, held against every extractor that runs without a network."""

from pathlib import Path

import pytest
import timm
import torch
from random_inception import photographs

from gandiag.extractors import (
    EXTRACTORS,
    FeatureExtractor,
    open_extractor,
    save_classifier,
    timm_models,
)
from gandiag.extractors.timm_models import undrawn
from gandiag.extractors.vgg16 import VGG16
from gandiag.sources.datasets import FASHION_CLASSES

CPU = torch.device("cpu")
NAMES = [
    *("inception", "lite0", "pixels", "pixels:16", "timm", "classifier", "vgg16", "vgg16-nvidia"),
]
AS_THEY_ARE = ["digits", "fashion-mnist", "stacked-digits", "stacked-fashion-mnist"]
AS_THEY_ARE += ["identity:3", "features:3", "spectrum"]


@pytest.fixture(scope="module")
def opened(random_inception, random_vgg16, tmp_path_factory):
    """Open each once."""
    found: dict[str, FeatureExtractor] = {}

    def open_named(name: str) -> FeatureExtractor:
        if name in found:
            return found[name]
        weights, spec = None, name
        with pytest.MonkeyPatch.context() as patch:
            if name == "inception":
                weights = random_inception.full
            elif name == "timm":
                spec, create = "timm:resnet10t.c3_in1k", timm.create_model
                patch.setattr(timm, "create_model", lambda name, **_: create(name))
                patch.setattr(
                    timm_models, "on_disk", lambda _config: Path("/hub/model.safetensors")
                )
            elif name == "classifier":
                path = tmp_path_factory.mktemp("classifier") / "small.safetensors"
                model = undrawn(lambda: timm.create_model("resnet10t", num_classes=10))
                save_classifier(
                    path, model, architecture="timm:resnet10t", num_classes=10, input_size=64
                )
                spec = str(path)
            if name.startswith("vgg16"):
                found[name] = VGG16(
                    random_vgg16, digest="0" * 64, verified=False, device=CPU, name=name
                )
            else:
                found[name] = open_extractor(
                    spec, device=CPU, weights=weights, allow_unverified=True
                )
        return found[name]

    return open_named


@pytest.fixture(params=NAMES)
def extractor(request, opened) -> FeatureExtractor:
    return opened(request.param)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return photographs(2, 48, seed=0)


def test_its_fields(extractor):
    assert isinstance(extractor, FeatureExtractor)
    assert extractor.name
    assert extractor.canonical is False  # none of these is the published network
    assert extractor.features in extractor.layers
    assert extractor.logits is None or extractor.logits in extractor.layers
    assert extractor.device == CPU
    assert extractor.classes == ()  # none of these files names its classes
    assert extractor.balanced is False
    assert extractor.prepare(photographs(1, 20, seed=1)).shape[2:] == (extractor.input_size,) * 2


@pytest.mark.parametrize("spec", AS_THEY_ARE)
def test_what_takes_images_as_they_are(spec):
    stacked = spec.startswith("stacked-")
    classes = [f"{mode:03d}" for mode in range(1000)] if stacked else []
    if spec in ("digits", "fashion-mnist"):
        classes = [*"0123456789"] if spec == "digits" else FASHION_CLASSES
    extractor = open_extractor(spec, device=CPU)
    assert isinstance(extractor, FeatureExtractor)
    assert extractor.name == spec.partition(":")[0]
    assert extractor.classes == tuple(classes)
    assert extractor.balanced is stacked
    assert extractor.input_size is None
    if classes:
        assert extractor.layers[extractor.logits] == len(classes)


def test_every_row_is_held_to_this_file():
    tested = {spec.partition(":")[0] for spec in (*NAMES, *AS_THEY_ARE)}
    # dinov2 and clip are the class of timm, and too large for this.
    assert {*EXTRACTORS} == tested - {"classifier"} | {"dinov2", "clip"}


def test_its_provenance_is_text_that_pins_the_numbers(extractor):
    facts = dict(extractor.provenance())
    assert set(facts) == {
        "network",
        "weights",
        "weights_sha256",
        "verified",
        "input",
        "resize",
        "normalise",
        "precision",
    }
    assert all(isinstance(value, str) and value for value in facts.values())
    size = int(facts["input"].split()[0])
    assert facts["input"] == f"{size} x {size}"
    assert extractor.prepare(photographs(1, 20, seed=1)).shape == (1, 3, size, size)


def test_images_of_any_size_are_prepared_to_one(extractor):
    picture = photographs(2, 90, seed=1)
    shapes = {
        tuple(extractor.prepare(picture[..., :height, :width]).shape)
        for height, width in [(1, 1), (28, 28), (31, 90), (90, 7)]
    }
    assert len(shapes) == 1
    prepared = extractor.prepare(picture)
    assert prepared.dtype == torch.float32
    assert prepared.device == extractor.device
    with pytest.raises(ValueError, match="uint8"):
        extractor.prepare(picture.float())
    with pytest.raises(ValueError, match="uint8"):
        extractor.prepare(picture[:, :1])


@pytest.fixture(scope="module")
def answers(images):
    """Ask each once for all its layers."""
    found: dict[str, dict[str, torch.Tensor]] = {}

    def ask(extractor: FeatureExtractor) -> dict[str, torch.Tensor]:
        if extractor.name not in found:
            prepared = extractor.prepare(images)
            found[extractor.name] = extractor(prepared, [*extractor.layers])
        return found[extractor.name]

    return ask


def test_layers_are_as_wide_as_they_say(extractor, images, answers):
    found = answers(extractor)
    assert {layer: rows.shape for layer, rows in found.items()} == {
        layer: (len(images), width) for layer, width in extractor.layers.items()
    }
    for rows in found.values():
        assert rows.dtype == torch.float32
        assert rows.device == extractor.device
        assert not rows.requires_grad
        assert rows.isfinite().all()
        assert (rows.std(0) > 0).any()  # it looks at the picture


def test_an_image_alone_gives_what_it_gives_in_company_every_time(extractor, images, answers):
    prepared = extractor.prepare(images[:1])
    before = prepared.clone()
    alone = extractor(prepared, [extractor.features])
    again = extractor(prepared, [extractor.features])
    assert list(alone) == list(again) == [extractor.features]
    assert (alone[extractor.features] == again[extractor.features]).all()
    assert (prepared == before).all()
    together = answers(extractor)[extractor.features][:1]
    # Another batch size may take another kernel, which adds up float32 in another order; the random
    # Inception makes six times as much of such rounding on its way through its last blocks.
    worst = 1e-4 if extractor.name == "inception-unverified" else 1e-5
    assert (together - alone[extractor.features]).norm() < worst * together.norm()
