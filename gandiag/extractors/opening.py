"""From what a person writes after ``--features`` to an extractor."""

import os
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, get_args

import torch

from gandiag.errors import GandiagError, closest
from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.extractors.classifier import open_classifier
from gandiag.extractors.clip import open_clip
from gandiag.extractors.dinov2 import open_dinov2
from gandiag.extractors.identity import open_identity
from gandiag.extractors.inception_weights import open_inception
from gandiag.extractors.laplacian import open_laplacian
from gandiag.extractors.lite0 import open_lite0
from gandiag.extractors.pixels import open_pixels
from gandiag.extractors.precision import usable
from gandiag.extractors.preprocessing import Preprocessing
from gandiag.extractors.request import Opener, Request
from gandiag.extractors.small_classifiers import open_small_classifier
from gandiag.extractors.spectrum import open_spectrum
from gandiag.extractors.timm_models import open_timm
from gandiag.extractors.vgg16 import open_vgg16, open_vgg16_nvidia
from gandiag.state_dicts import first_line

GROUP = "gandiag.extractors"
"""The entry points by which an installed package adds extractors.

Each is a function ``open(argument: str, *, device, precision) -> FeatureExtractor``; the
specification is ``NAME`` or ``NAME:ARGUMENT``, and `argument` is empty for the first.
"""


@dataclass(frozen=True)
class Extractor:
    """A row of `EXTRACTORS`."""

    open: Opener
    argument: str = ""
    """What may follow the name, as help writes it: ``:NAME``, or ``[:SIZE]`` where it may stay
    away."""
    weights: bool = False
    """Whether it can be given a file of weights."""


EXTRACTORS: dict[str, Extractor] = {
    "inception": Extractor(open_inception, weights=True),
    "lite0": Extractor(open_lite0, weights=True),
    "dinov2": Extractor(open_dinov2),
    "clip": Extractor(open_clip),
    "vgg16": Extractor(open_vgg16, weights=True),
    "vgg16-nvidia": Extractor(open_vgg16_nvidia, weights=True),
    "pixels": Extractor(open_pixels, "[:SIZE]"),
    "spectrum": Extractor(open_spectrum, "[:SIZE]"),
    "laplacian": Extractor(open_laplacian, "[:SIDE]"),
    "timm": Extractor(open_timm, ":NAME"),
    "digits": Extractor(open_small_classifier),
    "fashion-mnist": Extractor(open_small_classifier),
    "stacked-digits": Extractor(open_small_classifier),
    "stacked-fashion-mnist": Extractor(open_small_classifier),
    "identity": Extractor(open_identity, ":WIDTH"),
    "features": Extractor(open_identity, ":WIDTH"),
}
"""Every extractor that has a name. A saved classifier goes by its file's path."""


def open_extractor(
    spec: str | os.PathLike[str] | FeatureExtractor,
    *,
    device: torch.device,
    precision: Precision = "fp32",
    preprocessing: Preprocessing | None = None,
    weights: Path | None = None,
    allow_unverified: bool = False,
) -> FeatureExtractor:
    """Open an extractor by name.

    Args:
        spec: ``inception`` (2015 TensorFlow network, the only one whose numbers are called FID),
            ``lite0`` (embedded), ``dinov2`` (ViT-L/14 as dgm-eval), ``clip`` (ViT-L/14 at 336 as
            CMMD), ``vgg16`` (as torch-fidelity takes precision and recall from), ``vgg16-nvidia``
            (as StyleGAN does), ``timm:NAME``,
            ``pixels`` or ``pixels:SIZE``, ``spectrum`` or ``spectrum:SIZE`` (log power by spatial
            frequency), ``laplacian`` or ``laplacian:SIDE`` (patches of its pyramid), ``digits``,
            ``fashion-mnist``, ``stacked-digits`` or ``stacked-fashion-mnist`` (classifiers that
            ship), ``identity:WIDTH`` (points of so many
            coordinates), ``features:WIDTH`` (features that are already extracted), the name that an
            installed package registers in the group `GROUP`, the path of a saved classifier, or an
            extractor, which comes back as it is.
        device: where it runs.
        precision: ``fp32`` (true float32), ``tf32`` or ``bf16``; features are float32 in any case.
            ``bf16`` is ``fp32`` on a processor that has no instructions for it, see `usable`.
        preprocessing: resize and normalisation of a published protocol. None is the extractor's
            own: for ``inception``, antialiased bicubic in float as clean-fid. Networks other than
            Inception take the resize alone and keep their own mean and deviation; those that take
            images as they are have no use for it.
        weights: a file to take the weights from, for those whose row says so.
        allow_unverified: accept a file with an unknown digest; then the extractor is not canonical
            and its provenance says so.

    Raises:
        GandiagError: nothing is called `spec`, it is no extractor, or its weights are missing or
            not those published.
    """
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise GandiagError(f"precision={precision!r} is none of {known}; choose one of them")
    if isinstance(spec, os.PathLike):
        spec = os.fspath(spec)
    if not isinstance(spec, str):
        return _own(spec)
    name, _, argument = spec.partition(":")
    request = Request(
        name,
        argument,
        device,
        usable(precision, device),
        preprocessing,
        weights,
        allow_unverified,
    )
    row = EXTRACTORS.get(name)
    if weights is not None and not (row is not None and row.weights):
        takers = ", ".join(name for name, row in EXTRACTORS.items() if row.weights)
        raise GandiagError(f"weights {weights} are for {takers}, not for {spec}; leave them out")
    if row is not None:
        if argument and not row.argument:
            raise GandiagError(f"{name} takes nothing after a colon; write {name}, not {spec}")
        return row.open(request)
    if spec.endswith(".safetensors") or Path(spec).is_file():
        return open_classifier(replace(request, name=spec, argument=""))
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name in installed:
        return _open_installed(installed[name], request)
    near = closest(name, [*EXTRACTORS, *installed])
    hint = f", did you mean {near}" if near else ""
    named = ", ".join(name + row.argument for name, row in EXTRACTORS.items())
    others = "".join(f", {name}" for name in installed)
    raise GandiagError(
        f"there are no features called {spec!r}{hint}; choose {named}{others} or a classifier's "
        "file"
    )


def _open_installed(point: EntryPoint, request: Request) -> FeatureExtractor:
    if request.preprocessing is not None:
        raise GandiagError(
            f"{request.name} is another package's and takes no resize of a protocol; "
            "leave the protocol out"
        )
    try:
        opener = point.load()
        found = opener(request.argument, device=request.device, precision=request.precision)
    except GandiagError:
        raise
    except Exception as error:  # somebody else's code raises what it likes
        raise GandiagError(
            f"{request.name}, which {point.value} registers, could not be opened "
            f"({type(error).__name__}: {first_line(error)}); mend or remove that package"
        ) from error
    if not isinstance(found, FeatureExtractor):
        raise GandiagError(
            f"{point.value} opened a {type(found).__name__} as {request.name}, "
            f"{_lacks(found)}; mend or remove that package"
        )
    return found


def _own(given: Any) -> FeatureExtractor:
    """An extractor of the user's, as it is.

    Raises:
        GandiagError: it is none.
    """
    if isinstance(given, FeatureExtractor):
        return given
    kind = type(given).__name__
    if isinstance(given, torch.nn.Module):
        raise GandiagError(
            f"features= was given the network {kind} alone; wrap it in a class that also says how "
            "images are prepared, as gandiag.extractors.FeatureExtractor describes, or, for a "
            "network of timm's, write it with gandiag.extractors.save_classifier and name the file"
        )
    if isinstance(given, (list, tuple, int, float, dict, set)) or given is None:
        raise GandiagError(
            f"features={given!r} is neither a name nor an extractor; "
            "choose one name, as in features='inception'"
        )
    raise GandiagError(
        f"features= was given a {kind}, {_lacks(given)}; add that, or choose a name, "
        "as in features='inception'"
    )


def _lacks(given: object) -> str:
    members = {name for name in _MEMBERS if not hasattr(given, name)}
    return f"which lacks {', '.join(sorted(members))} of gandiag.extractors.FeatureExtractor"


_MEMBERS = (*FeatureExtractor.__annotations__, "provenance", "prepare", "__call__")
