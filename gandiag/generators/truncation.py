"""Truncation: samples nearer to the middle of the latents, better each and less unlike.

Two ways, which are not the same and whose psi mean something else:

- ``resample``: each coordinate of a normal z beyond psi in size is drawn again (Brock et al. 2019,
  "BigGAN", section 3.1). No psi is the whole distribution; at 2 it nearly is.
- ``scale``: ``w_avg + psi (w - w_avg)`` in w (Karras et al. 2019, appendix B), and ``psi z`` for a
  generator that has no w, whose latents have their mean at 0. psi = 1 is the whole distribution.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from gandiag.errors import GandiagError, unknown
from gandiag.generators.opening import open_generator
from gandiag.generators.space import OF_MEAN, LatentSpace
from gandiag.generators.sweep import Sweep
from gandiag.scoring import Scorer
from gandiag.sources.generated import GeneratedImages

How = Literal["scale", "resample"]

AT_ONCE = 500
"""Latents that are mapped together for a mean of w."""


def resampled(z: Tensor, psi: float) -> Tensor:
    """Standard normal latents => normal latents of which none is beyond `psi` in size.

    In the place of drawing again, each value goes to that of the same rank in the truncated
    distribution, through both distribution functions: the same z give the same latents at every
    psi, moved as little as can be.

    Args:
        z: floats.
        psi: above 0.
    """
    root = math.sqrt(2)
    edge = math.erf(psi / root)
    return (root * torch.erfinv(torch.erf(z.double() / root) * edge)).clamp(-psi, psi).to(z)


def mean_of_w(generator: Any, *, label: str | None = None, seed: int = 0) -> Tensor:
    """The generator's own ``w_avg``, or the mean of w over 10,000 latents: (d,) or (layers, d).

    Args:
        generator: what `open_generator` takes, with a space w.
        label: a class; None draws one for each latent.
        seed: of the latents.

    Raises:
        GandiagError: it has no space w.
    """
    opened = open_generator(generator)
    opened.check("w", label)
    own = getattr(opened.network, "w_avg", getattr(opened.network.mapping, "w_avg", None))
    if isinstance(own, Tensor):
        return own.detach().double().cpu()
    total = torch.zeros(())
    for start in range(0, OF_MEAN, AT_ONCE):
        numbers = range(start, start + AT_ONCE)
        labels = opened.labels(seed, numbers, label)
        total = total + opened.in_space(opened.latents(seed, numbers), labels, "w").sum(dim=0)
    return total / OF_MEAN


def truncated(
    generator: Any,
    psi: float,
    how: How | None = None,
    *,
    label: str | None = None,
    seed: int = 0,
    centre: Tensor | None = None,
) -> GeneratedImages:
    """Samples of truncated latents, for `gandiag.score`; sample i is of the same z at every psi.

    Args:
        generator: what `open_generator` takes, or what it gives.
        psi: how far latents may go.
        how: see above; None for ``scale`` where there is a w, and else ``resample``.
        label: a class; None draws one for each sample.
        seed: of the samples.
        centre: the mean of w, where it is known.

    Raises:
        GandiagError: `psi` is out of range, or the prior is none that can be truncated so.
    """
    opened = open_generator(generator).sure()
    way = _way(opened, how, label)
    if not (0 < psi < math.inf or (psi == 0 and way == "scale")):
        raise GandiagError(f"psi is {psi:g}; give a number above 0, or 0 with scale")
    mapped = way == "scale" and opened.mapped
    if mapped and centre is None:
        centre = mean_of_w(opened, label=label, seed=seed)

    def draw(numbers: range) -> tuple[Tensor, tuple[str, ...] | None]:
        z, labels = opened.latents(seed, numbers), opened.labels(seed, numbers, label)
        if mapped:
            assert centre is not None
            w = opened.in_space(z, labels, "w")
            given = opened.samples(centre + psi * (w - centre), labels, "w")
        else:
            given = opened.samples(psi * z if way == "scale" else resampled(z, psi), labels)
        names = None if labels is None else tuple(opened.classes[i] for i in labels.tolist())
        return opened.pictures(given), names

    name = f"{opened.name} (psi {psi:g})"
    return GeneratedImages(name, draw, value_range=opened.value_range)


def truncation_sweep(
    generator: Any,
    scorer: Scorer,
    psis: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    how: How | None = None,
    *,
    label: str | None = None,
) -> Sweep:
    """Scores at several truncations: what precision gains and recall loses.

    Args:
        generator: what `open_generator` takes, or what it gives.
        scorer: what to score with: real images, metrics, number and seed of samples. Precision and
            recall want ``metrics=("fid", "prdc")``.
        psis: how far latents may go, each once.
        how: ``scale`` or ``resample``, see above.
        label: a class; None draws one for each sample.

    Raises:
        GandiagError: no psi, one twice or out of range; or as `scorer` when it is called.
    """
    opened = open_generator(generator).sure()
    way = _way(opened, how, label)
    if not psis or len(set(psis)) < len(psis):
        raise GandiagError(f"the truncations are {_listed(psis)}; give each once, and one or more")
    seed = scorer.options.seed
    centre = None
    if way == "scale" and opened.mapped:
        centre = mean_of_w(opened, label=label, seed=seed)
    sources = [
        truncated(opened, psi, way, label=label, seed=seed, centre=centre) for psi in sorted(psis)
    ]
    scorer.prepared(scorer.open(sources[0]))  # demands that cannot be met are told before the work
    points = zip(sorted(psis), (scorer(source) for source in sources), strict=True)
    return Sweep(opened.name, told(opened, way), tuple(points), label)


def told(opened: LatentSpace, way: How) -> str:
    """What psi means, for a reader."""
    if way == "resample":
        return "coordinates of z beyond psi drawn again"
    return "w_avg + psi (w - w_avg)" if opened.mapped else "psi z"


def _way(opened: LatentSpace, how: str | None, label: str | None) -> How:
    opened.check("z", label)
    way: How = "scale" if opened.mapped or opened.prior != "normal" else "resample"
    if how is None:
        return way
    if how not in get_args(How):
        raise unknown("truncation", how, get_args(How))
    if how == "resample" and opened.prior != "normal":
        raise GandiagError(
            f"the latents of {opened.name} are {opened.prior}, and normal ones alone are drawn "
            "again; choose scale"
        )
    return "scale" if how == "scale" else "resample"


def _listed(psis: Sequence[float]) -> str:
    return ", ".join(f"{psi:g}" for psi in psis) or "none"
