"""A report as one HTML file: scores, intervals, warnings, and the images themselves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2
import torch
from markupsafe import Markup
from torch import Tensor
from torch.nn.functional import interpolate, pad

from gandiag.reporting import charts
from gandiag.reporting.comparison import Comparison, Difference
from gandiag.reporting.curve import Curve
from gandiag.reporting.plots import data_url, figure
from gandiag.reporting.report import Report, Row, class_table, headline, number
from gandiag.sources.base import ImageSource, Points

COUNT = 40
"""Images shown of each source."""

DOTS = 2500
"""Points drawn of each source."""

SIDE = 64
"""Pixels of a thumbnail; smaller images are enlarged by whole pixels, so that they stay sharp."""


GAP = 2
"""White pixels between thumbnails."""


def previews(
    sources: Mapping[str, ImageSource | None], points: Points | None = None
) -> dict[str, str]:
    """Role -> source, as it was scored, => role -> a PNG of some of its images, as a data URL.

    Sources that hold no images, or can be read only once, are left out; so are points of more than
    two dimensions.

    Args:
        sources: what was scored, by role.
        points: what is known of them, if they are points.
    """
    pictures = {}
    for role, source in sources.items():
        if source is None or source.count() is None:
            continue
        if points is None:
            pictures[role] = data_url(contact_sheet(source))
        elif points.width == 2:
            pictures[role] = scatter(source)
    return pictures


def contact_sheet(source: ImageSource, columns: int = 10) -> Tensor:
    """A few images of `source`, drawn evenly at random => (3, height, width) uint8."""
    drawn = source.limit(COUNT, seed=0)
    tiles = [thumbnail(image) for batch in drawn.batches(COUNT) for image in batch.images]
    tiles = [pad(tile, (0, GAP, 0, GAP), value=255) for tile in tiles]
    blank = torch.full((3, SIDE + GAP, SIDE + GAP), 255, dtype=torch.uint8)
    tiles += [blank] * (-len(tiles) % columns)
    rows = [torch.cat(tiles[i : i + columns], dim=2) for i in range(0, len(tiles), columns)]
    return torch.cat(rows, dim=1)


def scatter(source: ImageSource) -> str:
    """A few thousand points of `source`, two-dimensional => a PNG as a data URL."""
    drawn = source.limit(DOTS, seed=0)
    points = torch.cat([batch.images for batch in drawn.batches(DOTS)]).numpy()
    drawing = figure(5, 5)
    axes = drawing.add_subplot()
    axes.scatter(points[:, 0], points[:, 1], s=3, linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    return data_url(drawing)


def page(
    report: Report,
    pictures: Mapping[str, str],
    pairs: Mapping[str, Sequence[Any]] | None = None,
    ends: Mapping[str, Sequence[Any]] | None = None,
    meanings: Mapping[str, str] | None = None,
) -> str:
    """A report with pictures by role and by score => HTML that needs nothing from elsewhere.

    Args:
        report: the scores.
        pictures: role -> a data URL, from `previews`.
        pairs: score -> what `gandiag.reporting.pairs.closest` found.
        ends: score -> what `gandiag.reporting.ends.ends` found.
        meanings: score, as it was asked for -> a sentence.
    """
    return _template("report.html.j2").render(
        report=report,
        headline=headline(report.provenance),
        charts={row.name: charts.whisker(row) for row in report.rows},
        bars=_bars(report),
        pictures=pictures,
        pairs=pairs or {},
        ends=ends or {},
        classes=class_table(report.per_class, report.class_means),
        meanings=_by_name(report.rows, meanings),
    )


def curve_page(
    curve: Curve, pictures: Mapping[str, str], meanings: Mapping[str, str] | None = None
) -> str:
    """Scores over training and pictures by role => HTML that needs nothing from elsewhere.

    Args:
        curve: the scores of all checkpoints.
        pictures: role -> a data URL, from `previews`.
        meanings: score, as it was asked for -> a sentence.
    """
    drawn = {}
    for name in curve.names:
        steps = [step for step, report in curve.points if name in report]
        drawn[name] = charts.over_steps(name, steps, curve.rows(name), curve.best(name))
    rows = [curve.rows(name)[0] for name in curve.names]
    return _template("curve.html.j2").render(
        curve=curve, charts=drawn, pictures=pictures, meanings=_by_name(rows, meanings)
    )


def comparison_page(
    result: Comparison, pictures: Mapping[str, str], meanings: Mapping[str, str] | None = None
) -> str:
    """A comparison and pictures by letter => HTML that needs nothing from elsewhere.

    Args:
        result: the comparison.
        pictures: letter -> a data URL, from `previews`.
        meanings: score, as it was asked for -> a sentence.
    """
    return _template("comparison.html.j2").render(
        result=result,
        plot=charts.differences(result),
        pictures=pictures,
        headline=headline(result.provenance),
        meanings=_by_name(result.differences, meanings),
    )


def _by_name(rows: Iterable[Row | Difference], known: Mapping[str, str] | None) -> dict[str, str]:
    """Printed name -> the sentence of what was asked for; empty where there is none."""
    return {row.name: (known or {}).get(row.output, "") for row in rows}


def _bars(report: Report) -> dict[str, Markup]:
    """Score -> its values over classes."""
    found: dict[str, list[tuple[str, float]]] = {}
    for label, rows in report.per_class.items():
        for row in rows:
            found.setdefault(row.name, []).append((str(label), row.value))
    return {name: charts.class_bars(name, values) for name, values in found.items()}


def brief(name: str) -> str:
    """The last two parts of a path, where there are more."""
    parts = name.rstrip("/").split("/")
    return "/".join(parts[-2:]) if len(parts) > 2 and "://" not in name else name


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gandiag.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "short": charts.short, "brief": brief}
    return environment.get_template(name)


def thumbnail(image: Tensor) -> Tensor:
    """(3, height, width) uint8 => (3, SIDE, SIDE) uint8, its shape kept, on white."""
    height, width = image.shape[1:]
    longest = max(height, width)
    if longest <= SIDE:
        times = SIDE // longest
        image = image.repeat_interleave(times, 1).repeat_interleave(times, 2)
    else:
        size = (max(1, height * SIDE // longest), max(1, width * SIDE // longest))
        smaller = interpolate(image[None].float(), size, mode="bilinear", antialias=True)[0]
        image = smaller.round().clamp(0, 255).to(torch.uint8)
    tile = torch.full((3, SIDE, SIDE), 255, dtype=torch.uint8)
    top, left = (SIDE - image.shape[1]) // 2, (SIDE - image.shape[2]) // 2
    tile[:, top : top + image.shape[1], left : left + image.shape[2]] = image
    return tile
