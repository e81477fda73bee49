"""The recipes: a row each, ending in what its source reports.

`SMALL` runs on a CPU in minutes and is our own: it has no published value. `PUBLISHED` is the
setting of a paper or of a repository, with the value printed there. A value counts only for its own
protocol: the same SNGAN has FID 16.77 from 50,000 real and 50,000 generated images and 23.90 from
10,000 and 5,000. What is printed behind a value is mostly the spread over evaluations of one or a
few networks; between seeds and implementations FID differs by units to tens.

Not here, since it takes a loss or a schedule that no other recipe needs, or has no printed value:
Mimicry's SSGAN (a head that predicts rotations), R3GAN (relativistic pairs), the searches over
hundreds of settings of Lucic et al. 2018, and the settings of compare_gan.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from gandiag.errors import GandiagError
from reference_models.recipe import Recipe, Target, replace

K = 1000

# -------------------------------------------------------------------------------------------- small

_OURS = "our own, for one core and less than five minutes"

_RING = replace(
    Recipe("", "ring8"),
    latent=2,
    batch=128,
    steps=5 * K,
    lr_g=1e-3,
    lr_d=1e-3,
    decay="linear",
    ema=0.995,
    separate_batches=False,
    source=f"{_OURS}; data and evaluation as VEEGAN and PacGAN",
)
# A staircase of 25 steps takes a deeper generator and larger updates than one of 8.
_GRID = replace(_RING, data="grid25", scale=4.0, depth_g=5, lr_g=2e-3)

_DIGITS = replace(
    Recipe("", "digits"),
    network="dcgan",
    latent=64,
    width_g=32,
    width_d=32,
    norm_g="batch",
    slope=0.1,
    batch=64,
    steps=2 * K,
    lr_g=2e-4,
    lr_d=2e-4,
    ema=0.995,
    source=_OURS,
)
_STACKED_DIGITS = replace(_DIGITS, data="stacked-digits")
_FASHION = replace(_DIGITS, data="fashion-mnist", width_g=16, width_d=16)
_IMAGES = (_DIGITS, _STACKED_DIGITS, _FASHION)

_WGAN_GP_CRITIC = {"loss": "wasserstein", "n_critic": 3, "beta2": 0.9}
_SN_CRITIC = {"loss": "hinge", "norm_d": "spectral", "beta1": 0.0, "beta2": 0.9}
_TTUR = {"lr_g": 5e-4, "lr_d": 1e-3}


def _small(base: Recipe, model: str, **changes: Any) -> Recipe:
    return replace(base, name=f"{model}-{base.data}", **changes)


_SMALL = (
    # Points. The penalty is a hundredth of the published one, as in the toy code of Gulrajani et
    # al.: the critic is then steeper than 1, and its loss no Wasserstein distance.
    _small(_RING, "vanilla", loss="minimax"),
    _small(_GRID, "vanilla", loss="minimax"),
    _small(_RING, "vanilla-overtrained", loss="minimax", n_critic=10, lr_g=1e-4, steps=1 * K),
    _small(_RING, "ns"),
    _small(_GRID, "ns"),
    _small(_RING, "ns-r1", r1=0.1),
    _small(_GRID, "ns-r1", r1=0.1),
    _small(_RING, "wgan-gp", **_WGAN_GP_CRITIC, gradient_penalty=0.1, steps=4 * K),
    _small(_GRID, "wgan-gp", **_WGAN_GP_CRITIC, gradient_penalty=0.1, lr_d=2e-3, steps=8 * K),
    _small(
        _RING, "wgan-clip", loss="wasserstein", weight_clip=0.1, n_critic=3, optimizer="rmsprop"
    ),
    _small(_RING, "sngan", **_SN_CRITIC, n_critic=3),
    _small(_GRID, "sngan", **_SN_CRITIC, n_critic=3, lr_d=2e-3, slope=0.1, steps=8 * K),
    _small(_RING, "cgan", r1=0.1, condition_g="concat", condition_d="projection", steps=3 * K),
    _small(_GRID, "cgan", r1=0.1, condition_g="concat", condition_d="projection", steps=3 * K),
    _small(_RING, "pacgan2", pack=2, batch=256),
    _small(_RING, "lsgan", loss="least-squares"),
    _small(_RING, "dragan", dragan=1.0),
    # Images.
    *(_small(data, "vanilla", loss="minimax", norm_d="batch", beta1=0.5) for data in _IMAGES),
    *(_small(data, "ns", norm_d="batch", beta1=0.5) for data in _IMAGES),
    *(_small(data, "wgan-gp", **_WGAN_GP_CRITIC, gradient_penalty=10.0) for data in _IMAGES),
    *(_small(data, "sngan", **_SN_CRITIC, **_TTUR) for data in _IMAGES),
    *(
        _small(data, "cgan", **_SN_CRITIC, **_TTUR, condition_g="norm", condition_d="projection")
        for data in _IMAGES
    ),
    *(
        _small(
            data, "cgan-concat", **_SN_CRITIC, **_TTUR, condition_g="concat", condition_d="concat"
        )
        for data in (_DIGITS, _FASHION)
    ),
    *(
        _small(data, "acgan", **_SN_CRITIC, **_TTUR, condition_g="norm", condition_d="auxiliary")
        for data in (_DIGITS, _FASHION)
    ),
)

# ---------------------------------------------------------------------------------------- published

_RESNET = replace(
    Recipe("", "cifar10"),
    network="resnet",
    latent=128,
    width_g=64,
    width_d=64,
    norm_g="batch",
    batch=64,
    n_critic=5,
    steps=100 * K,
    lr_g=2e-4,
    lr_d=2e-4,
    beta1=0.0,
    beta2=0.9,
)

_GULRAJANI = "Gulrajani et al. 2017, table 3; igul222/improved_wgan_training, gan_cifar_resnet.py"
_WGAN_GP = replace(
    _RESNET,
    width_g=32,
    pool="mean",
    loss="wasserstein",
    gradient_penalty=10.0,
    batch_g=128,
    decay="linear",
    departures="no noise is added to dequantise the images; weights start by Glorot, not He",
)

_POSTER = "Heusel et al. 2017, poster"
_TTUR_CODE = "bioinf-jku/TTUR@73ab375, README"
_WGAN_GP_DCGAN = replace(
    _RESNET,
    network="dcgan",
    width_d=128,
    slope=0.2,
    loss="wasserstein",
    gradient_penalty=10.0,
    steps=200 * K,
    lr_g=1e-4,
    lr_d=1e-4,
    beta1=0.5,
    departures=(
        "kernels are 4x4, not 5x5, and the generator ends in one 3x3 layer more; "
        "weights start as torch's do, not by He"
    ),
)

_MIYATO = "Miyato et al. 2018, table 2"
_MIYATO_EVALUATION = "inception score: mean and deviation of 10 times 5,000 samples"
_SNGAN = replace(
    _RESNET, norm_d="spectral", loss="hinge", batch_g=128, decay="linear", source=_MIYATO
)
_SNGAN_CNN = replace(
    _RESNET,
    network="dcgan",
    norm_d="spectral",
    slope=0.1,
    interleave=True,
    n_critic=1,
    beta1=0.5,
    beta2=0.999,
    source=_MIYATO,
    departures=(
        "the paper gives the best of six optimizer settings, here it is C; "
        "it does not state the batch size, here it is 64"
    ),
)

_README = "kwotsin/mimicry@a7fda06, README"
_MIMICRY = replace(
    _RESNET,
    norm_d="spectral",
    loss="hinge",
    upsample="bilinear",
    decay="linear",
    source=_README,
)
_STUDIO = "POSTECH-CVLab/PyTorch-StudioGAN@947b35e, StudioGAN_Benchmark_.png"
_STUDIOGAN = replace(
    _RESNET,
    beta1=0.5,
    beta2=0.999,
    mirror=True,
    initialisation="orthogonal",
    source=_STUDIO,
)
_STUDIO_DEPARTURE = "shortcuts have no batch norm of their own in the discriminator"
_STUDIO_DCGAN = replace(
    _STUDIOGAN,
    network="dcgan",
    norm_d="batch",
    interleave=True,
    slope=0.1,
    n_critic=2,
    steps=200 * K,
    departures=(
        "the discriminator's last maps are laid out flat, theirs are summed over the pixels; "
        "its first layer has no batch norm; the generator's dense layer has one"
    ),
)

_PACGAN = replace(
    Recipe("", "ring8-100k"),
    latent=2,
    width_g=400,
    depth_g=4,
    norm_g="batch",
    width_d=200,
    depth_d=3,
    pieces=5,
    initialisation="normal",
    batch=100,
    steps=400 * K,
    lr_g=1e-4,
    lr_d=1e-4,
    beta1=0.8,
    source="Lin et al. 2018, table 1; fjxmlzn/PacGAN@190853e, synthetic_data_experiments",
    departures="running statistics of batch norm move by .1, not .05",
)


def _is(value: float, spread: float | None, n: int | None, protocol: str, source: str) -> Target:
    return Target("inception score", value, spread, None, n, protocol, source)


def _fid(
    value: float, spread: float | None, real: int | None, n: int | None, protocol: str, source: str
) -> Target:
    return Target("fid", value, spread, real, n, protocol, source)


_TRAINING_SET = "against the training set"


def _miyato(score: tuple[float, float], fid: tuple[float, float | None]) -> tuple[Target, ...]:
    return (
        _is(*score, 5 * K, _MIYATO_EVALUATION, _MIYATO),
        _fid(*fid, 10 * K, 5 * K, _MIYATO_EVALUATION, _MIYATO),
    )


def _mimicry(
    score: tuple[float, float] | None, fid: tuple[float, float], kid: tuple[float, float | None]
) -> tuple[Target, ...]:
    three = "three evaluation seeds"
    inception = (_is(*score, 50 * K, f"{three}, 10 splits", _README),) if score else ()
    return (
        *inception,
        _fid(*fid, 50 * K, 50 * K, three, _README),
        Target("kid", *kid, 50 * K, 50 * K, f"{three}, 10 splits", _README),
    )


def _studiogan(score: float, fid: float, intra: float | None) -> tuple[Target, ...]:
    protocol = "TensorFlow Inception against the training set"
    targets = (
        _is(score, None, None, protocol, _STUDIO),
        _fid(fid, None, None, None, protocol, _STUDIO),
    )
    if intra is None:
        return targets
    return (*targets, Target("intra-class fid", intra, None, None, None, protocol, _STUDIO))


def _pacgan(data: str, samples: int, modes: float, dm: float, kl: float, dk: float) -> Recipe:
    shape = {"ring8": "ring", "grid25": "grid"}[data]
    protocol = "mean and standard error of 10 trials, modes within 3 standard deviations"
    source = "Lin et al. 2018, table 1"
    return replace(
        _PACGAN,
        name=f"pacgan{samples}-{shape}-full" if samples > 1 else f"gan-{shape}-full",
        data=f"{data}-100k",
        pack=samples,
        batch=100 * samples,
        targets=(
            Target("modes", modes, dm, None, 2500, protocol, source),
            Target("reverse kl", kl, dk, None, 2500, protocol, source),
        ),
    )


def _stacked(samples: int, modes: float, dm: float, kl: float, dk: float) -> Recipe:
    protocol = "mean and standard error of 10 trials, MNIST classifier, no threshold"
    source = "Lin et al. 2018, table 2"
    return replace(
        Recipe(
            f"pacgan{samples}-stacked-mnist" if samples > 1 else "dcgan-stacked-mnist",
            "stacked-mnist",
        ),
        network="dcgan",
        latent=100,
        latent_kind="uniform",
        width_g=64,
        width_d=64,
        norm_g="batch",
        norm_d="batch",
        slope=0.2,
        initialisation="normal",
        pack=samples,
        batch=64 * samples,
        n_gen=2,
        steps=100 * K,
        lr_g=2e-4,
        lr_d=2e-4,
        source=f"{source}; fjxmlzn/PacGAN@190853e",
        departures=(
            "kernels are 4x4, not 5x5; new stacks for ever, not 128,000 fixed ones, of nine tenths "
            "of the training digits, not all 70,000; real images in [-1, 1], theirs in [0, 1]"
        ),
        targets=(
            Target("modes", modes, dm, None, 26 * K, protocol, source),
            Target("reverse kl", kl, dk, None, 26 * K, protocol, source),
        ),
    )


def _stacked_small(samples: int, modes: float, dm: float, kl: float, dk: float) -> Recipe:
    protocol = "mean and standard error of 50 trials, MNIST classifier"
    source = "Lin et al. 2018, table 3, discriminator a quarter of the generator"
    name = f"pacgan{samples}" if samples > 1 else "dcgan"
    return replace(
        Recipe(f"{name}-stacked-mnist-quarter", "stacked-mnist"),
        network="dcgan",
        latent=256,
        width_g=8,
        width_d=2,
        norm_g="batch",
        norm_d="batch",
        slope=0.3,
        pack=samples,
        batch=128 * samples,
        steps=500 * K,
        lr_g=1e-4,
        lr_d=2e-4,
        beta1=0.5,
        beta2=0.99,
        source=f"{source}; fjxmlzn/PacGAN@190853e, unrolled_GAN_experiment",
        departures=(
            "kernels are 4x4, not 3x3; sides are 7, 14, 28, not 4, 7, 14, 28, so that both "
            "networks have one strided layer less; "
            "new stacks of nine tenths of the training digits"
        ),
        targets=(
            Target("modes", modes, dm, None, 25_600, protocol, source),
            Target("reverse kl", kl, dk, None, 25_600, protocol, source),
        ),
    )


_PUBLISHED = (
    replace(
        _WGAN_GP,
        name="wgan-gp-cifar10",
        source=_GULRAJANI,
        targets=(_is(7.86, 0.07, 50 * K, "unsupervised", _GULRAJANI),),
    ),
    replace(
        _WGAN_GP,
        name="wgan-gp-cifar10-conditional",
        condition_g="norm",
        condition_d="auxiliary",
        auxiliary_g=0.1,
        auxiliary_fake=False,
        source=_GULRAJANI,
        targets=(_is(8.42, 0.10, 50 * K, "supervised", _GULRAJANI),),
    ),
    replace(
        _WGAN_GP_DCGAN,
        name="wgan-gp-dcgan-cifar10",
        source=f"igul222/improved_wgan_training, gan_cifar.py; {_POSTER}",
        targets=(_fid(29.3, None, 50 * K, 50 * K, _TRAINING_SET, _POSTER),),
    ),
    replace(
        _WGAN_GP_DCGAN,
        name="ttur-wgan-gp-dcgan-cifar10",
        lr_d=3e-4,
        source=f"{_POSTER}; {_TTUR_CODE}",
        targets=(_fid(24.8, None, 50 * K, 50 * K, _TRAINING_SET, _POSTER),),
    ),
    replace(
        _WGAN_GP_DCGAN,
        name="binkowski-wgan-gp-cifar10",
        width_d=64,
        steps=150 * K,
        source="Binkowski et al. 2018",
        departures=(
            f"{_WGAN_GP_DCGAN.departures}; rates stay as they are, theirs are halved "
            "when the kernel distance stops falling"
        ),
        targets=(
            _is(6.53, 0.02, 25 * K, "10 splits", "Binkowski et al. 2018"),
            _fid(37.52, 0.19, 10 * K, 25 * K, "against the test set", "Binkowski et al. 2018"),
            Target(
                "kid",
                0.026,
                None,
                10 * K,
                25 * K,
                "against the test set, 100 subsets of 1,000",
                "Binkowski et al. 2018",
            ),
        ),
    ),
    replace(
        _SNGAN_CNN,
        name="sngan-cnn-cifar10",
        targets=_miyato((7.42, 0.08), (29.3, None)),
    ),
    replace(
        _SNGAN_CNN,
        name="sngan-cnn-cifar10-hinge",
        loss="hinge",
        targets=_miyato((7.58, 0.12), (25.5, None)),
    ),
    replace(
        _SNGAN,
        name="sngan-cifar10",
        targets=_miyato((8.22, 0.05), (21.7, 0.21)),
    ),
    replace(
        _SNGAN,
        name="sngan-stl10",
        data="stl10",
        resolution=48,
        targets=_miyato((9.10, 0.04), (40.1, 0.50)),
    ),
    replace(
        _MIMICRY,
        name="mimicry-sngan-cifar10",
        targets=(
            *_mimicry((7.97, 0.06), (16.77, 0.04), (0.0125, 0.0001)),
            _fid(23.90, 0.20, 10 * K, 5 * K, "sample sizes of the paper", _README),
        ),
    ),
    replace(
        _MIMICRY,
        name="mimicry-wgan-gp-cifar10",
        norm_d="none",
        pool="mean",
        loss="wasserstein",
        gradient_penalty=10.0,
        targets=_mimicry((7.33, 0.02), (22.29, 0.06), (0.0204, 0.0004)),
    ),
    replace(
        _MIMICRY,
        name="mimicry-cgan-pd-cifar10",
        condition_g="norm",
        condition_d="projection",
        targets=(
            *_mimicry((8.25, 0.13), (10.84, 0.03), (0.0070, 0.0001)),
            _fid(17.84, 0.17, 10 * K, 5 * K, "sample sizes of the paper", _README),
        ),
    ),
    replace(
        _MIMICRY,
        name="mimicry-dcgan-cifar10",
        norm_d="none",
        loss="non-saturating",
        n_critic=1,
        beta1=0.5,
        beta2=0.999,
        decay="none",
        departures=(
            "images in [-1, 1] and tanh, theirs in [0, 1] and a sigmoid; the README does not print "
            "its optimizer, here it is that of Radford et al. 2016"
        ),
        targets=(_fid(28.95, 0.42, 10 * K, 10 * K, "three evaluation seeds", _README),),
    ),
    replace(
        _MIMICRY,
        name="mimicry-sngan-celeba64",
        data="celeba",
        resolution=64,
        targets=(_fid(5.71, 0.02, 50 * K, 50 * K, "three evaluation seeds", _README),),
    ),
    replace(
        _MIMICRY,
        name="mimicry-sngan-celeba128",
        data="celeba",
        resolution=128,
        n_critic=2,
        decay="none",
        targets=(_fid(12.93, 0.04, 50 * K, 50 * K, "three evaluation seeds", _README),),
    ),
    replace(
        _MIMICRY,
        name="mimicry-sngan-stl10",
        data="stl10",
        resolution=48,
        targets=_mimicry((8.04, 0.07), (39.56, 0.10), (0.0369, None)),
    ),
    replace(
        _STUDIO_DCGAN,
        name="studiogan-dcgan-cifar10",
        targets=_studiogan(6.11, 48.29, 117.00),
    ),
    replace(
        _STUDIO_DCGAN,
        name="studiogan-lsgan-cifar10",
        loss="least-squares",
        targets=_studiogan(6.55, 40.22, 111.51),
    ),
    replace(
        _STUDIOGAN,
        name="studiogan-wgan-gp-cifar10",
        norm_d="batch",
        loss="wasserstein",
        gradient_penalty=10.0,
        departures=f"{_STUDIO_DEPARTURE}; another table of theirs gives FID 36.84 for it",
        targets=_studiogan(5.22, 53.98, None),
    ),
    replace(
        _STUDIOGAN,
        name="studiogan-sngan-cifar10",
        norm_d="spectral",
        condition_g="norm",
        condition_d="projection",
        loss="hinge",
        targets=_studiogan(8.83, 9.01, 22.85),
    ),
    replace(
        _STUDIOGAN,
        name="studiogan-acgan-cifar10",
        norm_d="batch",
        condition_g="norm",
        condition_d="auxiliary",
        auxiliary_fake=False,
        loss="hinge",
        departures=_STUDIO_DEPARTURE,
        targets=_studiogan(7.19, 33.39, 72.75),
    ),
    replace(
        Recipe("ttur-dcgan-cifar10", "cifar10"),
        network="dcgan",
        latent=100,
        width_g=64,
        width_d=64,
        norm_g="batch",
        norm_d="batch",
        slope=0.2,
        initialisation="normal",
        loss="non-saturating",
        batch=64,
        steps=75 * K,
        lr_d=1e-4,
        lr_g=5e-4,
        beta1=0.5,
        source=f"{_POSTER}; {_TTUR_CODE}",
        departures="kernels are 4x4, not 5x5; the width of the latent is not stated there",
        targets=(_fid(36.9, None, 50 * K, 50 * K, _TRAINING_SET, _POSTER),),
    ),
    replace(
        _SNGAN,
        name="sngan-projection-imagenet128",
        data="folder:imagenet",
        resolution=128,
        condition_g="norm",
        condition_d="projection",
        batch=256,
        batch_g=0,
        decay="none",
        steps=450 * K,
        source="Miyato and Koyama 2018; pfnet-research/sngan_projection@e84b1a5, README_paper.md",
        departures=(
            "rates stay as they are, theirs fall after 400,000 steps; "
            "the batch size was not confirmed, here it is 256"
        ),
        targets=(
            Target(
                "intra-class fid",
                103.1,
                None,
                None,
                5000 * K,
                "mean over 1,000 classes, 5,000 samples for each",
                "pfnet-research/sngan_projection@e84b1a5, README_paper.md",
            ),
        ),
    ),
    _pacgan("ring8", 1, 6.3, 0.5, 0.45, 0.09),
    _pacgan("ring8", 2, 7.9, 0.1, 0.07, 0.03),
    _pacgan("ring8", 3, 7.8, 0.1, 0.10, 0.02),
    _pacgan("ring8", 4, 7.8, 0.1, 0.07, 0.02),
    _pacgan("grid25", 1, 17.3, 0.8, 0.70, 0.07),
    _pacgan("grid25", 2, 23.8, 0.7, 0.13, 0.04),
    _pacgan("grid25", 3, 24.6, 0.4, 0.06, 0.02),
    _pacgan("grid25", 4, 24.8, 0.2, 0.04, 0.01),
    _stacked(1, 78.9, 6.46, 4.50, 0.127),
    _stacked(2, 1000.0, 0.0, 0.06, 0.003),
    _stacked(3, 1000.0, 0.0, 0.06, 0.003),
    _stacked(4, 1000.0, 0.0, 0.07, 0.005),
    _stacked_small(1, 78.5, 17.56, 5.21, 0.19),
    _stacked_small(2, 484.5, 32.99, 2.61, 0.22),
    _stacked_small(3, 601.3, 32.18, 2.00, 0.17),
    _stacked_small(4, 667.4, 29.00, 1.81, 0.15),
)


def _named(recipes: tuple[Recipe, ...]) -> Mapping[str, Recipe]:
    return {recipe.name: recipe for recipe in recipes}


SMALL: Mapping[str, Recipe] = _named(_SMALL)
PUBLISHED: Mapping[str, Recipe] = _named(_PUBLISHED)
RECIPES: Mapping[str, Recipe] = {**SMALL, **PUBLISHED}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        GandiagError: there is none.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=3)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise GandiagError(
            f"there is no recipe called {name!r}; {hint}`gandiag train --list` shows them all"
        )
    return RECIPES[name]
