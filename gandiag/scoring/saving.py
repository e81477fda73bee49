"""Statistics of images in a file, to be given later in the place of the images."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gandiag.errors import GandiagError, Warn
from gandiag.metrics import Role
from gandiag.scoring.caveats import treated
from gandiag.scoring.gather import collect
from gandiag.scoring.gathered import Gathered, described, description, name_of
from gandiag.scoring.opening import open_input, pick_device
from gandiag.scoring.options import Options
from gandiag.scoring.plan import Plan, Want, make_plan
from gandiag.scoring.together import Together
from gandiag.sources.base import Points, points_of
from gandiag.statistics import Moments, SavedStatistics, load_statistics, save_statistics

ROLES: tuple[Role, ...] = ("generated", "real")


def write_statistics(
    source: Any, output: str | Path, *, options: Options | None = None, **changes: Any
) -> Gathered:
    """Save what `metrics` remember of a source, to be given later in its place.

    The file also carries plain ``mu`` and ``sigma`` when it holds moments, so that other tools can
    read it. Arguments as in `score`.

    Returns:
        What was remembered, with what could mislead in `warnings`.

    Raises:
        GandiagError: bad usage or bad input, in one sentence.

    """
    output, options = Path(output), (options or Options()).changed(**changes)
    opened = open_input("real", source, options)
    if opened.images is None:
        raise GandiagError(f"{opened.name} holds statistics already; give images")
    plan = make_plan(
        options,
        with_real=True,
        device=pick_device(options.device),
        points=points_of(opened.images),
    )
    count = opened.images.count()
    # As real images; rows for other roles only where nothing smaller serves them.
    wants = {*plan.wants("real", count)} | {
        want
        for task in plan.tasks
        if Moments not in task.metric.accepts.get("generated", ())
        and (want := task.wanted("generated")) is not None
    }
    gathered, warnings = collect(
        replace(opened, saved=None),
        plan,
        tuple(sorted(wants)),
        batch_size=options.batch_size,
        store=None,
        progress=options.progress,
        processes=Together(),
        role="images",
        threads=options.workers,
    )
    keyed = {name_of(want): statistic for want, statistic in gathered.statistics.items()}
    meta = description(gathered) | {"pins": {k: dict(v) for k, v in plan.pins().items()}}
    save_statistics(output, SavedStatistics(keyed, meta))
    said = [Warn("left-out", sentence) for sentence in plan.left_out]
    said += [*warnings, *treated(gathered, plan.things, plan.protocol.name)]
    return replace(gathered, warnings=tuple(said))


def save_gathered(path: Path, found: Mapping[Role, Gathered], plan: Plan) -> None:
    """Write what each role remembers, for `load_gathered`.

    Raises:
        GandiagError: the file cannot be written.
    """
    statistics = {
        f"{role}/{name_of(want)}": statistic
        for role, each in found.items()
        for want, statistic in each.statistics.items()
    }
    points = plan.points
    meta = {
        "gathered": {role: description(each) for role, each in found.items()},
        "pins": {name: dict(pins) for name, pins in plan.pins().items()},
        "points": None if points is None else [points.width, points.labelled, points.kind],
    }
    save_statistics(path, SavedStatistics(statistics, meta))


def load_gathered(path: Path) -> tuple[dict[Role, Gathered], Points | None, Mapping[str, Any]]:
    """What `save_gathered` wrote, by role; what is known of points; and the networks' pins.

    Raises:
        GandiagError: the file cannot be read, or is another.
    """
    saved = load_statistics(path)
    try:
        points = None
        if saved.meta["points"] is not None:
            width, labelled, kind = saved.meta["points"]
            points = Points(int(width), labelled=bool(labelled), kind=kind)
        metas = saved.meta["gathered"]
        found: dict[Role, Gathered] = {}
        for role in ROLES:
            if role in metas:
                statistics = {
                    Want(*key.removeprefix(f"{role}/").rsplit("/", 2)): statistic
                    for key, statistic in saved.statistics.items()
                    if key.startswith(f"{role}/")
                }
                found[role] = described(metas[role], statistics)
        return found, points, dict(saved.meta["pins"])
    except (KeyError, TypeError, ValueError) as error:
        raise GandiagError(f"{path} was not written by Scorer.save; give such a file") from error
