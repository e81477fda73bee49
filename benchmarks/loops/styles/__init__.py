"""A file a style: a plain loop as its community writes it, and what is broken in it.

None of them had a part in making a rule or a threshold of the monitor.
"""

from benchmarks.loops.styles import (
    accumulation,
    acgan,
    cgan,
    dcgan,
    lsgan,
    mlp,
    projection,
    r1_ema,
    relativistic,
    resnet_mbstd,
    smoothing,
    sngan,
    wgan,
    wgan_gp,
)

STYLES = {
    "dcgan": dcgan.STYLE,
    "mlp": mlp.STYLE,
    "lsgan": lsgan.STYLE,
    "wgan": wgan.STYLE,
    "wgan_gp": wgan_gp.STYLE,
    "sngan": sngan.STYLE,
    "r1_ema": r1_ema.STYLE,
    "relativistic": relativistic.STYLE,
    "cgan": cgan.STYLE,
    "acgan": acgan.STYLE,
    "projection": projection.STYLE,
    "resnet_mbstd": resnet_mbstd.STYLE,
    "smoothing": smoothing.STYLE,
    "accumulation": accumulation.STYLE,
}
