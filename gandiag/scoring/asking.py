"""``fid,prdc(k=3),fid(layer=pool1)``: what a person asks for => metrics with their parameters."""

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from gandiag.errors import GandiagError, closest, unknown
from gandiag.metrics import METRICS, Metric
from gandiag.scoring.protocols import PROTOCOLS, Protocol

ALL = "all"

KINDS = {int: "a whole number", float: "a number", str: "a name", bool: "true or false"}
KINDS[type(None)] = "none"


@dataclass(frozen=True)
class Ask:
    """One metric that is wanted."""

    key: str
    """Its name in the protocol: ``fid``, ``sfid``."""
    metric: Metric
    named: bool
    """Whether a person asked for it, rather than the protocol: then it may not be left out."""


def asked(metrics: object, protocol: Protocol) -> list[Ask]:
    """The metrics that are wanted, each once, in order.

    Args:
        metrics: a text, a metric, or several of either; None for the protocol's own.
        protocol: what names mean.

    Raises:
        GandiagError: an unknown name or parameter, or a metric that the protocol does not have.
    """
    if metrics is None:
        names = protocol.default or tuple(protocol.metrics)
        return [Ask(name, protocol.metrics[name], named=False) for name in names]
    given: list[object] = [metrics]
    if isinstance(metrics, Iterable) and not isinstance(metrics, str | type):
        given = [*metrics]
    found: list[Ask] = []
    for each in given:
        found += _objects(each, protocol) if not isinstance(each, str) else _names(each, protocol)
    if not found:
        raise GandiagError(f"no metric is named; choose from {', '.join(protocol.metrics)}, or all")
    once: dict[tuple[str, str], Ask] = {}
    for ask in found:
        known = once.setdefault((ask.key, repr(ask.metric)), ask)
        if ask.named and not known.named:
            once[known.key, repr(known.metric)] = ask
    return [*once.values()]


def _objects(given: object, protocol: Protocol) -> Iterator[Ask]:
    if not isinstance(given, Metric):
        shown = given.__name__ if isinstance(given, type) else repr(given)
        hint = (
            f"{shown}()" if isinstance(given, type) and issubclass(given, Metric) else "PRDC(k=3)"
        )
        raise GandiagError(f"{shown} is no metric; give a name, or an object such as {hint}")
    yield Ask(given.name, given, named=True)


def _names(text: str, protocol: Protocol) -> Iterator[Ask]:
    for part in _parts(text):
        if part.lower() == ALL:
            yield from (Ask(key, metric, named=False) for key, metric in protocol.metrics.items())
            continue
        name, _, _ = part.partition("(")
        key = _key(name.strip(), protocol)
        metric = protocol.metrics[key]
        yield Ask(key, metric if name == part else _with_fields(metric, part), named=True)


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that stand in no bracket."""
    depth, part = 0, ""
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            yield from filter(None, [part.strip()])
            part = ""
        else:
            part += char
    yield from filter(None, [part.strip()])


def names_of(protocol: Protocol) -> dict[str, str]:
    """What people type => the metric's key: ``precision`` => ``prdc``, ``fd`` => ``fid``."""
    found = {key: key for key in protocol.metrics}
    for key, metric in protocol.metrics.items():
        for output in metric.outputs:
            for name in (output, metric.generic.get(output, output)):
                found.setdefault(name, key)
    return found


def _key(name: str, protocol: Protocol) -> str:
    known = names_of(protocol)
    plain = name.lower().replace("-", "_")
    if plain in known:
        return known[plain]
    if plain in METRICS:
        raise GandiagError(
            f"{protocol.name} does not compute {plain}, only {', '.join(protocol.metrics)}; "
            "use --protocol gandiag for it"
        )
    others = [row.name for row in PROTOCOLS.values() if plain in row.metrics]
    if others:
        raise GandiagError(f"{plain} is of --protocol {' or '.join(others)}; name that as well")
    near = closest(plain, protocol.metrics) or closest(plain, known)
    if near is not None:
        raise GandiagError(f"there is no metric {name!r}; did you mean {near}?")
    raise unknown("metric", name, protocol.metrics)


def _with_fields(metric: Metric, part: str) -> Metric:
    """``prdc(k=3)`` => the protocol's own with these parameters changed."""
    _, bracket, fields = part.partition("(")
    # Parts of a layer's name may be numbers, as in blocks.4, which no name of Python's has.
    fields = re.sub(r"=\s*([A-Za-z_]\w*(?:\.\w+)+)(?=\s*[,)])", r"='\1'", fields)
    try:
        # Without the name: "is" is a word of Python's own.
        call = ast.parse(f"_{bracket}{fields}", mode="eval").body
    except SyntaxError:
        call = None
    if not isinstance(call, ast.Call) or call.args:
        raise GandiagError(f"{part!r} is not NAME(FIELD=VALUE, ...), as in prdc(k=3)")
    changed: Metric = _replaced(metric, call)
    return changed


def _replaced(thing: Any, call: ast.Call) -> Any:
    """A frozen dataclass with the fields of ``name(field=value, ...)``."""
    name = getattr(thing, "name", type(thing).__name__)
    given = [keyword.arg for keyword in call.keywords]
    if call.args or not isinstance(call.func, ast.Name) or len({*given}) < len(given):
        raise GandiagError(
            f"{name} takes each parameter once and by name, as in prdc(k=3); "
            f"{ast.unparse(call).removeprefix('_')} does not say so"
        )
    fields = [each.name for each in dataclasses.fields(thing)]
    hints = get_type_hints(type(thing))
    changes: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg not in fields:
            near = closest(str(keyword.arg), fields)
            hint = f"did you mean {near}?" if near else f"it has {', '.join(fields)}"
            raise GandiagError(f"{name} has no parameter {keyword.arg!r}; {hint}")
        changes[keyword.arg] = _value(keyword.value, hints[keyword.arg], f"{keyword.arg} of {name}")
    return dataclasses.replace(thing, **changes)


def _value(node: ast.expr, hint: Any, shown: str) -> Any:
    """A number, a word, none, true, false, or a part such as ``subsets(count=10)``."""
    kinds = get_args(hint) or (hint,)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        for kind in kinds:
            if isinstance(kind, type) and kind.__name__.lower() == node.func.id.lower():
                return _replaced(kind(), node)
    value = _plain(node)
    allowed = tuple(kind for kind in kinds if isinstance(kind, type))
    literal = [each for kind in kinds for each in (get_args(kind) or (kind,))]
    words = [each for each in literal if isinstance(each, str | int)]
    fits = isinstance(value, allowed) or value in words
    if isinstance(value, int) and not isinstance(value, bool) and float in allowed:
        value, fits = float(value), True
    if isinstance(value, bool) and bool not in allowed:
        fits = False
    if not fits:
        ways = [*map(repr, words)] or [_way(kind) for kind in kinds if isinstance(kind, type)]
        raise GandiagError(f"{shown} cannot be {ast.unparse(node)}; give {' or '.join(ways)}")
    return value


def _way(kind: type) -> str:
    return KINDS.get(kind, f"{kind.__name__.lower()}(...)")


def _plain(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=word):
            return {"none": None, "true": True, "false": False}.get(word.lower(), word)
        case _:
            return ast.unparse(node)  # to be told as what it is not
