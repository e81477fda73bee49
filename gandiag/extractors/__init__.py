"""Images in, features out: frozen networks that own their preprocessing."""

from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.extractors.classifier import save_classifier
from gandiag.extractors.fetching import fetch_weights
from gandiag.extractors.opening import EXTRACTORS, open_extractor
from gandiag.extractors.preprocessing import (
    ADM,
    CLEAN_FID,
    CLEAN_FID_LEGACY_PYTORCH,
    CLEAN_FID_LEGACY_TENSORFLOW,
    DGM_EVAL,
    EDM,
    EDM2,
    EDM2_DINOV2,
    PYTORCH_FID,
    STUDIOGAN,
    STYLEGAN,
    TFGAN,
    TORCH_FIDELITY,
    TORCHMETRICS,
    TORCHMETRICS_NO_ANTIALIAS,
    Preprocessing,
)
from gandiag.extractors.weights import (
    WEIGHTS,
    Weights,
    find_weights,
    identify,
    import_weights,
    on_this_machine,
    weights_folder,
)

__all__ = [
    "ADM",
    "CLEAN_FID",
    "CLEAN_FID_LEGACY_PYTORCH",
    "CLEAN_FID_LEGACY_TENSORFLOW",
    "DGM_EVAL",
    "EDM",
    "EDM2",
    "EDM2_DINOV2",
    "EXTRACTORS",
    "PYTORCH_FID",
    "STUDIOGAN",
    "STYLEGAN",
    "TFGAN",
    "TORCHMETRICS",
    "TORCHMETRICS_NO_ANTIALIAS",
    "TORCH_FIDELITY",
    "WEIGHTS",
    "FeatureExtractor",
    "Precision",
    "Preprocessing",
    "Weights",
    "fetch_weights",
    "find_weights",
    "identify",
    "import_weights",
    "on_this_machine",
    "open_extractor",
    "save_classifier",
    "weights_folder",
]
