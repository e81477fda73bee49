"""What the field does to make training work, a file each with its place in the loop."""

from collections.abc import Mapping

from reference_models.tricks.augmentation import Augmentation
from reference_models.tricks.base import Trick
from reference_models.tricks.feature_matching import FeatureMatching
from reference_models.tricks.historical import Historical
from reference_models.tricks.instance_noise import InstanceNoise
from reference_models.tricks.labels import Labels
from reference_models.tricks.latent_steps import LatentSteps
from reference_models.tricks.layer_noise import LayerNoise
from reference_models.tricks.lecam import LeCam
from reference_models.tricks.minibatch_spread import MinibatchSpread
from reference_models.tricks.mirror import Mirror
from reference_models.tricks.orthogonal import Orthogonal
from reference_models.tricks.packing import Packing
from reference_models.tricks.patches import Patches
from reference_models.tricks.replay import Replay
from reference_models.tricks.scales import Scales
from reference_models.tricks.unrolling import Unrolling
from reference_models.tricks.weight_clipping import WeightClipping

TRICKS: tuple[type[Trick], ...] = (
    Mirror,
    Replay,
    Augmentation,
    InstanceNoise,
    Labels,
    Orthogonal,
    Historical,
    LeCam,
    FeatureMatching,
    LayerNoise,
    MinibatchSpread,
    Patches,
    Scales,
    Packing,
    LatentSteps,
    Unrolling,
    WeightClipping,
)
"""All there are; where several act at one place, they do so in this order."""

BY_NAME: Mapping[str, type[Trick]] = {kind().name: kind for kind in TRICKS}
