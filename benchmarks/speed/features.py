"""Scores from features that are in memory: gandiag's and its peers', each by its own code."""

from collections.abc import Callable, Mapping

import torch

ROWS, WIDTH = 5_000, 2048

Values = Mapping[str, float]
Run = Callable[[torch.Tensor, torch.Tensor], Values]


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """Real and generated rows: not negative, with variances that fall off, as Inception's.

    The generated are a little narrower and moved.
    """
    random = torch.Generator().manual_seed(0)
    scale = torch.arange(1, WIDTH + 1) ** -0.6

    def drawn(spread: float, mean: float) -> torch.Tensor:
        return torch.relu(spread * torch.randn(ROWS, WIDTH, generator=random) + mean) * scale

    return drawn(1.0, 0.5), drawn(0.95, 0.52)


def frechet() -> Run:
    """The distance alone."""
    from gandiag.metrics import frechet_distance

    return lambda real, generated: {"fid": frechet_distance(real, generated)}


def frechet_with_interval() -> Run:
    """What a score of images takes, its interval included."""
    from gandiag.metrics import FrechetDistance
    from gandiag.statistics import Bank, Moments

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = FrechetDistance()(real=Moments.of(real), generated=Bank.of(generated))
        return {"fid": found["fid"].value}

    return run


def frechet_of_torch_fidelity() -> Run:
    """Its own two steps."""
    from torch_fidelity import metric_fid as tool

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        both = [tool.fid_features_to_statistics(rows) for rows in (real, generated)]
        return {"fid": tool.fid_statistics_to_metric(*both, False)["frechet_inception_distance"]}

    return run


def frechet_of_pytorch_fid() -> Run:
    """Its formula on the moments as it takes them."""
    import numpy as np
    from pytorch_fid.fid_score import calculate_frechet_distance

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        arrays = real.numpy(), generated.numpy()
        moments = [each for a in arrays for each in (a.mean(axis=0), np.cov(a, rowvar=False))]
        return {"fid": float(calculate_frechet_distance(*moments))}

    return run


def kid() -> Run:
    """By the subsets of torch-fidelity."""
    from gandiag.metrics import Subsets, kernel_distance_of_subsets

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = kernel_distance_of_subsets(real=real, generated=generated, subsets=Subsets())
        return {"kid": float(found.mean())}

    return run


def kid_of_torch_fidelity() -> Run:
    """A hundred subsets of a thousand, its defaults; it draws from the generated first."""
    from torch_fidelity.metric_kid import kid_features_to_metric

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = kid_features_to_metric(generated, real, verbose=False)
        return {"kid": found["kernel_inception_distance_mean"]}

    return run


def prdc() -> Run:
    """The four shares alone, with the balls of prdc."""
    from gandiag.metrics import precision_recall_density_coverage

    return lambda real, generated: precision_recall_density_coverage(
        real=real, generated=generated, k=5, tie="<"
    )


def prdc_with_intervals() -> Run:
    """What a score of images takes, the intervals included."""
    from gandiag.metrics import PRDC
    from gandiag.statistics import Bank

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = PRDC(k=5, tie="<")(real=Bank.of(real), generated=Bank.of(generated))
        return {name: score.value for name, score in found.items()}

    return run


def prdc_of_prdc() -> Run:
    """Its one function."""
    from prdc import compute_prdc

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = compute_prdc(real.numpy(), generated.numpy(), 5)
        return {name: float(value) for name, value in found.items()}

    return run


def precision_recall() -> Run:
    """With the balls of torch-fidelity."""
    from gandiag.metrics import precision_recall_density_coverage

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = precision_recall_density_coverage(real=real, generated=generated, k=3)
        return {name: found[name] for name in ("precision", "recall")}

    return run


def precision_recall_of_torch_fidelity() -> Run:
    """Its defaults."""
    from torch_fidelity.metric_prc import prc_features_to_metric

    def run(real: torch.Tensor, generated: torch.Tensor) -> Values:
        found = prc_features_to_metric(generated, real, verbose=False)
        return {name: found[name] for name in ("precision", "recall")}

    return run
