"""A run of the corpus, and the settings that many of them share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A training run, up to its seed.

    Attributes:
        name: of the row.
        intends: ``healthy``, ``hard negative`` or a pathology.
        why: what is special about it.
        world: of `worlds`.
        loss: of `reference_models.losses`.
        constraint: ``none``, ``r1``, ``gp``, ``clip`` or ``sn``.
        weight: of the penalty, or the bound of the clipping.
        conditional: how the discriminator uses labels: ``concat``, ``projection`` or not at all.
    """

    name: str
    intends: str
    why: str
    world: str
    loss: str
    constraint: str = "none"
    weight: float = 0.0
    conditional: str = ""
    seeds: int = 4
    steps: int = 1500
    batch: int = 64
    n_d: int = 1
    d_every: int = 1
    opt_g: str = "adam"
    opt_d: str = "adam"
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    beta1: float = 0.5
    latent: int = 8
    width_g: int = 64
    width_d: int = 64
    depth: int = 2
    slope: float = 0.0
    schedule: str = "none"
    resume_at: int = 0
    ema: float = 0.0
    lazy: int = 1
    smoothing: float = 0.0
    flips: float = 0.0
    noise: float = 0.0
    fixed: int = 0
    rare: float = 0.0
    pretrain: int = 0
    d_bias: float = 0.0
    g_bias: float = 0.0
    g_offset: float = 0.0
    free_head: float = 0.0
    detached: bool = False
    at_real: bool = False
    shuffle_labels: bool = False
    blind: bool = False
    spread_penalty: float = 0.0
    nan_at: int = 0
    kick_at: int = 0
    kick: float = 0.0

    @property
    def declared(self) -> str | None:
        """What the monitor is told of the constraint."""
        return None if self.constraint == "none" else self.constraint


NS, MM, W, LS, HINGE = "non-saturating", "minimax", "wasserstein", "least-squares", "hinge"

# What works here: pilots with seeds that are not in the corpus chose these rates and weights.
RATES = {"beta1": 0.0, "lr_g": 2e-3, "lr_d": 2e-3}
R1 = {"constraint": "r1", "weight": 0.1, **RATES}
R1_STRONG = {"constraint": "r1", "weight": 0.3, **RATES}
R1_IMAGES = {"constraint": "r1", "weight": 1.0, **RATES}
GP = {"constraint": "gp", "weight": 1.0, "n_d": 2, "beta1": 0.5, "lr_g": 2e-3, "lr_d": 2e-3}
SN = {"constraint": "sn", "slope": 0.1, "depth": 3, "n_d": 2, **RATES}
CLIP = {
    "constraint": "clip",
    "weight": 0.1,
    "n_d": 5,
    "opt_g": "rmsprop",
    "opt_d": "rmsprop",
}
WIDE_Z = {"latent": 16}
GAME = {"opt_g": "sgd", "opt_d": "sgd", "lr_g": 0.1, "lr_d": 0.1, "latent": 2, "g_offset": 1.0}
GAME_R1 = {**GAME, "constraint": "r1", "weight": 0.6}
