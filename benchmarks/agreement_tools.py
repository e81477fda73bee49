"""Other tools run as a whole, each by its own code on the same files and weights."""

from collections.abc import Callable

import numpy as np
import torch
from random_inception import RandomInception

from benchmarks.agreement_inputs import Folders, at_most_half, count_of, pixels

Scores = dict[str, float]
Tool = Callable[[Folders, RandomInception], Scores]


def torch_fidelity(folders: Folders, weights: RandomInception) -> Scores:
    """torch-fidelity through its Python interface; KID's subsets are half of fewer images."""
    import torch_fidelity as tool

    found = tool.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        fid=True,
        kid=True,
        isc=True,
        kid_subset_size=at_most_half(count_of(folders)),
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights.full),
        cuda=False,
        cache=False,
        verbose=False,
    )
    return {
        "fid": found["frechet_inception_distance"],
        "kid": found["kernel_inception_distance_mean"],
        "is": found["inception_score_mean"],
    }


def torch_fidelity_rbf(folders: Folders, weights: RandomInception) -> Scores:
    """torch-fidelity's KID with its other kernel."""
    import torch_fidelity as tool

    found = tool.calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        kid=True,
        kid_kernel="rbf",
        kid_subset_size=at_most_half(count_of(folders)),
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights.full),
        cuda=False,
        cache=False,
        verbose=False,
    )
    return {"kid_rbf": found["kernel_inception_distance_mean"]}


def pytorch_fid(folders: Folders, weights: RandomInception) -> Scores:
    """pytorch-fid, given the file where it would download it."""
    from pytorch_fid import fid_score, inception

    state = torch.load(weights.full, weights_only=True)
    inception.load_state_dict_from_url = lambda *args, **more: state
    paths = [str(folder) for folder in folders]
    return {"fid": fid_score.calculate_fid_given_paths(paths, 50, "cpu", 2048, num_workers=0)}


def clean_fid_features(
    mode: str, folders: Folders, weights: RandomInception
) -> tuple[np.ndarray, np.ndarray]:
    """Of generated and real images, by clean-fid's own folder reader, resizer and network."""
    from cleanfid import features, fid, inception_pytorch, inception_torchscript

    state = torch.load(weights.full, weights_only=True)
    inception_pytorch.load_state_dict_from_url = lambda *args, **more: state
    path = str(weights.torchscript.parent)
    features.InceptionV3W = lambda _, download, resize_inside: inception_torchscript.InceptionV3W(
        path, False, resize_inside
    )
    cpu = torch.device("cpu")
    model = features.build_feature_extractor(mode, cpu, use_dataparallel=False)
    generated, real = (
        fid.get_folder_features(
            str(folder), model, num_workers=0, device=cpu, mode=mode, verbose=False
        )
        for folder in folders
    )
    return generated, real


def clean_fid(mode: str) -> Tool:
    """One of clean-fid's modes, with its own formulas."""

    def run(folders: Folders, weights: RandomInception) -> Scores:
        from cleanfid import fid

        generated, real = clean_fid_features(mode, folders, weights)
        moments = [
            each
            for rows in (generated, real)
            for each in (rows.mean(0), np.cov(rows, rowvar=False))
        ]
        np.random.seed(0)  # noqa: NPY002  (the tool draws from the global state)
        return {
            "fid": fid.frechet_distance(*moments),
            "kid": fid.kernel_distance(real, generated),
        }

    return run


class Given(torch.nn.Module):
    """Stands for a network whose features are computed already."""

    num_features = 2048

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows themselves."""
        return rows


def torchmetrics(folders: Folders, weights: RandomInception) -> Scores:
    """The torchmetrics modules on its own network's features; seeded just before they draw."""
    from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    layers = ["2048", "logits_unbiased"]
    network = NoTrainInceptionV3("inception-v3-compat", layers, str(weights.full))
    fid = FrechetInceptionDistance(Given())
    kid = KernelInceptionDistance(Given(), subset_size=at_most_half(count_of(folders)))
    score = InceptionScore(Given())
    for real, folder in zip((False, True), folders, strict=True):
        for batch in pixels(folder).split(50):
            features, logits = network._torch_fidelity_forward(batch)
            fid.update(features, real=real)
            kid.update(features, real=real)
            if not real:
                score.update(logits)
    values = {"fid": fid.compute().item()}
    torch.manual_seed(0)
    values["kid"] = kid.compute()[0].item()
    torch.manual_seed(0)
    values["is"] = score.compute()[0].item()
    return values


def prdc(folders: Folders, weights: RandomInception) -> Scores:
    """Prdc takes features: those of clean-fid's own loader, resizer and network."""
    from prdc import compute_prdc

    generated, real = clean_fid_features("clean", folders, weights)
    return {key: float(value) for key, value in compute_prdc(real, generated, 5).items()}
