"""A training run as a value: every switch is a field, and nothing else decides what happens."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from gandiag.errors import GandiagError
from reference_models.losses import LOSSES


@dataclass(frozen=True)
class Target:
    """A published value, with what it takes to compare with it."""

    metric: str
    value: float
    spread: float | None
    """As printed behind the value; what it is the spread of differs between papers."""
    n_real: int | None
    """None: not stated, or not a part of the metric."""
    n_generated: int | None
    """None: not stated."""
    protocol: str
    """Feature network, splits, seeds: what else was stated."""
    source: str
    """Where the number is printed."""


@dataclass(frozen=True)
class Recipe:
    """All settings of a run but its seed, its device and its folder."""

    name: str
    data: str
    """A name in `reference_models.data.DATASETS`, or ``folder:PATH``."""
    resolution: int = 0
    """Side in pixels, for data that has no side of its own."""
    scale: float = 1.0
    """Training sees samples divided by this, and the sampler multiplies by it: networks begin with
    their kinks within 1 of the origin, and learn little of points far outside."""

    # Networks
    network: str = "mlp"
    """``mlp``, ``dcgan`` (8 to 64 pixels) or ``resnet`` (32 to 128 pixels)."""
    latent: int = 128
    """Width of the latent."""
    width_g: int = 128
    """Of the generator; see each network for what it counts."""
    width_d: int = 128
    """Of the discriminator."""
    depth_g: int = 3
    """Hidden layers of an ``mlp`` generator."""
    depth_d: int = 3
    """And of its discriminator."""
    norm_g: str = "none"
    """``none``, ``batch`` (Ioffe and Szegedy 2015) or ``layer`` (Ba et al. 2016)."""
    norm_d: str = "none"
    """The same, or ``spectral`` (Miyato et al. 2018)."""
    condition_g: str = "none"
    """``none``; ``concat`` (Mirza and Osindero 2014); ``norm``: conditional batch norm (Dumoulin et
    al. 2017; de Vries et al. 2017)."""
    condition_d: str = "none"
    """``none``; ``concat``; ``projection`` (Miyato and Koyama 2018); ``auxiliary`` (Odena et al.
    2017)."""
    slope: float = 0.0
    """Of the discriminator's leaky ReLU, in ``mlp`` and ``dcgan``."""
    pieces: int = 1
    """Above 1, an ``mlp`` discriminator uses maxout (Goodfellow et al. 2013)."""
    interleave: bool = False
    """``dcgan``: the discriminator of Miyato et al. 2018, table 3, with 3x3 layers between."""
    upsample: str = "nearest"
    """``resnet``: ``nearest``, or ``bilinear`` as Mimicry."""
    pool: str = "sum"
    """``resnet``: ``sum`` (SNGAN) or ``mean`` (WGAN-GP)."""
    initialisation: str = "torch"
    """``torch``: the networks' own; ``normal``: N(0, .02) (Radford et al. 2016); ``orthogonal``
    (Saxe et al. 2014; Brock et al. 2019)."""

    # Objective
    loss: str = "non-saturating"
    """A name in `reference_models.losses.LOSSES`."""
    gradient_penalty: float = 0.0
    """Weight (Gulrajani et al. 2017: 10)."""
    one_sided: bool = False
    """Only slopes above 1 are penalised (Gulrajani et al. 2017, section 4)."""
    r1: float = 0.0
    """gamma, on real samples (Mescheder et al. 2018)."""
    r2: float = 0.0
    """gamma, on generated samples (Mescheder et al. 2018)."""
    dragan: float = 0.0
    """Weight (Kodali et al. 2017: 10)."""
    penalty_every: int = 1
    """Penalise each so many updates, with as many times the weight (Karras et al. 2020, "lazy")."""
    weight_clip: float = 0.0
    """Bound on the discriminator's weights (Arjovsky et al. 2017: .01)."""
    auxiliary_d: float = 1.0
    """Weight of the auxiliary classifier in the discriminator's loss (Odena et al. 2017: 1)."""
    auxiliary_g: float = 1.0
    """And in the generator's (Odena et al. 2017: 1; Gulrajani et al. 2017: .1)."""
    auxiliary_fake: bool = True
    """Whether the discriminator's classifier learns from generated samples too (Odena et al. 2017
    yes; Gulrajani et al.'s code no)."""

    # Optimisation
    steps: int = 1000
    """Of the loop: `n_critic` updates of the discriminator, then `n_gen` of the generator."""
    batch: int = 64
    """Real samples of an update, over all processes."""
    batch_g: int = 0
    """Generated samples of a generator update; 0: as `batch`."""
    accumulate: int = 1
    """An update sums the gradients of so many equal parts of its batch."""
    n_critic: int = 1
    """Discriminator updates in a step (Goodfellow et al. 2014: k; Arjovsky et al. 2017: 5)."""
    n_gen: int = 1
    """Updates of the generator in a step."""
    warmup: int = 0
    """Further discriminator updates before the generator's first (Arjovsky et al. 2017's code)."""
    optimizer: str = "adam"
    """``adam`` (Kingma and Ba 2015), ``rmsprop`` (Tieleman and Hinton 2012) or ``sgd``."""
    lr_g: float = 2e-4
    """Of the generator."""
    lr_d: float = 2e-4
    """Of the discriminator; another than `lr_g` is TTUR (Heusel et al. 2017)."""
    beta1: float = 0.5
    """Of Adam; the momentum of ``rmsprop`` and ``sgd``."""
    beta2: float = 0.999
    """Of Adam."""
    decay: str = "none"
    """Of both rates over all steps: ``none``, ``linear`` to 0 or ``cosine`` to 0."""
    clip_gradients: float = 0.0
    """Above 0, gradients are scaled to this norm at most (Pascanu et al. 2013)."""
    ema: float = 0.0
    """Decay of the generator's average (Yazici et al. 2019: .999 to .9999); 0: none."""
    precision: str = "fp32"
    """``fp32``; ``bf16`` or ``fp16`` by autocast (Micikevicius et al. 2018), but for penalties."""
    compile: bool = False
    """Whether torch.compile runs on the networks."""

    # Tricks
    latent_kind: str = "normal"
    """``normal``, ``uniform`` (Radford et al. 2016) or ``sphere`` (White 2016)."""
    truncation: float = 0.0
    """Above 0, normal latents stay within it in training and sampling (Brock et al. 2019)."""
    label_smoothing: float = 0.0
    """Real samples count 1 - this (Salimans et al. 2016, one-sided: .1)."""
    label_noise: float = 0.0
    """Labels move towards each other by up to this (ganhacks 6: .3)."""
    label_flips: float = 0.0
    """Share of swapped labels (ganhacks 6)."""
    instance_noise: float = 0.0
    """Standard deviation of noise on all that the discriminator sees (Sonderby et al. 2017;
    Arjovsky and Bottou 2017)."""
    instance_noise_steps: int = 0
    """After so many steps that noise has decayed to 0; 0: it stays."""
    replay: int = 0
    """Capacity of the store of earlier generated samples (Shrivastava et al. 2017)."""
    separate_batches: bool = True
    """Real and generated samples go through the discriminator apart, which its batch norm notices
    (ganhacks 4)."""
    mirror: bool = False
    """Real images are flipped left to right half of the time."""
    orthogonal_g: float = 0.0
    """Weight of the generator's orthogonal regulariser (Brock et al. 2019: 1e-4)."""
    orthogonal_d: float = 0.0
    """And of the discriminator's."""
    dropout: float = 0.0
    """Share of activations that an ``mlp`` or ``dcgan`` discriminator drops (Srivastava et al.
    2014)."""
    pack: int = 1
    """Samples that the discriminator judges together (Lin et al. 2018, PacGAN)."""
    unroll: int = 0
    """Discriminator updates that the generator looks ahead (Metz et al. 2017)."""

    # Where it comes from
    source: str = ""
    """Paper, repository or our own."""
    departures: str = ""
    """Where it is not what the source did."""
    targets: tuple[Target, ...] = ()
    """What the source reports."""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise GandiagError(
                    f"{name} is {getattr(self, name)!r} in the recipe {self.name}; "
                    f"choose one of {', '.join(choices)}"
                )
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise GandiagError(
                    f"{name} is {getattr(self, name)} in the recipe {self.name}; "
                    "it must be at least 1"
                )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise GandiagError(
                    f"{field.name} is {value} in the recipe {self.name}; "
                    "it must be a finite number of at least 0"
                )
        if not self.scale:
            raise GandiagError(f"scale is 0 in the recipe {self.name}; it must be positive")
        unit = self.accumulate * self.pack
        if self.batch % unit or self.batch_g % unit:
            raise GandiagError(
                f"the batches of {self.batch} and {self.batch_g} in the recipe {self.name} do not "
                f"divide into {self.accumulate} x {self.pack} (accumulate x pack); use multiples"
            )
        if self.pack > 1 and self.condition_d != "none":
            raise GandiagError(
                f"the recipe {self.name} packs samples of different labels; "
                "set pack to 1 or condition_d to none"
            )
        if self.condition_g == "norm" and self.norm_g != "batch":
            raise GandiagError(
                f"condition_g is norm in the recipe {self.name}, which needs norm_g batch, "
                f"not {self.norm_g}"
            )
        for name, networks in ONLY_IN.items():
            if self.network not in networks and getattr(self, name) != getattr(Recipe, name):
                raise GandiagError(
                    f"{name} is {getattr(self, name)} in the recipe {self.name}, and the network "
                    f"{self.network} has no use for it; "
                    f"leave it out, or use {' or '.join(networks)}"
                )
        if self.truncation and self.latent_kind != "normal":
            raise GandiagError(
                f"the recipe {self.name} truncates {self.latent_kind} latents; "
                "set truncation to 0 or latent_kind to normal"
            )
        if self.unroll and self.optimizer != "adam":
            raise GandiagError(
                f"the recipe {self.name} unrolls {self.optimizer}; only adam can be unrolled"
            )

    @property
    def conditional(self) -> bool:
        """Whether labels matter."""
        return (self.condition_g, self.condition_d) != ("none", "none")


CHOICES: Mapping[str, tuple[str, ...]] = {
    "network": ("mlp", "dcgan", "resnet"),
    "norm_g": ("none", "batch", "layer"),
    "norm_d": ("none", "batch", "layer", "spectral"),
    "condition_g": ("none", "concat", "norm"),
    "condition_d": ("none", "concat", "projection", "auxiliary"),
    "upsample": ("nearest", "bilinear"),
    "pool": ("sum", "mean"),
    "initialisation": ("torch", "normal", "orthogonal"),
    "loss": tuple(LOSSES),
    "optimizer": ("adam", "rmsprop", "sgd"),
    "decay": ("none", "linear", "cosine"),
    "precision": ("fp32", "bf16", "fp16"),
    "latent_kind": ("normal", "uniform", "sphere"),
}
COUNTS = (
    *(
        "latent",
        "width_g",
        "width_d",
        "depth_g",
        "depth_d",
        "pieces",
        "penalty_every",
        "steps",
        "batch",
    ),
    *("accumulate", "n_critic", "n_gen", "pack"),
)


ONLY_IN: Mapping[str, tuple[str, ...]] = {
    "depth_g": ("mlp",),
    "depth_d": ("mlp",),
    "pieces": ("mlp",),
    "slope": ("mlp", "dcgan"),
    "dropout": ("mlp", "dcgan"),
    "interleave": ("dcgan",),
    "upsample": ("resnet",),
    "pool": ("resnet",),
}
"""Fields that some networks do not read; there they must keep their defaults."""


def to_json(recipe: Recipe) -> str:
    """Every field of a recipe, with two spaces of indent."""
    return json.dumps(dataclasses.asdict(recipe), indent=2, allow_nan=False) + "\n"


def from_json(text: str, where: str) -> Recipe:
    """The recipe that `to_json` wrote.

    Args:
        text: JSON; fields that are left out have their defaults.
        where: what errors call the text, such as its path.

    Raises:
        GandiagError: it is no JSON object, a field is unknown or missing or of another type.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise GandiagError(f"{where} is not JSON: {error}; write it again") from error
    return _build(Recipe, values, where)


def replace(recipe: Recipe, changes: Mapping[str, object]) -> Recipe:
    """A recipe with some fields changed, each checked as in `from_json`."""
    values = dataclasses.asdict(recipe) | dict(changes)
    return _build(Recipe, values, f"the recipe {recipe.name}")


Kind = TypeVar("Kind", Recipe, Target)


def _build(kind: type[Kind], values: object, where: str) -> Kind:
    if not isinstance(values, dict):
        raise GandiagError(f"{where} holds {type(values).__name__}, not an object with fields")
    types = get_type_hints(kind)
    for name in values:
        if name not in types:
            raise GandiagError(
                f"{where} has the unknown field {name!r}; remove it or mend its name"
            )
    required = [f.name for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING]
    for name in required:
        if name not in values:
            raise GandiagError(f"{where} lacks the field {name!r}; add it")
    return kind(**{name: _value(v, types[name], f"{where}: {name}") for name, v in values.items()})


def _value(value: Any, kind: Any, where: str) -> Any:
    if kind == tuple[Target, ...]:
        if isinstance(value, list | tuple):
            return tuple(
                item if isinstance(item, Target) else _build(Target, item, where) for item in value
            )
        kind = list
    if kind in (float, float | None) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # A bool is an int to isinstance.
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        name = getattr(kind, "__name__", str(kind))
        raise GandiagError(f"{where} is {value!r}, not of type {name}; mend it")
    return value
