"""From the same files and the same weights, each protocol gives its tool's number.

The published weights cannot be part of a test: a random network in the same format is (He
initialisation, batch norm set from photographs), which every tool loads through its own code.
`benchmarks/agreement.py` does the same with 1,000 images and KID.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from random_inception import photographs, write_random_inception

import gandiag

pytestmark = pytest.mark.peers

COUNT = 24
# scipy's square root of a rank-deficient product is itself off by 7e-6; convolutions in another
# order of sums move features by 1e-6. Different protocols differ by 1e-2 and more.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_random_inception(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module", params=["png-32", "jpeg-64x48", "png-320"])
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


def test_torch_fidelity(folders, weights, ours):
    torch_fidelity = pytest.importorskip("torch_fidelity")
    theirs = torch_fidelity.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        fid=True,
        isc=True,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights.full),
        cuda=False,
        cache=False,
        verbose=False,
        batch_size=8,
    )
    report = ours("torch-fidelity", "fid", "is")
    fid, score = report["fid"], report["is"]
    assert fid.value == pytest.approx(theirs["frechet_inception_distance"], rel=TOLERANCE)
    assert score.value == pytest.approx(theirs["inception_score_mean"], rel=TOLERANCE)
    assert score.extra["std"] == pytest.approx(theirs["inception_score_std"], rel=1e-3)


def test_pytorch_fid(folders, weights, ours, monkeypatch):
    inception = pytest.importorskip("pytorch_fid.inception")
    fid_score = pytest.importorskip("pytorch_fid.fid_score")
    state = torch.load(weights.full, weights_only=True)
    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *args, **more: state)
    with torch.random.fork_rng():  # it draws weights before it loads them
        theirs = fid_score.calculate_fid_given_paths(
            [str(each) for each in folders], 8, "cpu", 2048, num_workers=0
        )
    assert ours("pytorch-fid", "fid")["fid"].value == pytest.approx(theirs, rel=TOLERANCE)


@pytest.mark.parametrize("mode", ["clean", "legacy_pytorch", "legacy_tensorflow"])
def test_clean_fid(folders, weights, ours, mode, monkeypatch):
    cleanfid = pytest.importorskip("cleanfid.fid")
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
    with torch.random.fork_rng():
        model = features.build_feature_extractor(mode, torch.device("cpu"), use_dataparallel=False)
    moments = []
    for folder in folders:
        rows = cleanfid.get_folder_features(
            str(folder),
            model,
            num_workers=0,
            batch_size=8,
            device=torch.device("cpu"),
            mode=mode,
            verbose=False,
        )
        moments += [rows.mean(axis=0), np.cov(rows, rowvar=False)]
    theirs = cleanfid.frechet_distance(*moments)
    name = "clean-fid" if mode == "clean" else f"clean-fid-{mode.replace('_', '-')}"
    for file in (weights.full, weights.torchscript):
        assert ours(name, "fid", file=file)["fid"].value == pytest.approx(theirs, rel=TOLERANCE)


def test_torchmetrics(folders, weights, ours):
    fid = pytest.importorskip("torchmetrics.image.fid")
    network = fid.NoTrainInceptionV3("inception-v3-compat", ["2048"], str(weights.full))
    metric = fid.FrechetInceptionDistance(network)
    for role, folder in zip((False, True), folders, strict=True):
        pixels = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
        metric.update(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), real=role)
    assert ours("torchmetrics", "fid")["fid"].value == pytest.approx(
        metric.compute().item(), rel=TOLERANCE
    )
    logits = fid.NoTrainInceptionV3("inception-v3-compat", ["logits_unbiased"], str(weights.full))
    inception = pytest.importorskip("torchmetrics.image.inception")
    score = inception.InceptionScore(logits)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pixels = [np.asarray(Image.open(path)) for path in sorted(folders[0].iterdir())]
        score.update(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2))
        mean, std = score.compute()
    row = ours("torchmetrics", "is")["is"]
    assert row.value == pytest.approx(mean.item(), rel=TOLERANCE)
    assert row.extra["std"] == pytest.approx(std.item(), rel=1e-3)
