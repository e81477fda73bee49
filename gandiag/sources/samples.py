"""What Datasets and loaders give for one sample or one batch: which part is the image."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.sources.arrays import as_images, decoded
from gandiag.sources.decode import Decoded, UnreadableError, to_rgb, to_tensor
from gandiag.sources.notes import ValueRange

IMAGE_KEYS = ("image", "images", "img", "pixel_values")
LABEL_KEYS = ("label", "labels")
WAYS = (
    f"give it under one of {', '.join(IMAGE_KEYS)}, and its label under {' or '.join(LABEL_KEYS)}"
)


def split_sample(sample: object, shown: str) -> tuple[object, object]:
    """A sample or a batch => its image or images, and its label or labels or None.

    It is the image alone; a list or tuple of the image, the label and one thing more, the last
    two of which may be missing; or a dict.

    Raises:
        GandiagError: it is a dict without a usual key.
    """
    if isinstance(sample, Mapping):
        key = key_among(sample, IMAGE_KEYS)
        if key is None:
            keys = ", ".join(str(key) for key in sample) or "nothing"
            raise GandiagError(f"{shown} is a dict of {keys}, in which no image is found; {WAYS}")
        label = key_among(sample, LABEL_KEYS)
        return sample[key], None if label is None else sample[label]
    if isinstance(sample, list | tuple) and 1 <= len(sample) <= 3:
        return sample[0], sample[1] if len(sample) > 1 else None
    return sample, None


def key_among(keys: Mapping[str, object] | Sequence[str], wanted: Sequence[str]) -> str | None:
    """The first of `wanted` that is there."""
    return next((key for key in wanted if key in keys), None)


def as_image(image: object, shown: str, value_range: ValueRange | None = None) -> Decoded:
    """One image in any of the shapes that a Dataset may give => (3, H, W).

    Raises:
        GandiagError: it is something else.
        UnreadableError: it is damaged, or has a value outside the range.
    """
    if isinstance(image, Image.Image):
        try:
            rgb, codes = to_rgb(image)
        except (OSError, SyntaxError) as error:  # of a file that is only read now
            raise UnreadableError(f"its data is truncated or damaged ({error})") from error
        return Decoded(to_tensor(rgb), tuple(codes))
    if not isinstance(image, Tensor | np.ndarray):
        raise GandiagError(
            f"{shown} is {type(image).__name__}, not an image; "
            "give a Pillow image or a uint8 tensor (3, height, width), or a pair of it and a label"
        )
    return decoded(as_images(image[None], shown, value_range)[0], value_range)


def as_label(label: object, classes: Sequence[str] | None = None) -> str | None:
    """An integer or a string => a class name, from `classes` if it is an index into them."""
    if isinstance(label, Tensor | np.ndarray) and label.ndim == 0:
        label = label.item()
    if isinstance(label, str):
        return label
    if not isinstance(label, int | np.integer):
        return None
    index = int(label)
    return classes[index] if classes and 0 <= index < len(classes) else str(index)


def as_labels(labels: object, count: int, classes: Sequence[str] | None = None) -> list[str] | None:
    """One label an image => class names; None if `labels` is something else."""
    values = labels.tolist() if isinstance(labels, Tensor | np.ndarray) else labels
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    names = [as_label(value, classes) for value in values]
    return None if None in names else [name for name in names if name is not None]
