"""What a monitor measures: small families of pure functions, and the table of their names.

A row of signals is taken at each check: (step, {name: float}), where step counts the generator's
optimizer steps. A signal that cannot be computed is absent from the row; it is never NaN.

Scores are oriented so that larger is more real, and are logits (see `gandiag.monitors.scores`).
"Window" is what happened since the check before. "Panel" is what the sampler gives for the same
latents at every check, so that any change of it is motion of the generator.
"""

from collections.abc import Mapping

SIGNALS: Mapping[str, str] = {
    # Level 0: the optimizers alone.
    "g_grad_norm": "level 0: mean over the window of the generator's global gradient norm, >= 0",
    "d_grad_norm": "level 0: the same of the discriminator",
    "g_grad_norm_max": "level 0: largest gradient norm of the generator in the window, >= 0",
    "d_grad_norm_max": "level 0: the same of the discriminator",
    "nonfinite": "level 0: records in the window that were NaN or infinite (norms, losses), count",
    "nonfinite_step": "level 0: the first step with such a record; absent while there is none",
    "g_update_ratio": "level 0: |change| / |weights| of the generator's last step, >= 0",
    "d_update_ratio": "level 0: the same of the discriminator",
    "adam_stall": "level 0: share of the generator's weights with sqrt(v) < 10 eps in Adam, 0..1",
    "g_grad_snr": "level 0: mean |m| / sqrt(v) of Adam over the generator's weights, 0..1",
    "g_weight_norm": "level 0: norm of the generator's weights, >= 0",
    "d_weight_norm": "level 0: norm of the discriminator's weights, >= 0",
    "d_steps_per_g": "level 0: discriminator steps for each generator step in the window, >= 0",
    "g_first_last_ratio": "level 0: gradient norm of the first layer over the last's, generator",
    "zero_grad_share": "level 0: share of the discriminator's gradient entries that are 0, 0..1",
    "clip_share": "level 0: share of the discriminator's weights at its largest |weight|, 0..1",
    "rotation": "level 0: how clearly the joint update turns round and comes back, -1..1",
    "skipped_steps": "level 0: monitor.step calls without an optimizer step that is usual, count",
    # Level 1: scores and losses of the training batches.
    "auc_real_fake": "level 1: P(score of a real > score of a fake), 0..1; 0.5: cannot tell",
    "d_accuracy": "level 1: share of scores on the right side of the loss's boundary, 0..1",
    "score_gap": "level 1: (mean real - mean fake) / pooled sd of the scores",
    "score_max": "level 1: largest |score|, >= 0",
    "score_real_mean": "level 1: mean score of the reals",
    "score_fake_mean": "level 1: mean score of the fakes",
    "sign_real": "level 1: mean sign of the reals' scores, -1..1 (r_t of Karras et al. 2020)",
    "loss_slope": "level 1: E |dL_G / dscore| on the fakes; absent for hinge and wasserstein",
    "d_loss": "level 1: mean discriminator loss in the window",
    "g_loss": "level 1: mean generator loss in the window",
    "d_loss_std": "level 1: standard deviation of the discriminator's loss in the window, >= 0",
    "d_sign_changes": "level 1: share of the loss's differences whose sign switches, 0..1",
    "loss_period": "level 1: p-value of Fisher's g on the discriminator's loss; small: periodic",
    "dead_penalty": "level 1: 1 if the penalty has a value but no gradient, else 0",
    # Level 2: a sampler, real samples, held-out samples.
    "churn": "level 2: total variation between the panel's histogram and the one 100 steps ago",
    "tv_to_real": "level 2: total variation between the histograms of panel and reals, 0..1",
    "missing_mass": "level 2: share of the reals in bins that the panel neglects, 0..1",
    "diversity": "level 2: mean distance in the panel over mean distance in the reals, >= 0",
    "spread": "level 2: median over bins of the panel's spread over the reals', >= 0",
    "effective_rank": "level 2: effective rank of the panel's covariance over the reals', >= 0",
    "coverage_knn": "level 2: share of reals with a panel sample within their 5th neighbour, 0..1",
    "nn_ratio": "level 2: median nearest-neighbour distance in the panel over the reals', >= 0",
    "energy": "level 2: energy distance of panel and reals over 2 E|X - Y|; 0: equal, <= 1",
    "z_sensitivity": "level 2: |change of a sample| / (relative change of z), in real spreads",
    "motion": "level 2: mean motion of the panel in 100 steps, in real spreads, >= 0",
    "panel_range": "level 2: largest |value - mean| in the panel over the reals', >= 0",
    "output_saturation": "level 2: share of values at the edge of the data's range, less its own",
    "forgetting": "level 2: largest share of an old panel that is scored above the median real",
    "auc_fresh": "level 2: P(score of a real > score of a panel sample), evaluation mode, 0..1",
    "auc_train_heldout": "level 2: P(score of a training real > of a held-out real), 0..1",
    "train_heldout_z": "level 2: (auc_train_heldout - 0.5) in standard errors of no difference",
    "reach": "level 2: E |grad D| at the fakes x data sd / sd of the scores, >= 0",
    "lipschitz_median": "level 2: median |grad D| between reals and fakes, >= 0",
    "lipschitz_q95": "level 2: 95th percentile of the same",
    "sigma_max": "level 2: largest singular value of the discriminator's layers as applied",
    "dead_units": "level 2: largest share, over ReLU layers, of units that never fire, 0..1",
    "dead_units_g": "level 2: the same in the generator",
    "dead_units_d": "level 2: the same in the discriminator",
    # Level 2, conditional.
    "label_auc": "level 2: P(score of a fake with its label > with another label), 0..1",
    "label_agreement": "level 2: how often fakes are nearest to their class; 0 chance, 1 as reals",
    "class_missing": "level 2: largest over classes of the share of its reals that is neglected",
    "class_spread": "level 2: smallest over classes of the panel's spread over the reals'",
}
