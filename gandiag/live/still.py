"""The page of `gandiag.live.web` as a file: runs as they are, and what their checkpoints make."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor

from gandiag.live.follow import Run
from gandiag.live.snapshot import meanings, snapshot
from gandiag.reporting.plots import data_url

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""The file may draw with its own script, and load nothing."""


@dataclass(frozen=True)
class Points:
    """Samples in the plane at a checkpoint.

    Attributes:
        step: of the generator.
        samples: (n, 2).
        surface: (height, width) the discriminator's scores, from the top left; None if unknown.
    """

    step: int
    samples: Tensor
    surface: Tensor | None = None


@dataclass(frozen=True)
class Plane:
    """Points over time.

    Attributes:
        real: (n, 2), real ones.
        corner: the least x and y that are shown.
        side: of the square that is shown, in units of the data.
        frames: in order.
    """

    real: Tensor
    corner: tuple[float, float]
    side: float
    frames: tuple[Points, ...]

    def to_json(self) -> dict[str, Any]:
        """Places in thousandths of the side, from the top left."""
        return {
            "kind": "points",
            "corner": self.corner,
            "side": self.side,
            "real": self._places(self.real),
            "frames": [
                {
                    "step": each.step,
                    "points": self._places(each.samples),
                    "surface": None if each.surface is None else data_url(shades(each.surface)),
                }
                for each in self.frames
            ],
        }

    def _places(self, points: Tensor) -> list[list[int]]:
        x = (points[:, 0] - self.corner[0]) / self.side
        y = 1 - (points[:, 1] - self.corner[1]) / self.side
        inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
        places = torch.stack([x, y], dim=1)[inside]
        found: list[list[int]] = (1000 * places).round().int().tolist()
        return found


@dataclass(frozen=True)
class Sheets:
    """The same latents as images, over time.

    Attributes:
        frames: (step, (3, height, width) uint8), in order.
    """

    frames: tuple[tuple[int, Tensor], ...]

    def to_json(self) -> dict[str, Any]:
        """PNG files as addresses."""
        return {
            "kind": "images",
            "frames": [{"step": step, "picture": data_url(sheet)} for step, sheet in self.frames],
        }


def shades(surface: Tensor) -> Tensor:
    """(h, w) scores => (3, h, w) uint8: from orange, taken for generated, to blue, for real.

    The scale is by rank, as scores have no unit: half of the square is bluer than its middle.
    """
    order = surface.flatten().argsort().argsort().double().view_as(surface)
    place = (order / max(1, surface.numel() - 1))[None]
    ends = [Tensor(colour).double()[:, None, None] for colour in ((213, 94, 0), (0, 114, 178))]
    white = 255.0
    low = ends[0] + (white - ends[0]) * (2 * place).clamp(max=1)
    high = ends[1] + (white - ends[1]) * (2 - 2 * place).clamp(max=1)
    return (low.where(place < 0.5, high)).round().byte()


def page(runs: Sequence[Run], names: Sequence[str], made: Mapping[str, Plane | Sheets]) -> str:
    """Runs => HTML that needs nothing from elsewhere.

    Args:
        runs: looked at.
        names: of the signals to show.
        made: name of a run -> what its checkpoints make.
    """
    given = {
        "meanings": meanings(names),
        "runs": [snapshot(run, names) for run in runs],
        "made": {name: each.to_json() for name, each in made.items()},
    }
    # In a script element nothing is escaped but its end.
    data = json.dumps(given, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    style, script, frames = map(_part, ("page.css", "page.js", "page.frames.js"))
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    text = _part("page.html")
    text = text.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{head}')
    text = text.replace('<link rel="stylesheet" href="page.css">', f"<style>\n{style}</style>")
    text = text.replace('<script src="page.js" defer></script>\n', "")
    scripts = (
        f'<script type="application/json" id="given">{data}</script>\n'
        f"<script>\n{frames}</script>\n<script>\n{script}</script>\n"
    )
    return text.replace("</body>", f"{scripts}</body>")


def _part(name: str) -> str:
    return files("gandiag.live").joinpath("page", name).read_text(encoding="utf-8")
