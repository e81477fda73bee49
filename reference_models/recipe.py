"""A training run as a value: every switch is a field, and nothing else decides what happens."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from gandiag.errors import GandiagError
from reference_models.settings import Networks, Objective, Optimisation, check_fields
from reference_models.tricks import BY_NAME, TRICKS
from reference_models.tricks.base import Trick

Kind = TypeVar("Kind")
OneTrick = TypeVar("OneTrick", bound=Trick)


@dataclass(frozen=True)
class Target:
    """A published value, with what it takes to compare with it."""

    metric: str
    value: float
    spread: float | None
    """As printed behind the value; what it is the spread of differs between papers."""
    n_real: int | None
    """None: not stated, or not a part of the metric."""
    n_generated: int | None
    """None: not stated."""
    protocol: str
    """Feature network, splits, seeds: what else was stated."""
    source: str
    """Where the number is printed."""


@dataclass(frozen=True)
class Recipe:
    """All settings of a run but its seed, its device and its folder.

    Names of settings are unique across its records and tricks, so that `replace`, `settings_of` and
    the command line take them without a record's name.
    """

    name: str
    data: str
    """A name in `reference_models.data.DATASETS`, or ``folder:PATH``."""
    resolution: int = 0
    """Side in pixels, for data that has no side of its own."""
    scale: float = 1.0
    """Training sees samples divided by this, and the sampler multiplies by it: networks begin with
    their kinks within 1 of the origin, and learn little of points far outside."""
    networks: Networks = dataclasses.field(default_factory=Networks)
    objective: Objective = dataclasses.field(default_factory=Objective)
    optimisation: Optimisation = dataclasses.field(default_factory=Optimisation)
    tricks: tuple[Trick, ...] = ()
    """Those that are on, in the order of `TRICKS`."""
    source: str = ""
    """Paper, repository or our own."""
    departures: str = ""
    """Where it is not what the source did."""
    targets: tuple[Target, ...] = ()
    """What the source reports."""

    def __post_init__(self) -> None:
        order = [kind for kind in TRICKS for each in self.tricks if isinstance(each, kind)]
        if len(set(order)) < len(order):
            raise GandiagError(f"the recipe {self.name} has a trick twice; keep one of them")
        on = (each for each in self.tricks if each != type(each)())
        tricks = tuple(sorted(on, key=lambda each: TRICKS.index(type(each))))
        object.__setattr__(self, "tricks", tricks)
        check_fields(self, self.name)
        if not self.scale:
            raise GandiagError(f"scale is 0 in the recipe {self.name}; it must be positive")
        for record in (self.networks, self.objective, self.optimisation):
            record.check(self.name)
        for trick in self.tricks:
            check_fields(trick, self.name)
            trick.check(self)

    def trick(self, kind: type[OneTrick]) -> OneTrick:
        """The recipe's trick of a kind; with its defaults where it is off."""
        return next((each for each in self.tricks if isinstance(each, kind)), kind())


def _paths() -> Iterator[tuple[str, tuple[str, ...]]]:
    records = {"networks": Networks, "objective": Objective, "optimisation": Optimisation}
    for field in dataclasses.fields(Recipe):
        if field.name == "tricks":
            for name, kind in BY_NAME.items():
                yield from ((f.name, ("tricks", name, f.name)) for f in dataclasses.fields(kind))
        elif field.name in records:
            inner = dataclasses.fields(records[field.name])
            yield from ((f.name, (field.name, f.name)) for f in inner)
        else:
            yield field.name, (field.name,)


PATHS: Mapping[str, tuple[str, ...]] = dict(_paths())
"""Where each setting is in the JSON of a recipe."""


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """Every setting by its own name; those of tricks that are off have their defaults."""
    found: dict[str, Any] = {}
    for name, (place, *inner) in PATHS.items():
        value = getattr(recipe, place)
        if place == "tricks":
            value = recipe.trick(BY_NAME[inner[0]])
        found[name] = getattr(value, name) if inner else value
    return found


def replace(
    recipe: Recipe, changes: Mapping[str, object] = MappingProxyType({}), /, **more: object
) -> Recipe:
    """A recipe with some settings changed, each by its own name and checked as in `from_json`.

        replace(recipe, {"lr_g": 1e-3}, replay=512)

    Raises:
        GandiagError: there is no such setting, or it cannot be so.
    """
    where = f"the recipe {recipe.name}"
    values = _values(recipe)
    for name, value in {**changes, **more}.items():
        if name not in PATHS:
            raise GandiagError(_unknown(where, name))
        *path, last = PATHS[name]
        inner = values
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return _build(Recipe, values, where)


def to_json(recipe: Recipe) -> str:
    """Every field of a recipe and its tricks, with two spaces of indent."""
    return json.dumps(_values(recipe), indent=2, allow_nan=False) + "\n"


def _values(recipe: Recipe) -> dict[str, Any]:
    tricks = {trick.name: dataclasses.asdict(trick) for trick in recipe.tricks}
    return {**dataclasses.asdict(recipe), "tricks": tricks}


def from_json(text: str, where: str) -> Recipe:
    """The recipe that `to_json` wrote.

    Args:
        text: JSON; fields that are left out have their defaults.
        where: what errors call the text, such as its path.

    Raises:
        GandiagError: it is no JSON object, a field is unknown or missing or of another type.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise GandiagError(f"{where} is not JSON: {error}; write it again") from error
    return _build(Recipe, values, where)


def _unknown(where: str, name: object) -> str:
    return f"{where} has the unknown field {name!r}; remove it or mend its name"


def _build(kind: type[Kind], values: object, where: str) -> Kind:
    if not isinstance(values, dict):
        raise GandiagError(f"{where} holds {type(values).__name__}, not an object with fields")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            raise GandiagError(_unknown(where, name))
    for name, field in fields.items():
        missing = (field.default, field.default_factory) == (dataclasses.MISSING,) * 2
        if missing and name not in values:
            raise GandiagError(f"{where} lacks the field {name!r}; add it")
    types = get_type_hints(kind)
    return kind(**{name: _value(v, types[name], f"{where}: {name}") for name, v in values.items()})


def _value(value: Any, kind: Any, where: str) -> Any:
    if kind == tuple[Trick, ...] and isinstance(value, dict):
        for name in value:
            if name not in BY_NAME:
                raise GandiagError(_unknown(where, name))
        return tuple(_build(BY_NAME[name], v, f"{where}: {name}") for name, v in value.items())
    if kind == tuple[Target, ...] and isinstance(value, list | tuple):
        return tuple(v if isinstance(v, Target) else _build(Target, v, where) for v in value)
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, where)  # type: ignore[arg-type]
    if kind in (float, float | None) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind = {tuple[Trick, ...]: dict, tuple[Target, ...]: list}.get(kind, kind)
    # A bool is an int to isinstance.
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        name = getattr(kind, "__name__", str(kind))
        raise GandiagError(f"{where} is {value!r}, not of type {name}; mend it")
    return value
