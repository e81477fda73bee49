"""What tutorials train, at 8x8 pixels."""

import torch
from torch import nn


def networks():
    """As tutorials have them, for 8x8 images."""
    generator = nn.Sequential(
        nn.Linear(8, 32),
        nn.LeakyReLU(0.2),
        nn.Linear(32, 64),
        nn.Tanh(),
        nn.Unflatten(1, (1, 8, 8)),
    )
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)
    )
    return generator, discriminator


def images(n=64):
    """Squares somewhere in the picture, in [-1, 1]."""
    rng = torch.Generator().manual_seed(0)
    x = -torch.ones(n, 1, 8, 8)
    for image, (top, left) in zip(x, torch.randint(0, 5, (n, 2), generator=rng), strict=True):
        image[:, top : top + 4, left : left + 4] = 1
    return x


def break_down(network):
    """A NaN, as an overflow leaves it."""
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)


def scalars(folder):
    """What TensorBoard reads of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return events
