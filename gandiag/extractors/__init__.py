"""Images in, features out: frozen networks that own their preprocessing."""

from gandiag.extractors.base import FeatureExtractor, Precision
from gandiag.extractors.classifier import save_classifier
from gandiag.extractors.fetching import fetch_weights
from gandiag.extractors.opening import open_extractor
from gandiag.extractors.preprocessing import (
    CLEAN_FID,
    CLEAN_FID_LEGACY_PYTORCH,
    CLEAN_FID_LEGACY_TENSORFLOW,
    DGM_EVAL,
    PYTORCH_FID,
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
    "CLEAN_FID",
    "CLEAN_FID_LEGACY_PYTORCH",
    "CLEAN_FID_LEGACY_TENSORFLOW",
    "DGM_EVAL",
    "PYTORCH_FID",
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
