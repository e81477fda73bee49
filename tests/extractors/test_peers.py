"""The same random weights and the same images through each published tool and through ours."""

import functools

import numpy as np
import pytest
import torch
import torchvision
import torchvision.transforms.functional as TF
from PIL import Image
from random_inception import photographs

from gandiag.extractors import (
    CLEAN_FID,
    CLEAN_FID_LEGACY_PYTORCH,
    CLEAN_FID_LEGACY_TENSORFLOW,
    PYTORCH_FID,
    TORCH_FIDELITY,
    TORCHMETRICS,
    TORCHMETRICS_NO_ANTIALIAS,
    open_extractor,
)

pytestmark = pytest.mark.peers
CPU = torch.device("cpu")
SIZES = [(28, 28), (32, 32), (64, 64), (256, 200), (299, 299), (400, 400)]
# Float32 through 94 random convolutions: each side is 2e-5 from the float64 result. Real weights
# are kinder, and a wrong resize or normalisation is a hundred times further off.
CLOSE = 1e-4


@pytest.fixture(scope="module")
def images():
    """One of each size: (3, height, width) uint8."""
    return [
        photographs(1, 400, seed)[0, :, :height, :width].contiguous()
        for seed, (height, width) in enumerate(SIZES)
    ]


@pytest.fixture(scope="module")
def inception(random_inception, images):
    """Our layers under a preprocessing, one row an image; each preprocessing runs once."""
    extractor = open_extractor(
        "inception", device=CPU, weights=random_inception.compact, allow_unverified=True
    )

    @functools.cache
    def run(preprocessing):
        extractor.preprocessing = preprocessing
        prepared = torch.cat([extractor.prepare(image[None]) for image in images])
        return extractor(prepared, [*extractor.layers])

    def rows(preprocessing, *layers):
        return {layer: run(preprocessing)[layer] for layer in layers}

    return rows


def assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    off = (ours - theirs).norm(dim=1) / theirs.norm(dim=1)
    assert off.max() < CLOSE, dict(zip(SIZES, off.tolist(), strict=True))


def pictures(images):
    return [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]


def test_torch_fidelity_on_every_layer(inception, images, random_inception):
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    names = {
        "pool1": "64",
        "pool2": "192",
        "pre_aux": "768",
        "pool3": "2048",
        "logits_unbiased": "logits_unbiased",
        "logits": "logits",
    }
    with torch.random.fork_rng():
        network = module.FeatureExtractorInceptionV3(
            "peer",
            [*names.values()],
            feature_extractor_weights_path=str(random_inception.full),
        )
    found = [torch.cat(rows) for rows in zip(*[network(i[None]) for i in images], strict=True)]
    ours = inception(TORCH_FIDELITY, *names)
    for layer, theirs in zip(names, found, strict=True):
        assert_close(ours[layer], theirs)


def test_pytorch_fid(inception, images, random_inception, monkeypatch):
    module = pytest.importorskip("pytorch_fid.inception")
    state = torch.load(random_inception.full, weights_only=True)
    monkeypatch.setattr(module, "load_state_dict_from_url", lambda *_, **__: state)
    with torch.random.fork_rng():
        network = module.InceptionV3([0, 1, 2, 3]).eval()
    tensors = [TF.to_tensor(picture)[None] for picture in pictures(images)]
    maps = [network(tensor) for tensor in tensors]
    layers = ("pool1", "pool2", "pre_aux", "pool3")
    ours = inception(PYTORCH_FID, *layers, "mixed_6e")
    for layer, theirs in zip(layers, zip(*maps, strict=True), strict=True):
        assert_close(ours[layer], torch.cat(theirs).mean((2, 3)))
    # dgm-eval runs this network, and takes 7 channels of its third output for sFID.
    assert_close(ours["mixed_6e"], torch.cat([each[2] for each in maps])[:, :7].flatten(1))


def clean_fid_inputs(images, mode):
    resize = pytest.importorskip("cleanfid.resize").build_resizer(mode)
    arrays = [resize(np.asarray(picture)) for picture in pictures(images)]
    return [torch.tensor(array.transpose(2, 0, 1)).float()[None] for array in arrays]


@pytest.mark.parametrize(
    ("mode", "preprocessing"),
    [("clean", CLEAN_FID), ("legacy_tensorflow", CLEAN_FID_LEGACY_TENSORFLOW)],
)
def test_clean_fid_with_its_torchscript(inception, images, random_inception, mode, preprocessing):
    module = pytest.importorskip("cleanfid.inception_torchscript")
    network = module.InceptionV3W(
        str(random_inception.torchscript.parent),
        download=False,
        resize_inside=mode == "legacy_tensorflow",
    )
    with torch.inference_mode():
        theirs = torch.cat([network(each) for each in clean_fid_inputs(images, mode)])
    assert_close(inception(preprocessing, "pool3")["pool3"], theirs)


def test_clean_fid_legacy_pytorch(inception, images, random_inception, monkeypatch):
    module = pytest.importorskip("cleanfid.inception_pytorch")
    state = torch.load(random_inception.full, weights_only=True)
    monkeypatch.setattr(module, "load_state_dict_from_url", lambda *_, **__: state)
    with torch.random.fork_rng():
        network = module.InceptionV3(output_blocks=[3], resize_input=False).eval()
    with torch.inference_mode():
        inputs = clean_fid_inputs(images, "legacy_pytorch")
        theirs = torch.cat([network(each / 255)[0].flatten(1) for each in inputs])
    assert_close(inception(CLEAN_FID_LEGACY_PYTORCH, "pool3")["pool3"], theirs)


@pytest.mark.parametrize(
    ("antialias", "preprocessing"), [(True, TORCHMETRICS), (False, TORCHMETRICS_NO_ANTIALIAS)]
)
def test_torchmetrics(inception, images, random_inception, antialias, preprocessing):
    module = pytest.importorskip("torchmetrics.image.fid")
    with torch.random.fork_rng():
        network = module.NoTrainInceptionV3(
            "inception-v3-compat",
            ["2048", "logits_unbiased"],
            feature_extractor_weights_path=str(random_inception.full),
            antialias=antialias,
        )
    ours = inception(preprocessing, "pool3", "logits_unbiased")
    found = [network._torch_fidelity_forward(image[None]) for image in images]
    for layer, theirs in zip(ours, zip(*found, strict=True), strict=True):
        assert_close(ours[layer], torch.cat(theirs))


def test_a_wrong_preprocessing_is_far_off(inception):
    """What `CLOSE` tells apart: the nearest two of them."""
    a = inception(TORCH_FIDELITY, "pool3")["pool3"]
    b = inception(PYTORCH_FID, "pool3")["pool3"]
    assert ((a - b).norm(dim=1) / b.norm(dim=1)).min() > 10 * CLOSE


def test_torch_fidelity_vgg16(images, random_vgg16, tmp_path, monkeypatch):
    module = pytest.importorskip("torch_fidelity.feature_extractor_vgg16")
    torch.save(random_vgg16, tmp_path / "vgg16.pth")
    # Without drawing 138 million numbers that the file then replaces.
    empty = functools.partial(torchvision.models.vgg16, init_weights=False)
    monkeypatch.setattr(module.torchvision.models, "vgg16", empty)
    with torch.random.fork_rng():
        network = module.FeatureExtractorVGG16(
            "peer", ["fc2_relu"], feature_extractor_weights_path=str(tmp_path / "vgg16.pth")
        )
    ours = open_extractor(
        "vgg16", device=CPU, weights=tmp_path / "vgg16.pth", allow_unverified=True
    )
    image = images[3][None]
    (theirs,) = network(image)
    rows = ours(ours.prepare(image), ["fc2_relu"])["fc2_relu"]
    # Fifteen layers of float32.
    assert (rows - theirs).norm() < 1e-5 * theirs.norm()
