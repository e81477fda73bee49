"""Classifiers of digits and of Fashion-MNIST that ship with the package, for counting modes.

`benchmarks/classifiers.py` trained them. Each file says on what and how well it does.
"""

import json
from collections.abc import Collection, Mapping
from importlib.resources import files

import safetensors.torch
import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.extractors.base import Precision
from gandiag.extractors.precision import running
from gandiag.extractors.preprocessing import SCALINGS
from gandiag.extractors.request import Request
from gandiag.extractors.slices import in_slices

SHIPPED = ("digits", "fashion-mnist")
STACKED = "stacked-"
NAMES = (*SHIPPED, *(STACKED + name for name in SHIPPED))


class SmallNet(nn.Module):
    """Two convolutions and two linear layers: (n, 1, side, side) in -1..1 => features, logits."""

    def __init__(self, side: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64 * (side // 4) ** 2, hidden), nn.ReLU()),
        )
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Both layers."""
        features = self.body(x)
        return {"features": features, "logits": self.head(features)}


class SmallClassifier:
    """A classifier of grey images, or of stacks of three of them as the channels of one.

    Of a stack the logits are those of the k^3 triples, in the order a k^2 + b k + c: the sums of
    the three channels' log-probabilities, so that their softmax is the joint distribution. Their
    names are the three classes as digits, ``"007"``, and each triple is as frequent as the next.
    """

    canonical: bool = False
    features: str = "features"
    logits: str | None = "logits"
    input_size: int | None = None
    apart: bool = True

    def __init__(self, spec: str, *, device: torch.device, precision: Precision = "fp32") -> None:
        name = spec.removeprefix(STACKED)
        if name not in SHIPPED:
            raise GandiagError(f"no classifier {spec!r} ships; there are {', '.join(NAMES)}")
        path = files("gandiag.extractors").joinpath(f"classifiers/{name}.safetensors")
        if not path.is_file():
            raise GandiagError(
                f"the weights of {name} are missing from this installation; install gandiag again, "
                f"or in a checkout run python -m benchmarks.classifiers {name}"
            )
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        facts = json.loads(data[8 : 8 + length])["__metadata__"]
        state = {key: each.float() for key, each in safetensors.torch.load(data).items()}
        self.name = spec
        self.channels = 3 if spec != name else 1
        self.grey_classes: tuple[str, ...] = tuple(json.loads(facts["classes"]))
        self.classes: tuple[str, ...] = self.grey_classes
        self.balanced = self.channels > 1
        if self.channels > 1:
            self.classes = tuple(f"{mode:03d}" for mode in range(len(self.grey_classes) ** 3))
        self.side = int(facts["side"])
        self.facts: Mapping[str, str] = facts
        self.device = device
        self.precision: Precision = precision
        hidden = int(facts["hidden"])
        # On "meta" nothing is drawn: initial weights would move the global random state.
        with torch.device("meta"):
            network = SmallNet(self.side, hidden, len(self.grey_classes))
        network.load_state_dict(state, assign=True)
        self.network = network.eval().requires_grad_(False).to(device)
        self.layers: Mapping[str, int] = {
            "features": hidden * self.channels,
            "logits": len(self.classes),
        }

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers, and the share of held-out images that it knows."""
        return {
            "network": f"SmallNet {self.facts['hidden']}",
            "weights": self.facts["digest"],
            "weights_sha256": self.facts["digest"],
            "verified": "yes",
            "resize": "none",
            "normalise": str(SCALINGS["127.5"]),
            "precision": self.precision,
            "accuracy": f"{100 * float(self.facts['accuracy']):.2f} % of {self.facts['tested on']}",
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, side, side) uint8 => (batch, channels, side, side) float32 on `device`.

        Raises:
            GandiagError: points, images of another side, or colour where grey is needed.
        """
        if images.ndim != 4 or images.shape[2:] != (self.side, self.side):
            came = " x ".join(map(str, images.shape[2:])) if images.ndim == 4 else "points"
            raise GandiagError(
                f"{self.name} reads images of {self.side} x {self.side}, and was given {came}; "
                "resizing would change the classes it sees, so give images of that size"
            )
        if self.channels == 1:
            if not (images[:, :1] == images).all():
                raise GandiagError(
                    f"{self.name} reads grey images, and these have colour; "
                    f"for stacks of three grey images choose {STACKED}{self.name}"
                )
            images = images[:, :1]
        return SCALINGS["127.5"](images.to(self.device).float())

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, channels, side, side) => {layer: (batch, width) float32}, on `device`."""
        with running(self.precision, self.device):
            found = in_slices(self._run, prepared.to(self.device))
        return {layer: found[layer].float() for layer in layers}

    def _run(self, prepared: Tensor) -> dict[str, Tensor]:
        n, channels = prepared.shape[:2]
        found: dict[str, Tensor] = self.network(prepared.flatten(0, 1)[:, None])
        if channels == 1:
            return found
        log_p = found["logits"].float().log_softmax(dim=1).reshape(n, channels, -1)
        a, b, c = log_p[:, 0, :, None, None], log_p[:, 1, None, :, None], log_p[:, 2, None, None]
        return {
            "features": found["features"].reshape(n, -1),
            "logits": (a + b + c).flatten(1),
        }


def open_small_classifier(request: Request) -> SmallClassifier:
    """A classifier that ships, by its name.

    Raises:
        GandiagError: its weights are missing from the installation.
    """
    return SmallClassifier(request.name, device=request.device, precision=request.precision)
