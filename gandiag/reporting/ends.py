"""Samples from both ends of a score that each of them has, as pictures."""

from collections.abc import Mapping
from typing import NamedTuple

from gandiag.metrics.base import Placed
from gandiag.reporting.html import thumbnail
from gandiag.reporting.pairs import images_at
from gandiag.reporting.plots import data_url
from gandiag.reporting.report import Report
from gandiag.sources.base import ImageSource


class Shown(NamedTuple):
    """A sample with a number of its own."""

    picture: str
    """As a data URL."""
    name: str
    value: float


def ends(
    report: Report, sources: Mapping[str, ImageSource | None]
) -> dict[str, tuple[tuple[Shown, ...], tuple[Shown, ...]]]:
    """Score -> its highest and its lowest samples; none where they cannot be read again.

    Args:
        report: of images.
        sources: what was scored, by role.
    """
    generated = sources.get("generated")
    named = {row.name: row.score for row in report.rows if row.score.highest}
    if not named or generated is None or generated.count() is None:
        return {}
    both = {name: (score.highest, score.lowest) for name, score in named.items()}
    places = {each.generated for pair in both.values() for end in pair for each in end}
    images = images_at(generated, places)
    pictures = {
        place: (data_url(thumbnail(image)), name) for place, (image, name) in images.items()
    }

    def shown(end: tuple[Placed, ...]) -> tuple[Shown, ...]:
        return tuple(
            Shown(*pictures[each.generated], each.value)
            for each in end
            if each.generated in pictures
        )

    return {name: (shown(high), shown(low)) for name, (high, low) in both.items()}
