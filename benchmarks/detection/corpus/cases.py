"""All cases, in literal tables; which half a case is in follows from its place."""

from collections.abc import Iterator, Mapping

from benchmarks.detection.corpus.case import Case
from benchmarks.detection.faults.data import FEW, MISLABELLED, NAN
from benchmarks.detection.faults.fault import Fault
from benchmarks.detection.faults.losses import PULLED, UNPENALISED, WRONG_SIGN
from benchmarks.detection.faults.rates import D_FAST, D_STILL, FORGOTTEN, G_FAST, G_SLOW
from benchmarks.detection.faults.units import DEAD_D, DEAD_G, THROWN
from benchmarks.detection.faults.views import BLIND, HALF, NARROW, STEEP

UNSEEN_FAMILIES = ("fashion",)
"""No rule, threshold or baseline was made on any of their runs."""

HEALTHY: Mapping[str, tuple[str, ...]] = {
    "points": (
        *("vanilla-ring8", "ns-ring8", "ns-r1-ring8", "wgan-gp-ring8", "wgan-clip-ring8"),
        *("sngan-ring8", "lsgan-ring8", "dragan-ring8", "vanilla-grid25", "ns-grid25"),
        *("ns-r1-grid25", "wgan-gp-grid25", "sngan-grid25"),
    ),
    "digits": ("vanilla-digits", "ns-digits", "wgan-gp-digits", "sngan-digits"),
    "conditional": (
        *("cgan-ring8", "cgan-grid25", "cgan-digits", "cgan-concat-digits", "acgan-digits"),
    ),
    "fashion": (
        *("vanilla-fashion-mnist", "ns-fashion-mnist", "sngan-fashion-mnist"),
        *("cgan-fashion-mnist", "acgan-fashion-mnist"),
    ),
}

ODD: Mapping[str, tuple[str, dict[str, object], tuple[str, ...]]] = {
    # what: (family, changes, bases)
    "ttur": ("points", {"lr_d": 4e-3}, ("ns-r1-ring8", "ns-r1-grid25", "lsgan-ring8")),
    "smoothing": ("points", {"label_smoothing": 0.1}, ("ns-ring8", "ns-r1-grid25")),
    "flips": ("points", {"label_flips": 0.05}, ("ns-r1-ring8", "ns-grid25")),
    "noise": ("points", {"instance_noise": 0.1}, ("ns-ring8", "vanilla-grid25", "lsgan-ring8")),
    "lazy": ("points", {"penalty_every": 8}, ("ns-r1-ring8", "ns-r1-grid25")),
    "small batch": ("points", {"batch": 16}, ("ns-r1-ring8", "sngan-ring8", "lsgan-ring8")),
    "constant rate": ("points", {"decay": "none"}, ("ns-r1-ring8", "wgan-gp-ring8", "ns-grid25")),
    "cosine": ("points", {"decay": "cosine"}, ("ns-r1-ring8", "sngan-ring8", "dragan-ring8")),
    "five to one": ("points", {"n_critic": 5, "steps": 3000}, ("ns-r1-ring8", "dragan-ring8")),
    "smoothing of images": ("digits", {"label_smoothing": 0.1}, ("ns-digits", "vanilla-digits")),
    "small batch of images": ("digits", {"batch": 16}, ("sngan-digits", "ns-digits")),
    "faster critic": ("digits", {"lr_d": 2e-3}, ("sngan-digits", "wgan-gp-digits")),
    "dropout": ("digits", {"dropout": 0.3}, ("ns-digits", "vanilla-digits")),
    "noise on images": ("digits", {"instance_noise": 0.1}, ("ns-digits", "sngan-digits")),
    "decay on labels": ("conditional", {"decay": "linear"}, ("cgan-digits", "acgan-digits")),
    "noise on labels": ("conditional", {"instance_noise": 0.1}, ("cgan-digits", "cgan-ring8")),
    "smoothing of clothes": ("fashion", {"label_smoothing": 0.1}, ("ns-fashion-mnist",)),
    "faster critic of clothes": ("fashion", {"lr_d": 2e-3}, ("sngan-fashion-mnist",)),
}
"""Healthy, if the judge finds them so, and looking odd: as people have them."""

BROKEN: tuple[tuple[str, Fault, tuple[str, ...]], ...] = (
    ("g fast", G_FAST, ("ns-ring8", "sngan-ring8", "ns-r1-grid25", "ns-digits", "sngan-digits")),
    ("d fast", D_FAST, ("ns-r1-ring8", "lsgan-ring8", "ns-grid25", "ns-digits", "wgan-gp-digits")),
    ("d still", D_STILL, ("ns-ring8", "ns-r1-grid25", "sngan-ring8", "ns-digits", "sngan-digits")),
    ("g slow", G_SLOW, ("vanilla-ring8", "vanilla-grid25", "vanilla-digits", "ns-digits")),
    ("nan", NAN, ("wgan-gp-ring8", "ns-grid25", "lsgan-ring8", "sngan-digits", "cgan-digits")),
    ("few", FEW, ("ns-ring8", "ns-r1-grid25", "ns-digits", "vanilla-digits", "sngan-digits")),
    ("half seen", HALF, ("ns-r1-ring8", "sngan-grid25", "dragan-ring8", "ns-digits")),
    ("no penalty", UNPENALISED, ("wgan-gp-ring8", "wgan-gp-grid25", "wgan-gp-digits")),
    ("steep", STEEP, ("sngan-ring8", "sngan-grid25", "sngan-digits", "cgan-digits")),
    ("dead g", DEAD_G, ("ns-ring8", "ns-r1-grid25", "lsgan-ring8", "ns-digits", "sngan-digits")),
    ("dead d", DEAD_D, ("ns-ring8", "ns-r1-grid25", "dragan-ring8", "lsgan-ring8")),
    ("narrow", NARROW, ("ns-r1-ring8", "sngan-grid25", "wgan-gp-ring8", "ns-digits")),
    ("pulled", PULLED, ("ns-r1-ring8", "sngan-ring8", "wgan-gp-grid25", "sngan-digits")),
    ("wrong sign", WRONG_SIGN, ("ns-ring8", "wgan-gp-ring8", "sngan-grid25", "ns-digits")),
    ("thrown", THROWN, ("vanilla-ring8", "ns-grid25", "sngan-ring8", "vanilla-digits")),
    ("blind", BLIND, ("cgan-ring8", "cgan-grid25", "cgan-digits", "cgan-concat-digits")),
    ("mislabelled", MISLABELLED, ("cgan-ring8", "cgan-grid25", "cgan-digits", "acgan-digits")),
    # A family that nothing was made on.
    ("nan", NAN, ("sngan-fashion-mnist",)),
    ("g slow", G_SLOW, ("vanilla-fashion-mnist",)),
    ("d fast", D_FAST, ("ns-fashion-mnist",)),
    ("g fast", G_FAST, ("sngan-fashion-mnist",)),
    ("few", FEW, ("ns-fashion-mnist", "sngan-fashion-mnist")),
    ("dead g", DEAD_G, ("ns-fashion-mnist",)),
    ("narrow", NARROW, ("sngan-fashion-mnist",)),
    ("steep", STEEP, ("sngan-fashion-mnist",)),
    ("pulled", PULLED, ("ns-fashion-mnist",)),
    ("blind", BLIND, ("cgan-fashion-mnist",)),
)

MISTUNED: tuple[tuple[str, str, dict[str, object], tuple[str, ...]], ...] = (
    ("high rates", "points", {"lr_g": 2e-2, "lr_d": 2e-2}, ("ns-ring8", "lsgan-ring8")),
    ("momentum", "points", {"beta1": 0.9, "lr_g": 5e-3, "lr_d": 5e-3}, ("ns-ring8", "ns-grid25")),
    ("descent", "points", {"optimizer": "sgd", "lr_g": 0.1, "lr_d": 0.1}, ("ns-ring8",)),
    ("swinging", "points", {"beta1": 0.95, "beta2": 0.99}, ("vanilla-ring8", "vanilla-grid25")),
    (
        "far ahead",
        "points",
        {"n_critic": 10, "lr_g": 1e-4, "lr_d": 1e-2, "steps": 2000},
        ("vanilla-ring8", "vanilla-grid25"),
    ),
    ("small g", "points", {"width_g": 4, "depth_g": 1}, ("ns-ring8", "ns-r1-grid25")),
    ("high rates of images", "digits", {"lr_g": 1e-2, "lr_d": 1e-2}, ("ns-digits", "sngan-digits")),
    ("momentum of images", "digits", {"beta1": 0.95}, ("ns-digits", "vanilla-digits")),
)
"""Settings that often fail; what a run came to is for the judge to say."""


def _families() -> dict[str, str]:
    return {base: family for family, bases in HEALTHY.items() for base in bases}


def _all() -> Iterator[Case]:
    families = _families()
    for family, bases in HEALTHY.items():
        seeds = 1 if family in UNSEEN_FAMILIES else 3
        yield from (Case(family, base, seeds=seeds) for base in bases)
    for what, (family, changes, bases) in ODD.items():
        seeds = 1 if family in UNSEEN_FAMILIES else 2
        yield from (Case(family, base, what, changes, seeds=seeds) for base in bases)
    for base in ("ns-r1-ring8", "sngan-grid25", "ns-digits", "cgan-digits"):
        yield Case(families[base], base, "state lost", fault=FORGOTTEN, seeds=2)
    for what, fault, bases in BROKEN:
        for base in bases:
            seeds = 1 if families[base] in UNSEEN_FAMILIES else 2
            yield Case(families[base], base, what, fault=fault, seeds=seeds)
    for what, family, changes, bases in MISTUNED:
        yield from (Case(family, base, what, changes, seeds=2) for base in bases)


CASES: Mapping[str, Case] = {case.name: case for case in _all()}


def _halves() -> dict[str, str]:
    """Of what is the same for several recipes, every other recipe is seen, in the table's order."""
    # Numbered, so that not always the first recipe is seen.
    kinds = dict.fromkeys(case.what for case in CASES.values())
    places = {what: number for number, what in enumerate(kinds)}
    halves = {}
    for case in CASES.values():
        if case.family in UNSEEN_FAMILIES:
            halves[case.name] = "family"
            continue
        halves[case.name] = ("seen", "unseen")[places[case.what] % 2]
        places[case.what] += 1
    return halves


HALVES: Mapping[str, str] = _halves()
"""``seen``: rules, thresholds and baselines may be made on its runs; ``unseen``: a case of a family
that has seen ones; ``family``: of a family that has none."""
