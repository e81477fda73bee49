"""A small random network in CLIP's place: of its input and width, and quick."""

import torch
from torch import Tensor, nn

WIDTH = 768


class RandomClip(nn.Module):
    """With the interface of timm's networks: (n, 3, 336, 336) => (n, 768)."""

    num_classes = WIDTH
    num_features = 32 * 12 * 12

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():  # what the layers draw is drawn anew
            self.patches = nn.Conv2d(3, 32, 28, stride=28)
            self.head = nn.Linear(self.num_features, WIDTH)
        generator = torch.Generator().manual_seed(0)
        for parameter in self.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 1
            drawn = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
            parameter.data = drawn
        self.eval().requires_grad_(False)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.patches(x).relu().flatten(1)

    def forward_head(self, maps: Tensor, pre_logits: bool = False) -> Tensor:
        return maps if pre_logits else self.head(maps)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))
