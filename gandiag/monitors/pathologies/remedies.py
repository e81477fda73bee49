"""What the literature says to try, of more than one pathology: (what, source)."""

from collections.abc import Mapping

R1 = ("R1 penalty on real samples, weight 0.1 to 10", "Mescheder et al. 2018")
GP = ("gradient penalty with weight 10 (WGAN-GP)", "Gulrajani et al. 2017")
SN = ("spectral normalisation of the discriminator", "Miyato et al. 2018")
EMA = ("evaluate an average of the generator's weights", "Yazici et al. 2019")
SMOOTH = ("one-sided label smoothing, 0.9", "Salimans et al. 2016")
NOISE = ("instance noise that decays", "Sonderby et al. 2017; Arjovsky and Bottou 2017")
PACK = ("let the discriminator judge several samples together (packing)", "Lin et al. 2018")
NON_SATURATING = ("the non-saturating loss", "Goodfellow et al. 2014, section 3")
FEWER = ("fewer discriminator steps or a lower rate of it", "Goodfellow et al. 2014, section 3")

USED: Mapping[str, tuple[str, str]] = {
    "gp": GP,
    "sn": SN,
    "r1": R1,
    "non-saturating": NON_SATURATING,
}
"""By what a run declares: remedies that are in use, and are not named to it."""
