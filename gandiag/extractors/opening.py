"""From what a person writes after ``--features`` to an extractor."""

from pathlib import Path

import torch

from gandiag.errors import GandiagError
from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.extractors.classifier import open_classifier
from gandiag.extractors.dinov2 import open_dinov2
from gandiag.extractors.identity import Identity
from gandiag.extractors.inception import Inception
from gandiag.extractors.inception_weights import load_state
from gandiag.extractors.lite0 import open_lite0
from gandiag.extractors.pixels import Pixels
from gandiag.extractors.preprocessing import CLEAN_FID, Preprocessing
from gandiag.extractors.small_classifiers import NAMES, SmallClassifier
from gandiag.extractors.timm_models import PREFIX, open_timm
from gandiag.extractors.vgg16 import open_vgg16
from gandiag.extractors.weights import find_weights

SPECS = (
    "inception, lite0, dinov2, vgg16, pixels, pixels:SIZE, timm:NAME, digits, fashion-mnist, "
    "stacked-digits, stacked-fashion-mnist, a classifier's file, or for points identity"
)


def open_extractor(
    spec: str | FeatureExtractor,
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
            ``lite0`` (embedded), ``dinov2`` (ViT-L/14 as dgm-eval), ``vgg16`` (as torch-fidelity
            takes precision and recall from), ``timm:NAME``, ``pixels`` or ``pixels:SIZE``,
            ``digits``, ``fashion-mnist``, ``stacked-digits`` or ``stacked-fashion-mnist``
            (classifiers that ship), ``identity:WIDTH`` (points of so many coordinates), the path of
            a saved classifier, or an extractor, which comes back as it is.
        device: where it runs.
        precision: ``fp32`` (true float32), ``tf32`` or ``bf16``; features are float32 in any case.
        preprocessing: resize and normalisation of a published protocol. None is the extractor's
            own: for ``inception``, antialiased bicubic in float as clean-fid. Networks other than
            Inception take the resize alone and keep their own mean and deviation.
        weights: a file to take the weights from, for ``inception``, ``vgg16`` and ``lite0``.
        allow_unverified: accept a file with an unknown digest; then the extractor is not canonical
            and its provenance says so.

    Raises:
        GandiagError: nothing is called `spec`, or its weights are missing or not those published.
    """
    if not isinstance(spec, str):
        return spec
    if weights is not None and spec not in ("inception", "vgg16", "lite0"):
        raise GandiagError(
            f"weights {weights} are for inception, vgg16 or lite0, not for {spec}; leave them out"
        )
    resize = preprocessing.resize if preprocessing is not None else None
    if spec == "inception":
        found = find_weights("inception", file=weights, allow_unverified=allow_unverified)
        return Inception(
            load_state(found.path),
            digest=found.sha256,
            verified=found.verified,
            device=device,
            precision=precision,
            preprocessing=preprocessing or CLEAN_FID,
        )
    if spec == "lite0":
        found = find_weights("lite0", file=weights, allow_unverified=allow_unverified)
        return open_lite0(found, device=device, precision=precision, resize=resize or "pil-bicubic")
    if spec == "vgg16":
        found = find_weights("vgg16", file=weights, allow_unverified=allow_unverified)
        return open_vgg16(found, device=device, precision=precision, resize=resize or "tf1")
    if spec == "dinov2":
        return open_dinov2(device=device, precision=precision, resize=resize or "pil-bicubic-8bit")
    if spec.startswith(PREFIX):
        return open_timm(
            spec.removeprefix(PREFIX),
            device=device,
            precision=precision,
            resize=resize or "pil-bicubic",
        )
    if spec == "pixels" or spec.startswith("pixels:"):
        size = spec.removeprefix("pixels").removeprefix(":") or "32"
        if not size.isdecimal():
            raise GandiagError(f"{spec!r} does not name a size; write it as pixels:32")
        return Pixels(
            int(size), device=device, precision=precision, resize=resize or "torch-antialias"
        )
    if spec in NAMES:
        return SmallClassifier(spec, device=device, precision=precision)
    if spec == "identity" or spec.startswith("identity:"):
        width = spec.removeprefix("identity").removeprefix(":")
        if not width.isdecimal():
            raise GandiagError(
                f"{spec!r} is for points and does not say how many coordinates they have; "
                "write it as identity:2, or choose features of images"
            )
        return Identity(int(width), device=device)
    if spec.endswith(".safetensors") or Path(spec).is_file():
        return open_classifier(
            Path(spec), device=device, precision=precision, resize=resize or "pil-bicubic"
        )
    raise GandiagError(f"there are no features called {spec!r}; choose {SPECS}")
