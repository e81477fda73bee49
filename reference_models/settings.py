"""The settings of a run in three records, each with what its fields may be."""

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gandiag.errors import GandiagError
from reference_models.losses import LOSSES


def check_fields(record: Any, name: str) -> None:
    """Numbers are finite and at least 0; then what the record itself says of its fields.

    Args:
        record: a dataclass, with ``choices`` and ``counts`` if it has words and counts.
        name: of the recipe.

    Raises:
        GandiagError: a field is not so.
    """
    choices: Mapping[str, Collection[str]] = getattr(record, "choices", {})
    counts: Collection[str] = getattr(record, "counts", ())
    for field in dataclasses.fields(record):
        value, may = getattr(record, field.name), choices.get(field.name)
        if may is not None and value not in may:
            wants = f"choose one of {', '.join(may)}"
        elif field.name in counts and value < 1:
            wants = "it must be at least 1"
        elif isinstance(value, int | float) and not (value >= 0 and math.isfinite(value)):
            wants = "it must be a finite number of at least 0"
        else:
            continue
        shown = repr(value) if may else value
        raise GandiagError(f"{field.name} is {shown} in the recipe {name}; {wants}")


@dataclass(frozen=True)
class Networks:
    """The generator and the discriminator."""

    network: str = "mlp"
    """``mlp``, ``dcgan`` (8 to 64 pixels) or ``resnet`` (32 to 128 pixels)."""
    latent: int = 128
    """Width of the latent."""
    latent_kind: str = "normal"
    """``normal``, ``uniform`` (Radford et al. 2016) or ``sphere`` (White 2016)."""
    truncation: float = 0.0
    """Above 0, normal latents stay within it in training and sampling (Brock et al. 2019)."""
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
    dropout: float = 0.0
    """Share of activations that an ``mlp`` or ``dcgan`` discriminator drops (Srivastava et al.
    2014)."""
    interleave: bool = False
    """``dcgan``: the discriminator of Miyato et al. 2018, table 3, with 3x3 layers between."""
    halve: str = "stride"
    """``dcgan``: how its discriminator halves the side: by a ``stride``, or by the ``max`` or the
    ``mean`` of four neighbours after a layer without (ganhacks 5)."""
    upsample: str = "nearest"
    """``resnet``: ``nearest``, or ``bilinear`` as Mimicry."""
    pool: str = "sum"
    """``resnet``: ``sum`` (SNGAN) or ``mean`` (WGAN-GP)."""
    initialisation: str = "torch"
    """``torch``: the networks' own; ``normal``: N(0, .02) (Radford et al. 2016); ``orthogonal``
    (Saxe et al. 2014; Brock et al. 2019)."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "network": ("mlp", "dcgan", "resnet"),
        "latent_kind": ("normal", "uniform", "sphere"),
        "norm_g": ("none", "batch", "layer"),
        "norm_d": ("none", "batch", "layer", "spectral"),
        "condition_g": ("none", "concat", "norm"),
        "condition_d": ("none", "concat", "projection", "auxiliary"),
        "halve": ("stride", "max", "mean"),
        "upsample": ("nearest", "bilinear"),
        "pool": ("sum", "mean"),
        "initialisation": ("torch", "normal", "orthogonal"),
    }
    counts: ClassVar = ("latent", "width_g", "width_d", "depth_g", "depth_d", "pieces")
    only_in: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "depth_g": ("mlp",),
        "depth_d": ("mlp",),
        "pieces": ("mlp",),
        "slope": ("mlp", "dcgan"),
        "dropout": ("mlp", "dcgan"),
        "interleave": ("dcgan",),
        "halve": ("dcgan",),
        "upsample": ("resnet",),
        "pool": ("resnet",),
    }
    """Fields that some networks do not read; there they must keep their defaults."""

    def check(self, name: str) -> None:
        """Refuse, for the recipe of this name, fields that do not go together."""
        check_fields(self, name)
        if self.condition_g == "norm" and self.norm_g != "batch":
            raise GandiagError(
                f"condition_g is norm in the recipe {name}, which needs norm_g batch, "
                f"not {self.norm_g}"
            )
        for field, networks in self.only_in.items():
            value = getattr(self, field)
            if self.network not in networks and value != getattr(Networks, field):
                raise GandiagError(
                    f"{field} is {value} in the recipe {name}, and the network {self.network} has "
                    f"no use for it; leave it out, or use {' or '.join(networks)}"
                )
        if self.truncation and self.latent_kind != "normal":
            raise GandiagError(
                f"the recipe {name} truncates {self.latent_kind} latents; "
                "set truncation to 0 or latent_kind to normal"
            )

    @property
    def conditional(self) -> bool:
        """Whether labels matter."""
        return (self.condition_g, self.condition_d) != ("none", "none")


@dataclass(frozen=True)
class Objective:
    """What the networks minimise."""

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
    auxiliary_d: float = 1.0
    """Weight of the auxiliary classifier in the discriminator's loss (Odena et al. 2017: 1)."""
    auxiliary_g: float = 1.0
    """And in the generator's (Odena et al. 2017: 1; Gulrajani et al. 2017: .1)."""
    auxiliary_fake: bool = True
    """Whether the discriminator's classifier learns from generated samples too (Odena et al. 2017
    yes; Gulrajani et al.'s code no)."""
    separate_batches: bool = True
    """Real and generated samples go through the discriminator apart, which its batch norm notices
    (ganhacks 4)."""

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"loss": tuple(LOSSES)}
    counts: ClassVar = ("penalty_every",)

    def check(self, name: str) -> None:
        """Refuse, for the recipe of this name, values out of their ranges."""
        check_fields(self, name)


@dataclass(frozen=True)
class Optimisation:
    """How they do so."""

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
    optimizer_d: str = "same"
    """Of the discriminator: ``same``, or another (ganhacks 9: ``sgd`` beside the generator's
    ``adam``)."""
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

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "optimizer": ("adam", "rmsprop", "sgd"),
        "optimizer_d": ("same", "adam", "rmsprop", "sgd"),
        "decay": ("none", "linear", "cosine"),
        "precision": ("fp32", "bf16", "fp16"),
    }
    counts: ClassVar = ("steps", "batch", "accumulate", "n_critic", "n_gen")

    @property
    def discriminators(self) -> str:
        """The discriminator's optimizer."""
        return self.optimizer if self.optimizer_d == "same" else self.optimizer_d

    def check(self, name: str, processes: int = 1) -> None:
        """Refuse, for the recipe of this name, batches that do not divide."""
        check_fields(self, name)
        unit = self.accumulate * processes
        if self.batch % unit or self.batch_g % unit:
            among = f" among {processes} processes" if processes > 1 else ""
            raise GandiagError(
                f"the batches of {self.batch} and {self.batch_g} in the recipe {name} do not "
                f"divide into {self.accumulate} (accumulate){among}; use multiples of {unit}"
            )
