"""The discriminator of a checkpoint, as a function of samples."""

from pathlib import Path

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from reference_models import build, checkpoints
from reference_models.distributed import open_device
from reference_models.randomness import seeded
from reference_models.tricks.packing import Packing


class Critic(nn.Module):
    """Samples in the units of the data => a logit each, which is no probability."""

    def __init__(self, network: nn.Module, scale: float) -> None:
        super().__init__()
        self.network = network
        self.scale = scale

    def forward(self, samples: Tensor) -> Tensor:
        """(n, *shape), points as they are and images in [-1, 1] => (n,)."""
        labels = torch.zeros(len(samples), dtype=torch.int64, device=samples.device)
        logits: Tensor = self.network(samples / self.scale, labels)
        return logits[:, 0]


def load_critic(folder: str | Path, *, device: str = "cpu") -> Critic:
    """The discriminator of a checkpoint, or of the newest checkpoint of a run.

    What it says of the distance between held-out data and samples:

        critic = load_critic("runs/ring")
        samples = reference_models.generator.load("runs/ring").samples(range(2000)).x
        gandiag.metrics.critic_bound(critic, held_out, samples).bound

    Raises:
        GandiagError: no checkpoint, one of another version or architecture, one that judges packs
            or needs labels, or no such device.
    """
    checkpoint = checkpoints.newest(Path(folder))
    head, recipe = checkpoints.read_head(checkpoint), checkpoints.read_recipe(checkpoint)
    packed = recipe.trick(Packing).pack > 1
    if packed or recipe.networks.condition_d != "none":
        what = "judges packs of samples" if packed else "needs a label for each sample"
        raise GandiagError(
            f"the discriminator of {checkpoint} {what}, and a critic is a function of one sample; "
            "use a checkpoint of a recipe without"
        )
    place = open_device(device)
    with seeded(torch.device("cpu"), "weights that are overwritten"):
        network = build.discriminator(recipe, tuple(head["shape"]), len(head["classes"]))
    checkpoints.load_weights(network, checkpoint / "discriminator.safetensors")
    return Critic(network, recipe.scale).to(place).eval().requires_grad_(False)
