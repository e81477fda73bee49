"""Every trick as a change of one baseline, with what it is compared with."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reference_models.recipe import Recipe, replace

STEPS = 2000
"""Of a run on points; of one on images three quarters of it."""
BASELINES: Mapping[str, Recipe] = {
    "ring8": replace(
        Recipe("ring8", "ring8", scale=2.0),
        latent=16,
        slope=0.2,
        batch=128,
        lr_g=1e-3,
        lr_d=1e-3,
        steps=STEPS,
    ),
    "digits": replace(
        Recipe("digits", "digits"),
        network="dcgan",
        latent=64,
        width_g=16,
        width_d=16,
        norm_g="batch",
        slope=0.2,
        batch=64,
        lr_g=5e-4,
        lr_d=5e-4,
        steps=STEPS * 3 // 4,
    ),
}
"""What all tricks are added to: the non-saturating loss, Adam with beta1 .5, leaky ReLU of .2 and a
discriminator without normalisation. No average, no schedule, no penalty."""
GRID = replace(BASELINES["ring8"], data="grid25", scale=4.0, depth_g=5)
"""For what had an effect on ring8."""

Changes = Mapping[str, object]


@dataclass(frozen=True)
class Trick:
    """A trick of the notes of practitioners."""

    name: str
    source: str
    on: Changes
    """Settings with it."""
    off: Changes = field(default_factory=dict)
    """And without it."""
    only: str = ""
    """The one data set that it can be said of."""
    points: Changes = field(default_factory=dict)
    """Further settings with it on points, whose scale is another."""

    def recipes(self, data: str) -> tuple[Recipe, Recipe]:
        """With it and without."""
        base = GRID if data == "grid25" else BASELINES[data]
        more = self.points if data != "digits" else {}
        # The settings decide what a run is, not its name.
        with_it, without = ({**self.on, **more}, self.off)
        on, off = (replace(base, {**changes, "name": data}) for changes in (with_it, without))
        return on, off

    def has(self, data: str) -> bool:
        """Whether it can be said of the data."""
        return self.only in ("", data) or (self.only == "ring8" and data == "grid25")


GANHACKS = "ganhacks"
TRICKS: tuple[Trick, ...] = (
    # Inputs and latents.
    Trick("inputs scaled into [-1, 1]", f"{GANHACKS} 1", {}, {"scale": 0.25}, only="ring8"),
    Trick("normal latents, not uniform", f"{GANHACKS} 3", {}, {"latent_kind": "uniform"}),
    Trick("latents on the sphere", "White 2016", {"latent_kind": "sphere"}),
    Trick("truncated latents", "Brock et al. 2019", {"truncation": 1.0}),
    Trick("labels, in both networks", f"{GANHACKS} 12", {
        "condition_g": "norm", "condition_d": "projection",
    }, points={"condition_g": "concat"}),
    # Losses.
    Trick("non-saturating loss (flipped labels for G)", f"{GANHACKS} 2", {}, {"loss": "minimax"}),
    Trick("least-squares loss", "Mao et al. 2017", {"loss": "least-squares"}),
    Trick("hinge loss", "Lim and Ye 2017", {"loss": "hinge"}),
    Trick("relativistic pairs", "Jolicoeur-Martineau 2019", {"loss": "relativistic"}),
    Trick("one-sided label smoothing", "Salimans et al. 2016", {"label_smoothing": 0.1}),
    Trick("noisy labels", f"{GANHACKS} 6", {"label_noise": 0.3}),
    Trick("some labels flipped", f"{GANHACKS} 6", {"label_flips": 0.05}),
    Trick("feature matching, added", "Salimans et al. 2016", {"feature_matching": 1.0}),
    # Penalties and constraints.
    Trick("gradient penalty", "Gulrajani et al. 2017", {"gradient_penalty": 10.0},
          points={"gradient_penalty": 0.1}),
    Trick("R1", "Mescheder et al. 2018", {"r1": 1.0}, points={"r1": 0.1}),
    Trick("R2", "Mescheder et al. 2018", {"r2": 1.0}, points={"r2": 0.1}),
    Trick("DRAGAN", "Kodali et al. 2017", {"dragan": 10.0}, points={"dragan": 1.0}),
    Trick("spectral norm in D", "Miyato et al. 2018", {"norm_d": "spectral"}),
    Trick("LeCam", "Tseng et al. 2021", {"lecam": 0.1, "lecam_start": 200}),
    Trick("orthogonal regularisation of G", "Brock et al. 2019", {"orthogonal_g": 1e-4}),
    Trick("historical averaging", "Salimans et al. 2016",
          {"historical_g": 1e-3, "historical_d": 1e-3}),
    # What the discriminator sees.
    Trick("input noise with decay", "Sonderby et al. 2017",
          {"instance_noise": 0.1, "instance_noise_steps": STEPS // 2}),
    Trick("experience replay", f"{GANHACKS} 8", {"replay": 1024}),
    Trick("packing of 2", "Lin et al. 2018", {"pack": 2}),
    Trick("minibatch standard deviation", "Karras et al. 2018", {"minibatch_std": 4}),
    Trick("DiffAugment", "Zhao et al. 2020", {"diff_augment": "color,translation,cutout"},
          only="digits"),
    Trick("DiffAugment, translation alone", "Zhao et al. 2020", {"diff_augment": "translation"},
          only="digits"),
    Trick("patches beside the whole", "Isola et al. 2017", {"patch_layers": 2}, only="digits"),
    Trick("gradients at many scales", "Karnewar and Wang 2020", {"multi_scale": True},
          only="digits"),
    # Networks.
    Trick("leaky ReLU in D, not plain", f"{GANHACKS} 5", {}, {"slope": 0.0}),
    Trick("strides in D, not max pooling", f"{GANHACKS} 5", {}, {"halve": "max"}, only="digits"),
    Trick("mean pooling in D, not max", f"{GANHACKS} 5", {"halve": "mean"}, {"halve": "max"},
          only="digits"),
    Trick("batch norm in G", "Radford et al. 2016", {}, {"norm_g": "none"}, only="digits"),
    # Of digits the discriminator's one block has no norm, as DCGAN's first.
    Trick("batch norm in D", "Radford et al. 2016", {"norm_d": "batch"}, only="ring8"),
    Trick("separate batches (batch norm in D)", f"{GANHACKS} 4", {"norm_d": "batch"},
          {"norm_d": "batch", "separate_batches": False}, only="ring8"),
    Trick("noise in each layer of G", f"{GANHACKS} 13", {"layer_noise": 0.1}),
    Trick("dropout in D", "Isola et al. 2017", {"dropout": 0.3}),
    Trick("orthogonal initialisation", "Brock et al. 2019", {"initialisation": "orthogonal"}),
    # Optimisation.
    Trick("Adam's beta1 of .5, not .9", "Radford et al. 2016", {}, {"beta1": 0.9}),
    Trick("SGD for D, Adam for G", f"{GANHACKS} 9", {"optimizer_d": "sgd", "lr_d": 0.02}),
    Trick("three D steps a step", f"{GANHACKS} 14", {"n_critic": 3}),
    Trick("D's warm-up of 50 steps", "Arjovsky et al. 2017, code", {"warmup": 50}),
    Trick("TTUR: D four times as fast", "Heusel et al. 2017", {"lr_g": 2.5e-4, "lr_d": 1e-3},
          points={"lr_g": 5e-4, "lr_d": 2e-3}),
    Trick("cosine schedule", "Loshchilov and Hutter 2017", {"decay": "cosine"}),
    Trick("average of G's weights", "Yazici et al. 2019", {"ema": 0.995}),
    Trick("unrolling 3 steps", "Metz et al. 2017", {"unroll": 3}),
    Trick("latent optimisation", "Wu et al. 2019", {"latent_step": 0.5}),
)  # fmt: skip


def of(data: str) -> tuple[Trick, ...]:
    """Those that can be said of the data."""
    return tuple(trick for trick in TRICKS if trick.has(data))


def recipes(data: str) -> Iterator[Recipe]:
    """All that must be trained, each once, the baseline first."""
    seen = []
    for trick in of(data):
        for recipe in reversed(trick.recipes(data)):
            if recipe not in seen:
                seen.append(recipe)
                yield recipe
