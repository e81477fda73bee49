"""Likely causes, and what the literature says to try, by pathology."""

from collections.abc import Mapping

CAUSES: Mapping[str, tuple[str, ...]] = {
    "oscillation": (
        "nothing damps the rotation of the two players: no gradient penalty, high momentum",
        "the generator moves faster than the discriminator learns",
        "a critic without a Lipschitz constraint",
    ),
    "mode-collapse": (
        "the discriminator is trained far more often or faster than the generator",
        "a discriminator without gradient penalty judges samples one by one",
    ),
    "intra-mode-collapse": (
        "the latent is too small, discrete, or ignored",
        "a reconstruction term outweighs the adversarial one",
    ),
    "saturated-gradients": (
        "the minimax loss is flat where the discriminator is sure",
        "the discriminator was trained to the end on disjoint supports",
    ),
    "discriminator-overpowering": (
        "the discriminator's rate, capacity or number of steps is too large for the generator's",
    ),
    "discriminator-overfitting": ("too few training samples for the discriminator's capacity",),
    "divergence": (
        "the learning rate is too high",
        "a critic without a Lipschitz constraint",
        "half precision overflows",
        "a broken batch",
    ),
    "lipschitz-violation": (
        "the penalty has no gradient (create_graph=True is missing, or it is detached)",
        "the penalty's weight is too small",
        "a layer is left without spectral normalisation, or its vectors are never updated",
    ),
    "dead-units": ("one too large step pushed the biases down", "the learning rate is too high"),
    "label-ignored": ("the discriminator does not see the label, or does not use it",),
    "plateau": ("training is done, or what limits it is not time",),
}

_R1 = ("R1 penalty on real samples, weight 0.1 to 10", "Mescheder et al. 2018")
_GP = ("gradient penalty with weight 10 (WGAN-GP)", "Gulrajani et al. 2017")
_SN = ("spectral normalisation of the discriminator", "Miyato et al. 2018")
_TTUR = ("different learning rates, the discriminator's larger (TTUR)", "Heusel et al. 2017")
_BETA = ("lower Adam's beta1, to 0.5 or 0", "Radford et al. 2016; Miyato et al. 2018")
_EMA = ("evaluate an average of the generator's weights", "Yazici et al. 2019")
_SMOOTH = ("one-sided label smoothing, 0.9", "Salimans et al. 2016")
_NOISE = ("instance noise that decays", "Sonderby et al. 2017; Arjovsky and Bottou 2017")
_PACK = ("let the discriminator judge several samples together (packing)", "Lin et al. 2018")
_UNROLL = ("unroll the discriminator", "Metz et al. 2017")
_FEWER = ("fewer discriminator steps or a lower rate of it", "Goodfellow et al. 2014, section 3")
_NON_SATURATING = ("the non-saturating loss", "Goodfellow et al. 2014, section 3")
_AUGMENT = ("augment what the discriminator sees", "Karras et al. 2020 (ADA); Zhao et al. 2020")
_MORE = ("more critic steps", "Arjovsky et al. 2017")

REMEDIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "oscillation": (_R1, _BETA, _TTUR, _MORE, _EMA),
    "mode-collapse": (_R1, _PACK, _UNROLL, _SN, _FEWER),
    "intra-mode-collapse": (
        ("a continuous latent of more dimensions", "Wu et al. 2021"),
        ("reward distance between samples of different latents", "Mao et al. 2019 (MSGAN)"),
        _PACK,
    ),
    "saturated-gradients": (_NON_SATURATING, _NOISE, _GP, _FEWER, _SMOOTH),
    "discriminator-overpowering": (_FEWER, _R1, _SN, _SMOOTH, _NOISE),
    "discriminator-overfitting": (
        _AUGMENT,
        _R1,
        ("more data, or a smaller discriminator", "Karras et al. 2020"),
    ),
    "divergence": (
        ("go back to the checkpoint before and lower the learning rates", "Brock et al. 2019"),
        _GP,
        _SN,
        ("clip gradients by their norm", "Pascanu et al. 2013"),
    ),
    "lipschitz-violation": (
        (
            "build the penalty with create_graph=True and check that D's gradients change",
            "Gulrajani et al. 2017",
        ),
        _GP,
        ("normalise every layer, and run D in training mode when it trains", "Miyato et al. 2018"),
    ),
    "dead-units": (
        ("leaky ReLU in the discriminator", "Radford et al. 2016"),
        ("lower the learning rate, or start anew from before the step", "Maas et al. 2013"),
    ),
    "label-ignored": (
        ("a projection discriminator", "Miyato and Koyama 2018"),
        ("an auxiliary classifier", "Odena et al. 2017"),
    ),
    "plateau": (
        ("stop, and keep the best checkpoint", "Prechelt 1998"),
        ("decay the learning rates", "Gulrajani et al. 2017"),
        _EMA,
    ),
}
