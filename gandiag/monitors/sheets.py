"""What the generator makes of the same latents, as one picture."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

MOST = 64
"""Samples on a sheet of images."""
COLUMNS = 8
LEAST, LARGEST = 32, 128
"""Pixels of a sample's longer side: smaller ones are enlarged by whole pixels."""
GAP = 2
"""White pixels between samples."""
BOX = 256
"""Pixels of a sheet of points."""
REAL, GENERATED = (205, 205, 205), (0, 90, 181)
"""Colours of points, apart for every eye."""


class Sheets:
    """Pictures of samples in the range of the reals; nothing is read from an accelerator.

    Args:
        real: (n, ...) reals as the discriminator sees them. Bytes are shown as they are; the range
            of the first 64 of other reals becomes black to white.
    """

    def __init__(self, real: Tensor):
        self.points = real.detach().float() if real.ndim == 2 and real.shape[1] == 2 else None
        seen = real[:MOST].detach().float() if self.points is None else self.points
        ends = (0.0, 255.0) if real.dtype == torch.uint8 else (float(seen.min()), float(seen.max()))
        self.low, self.high = ends

    def __call__(self, x: Tensor) -> Tensor | None:
        """Samples => a picture (3, height, width) uint8, where they are; None of what is no image.

        Args:
            x: (n, channels, height, width) or (n, height, width): the first 64 in rows of 8, grey,
                or the first three channels. (n, 2): dots, on those of the reals; what lies outside
                is on the edge. What is not finite is black, or in a corner.
        """
        x = x.detach()
        if self.points is not None:
            return self._dots(x.float())
        if x.ndim == 3:
            x = x[:, None]
        return self._tiles(x[:MOST]) if x.ndim == 4 else None

    def _tiles(self, x: Tensor) -> Tensor:
        x = (x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)).float()
        height, width = x.shape[2:]
        longest = max(height, width)
        if longest > LARGEST:
            size = [max(1, side * LARGEST // longest) for side in (height, width)]
            x = interpolate(x, size, mode="bilinear", antialias=True)
        x = ((x - self.low) / ((self.high - self.low) or 1.0)).nan_to_num(0, 1, 0).clamp(0, 1)
        times = max(1, LEAST // longest)
        x = x.repeat_interleave(times, 2).repeat_interleave(times, 3)
        tiles = pad((255 * x).round().to(torch.uint8), (0, GAP, 0, GAP), value=255)
        columns = min(COLUMNS, len(tiles))
        tiles = pad(tiles, (0, 0, 0, 0, 0, 0, 0, -len(tiles) % columns), value=255)
        lines = tiles.reshape(-1, columns, *tiles.shape[1:]).permute(2, 0, 3, 1, 4)
        return lines.flatten(3).flatten(1, 2)

    def _dots(self, x: Tensor) -> Tensor:
        assert self.points is not None
        sheet = torch.full((3, BOX, BOX), 255, dtype=torch.uint8, device=x.device)
        # A quarter of the range more on each side.
        margin = ((self.high - self.low) or 1.0) / 4
        low, high = self.low - margin, self.high + margin
        for points, colour in ((self.points.to(x.device), REAL), (x, GENERATED)):
            places = ((points - low) / (high - low)).nan_to_num(0, 1, 0).clamp(0, 1) * (BOX - 1)
            across, up = places.round().long().unbind(1)
            shade = torch.tensor(colour, dtype=torch.uint8, device=x.device)
            sheet[:, BOX - 1 - up, across] = shade[:, None]
        return sheet
