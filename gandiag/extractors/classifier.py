"""A saved classifier as an extractor: features and logits of a network that knows your classes."""

import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import nn

from gandiag.errors import GandiagError
from gandiag.extractors.preprocessing import Scaling
from gandiag.extractors.request import Request
from gandiag.extractors.timm_models import PREFIX, TimmModel, require_known, undrawn
from gandiag.files import atomic_write, sha256

FORMAT = "gandiag-classifier-1"


def save_classifier(
    path: Path,
    model: nn.Module,
    *,
    architecture: str,
    num_classes: int,
    input_size: int,
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
    std: tuple[float, float, float] = (0.5, 0.5, 0.5),
) -> None:
    """Write a trained timm network so that ``--features FILE`` can use it.

    Args:
        path: a ``.safetensors`` file, replaced whole.
        model: the network, as ``timm.create_model(NAME, num_classes=num_classes)`` built it.
        architecture: ``timm:NAME``.
        num_classes: how many logits it has.
        input_size: the side of the square that images are resized to.
        mean: of the scaling it was trained with, for images in 0..1.
        std: its deviation.

    Raises:
        GandiagError: there are no classes, the square has no side, or the file cannot be written.
    """
    for fact, number in {"num_classes": num_classes, "input_size": input_size}.items():
        if number < 1:
            raise GandiagError(f"{fact}={number} describes no classifier; give at least 1")
    metadata = {
        "format": FORMAT,
        "architecture": architecture,
        "num_classes": str(num_classes),
        "input_size": str(input_size),
        "mean": json.dumps(mean),
        "std": json.dumps(std),
    }
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    with atomic_write(path) as file:
        file.write(safetensors.torch.save(state, metadata))


def open_classifier(request: Request) -> TimmModel:
    """A classifier that `save_classifier` wrote: `features` (pooled) and `logits` (its classes).

    Raises:
        GandiagError: the file is not one, or its network is not one of timm's.
    """
    import timm

    path = Path(request.name)
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise _unfit(path, "it is no regular file")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        state = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise _unfit(path, "it is no readable safetensors file") from error
    try:
        architecture = metadata["architecture"]
        classes, size = int(metadata["num_classes"]), int(metadata["input_size"])
        mean, std = (_three(metadata[key]) for key in ("mean", "std"))
    except (KeyError, ValueError, TypeError) as error:
        raise _unfit(path, f"its metadata lack or garble {error}") from error
    for fact, number in {"num_classes": classes, "input_size": size}.items():
        if number < 1:
            raise _unfit(path, f"its {fact} is {number}")
    if not architecture.startswith(PREFIX):
        raise _unfit(path, f"its architecture {architecture!r} is not {PREFIX}NAME")
    # Checked first: timm takes some names as addresses to fetch from.
    require_known(architecture.removeprefix(PREFIX))
    name = architecture.removeprefix(PREFIX)
    try:
        model = undrawn(lambda: timm.create_model(name, num_classes=classes))
        model.load_state_dict(state)
    except RuntimeError as error:  # how torch says that names or shapes differ
        raise _unfit(path, f"its tensors are not those of {name}") from error
    return TimmModel(
        model,
        name=f"classifier:{path.stem}",
        network=architecture,
        digest=sha256(path),
        verified="your own",
        size=size,
        scaling=Scaling.of_unit_range(mean, std),
        resize=request.resize("pil-bicubic"),
        device=request.device,
        precision=request.precision,
    )


def _three(text: str) -> tuple[float, float, float]:
    first, second, third = json.loads(text)
    return float(first), float(second), float(third)


def _unfit(path: Path, why: str) -> GandiagError:
    return GandiagError(
        f"{path} is not a saved classifier: {why}; gandiag.extractors.save_classifier writes one"
    )
