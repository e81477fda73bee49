"""What gives samples by number: torch Datasets, lists, and Datasets of Hugging Face."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from gandiag.errors import GandiagError
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import Digest, IndexedImages
from gandiag.sources.samples import (
    IMAGE_KEYS,
    LABEL_KEYS,
    WAYS,
    as_image,
    as_label,
    as_labels,
    key_among,
    split_sample,
)
from gandiag.sources.stream import StreamImages, open_stream


def is_map_style(thing: object) -> bool:
    """Whether something is a torch Dataset with items by number."""
    return isinstance(thing, Dataset) and not isinstance(thing, IterableDataset)


def open_dataset(
    dataset: Any,
    name: str,
    how: How,
    digest: Digest = lambda _: None,
) -> IndexedImages:
    """A map-style torch Dataset, or a list, of samples as `samples.split_sample` takes them apart.

    An image is a Pillow image (any mode, treated as in `decode`, but never turned: the Dataset has
    decided that), or of shape (1|3|4, H, W), (H, W, 1|3|4) or (H, W), uint8 or floats of which the
    range is stated. Items are read in the caller's thread, because nothing says that a Dataset may
    be used from several.

    Raises:
        GandiagError: it is empty.
    """
    classes = getattr(dataset, "classes", None)
    names = classes if _are_strings(classes) else None

    def read(index: int) -> Decoded:
        shown = f"{name}[{index}]"
        try:
            item = dataset[index]
        except (OSError, SyntaxError) as error:  # what Pillow raises for damaged files
            raise UnreadableError(f"the Dataset cannot read it ({error})") from error
        image, label = split_sample(item, shown)
        return as_image(image, shown, how.value_range)._replace(label=as_label(label, names))

    if not len(dataset):
        raise GandiagError(f"{name} is an empty Dataset; give one with at least one image")
    return IndexedImages(
        name=name,
        names=[f"{name}[{index}]" for index in range(len(dataset))],
        read=read,
        digest=digest,
        on_bad_image=how.on_bad_image,
        value_range=how.value_range,
        stamped=digest,
        labels_inside=True,
    )


def are_samples(thing: object) -> bool:
    """Whether something is a list that begins with a Pillow image, or a sample that has one."""
    first = thing[0] if isinstance(thing, list | tuple) and thing else None
    return isinstance(first, Image.Image) or (
        isinstance(first, list | tuple | Mapping)
        and any(
            isinstance(part, Image.Image)
            for part in (first.values() if isinstance(first, Mapping) else first[:1])
        )
    )


def open_samples(samples: Sequence[object], name: str, how: How) -> IndexedImages:
    """A list of Pillow images, or of samples that have one."""

    def digest(_: Sequence[int]) -> str:
        whole = hashlib.sha256()
        for index in range(len(samples)):
            try:
                image = source.read(index)
            except UnreadableError as error:
                whole.update(repr(error).encode())
                continue
            whole.update(repr((tuple(image.pixels.shape), image.codes, image.label)).encode())
            whole.update(image.pixels.numpy().data)
        return whole.hexdigest()

    source = open_dataset(samples, name, how, digest)
    return source


def is_hugging_face(thing: object) -> bool:
    """Whether it is a Dataset, or several, of the library `datasets`, which is not imported."""
    return type(thing).__module__.partition(".")[0] == "datasets" and hasattr(thing, "column_names")


def open_hugging_face(dataset: Any, name: str, how: How) -> IndexedImages | StreamImages:
    """A `datasets.Dataset` with a column of images, and perhaps one of labels.

    An `IterableDataset` of that library is a stream.

    Their names are those of `samples.split_sample`; an integer label has the name that the column's
    ClassLabel gives it.

    Raises:
        GandiagError: it has no such column, is empty, or is several splits.
    """
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
        return open_stream(dataset, name, how, _classes(dataset))
    if isinstance(dataset, Mapping):
        splits = ", ".join(map(str, dataset))
        raise GandiagError(f"{name} has the splits {splits}; give one of them")
    columns = dataset.column_names
    image, label = key_among(columns, IMAGE_KEYS), key_among(columns, LABEL_KEYS)
    if image is None:
        raise GandiagError(f"{name} has the columns {', '.join(columns)}, none of images; {WAYS}")
    source = open_dataset(dataset.select_columns([image]), name, how)
    if label is None:
        return replace(source, labels_inside=False)
    names = _classes(dataset)
    labels = as_labels(list(dataset[label]), len(dataset), names)
    return replace(source, labels=labels, labels_inside=False)


def _classes(dataset: Any) -> list[str] | None:
    """What the integers in its column of labels stand for, where it says so."""
    features = dataset.features or {}
    label = key_among(features, LABEL_KEYS)
    names = None if label is None else getattr(features[label], "names", None)
    return list(names) if names is not None and _are_strings(names) else None


def _are_strings(values: object) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) for value in values)
