"""What is drawn and judged before a run, so that errors come then."""

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.monitors import scores
from gandiag.monitors.asking import UNIT, Asking, Judge
from gandiag.monitors.extracting import Extract, extraction
from gandiag.monitors.guarding import Guard, in_a_line
from gandiag.monitors.panel import Panel
from gandiag.monitors.probing import undisturbed
from gandiag.monitors.ranges import LastCall, check_range
from gandiag.monitors.reference import remember
from gandiag.monitors.samples import Draw, Real, Samples, samples

FEW = UNIT
PACK = 8
"""Samples that may share a score."""
POINTS = 8
"""Samples of at most so many values get a panel of 1,000, other vectors of 512, images of 256."""


def look_ahead(
    generator: nn.Module,
    discriminator: nn.Module,
    *,
    sampler: Draw,
    real: Real,
    heldout: Real | None,
    judge: Judge | None,
    every: int,
    constrained: bool,
    seed: int,
    guard: Guard,
    features: str | Extract | None = None,
) -> Panel:
    """A panel that has been looked at once; the arguments are those of `Panel` and `Monitor`.

    Raises:
        GandiagError: samples and reals do not fit each other, or scores are no scores.
    """
    with undisturbed((generator, discriminator), seed, search=True) as found_first:
        # A copy: a sampler may give the same storage again.
        again = _asked("sampler", sampler, FEW, torch.Generator().manual_seed(seed)).copy()
    with undisturbed(found_first, seed, search=True) as networks:
        with LastCall() as calls:
            one = _asked("sampler", sampler, FEW, torch.Generator().manual_seed(seed))
        if one.x.shape != again.x.shape or not torch.allclose(one.x, again.x, 1e-3, 1e-3, True):
            raise GandiagError(
                "sampler gives other samples for the same generator; draw from the "
                "torch.Generator that it is given, not from numpy or random"
            )
        size = 1000 if one.x[0].numel() <= POINTS else 512 if one.x.ndim == 2 else 256
        ending = calls.of(one.x)
        extract = extraction(features, one.x, ending)
        reference = remember(real, heldout, one, size, seed, extract)
        given = reference.train.y is not None
        if given != (one.y is not None):
            raise GandiagError(
                f"{'real' if given else 'sampler'} gives labels and "
                f"{'sampler' if given else 'real'} does not; give them with both or neither"
            )
        check_range(reference.train.x, ending, "real")
        if reference.heldout is not None:
            check_range(reference.heldout.x, ending, "heldout")
        few = reference.train.repeated(FEW).to(one.x.device)
        judge = _judge(discriminator, few) if judge is None else judge
        pack = _check_scores(judge, few)
    panel = Panel(
        generator, discriminator,
        sampler=sampler,
        asking=Asking(discriminator, judge, reference, pack=pack, seed=seed),
        reference=reference, size=size,
        every=every, constrained=constrained, seed=seed, others=networks[2:],
        extract=extract, guard=guard,
    )  # fmt: skip
    panel.start()
    return panel


def _asked(name: str, function: Draw, n: int, rng: torch.Generator) -> Samples:
    try:
        found = function(n, rng)
    except Exception as error:
        raise GandiagError(
            f"{name} fails ({in_a_line(error)}); give a function (n, torch.Generator) -> samples"
        ) from error
    return samples(found, name)


def _check_scores(judge: Judge, few: Samples) -> int:
    """How many samples share a score: 1, but for a discriminator of packs (Lin et al. 2018)."""
    way = "give discriminator=, a function x -> scores (n,), or (x, y) -> scores with labels"
    try:
        found = judge(few.x) if few.y is None else judge(few.x, few.y)
    except Exception as error:
        raise GandiagError(
            f"the discriminator fails on reals ({in_a_line(error)}); {way}"
        ) from error
    parts = [found] if isinstance(found, Tensor) else found
    if not isinstance(parts, list | tuple):
        raise GandiagError(f"the discriminator gives {type(found).__name__}, no scores; {way}")
    for part in parts:
        if isinstance(part, Tensor) and part.ndim > 2 and part.shape == few.x.shape:
            raise GandiagError(
                "the discriminator gives as many numbers as a sample has; give discriminator=, a "
                "function that scores it: the negative error of an autoencoder, the mean over "
                "pixels of others"
            )
        if isinstance(part, Tensor) and part.ndim > 3 and part.shape[1] != 1:
            raise GandiagError(
                f"the discriminator gives maps of {part.shape[1]} channels, no scores; {way}"
            )
    count = len(scores.per_sample(found))
    if not count or len(few.x) % count or len(few.x) // count > PACK:
        raise GandiagError(
            f"the discriminator gives {count} scores for {len(few.x)} samples; {way}"
        )
    return len(few.x) // count


def _judge(discriminator: nn.Module, few: Samples) -> Judge:
    """The discriminator of labelled samples, which need not take labels: it may classify them."""
    if few.y is None:
        return discriminator
    try:
        discriminator(few.x, few.y)
    except TypeError:
        return lambda x, y: discriminator(x)
    return discriminator
