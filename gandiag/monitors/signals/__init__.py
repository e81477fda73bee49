"""What a monitor measures: small families of pure functions, and the table of their names.

A row of signals is taken at each check: (step, {name: float}), where step counts the generator's
optimizer steps. A signal that cannot be computed is absent from the row; it is never NaN.

Scores are oriented so that larger is more real, and are logits (see `gandiag.monitors.scores`).
"Window" is what happened since the check before. "Panel" is what the sampler gives for the same
latents at every check, so that any change of it is motion of the generator.
"""

from gandiag.monitors.signals.table import SIGNALS, Signal

__all__ = ["SIGNALS", "Signal"]
