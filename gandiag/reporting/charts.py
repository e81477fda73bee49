"""Numbers as SVG.

Drawn by hand, it follows the page's colours in light and dark, stays sharp on paper and on a phone,
and takes a hundredth of the bytes of a PNG. Every chart says in words what it shows, and nothing of
it rests on colour alone.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from gandiag.reporting.comparison import Comparison, Difference
from gandiag.reporting.report import Row

SVG = Markup('<svg viewBox="0 0 {} {}" role="img" class="{}"><title>{}</title>{}</svg>')
MARGIN = 0.08
"""Of the span of what is shown, left free at each end."""


class Scale(NamedTuple):
    """Values from `low` to `high` => places from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place, to a tenth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float) -> "Scale":
        """One on which all finite values lie, and not at its ends."""
        finite = [each for each in values if math.isfinite(each)]
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        spare = (high - low) * MARGIN or abs(high) * MARGIN or 1.0
        return cls(low - spare, high + spare, start, end)

    def ticks(self, count: int) -> list[float]:
        """About so many round values within."""
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [float(f"{each * step:.12g}") for each in range(first, last + 1)]


def short(value: float) -> str:
    """Four digits, as many as intervals bear: 143.7, 0.07838, 1.2e-05."""
    if not math.isfinite(value):
        return "∞" if value == math.inf else str(value)
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def whisker(row: Row) -> Markup:
    """A score on a line of its own: the dot is the value, the bar its interval.

    A dashed tick is the floor (or the ceiling), a diamond what held-out real images get. Empty for
    a value with nothing beside it, whose place says nothing.
    """
    beside = {name: row.extra[name] for name in ("floor", "ceiling") if name in row.extra}
    others = [*beside.values(), *([] if row.heldout is None else [row.heldout])]
    if row.interval is None and not others:
        return Markup()
    at = Scale.around([row.value, *(row.interval or ()), *others], 10, 290)
    parts = [Markup('<path class="axis" d="M10 20H290"/>')]
    parts += [
        Markup('<path class="axis" d="M{x} 17v6"/><text x="{x}" y="36">{v}</text>').format(
            x=at(each), v=short(each)
        )
        for each in at.ticks(4)
    ]
    words = [f"{row.name}: {short(row.value)}"]
    if row.interval is not None:
        low, high = row.interval
        parts.append(
            Markup('<path class="whisker" d="M{l} 12v16M{l} 20H{h}M{h} 12v16"/>').format(
                l=at(low), h=at(high)
            )
        )
        words.append(f"interval {short(low)} to {short(high)}")
    for name, level in beside.items():
        if math.isfinite(level):
            mark = '<path class="beside" d="M{} 6v28"><title>{} {}</title></path>'
            parts.append(Markup(mark).format(at(level), name, short(level)))
            words.append(f"{name} {short(level)}")
    if row.heldout is not None and math.isfinite(row.heldout):
        mark = '<path class="heldout" d="M{} 13l7 7l-7 7l-7 -7z"/>'
        parts.append(Markup(mark).format(at(row.heldout)))
        words.append(f"held-out real images {short(row.heldout)}")
    if math.isfinite(row.value):
        parts.append(Markup('<circle class="dot" cx="{}" cy="20" r="5"/>').format(at(row.value)))
    return SVG.format(300, 40, "whiskers", "; ".join(words), Markup("").join(parts))


def over_steps(name: str, steps: Sequence[int], rows: Sequence[Row], best: int | None) -> Markup:
    """A score over the generator's steps, with its intervals; a ring is around the best."""
    ends = [end for row in rows for end in (row.interval or (row.value,))]
    y = Scale.around([row.value for row in rows] + ends, 150, 12)
    x = Scale.around(steps, 52, 332)
    parts = [*_frame(x, y, 52, 332, 12, 150, "generator step")]
    banded = [(s, row.interval) for s, row in zip(steps, rows, strict=True) if row.interval]
    if len(banded) > 1:
        up = [f"{x(s)} {y(high)}" for s, (_, high) in banded]
        down = [f"{x(s)} {y(low)}" for s, (low, _) in reversed(banded)]
        parts.append(Markup('<path class="band" d="M{}Z"/>').format("L".join(up + down)))
    there = [(s, row.value) for s, row in zip(steps, rows, strict=True) if math.isfinite(row.value)]
    if there:
        line = "L".join(f"{x(s)} {y(value)}" for s, value in there)
        parts.append(Markup('<path class="line" d="M{}"/>').format(line))
    for s, value in there:
        dot = '<circle class="dot" cx="{}" cy="{}" r="2.6"><title>step {:,}: {}</title></circle>'
        parts.append(Markup(dot).format(x(s), y(value), s, short(value)))
        if s == best:
            parts.append(
                Markup('<circle class="ring" cx="{}" cy="{}" r="7"/>').format(x(s), y(value))
            )
    words = f"{name} at {len(steps)} checkpoints"
    if best is not None:
        words += f", best {short(dict(there)[best])} at step {best:,}"
    return SVG.format(340, 190, "chart", words, Markup("").join(parts))


def differences(result: Comparison) -> Markup:
    """Each difference over half its interval: what leaves out 0 is certain.

    To the left the first set is better, whichever way the score goes.
    """
    told = [each for each in result.differences if _half(each) > 0]
    height = 24 * len(told) + 44
    places = {id(each): _place(each) for each in told}
    far = max((abs(each) for each in places.values()), default=1.0) + 1.2
    x = Scale(-far, far, 230, 590)
    parts = [Markup('<path class="zero" d="M{} 4V{}"/>').format(x(0), height - 34)]
    for index, each in enumerate(told):
        y, middle = 18 + 24 * index, places[id(each)]
        kind = each.verdict if each.verdict in ("first", "second") else "open"
        row = (
            '<g class="{kind}"><title>{words}</title>'
            '<text class="name" x="222" y="{t}">{name}</text>'
            '<path class="whisker" d="M{l} {a}v12M{l} {y}H{h}M{h} {a}v12"/>'
            '<circle class="dot" cx="{m}" cy="{y}" r="4.5"/></g>'
        )
        parts.append(
            Markup(row).format(
                kind=kind,
                words=f"{each.name} of {each.first} and {each.second}: {each.words}",
                name=f"{each.name}  {each.first}, {each.second}",
                t=y + 4,
                a=y - 6,
                y=y,
                l=x(middle - 1),
                h=x(middle + 1),
                m=x(middle),
            )
        )
    words = "← first better · difference over half its interval · second better →"
    parts.append(Markup('<text x="{}" y="{}">{}</text>').format(x(0), height - 12, words))
    title = f"{len(told)} differences; a bar that leaves out the middle is certain"
    return SVG.format(600, height, "differences", title, Markup("").join(parts))


def class_bars(name: str, values: Sequence[tuple[str, float]]) -> Markup:
    """A score of each class as a bar from 0, in the order given."""
    finite = [value for _, value in values if math.isfinite(value)]
    x = Scale(min([0.0, *finite]), max([0.0, *finite]) or 1.0, 110, 330)
    parts = []
    for index, (label, value) in enumerate(values):
        y = 8 + 20 * index
        bar = '<text class="name" x="102" y="{}">{}</text>'
        parts.append(Markup(bar).format(y + 11, _cut(label)))
        if math.isfinite(value):
            left, right = sorted((x(0), x(value)))
            bar = '<rect class="bar" x="{}" y="{}" width="{}" height="14"/>'
            parts.append(Markup(bar).format(left, y, round(max(right - left, 0.5), 1)))
        told = '<text class="value" x="338" y="{}">{}</text>'
        parts.append(Markup(told).format(y + 11, short(value)))
    title = f"{name} of {len(values)} classes"
    return SVG.format(400, 20 * len(values) + 12, "bars", title, Markup("").join(parts))


def _frame(
    x: Scale, y: Scale, left: int, right: int, top: int, bottom: int, under: str
) -> Iterable[Markup]:
    yield Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(left, top, bottom, right)
    for value in y.ticks(4):
        line = '<path class="axis" d="M{} {y}H{}"/><text class="left" x="{}" y="{}">{}</text>'
        place = y(value)
        yield Markup(line).format(left - 4, right, left - 7, place + 4, short(value), y=place)
    for value in x.ticks(4):
        line = '<path class="axis" d="M{x} {}v4"/><text x="{x}" y="{}">{}</text>'
        yield Markup(line).format(bottom, bottom + 17, f"{value:,g}", x=x(value))
    middle = (left + right) / 2
    yield Markup('<text x="{}" y="{}">{}</text>').format(middle, bottom + 34, under)


def _half(each: Difference) -> float:
    return 0.0 if each.low is None or each.high is None else (each.high - each.low) / 2


def _place(each: Difference) -> float:
    return (1 if each.better == "lower" else -1) * each.difference / _half(each)


def _cut(label: str, most: int = 16) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
