"""Stacks of three digits, counted: a classifier of MNIST that is trained when it is needed."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gandiag.extractors.small_classifiers import SmallNet
from gandiag.metrics import Coverage, class_coverage
from reference_models.data.images import Images
from reference_models.randomness import seeded

BATCH = 128
EPOCHS = 5
HIDDEN = 128
CHUNK = 1000


@dataclass(frozen=True)
class Counter:
    """A classifier of grey images."""

    network: SmallNet
    accuracy: float
    """On images that it was not trained on."""

    @torch.no_grad()
    def count(self, stacks: Tensor) -> Coverage:
        """How stacks (n, 3, side, side) uint8 fall on the modes, all equally likely.

        The mode is the most likely triple: the most likely class of each channel.
        """
        found = []
        for part in torch.split(stacks, CHUNK):
            log_p = self._log_chances(part.flatten(0, 1)[:, None]).reshape(len(part), 3, -1)
            a, b, c = log_p.unbind(dim=1)
            triples = a[:, :, None, None] + b[:, None, :, None] + c[:, None, None, :]
            found.append(triples.flatten(1).cpu())
        return class_coverage(generated=torch.cat(found))

    def _log_chances(self, grey: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        logits: Tensor = self.network(grey.to(device).float() / 127.5 - 1)["logits"]
        return logits.log_softmax(dim=1)


def counter_of(
    grey: Images, device: torch.device, seed: int = 0, *, epochs: int = EPOCHS
) -> Counter:
    """Train one on the split ``train``, and test it on ``reference``.

    Args:
        grey: images (1, side, side) with classes.
        device: where it is trained and used.
        seed: of its first weights and of the order.
        epochs: of Adam at .001.
    """
    with seeded(torch.device("cpu"), "classifier", seed):
        network = SmallNet(grey.shape[1], HIDDEN, len(grey.classes))
    network = network.to(device)
    optimizer = torch.optim.Adam(network.parameters())
    for step in range(epochs * len(grey.pools["train"].rows) // BATCH):
        x, y = grey.batch(step * BATCH, BATCH, seed)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(x.to(device))["logits"], y.to(device))
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        optimizer.step()
    network.eval().requires_grad_(False)
    test = grey.split("reference")
    parts = torch.split(test.x, CHUNK)
    found = torch.cat([network(x.to(device))["logits"].argmax(1).cpu() for x in parts])
    return Counter(network, float((found == test.y).float().mean()))
