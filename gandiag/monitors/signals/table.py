"""Every signal: what it means, in which unit, and how several processes agree on it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple


class Signal(NamedTuple):
    """A number of a check.

    Attributes:
        name: in rows.
        meaning: in one phrase.
        unit: or the range.
        level: what must be given for it: 0 the optimizers, 1 scores or losses, 2 a sampler.
        reduce: of the values of several processes, which one holds for all.
    """

    name: str
    meaning: str
    unit: str
    level: int
    reduce: Literal["mean", "max", "min"] = "mean"

    def __str__(self) -> str:
        """For people: level, meaning, unit."""
        return f"level {self.level}: {self.meaning}; {self.unit}"


TABLE: tuple[Signal, ...] = (
    # Level 0: the optimizers alone.
    Signal(
        "g_grad_norm", "mean over the window of the generator's global gradient norm", ">= 0", 0
    ),
    Signal("d_grad_norm", "the same of the discriminator", ">= 0", 0),
    Signal(
        "g_grad_norm_max", "largest gradient norm of the generator in the window", ">= 0", 0, "max"
    ),
    Signal("d_grad_norm_max", "the same of the discriminator", ">= 0", 0, "max"),
    Signal(
        "nonfinite",
        "records in the window that were NaN or infinite (norms, losses)",
        "count",
        0,
        "max",
    ),
    Signal(
        "nonfinite_step",
        "the first step with such a record; absent while there is none",
        "step",
        0,
        "min",
    ),
    Signal("g_update_ratio", "|change| / |weights| of the generator's last step", ">= 0", 0),
    Signal("d_update_ratio", "the same of the discriminator", ">= 0", 0),
    Signal(
        "adam_stall", "share of the generator's weights with sqrt(v) < 10 eps in Adam", "0..1", 0
    ),
    Signal("g_grad_snr", "mean |m| / sqrt(v) of Adam over the generator's weights", "0..1", 0),
    Signal("g_weight_norm", "norm of the generator's weights", ">= 0", 0),
    Signal("d_weight_norm", "norm of the discriminator's weights", ">= 0", 0),
    Signal("d_steps_per_g", "discriminator steps for each generator step in the window", ">= 0", 0),
    Signal(
        "g_first_last_ratio",
        "gradient norm of the first layer over the last's, generator",
        ">= 0",
        0,
    ),
    Signal(
        "zero_grad_share", "share of the discriminator's gradient entries that are 0", "0..1", 0
    ),
    Signal("clip_share", "share of the discriminator's weights at its largest |weight|", "0..1", 0),
    Signal("rotation", "how clearly the joint update turns round and comes back", "-1..1", 0),
    Signal(
        "skipped_steps", "monitor.step calls without an optimizer step that is usual", "count", 0
    ),
    # Level 1: scores and losses of the training batches.
    Signal("auc_real_fake", "P(score of a real > score of a fake); 0.5: cannot tell", "0..1", 1),
    Signal("d_accuracy", "share of scores on the right side of the loss's boundary", "0..1", 1),
    Signal("score_gap", "mean real less mean fake score", "pooled sds", 1),
    Signal("score_max", "largest |score|", "logits", 1, "max"),
    Signal("score_real_mean", "mean score of the reals", "logits", 1),
    Signal("score_fake_mean", "mean score of the fakes", "logits", 1),
    Signal("sign_real", "mean sign of the reals' scores (r_t of Karras et al. 2020)", "-1..1", 1),
    Signal(
        "loss_slope", "E |dL_G / dscore| on the fakes; absent for hinge and wasserstein", ">= 0", 1
    ),
    Signal("d_loss", "mean discriminator loss in the window", "of the loss", 1),
    Signal("g_loss", "mean generator loss in the window", "of the loss", 1),
    Signal("d_loss_std", "standard deviation of the discriminator's loss in the window", ">= 0", 1),
    Signal("d_sign_changes", "share of the loss's differences whose sign switches", "0..1", 1),
    Signal(
        "loss_period",
        "p-value of Fisher's g on the discriminator's loss; small: periodic",
        "0..1",
        1,
    ),
    Signal("dead_penalty", "whether the penalty has a value but no gradient", "0 or 1", 1, "max"),
    # Level 2: a sampler, real samples, held-out samples.
    Signal(
        "churn",
        "total variation between the panel's histogram and the one 100 steps ago",
        "0..1",
        2,
    ),
    Signal("tv_to_real", "total variation between the histograms of panel and reals", "0..1", 2),
    Signal("missing_mass", "share of the reals in bins that the panel neglects", "0..1", 2),
    Signal(
        "lost_modes",
        "share of the reals in modes that the panel hardly has; absent for data without modes",
        "0..1",
        2,
    ),
    Signal("diversity", "mean distance in the panel over mean distance in the reals", ">= 0", 2),
    Signal("spread", "median over bins of the panel's spread over the reals'", ">= 0", 2),
    Signal("effective_rank", "effective rank of the panel's covariance over the reals'", ">= 0", 2),
    Signal(
        "coverage_knn", "share of reals with a panel sample within their 5th neighbour", "0..1", 2
    ),
    Signal("nn_ratio", "median nearest-neighbour distance in the panel over the reals'", ">= 0", 2),
    Signal("energy", "energy distance of panel and reals over 2 E|X - Y|; 0: equal", "0..1", 2),
    Signal(
        "feature_missing",
        "missing_mass in the features of `features=`; means it where feature_unlike is small",
        "0..1",
        2,
    ),
    Signal("feature_energy", "energy in the same features", "0..1", 2),
    Signal(
        "feature_unlike",
        "feature_energy that is left if the reals had the panel's bins: looks, not lack",
        "0..1",
        2,
    ),
    Signal(
        "z_sensitivity", "|change of a sample| / (relative change of z), in real spreads", ">= 0", 2
    ),
    Signal("motion", "mean motion of the panel in 100 steps, in real spreads", ">= 0", 2),
    Signal("panel_range", "largest |value - mean| in the panel over the reals'", ">= 0", 2),
    Signal(
        "output_saturation",
        "share of values at the edge of the data's range, less its own",
        "-1..1",
        2,
    ),
    Signal(
        "forgetting",
        "largest share of an old panel that is scored above the median real",
        "0..1",
        2,
    ),
    Signal("auc_fresh", "P(score of a real > score of a panel sample), evaluation mode", "0..1", 2),
    Signal("auc_train_heldout", "P(score of a training real > of a held-out real)", "0..1", 2),
    Signal(
        "train_heldout_z",
        "auc_train_heldout - 0.5, over its standard error under no difference",
        "standard errors",
        2,
    ),
    Signal("reach", "E |grad D| at the fakes x data sd / sd of the scores", ">= 0", 2),
    Signal("lipschitz_median", "median |grad D| between reals and fakes", ">= 0", 2),
    Signal("lipschitz_q95", "95th percentile of the same", ">= 0", 2),
    Signal(
        "sigma_max", "largest singular value of the discriminator's layers as applied", ">= 0", 2
    ),
    Signal("dead_units", "largest share, over ReLU layers, of units that never fire", "0..1", 2),
    Signal("dead_units_g", "the same in the generator", "0..1", 2),
    Signal("dead_units_d", "the same in the discriminator", "0..1", 2),
    # Level 2, conditional.
    Signal("label_auc", "P(score of a fake with its label > with another label)", "0..1", 2),
    Signal(
        "label_agreement",
        "how often fakes are nearest to their class; 0 chance, 1 as reals",
        "<= 1",
        2,
    ),
    Signal(
        "class_missing",
        "largest over classes of the share of its reals that is neglected",
        "0..1",
        2,
    ),
    Signal(
        "class_spread", "smallest over classes of the panel's spread over the reals'", ">= 0", 2
    ),
)
SIGNALS: Mapping[str, Signal] = MappingProxyType({each.name: each for each in TABLE})
"""By name, in the order of rows."""
