"""From the same files and the same weights, each protocol gives its tool's features and number.

The published weights cannot be part of a test: a random network in the same format is (He
initialisation, batch norm set from photographs), which every tool loads through its own code. Each
tool reads the folders, resizes and extracts by itself. Its Fréchet formula takes a minute at 2,048
features: it is compared on narrower ones in tests/metrics, and whole in benchmarks/agreement.py.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from random_inception import photographs, write_random_inception

import gandiag
from gandiag.metrics import InceptionScore, frechet_distance

pytestmark = pytest.mark.peers

COUNT = 10
# What the tools call the layers that FID is also computed of: `feature=` in torchmetrics.
NARROWER = {"64": "pool1", "192": "pool2", "768": "pre_aux"}
# Convolutions that sum in another order move features by 1e-6; protocols differ by 1e-2 and more.
TOLERANCE = 1e-4


@pytest.fixture(autouse=True)
def global_randomness_is_untouched():
    """Not asked of other tools: they draw weights before they load them, and orders unseeded."""
    with torch.random.fork_rng():
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_random_inception(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module", params=["jpeg-64x48", "png-320"])
def folders(request, tmp_path_factory):
    """Generated and real folders of one format and size."""
    kind, _, size = request.param.partition("-")
    sides = [int(side) for side in size.split("x")]
    root = tmp_path_factory.mktemp(request.param)
    for seed, name in enumerate(("generated", "real")):
        (root / name).mkdir()
        for index, image in enumerate(photographs(COUNT, max(sides), seed).numpy()):
            cut = image.transpose(1, 2, 0)[: sides[0], : sides[-1]]
            path = root / name / f"{index:03d}.{'png' if kind == 'png' else 'jpg'}"
            Image.fromarray(cut if name == "real" else cut // 2 + 64).save(path, quality=90)
    return root / "generated", root / "real"


@pytest.fixture
def ours(folders, weights, monkeypatch):
    def ours(protocol, *metrics, file=None):
        monkeypatch.setenv("GANDIAG_WEIGHTS", str(file or weights.full))
        generated, real = folders
        return gandiag.score(
            generated, real, protocol=protocol, metrics=metrics, allow_unverified=True
        )

    return ours


def of_layers():
    return [f"fid(layer={layer})" for layer in NARROWER.values()]


def agrees(row, generated, real, least=1.0):
    expected = frechet_distance(np.asarray(real), np.asarray(generated))
    assert expected > least  # far from rounding
    assert row.value == pytest.approx(expected, rel=TOLERANCE)


def test_torch_fidelity(folders, weights, ours):
    tool = pytest.importorskip("torch_fidelity.utils")
    options = {
        "feature_extractor_weights_path": str(weights.full),
        "cuda": False,
        "cache": False,
        "verbose": False,
        "batch_size": 8,
    }
    network = tool.create_feature_extractor(
        "inception-v3-compat", [*NARROWER, "2048", "logits_unbiased"], **options
    )
    generated, real = (
        tool.extract_featuresdict_from_input_id(
            1, network, input1=str(folder), samples_find_deep=False, **options
        )
        for folder in folders
    )
    report = ours("torch-fidelity", "fid", "is", *of_layers())
    agrees(report["fd[inception-unverified]"], generated["2048"], real["2048"])
    for name, layer in NARROWER.items():
        row = report[f"fd[inception-unverified/{layer}]"]
        agrees(row, generated[name], real[name], least=0.01)
    formula = pytest.importorskip("torch_fidelity.metric_isc").isc_features_to_metric
    theirs = formula(generated["logits_unbiased"], 10, True, 2020)
    assert report["is"].value == pytest.approx(theirs["inception_score_mean"], rel=TOLERANCE)
    # A difference of nearly equal numbers.
    assert report["is"].extra["std"] == pytest.approx(theirs["inception_score_std"], rel=1e-2)


def test_pytorch_fid(folders, weights, ours, monkeypatch):
    inception = pytest.importorskip("pytorch_fid.inception")
    tool = pytest.importorskip("pytorch_fid.fid_score")
    state = torch.load(weights.full, weights_only=True)
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *args, **more: state)
    network = inception.InceptionV3([3])
    generated, real = (
        tool.get_activations(sorted(folder.iterdir()), network, 8, num_workers=0)
        for folder in folders
    )
    agrees(ours("pytorch-fid", "fid")["fid"], generated, real)


@pytest.mark.parametrize("mode", ["clean", "legacy_pytorch", "legacy_tensorflow"])
def test_clean_fid(folders, weights, ours, mode, monkeypatch):
    tool = pytest.importorskip("cleanfid.fid")
    features = pytest.importorskip("cleanfid.features")
    torchscript = pytest.importorskip("cleanfid.inception_torchscript")
    pytorch = pytest.importorskip("cleanfid.inception_pytorch")
    state = torch.load(weights.full, weights_only=True)
    monkeypatch.setattr(pytorch, "load_state_dict_from_url", lambda *args, **more: state)
    path = str(weights.torchscript.parent)
    monkeypatch.setattr(
        features,
        "InceptionV3W",
        lambda _, download, resize_inside: torchscript.InceptionV3W(path, False, resize_inside),
    )
    cpu = torch.device("cpu")
    network = features.build_feature_extractor(mode, cpu, use_dataparallel=False)
    generated, real = (
        tool.get_folder_features(
            str(folder), network, num_workers=0, batch_size=8, device=cpu, mode=mode, verbose=False
        )
        for folder in folders
    )
    name = "clean-fid" if mode == "clean" else f"clean-fid-{mode.replace('_', '-')}"
    file = weights.torchscript if mode == "clean" else weights.compact
    agrees(ours(name, "fid", file=file)["fid"], generated, real)


def test_torchmetrics(folders, weights, ours):
    tool = pytest.importorskip("torchmetrics.image.fid")
    layers = [*NARROWER, "2048", "logits_unbiased"]
    network = tool.NoTrainInceptionV3("inception-v3-compat", layers, str(weights.full))

    def rows(folder):
        pixels = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
        batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
        return network._torch_fidelity_forward(batch)

    (*narrower, generated, logits), (*narrower_real, real, _) = map(rows, folders)
    report = ours("torchmetrics", "fid", "is", *of_layers())
    agrees(report["fd[inception-unverified]"], generated, real)
    for layer, x, y in zip(NARROWER.values(), narrower, narrower_real, strict=True):
        agrees(report[f"fd[inception-unverified/{layer}]"], x, y, least=0.01)
    assert report["is"].parameters == repr(
        InceptionScore(splits=10, rule="chunk", shuffle="torch", seed=0, ddof=1)
    )
    score = pytest.importorskip("torchmetrics.image.inception").InceptionScore(torch.nn.Identity())
    torch.manual_seed(0)
    score.update(logits)
    mean, _ = score.compute()
    assert report["is"].value == pytest.approx(mean.item(), rel=TOLERANCE)
