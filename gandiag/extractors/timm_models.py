"""Any network of timm as an extractor: ``timm:NAME``, with weights from timm's hub."""

import contextlib
import difflib
import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.extractors.base import Precision
from gandiag.extractors.precision import fast_format, in_slices, running
from gandiag.extractors.preprocessing import Scaling, prepare
from gandiag.extractors.resizing import ResizeName
from gandiag.state_dicts import first_line

PREFIX = "timm:"


class TimmModel:
    """A frozen timm network: pooled features, and class logits where it has a classifier.

    The whole image is resized to the network's size, without the crop that timm's own evaluation
    makes: what a generator does at the border counts.
    """

    canonical: bool = False
    features: str = "features"

    def __init__(
        self,
        model: Any,
        *,
        name: str,
        network: str,
        digest: str,
        verified: str,
        size: int,
        scaling: Scaling,
        resize: ResizeName,
        device: torch.device,
        precision: Precision,
    ) -> None:
        self.name = name
        self.device = device
        self.logits: str | None = "logits" if model.num_classes > 0 else None
        self.layers: Mapping[str, int] = {
            "features": getattr(model, "head_hidden_size", model.num_features),
            **({"logits": model.num_classes} if model.num_classes > 0 else {}),
        }
        self.size = size
        self.scaling = scaling
        self.resize: ResizeName = resize
        self.precision: Precision = precision
        self._network = network
        self._digest = digest
        self._verified = verified
        self._format = fast_format(device)
        self._model = model.eval().requires_grad_(False).to(device, memory_format=self._format)

    def provenance(self) -> Mapping[str, str]:
        """What pins the numbers."""
        return {
            "network": self._network,
            "weights": self._digest[:16],
            "weights_sha256": self._digest,
            "verified": self._verified,
            "input": f"{self.size} x {self.size}",
            "resize": self.resize,
            "normalise": str(self.scaling),
            "precision": self.precision,
        }

    def prepare(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) uint8 => (batch, 3, size, size) float32 on `device`."""
        return prepare(images, self.size, self.resize, self.scaling, self.device)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, size, size) => {layer: (batch, width) float32}, on `device`."""

        def network(x: Tensor) -> dict[str, Tensor]:
            found = {}
            maps = self._model.forward_features(x)
            if "features" in layers:
                found["features"] = self._model.forward_head(maps, pre_logits=True).float()
            if "logits" in layers:
                found["logits"] = self._model.forward_head(maps).float()
            return found

        with running(self.precision, self.device):
            x = prepared.to(self.device).contiguous(memory_format=self._format)
            return in_slices(network, x)


def open_timm(
    name: str,
    *,
    device: torch.device,
    precision: Precision = "fp32",
    resize: ResizeName = "pil-bicubic",
) -> TimmModel:
    """A network by timm's name, with the weights that timm's hub has for it.

    Raises:
        GandiagError: timm has no such network, or the weights can be had neither from timm's cache
            nor from the network.
    """
    model = hub_model(name)
    return TimmModel(
        model,
        name=PREFIX + name,
        network=PREFIX + name,
        digest=tensors_digest(model.state_dict()),
        verified="not pinned: as the hub gave them",
        size=input_size(model),
        scaling=scaling_of(model),
        resize=resize,
        device=device,
        precision=precision,
    )


def hub_model(name: str) -> Any:
    """Build timm's network `name` with its published weights, without a request if they are cached.

    Raises:
        GandiagError: timm has no such network or no weights for it, or the hub cannot be reached.
    """
    import timm

    require_known(name)
    try:
        published: Any = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # how timm says that a network has no weights of that tag
        raise GandiagError(f"{first_line(error)}; timm.list_pretrained() has them all") from error
    if not published.has_weights:
        # timm itself would only warn, and go on with random weights.
        raise GandiagError(f"timm has no weights for {name}; timm.list_pretrained() has them all")
    try:
        if (file := _in_hub_cache(published)) is not None:
            overlay = {"file": file}
        else:
            overlay = {}
            reach_hub(published)
        return undrawn(
            lambda: timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
        )
    # timm, its hub client and the network below them raise of every kind.
    except Exception as error:
        raise GandiagError(
            f"timm could not get the weights of {name} ({first_line(error)}): run it once where "
            f"there is a network and copy the hub's cache folder here, or use --features lite0"
        ) from error


def _in_hub_cache(published: Any) -> str | None:
    """The file of the weights if the hub's client has it: no request is made then."""
    import huggingface_hub

    if not published.hf_hub_id:
        return None
    name = published.hf_hub_filename or "model.safetensors"
    found = huggingface_hub.try_to_load_from_cache(published.hf_hub_id, name)
    return found if isinstance(found, str) else None


def reach_hub(published: Any) -> None:
    """Fail at once where the hub cannot be reached: its client would try for 46 seconds."""
    import huggingface_hub

    if published.hf_hub_id:
        endpoint = huggingface_hub.constants.ENDPOINT
        request = urllib.request.Request(endpoint, method="HEAD")
        with contextlib.suppress(urllib.error.HTTPError):  # an answer of any kind will do
            urllib.request.urlopen(request, timeout=10).close()


def require_known(name: str) -> None:
    """Refuse, in one sentence, a name that is not one of timm's own networks."""
    import timm

    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "timm.list_models() has them all"
        raise GandiagError(f"timm has no network called {name!r}; {hint}")


def undrawn(build: Callable[[], Any]) -> Any:
    """Build a network without moving the global random state: its first weights are thrown away."""
    with torch.random.fork_rng(devices=[]):
        return build()


def input_size(model: nn.Module) -> int:
    """The side of the square that the network was evaluated at."""
    _, height, width = _evaluation(model)["input_size"]
    return int(max(height, width))


def scaling_of(model: nn.Module) -> Scaling:
    """The network's own mean and standard deviation."""
    config = _evaluation(model)
    return Scaling.of_unit_range(tuple(config["mean"]), tuple(config["std"]))


def _evaluation(model: nn.Module) -> Mapping[str, Any]:
    import timm.data

    data: Any = timm.data
    config: Mapping[str, Any] = data.resolve_model_data_config(model)
    return config


def tensors_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of the tensors, in order."""
    digest = hashlib.sha256()
    for name, tensor in state.items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().cpu().contiguous().flatten()
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
