"""Points, vectors in the place of images, in one array."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from gandiag.errors import GandiagError
from gandiag.sources import fingerprint
from gandiag.sources.base import Array, Points
from gandiag.sources.decode import Decoded, UnreadableError
from gandiag.sources.how import How
from gandiag.sources.images import Digest, IndexedImages, Stamped
from gandiag.sources.mixtures import Mixture
from gandiag.sources.naming import numbered


def open_points(
    array: Array,
    name: str,
    how: How,
    labels: Sequence[str] | None = None,
    *,
    mixture: Mixture | None = None,
    digest: Digest | None = None,
    stamped: Stamped | None = None,
    kind: Literal["points", "features"] = "points",
) -> IndexedImages:
    """(N, d) floats => points, read as float32.

    A point with NaN or an infinity is a bad image.

    Args:
        array: the points, not copied.
        name: what to call them.
        how: what to do about a bad one.
        labels: a class each, if there are classes.
        mixture: what they were drawn from, where that is known.
        digest: of the content; None to read it all.
        stamped: see `ImageSource.stamp`; None to read it all.
        kind: features are points that an extractor made.

    Raises:
        GandiagError: there is no point, or no coordinate.
    """
    count, width = array.shape
    if not count or not width:
        raise GandiagError(
            f"{name} is {count} x {width}, which holds no {kind[:-1]}; give at least one"
        )

    def read(index: int) -> Decoded:
        with np.errstate(over="ignore"):
            point = torch.from_numpy(array[index].astype(np.float32))
        if not torch.isfinite(point).all():
            raise UnreadableError("it holds NaN, or more than float32 does")
        return Decoded(point)

    def content(_: Sequence[int]) -> str:
        return fingerprint.of_array(array, labels)

    return IndexedImages(
        name=name,
        names=numbered(name, count),
        read=read,
        labels=labels,
        digest=digest or content,
        on_bad_image=how.on_bad_image,
        points=Points(width, mixture, labels is not None, kind),
        stamped=stamped or content,
    )
