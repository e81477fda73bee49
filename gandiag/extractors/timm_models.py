"""Any network of timm as an extractor: ``timm:NAME``, with the weights that timm publishes."""

import difflib
import hashlib
import urllib.parse
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gandiag.errors import GandiagError
from gandiag.extractors.base import Precision
from gandiag.extractors.precision import fast_format, running
from gandiag.extractors.preprocessing import Scaling, prepare
from gandiag.extractors.request import Request
from gandiag.extractors.slices import in_slices
from gandiag.state_dicts import first_line, read_state

PREFIX = "timm:"


class TimmModel:
    """A frozen timm network: pooled features, class logits where it has a classifier, its stages.

    A stage bears the name of the module that ends it, such as ``blocks.4`` or ``layer2``; it is the
    mean over positions of what that gives, class tokens left out, and no norm after it.

    The whole image is resized to the network's size, without the crop that timm's own evaluation
    makes: what a generator does at the border counts.
    """

    canonical: bool = False
    domain: str = "photographs"
    features: str = "features"
    balanced: bool = False
    apart: bool = True

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
        resize: str,
        device: torch.device,
        precision: Precision,
        classes: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.classes = classes
        self.device = device
        self.logits: str | None = "logits" if model.num_classes > 0 else None
        self.layers: Mapping[str, int] = {
            "features": getattr(model, "head_hidden_size", model.num_features),
            **({"logits": model.num_classes} if model.num_classes > 0 else {}),
            **stages_of(model),
        }
        self._stages = [*stages_of(model)]
        self.input_size: int | None = size
        self.size = size
        self.scaling = scaling
        self.resize = resize
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
        return prepare(images, self.size, self.resize, self.scaling, self.device, self._format)

    def __call__(self, prepared: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """(batch, 3, size, size) => {layer: (batch, width) float32}, on `device`."""

        def network(x: Tensor) -> dict[str, Tensor]:
            found = {}
            stages = [place for place, name in enumerate(self._stages) if name in layers]
            if stages:
                maps, inner = self._model.forward_intermediates(x, indices=stages)
                for place, each in zip(stages, inner, strict=True):
                    found[self._stages[place]] = each.float().mean(dim=(2, 3))
            else:
                maps = self._model.forward_features(x)
            if "features" in layers:
                found["features"] = self._model.forward_head(maps, pre_logits=True).float()
            if "logits" in layers:
                found["logits"] = self._model.forward_head(maps).float()
            return found

        with running(self.precision, self.device):
            x = prepared.to(self.device).contiguous(memory_format=self._format)
            return in_slices(network, x)


def stages_of(model: Any) -> dict[str, int]:
    """The module that ends each stage of a timm network => its width; none if timm names none."""
    if not hasattr(model, "forward_intermediates"):
        return {}
    info = getattr(model, "feature_info", [])
    stages = info.get_dicts() if hasattr(info, "get_dicts") else info
    return {each["module"]: each["num_chs"] for each in stages}


def open_timm(request: Request) -> TimmModel:
    """A network by timm's name, with the weights that timm's hub has for it.

    Raises:
        GandiagError: timm has no such network, or its weights are not on this machine.
    """
    name = request.argument
    model = hub_model(name)
    return TimmModel(
        model,
        name=PREFIX + name,
        network=PREFIX + name,
        digest=tensors_digest(model.state_dict()),
        verified="not pinned: as the hub gave them",
        size=input_size(model),
        scaling=scaling_of(model),
        resize=request.resize("pil-bicubic"),
        device=request.device,
        precision=request.precision,
    )


def hub_model(name: str) -> Any:
    """Build timm's network `name` with its published weights as they lie on this machine.

    Nothing is fetched: `fetch_weights` does that when asked to.

    Raises:
        GandiagError: timm has no such network or no weights for it, or they are not here.
    """
    import timm

    config = published(name)
    path = on_disk(config)
    if path is None:
        raise GandiagError(
            f"the weights of {name} are not on this machine: run `gandiag weights fetch "
            f"{PREFIX}{name}` where there is a network, or copy the hub's cache folder here, or "
            f"score with --features lite0, which needs none"
        )
    if path.suffix not in (".safetensors", ".npz"):
        read_state(path, f"the weights of {name}")  # older timm would run what a pickle says
    try:
        return undrawn(
            lambda: timm.create_model(
                name, pretrained=True, pretrained_cfg_overlay={"file": str(path)}
            )
        )
    # A damaged file fails in as many ways as there are bytes to damage.
    except Exception as error:
        raise GandiagError(
            f"{path} does not hold the weights of {name}: {first_line(error)}; remove it and run "
            f"`gandiag weights fetch {PREFIX}{name}`"
        ) from error


def published(name: str) -> Any:
    """timm's own description of the weights of its network `name`.

    Raises:
        GandiagError: timm has no such network or no weights for it.
    """
    import timm

    require_known(name)
    try:
        config: Any = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # how timm says that a network has no weights of that tag
        raise GandiagError(f"{first_line(error)}; timm.list_pretrained() has them all") from error
    if not config.has_weights:
        # timm itself would only warn, and go on with random weights.
        raise GandiagError(f"timm has no weights for {name}; timm.list_pretrained() has them all")
    return config


def on_disk(config: Any) -> Path | None:
    """The file of the weights, if the hub's client or torch has it; no request is made."""
    import huggingface_hub

    if not config.hf_hub_id:
        path = in_torch_hub(config)
        return path if path.is_file() else None
    for name in hub_names(config):
        found = huggingface_hub.try_to_load_from_cache(config.hf_hub_id, name)
        if isinstance(found, str):
            return Path(found)
    return None


def hub_names(config: Any) -> tuple[str, ...]:
    """The names that the file may have on the hub, the likeliest first."""
    named = config.hf_hub_filename
    return (named,) if named else ("model.safetensors", "pytorch_model.bin")


def in_torch_hub(config: Any) -> Path:
    """Where torch keeps the file of an address."""
    name = Path(urllib.parse.urlparse(config.url).path).name
    return Path(torch.hub.get_dir()).expanduser() / "checkpoints" / name


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
