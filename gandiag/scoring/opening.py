"""Statistics of whatever a person names: read from a file, from the cache, or from images."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Literal

import torch

from gandiag.scoring.cache import StatisticsCache, described
from gandiag.errors import GandiagError
from gandiag.metrics import Role
from gandiag.scoring.plan import Plan
from gandiag.reporting.report import Warn
from gandiag.scoring.gather import Gathered, Want, gather
from gandiag.sources import Generator, ImageSource, StatisticsFile, open_source
from gandiag.sources.base import Points, points_of
from gandiag.statistics import load_statistics

Progress = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""``with progress(what, total) as advance: ... advance(n)``: how long work is told to a person."""


@contextlib.contextmanager
def silent(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Tell nobody."""
    yield lambda _: None


def open_input(
    thing: Any,
    max_images: int | None,
    seed: int,
    on_bad_image: Literal["fail", "skip"],
    *,
    device: torch.device,
    generator: Generator | None = None,
) -> ImageSource | StatisticsFile:
    """`open_source`, then the draw of `max_images`."""
    source = open_source(
        thing, on_bad_image=on_bad_image, seed=seed, device=device, generator=generator
    )
    if max_images is None:
        return source
    if isinstance(source, StatisticsFile):
        raise GandiagError(f"{source.name} holds statistics: images cannot be drawn from it")
    return source.limit(max_images, seed)


def points_among(sources: Mapping[Role, ImageSource | StatisticsFile]) -> Points | None:
    """What is known of the points that the sources hold, by role; None if they hold images.

    The real ones tell of mixture and labels, if there are any. Statistics go with either.

    Raises:
        GandiagError: one holds points and another images, or points of another width.
    """
    known = {
        role: points_of(source)
        for role, source in sources.items()
        if not isinstance(source, StatisticsFile)
    }
    if len({points and points.width for points in known.values()}) > 1:
        told = " and ".join(
            f"{sources[role].name} holds {f'{points.width}-d points' if points else 'images'}"
            for role, points in known.items()
        )
        raise GandiagError(f"{told}; give sources of one kind")
    return known.get("real", next(iter(known.values()), None))


def known_count(source: ImageSource | StatisticsFile) -> int | None:
    """How many images a pass will give, where that is known before it."""
    return None if isinstance(source, StatisticsFile) else source.count()


def pick_device(device: str | torch.device | None) -> torch.device:
    """A device by name, or the best one there is.

    Raises:
        GandiagError: the device is unknown or not on this machine.

    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
        torch.empty(1, device=picked)
    except (RuntimeError, AssertionError) as error:
        raise GandiagError(
            f"the device {str(device)!r} cannot be used here; "
            "name cpu, cuda, cuda:N or mps, or leave --device out"
        ) from error
    return picked


def collect(
    source: ImageSource | StatisticsFile,
    plan: Plan,
    wants: Sequence[Want],
    *,
    batch_size: int,
    store: StatisticsCache | None,
    warnings: list[Warn],
    progress: Progress,
    role: str,
) -> Gathered:
    """The statistics of a source: from a file, from the cache, or from its images."""
    if isinstance(source, StatisticsFile):
        return read_statistics(source, plan, warnings)
    fingerprint = source.fingerprint() if store is not None else None
    if store is not None and fingerprint is not None:
        known = store.load(fingerprint, plan.pins(), wants)
        if known is not None:
            return replace(known, name=source.name)  # the same images may lie elsewhere
    with progress(f"{role}: {source.name}", source.count()) as advance:
        gathered = gather(source, plan.extractors, wants, batch_size=batch_size, tell=advance)
    if store is not None and fingerprint is not None:
        try:
            store.store(fingerprint, plan.pins(), gathered)
        except GandiagError as error:
            # An hour's features are not thrown away for a cache: the scores come first.
            warnings.append(Warn("not-cached", f"{error}; --no-cache does without"))
    return gathered


def read_statistics(file: StatisticsFile, plan: Plan, warnings: list[Warn]) -> Gathered:
    """Saved statistics, checked against what this run uses.

    Raises:
        GandiagError: they were made with another network, resize or precision.

    """
    saved = load_statistics(file.path)
    if not saved.meta:
        task = plan.tasks[0]
        warnings.append(
            Warn(
                "published-statistics",
                f"{file.name} does not say which weights and resize made it; "
                f"it is taken to fit {task.extractor.name} under the protocol {plan.protocol.name}",
            )
        )
        statistics = {
            Want(task.extractor.name, task.layer, key.rsplit("/", 1)[1]): statistic
            for key, statistic in saved.statistics.items()
        }
        return Gathered(file.name, None, statistics)
    for name, pins in plan.pins().items():
        made = saved.meta.get("pins", {}).get(name)
        if made != dict(pins):
            with_what = ", ".join(saved.meta.get("pins", {})) or "an unknown network"
            differ = [key for key in pins if made is not None and made.get(key) != pins[key]]
            detail = f" with another {differ[0]}" if differ else ""
            raise GandiagError(
                f"{file.name} was made with {with_what}{detail} and this run uses {name}; "
                "make it again with `gandiag stats` and the same options"
            )
    statistics = {}
    for key, statistic in saved.statistics.items():
        extractor, layer, kind = key.rsplit("/", 2)
        statistics[Want(extractor, layer, kind)] = statistic
    return described({**saved.meta, "name": file.name}, statistics)
