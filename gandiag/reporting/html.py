"""A report as one HTML file: scores, intervals, warnings, and the images themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from gandiag.reporting.comparison import Comparison
from gandiag.reporting.curve import Curve
from gandiag.reporting.plots import data_url, figure
from gandiag.reporting.report import Report, class_table, headline, number
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


def contact_sheet(source: ImageSource, columns: int = 20) -> Tensor:
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
) -> str:
    """A report with pictures by role and by score => HTML that needs nothing from elsewhere.

    Args:
        report: the scores.
        pictures: role -> a data URL, from `previews`.
        pairs: score -> what `gandiag.reporting.pairs.closest` found.
        ends: score -> what `gandiag.reporting.ends.ends` found.
    """
    classes = class_table(report.per_class, report.class_means)
    return _template("report.html.j2").render(
        report=report, pictures=pictures, pairs=pairs or {}, ends=ends or {}, classes=classes
    )


def curve_page(curve: Curve, pictures: Mapping[str, str]) -> str:
    """Scores over training and pictures by role => HTML that needs nothing from elsewhere."""
    return _template("curve.html.j2").render(curve=curve, plot=_plot(curve), pictures=pictures)


def comparison_page(result: Comparison, pictures: Mapping[str, str]) -> str:
    """A comparison and pictures by letter => HTML that needs nothing from elsewhere."""
    return _template("comparison.html.j2").render(
        result=result,
        plot=_differences(result),
        pictures=pictures,
        headline=headline(result.provenance),
    )


def _differences(result: Comparison) -> str:
    """Each difference over half its interval: what leaves out zero is certain."""
    told = [each for each in result.differences if each.low is not None and each.high is not None]
    drawing = figure(8, 0.6 + 0.28 * max(1, len(told)))
    axes = drawing.add_subplot()
    colours = {"first": "#188038", "second": "#c5221f"}
    for place, each in enumerate(reversed(told)):
        assert each.high is not None
        assert each.low is not None
        # To the left the first set is better, whichever way the score goes.
        sign = 1 if each.better == "lower" else -1
        middle = 2 * sign * each.difference / (each.high - each.low)
        colour = colours.get(each.verdict, "#888888")
        axes.errorbar(middle, place, xerr=1, fmt="o", color=colour, capsize=3, markersize=4)
    axes.set_ylim(-0.6, len(told) - 0.4)
    axes.axvline(0, color="#888888", linewidth=1)
    names = [f"{each.name}   {each.first}, {each.second}" for each in reversed(told)]
    axes.set_yticks(range(len(told)), names, fontsize=8)
    axes.set_xlabel("← first better      difference / half its interval      second better →")
    return data_url(drawing, dpi=150)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gandiag.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = number
    return environment.get_template(name)


def _plot(curve: Curve) -> str:
    """A small plot for each score, with its intervals, as a data URL."""
    names = curve.names
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    drawing = figure(4 * columns, 2.6 * lines)
    for index, name in enumerate(names, 1):
        axes = drawing.add_subplot(lines, columns, index)
        there = [(step, report[name]) for step, report in curve.points if name in report]
        steps = [step for step, _ in there]
        axes.plot(steps, [row.value for _, row in there], marker=".", color="C0")
        lows = [row.value if row.low is None else row.low for _, row in there]
        highs = [row.value if row.high is None else row.high for _, row in there]
        axes.fill_between(steps, lows, highs, color="C0", alpha=0.2, linewidth=0)
        axes.set_title(f"{name} ({curve.better(name)} is better)", fontsize=9)
        axes.tick_params(labelsize=8)
    return data_url(drawing, dpi=150)


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
