"""The options of `gandiag.Options` as the command line's."""

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import click

from gandiag.cli.config import configured
from gandiag.cli.terminal import quietly
from gandiag.scoring import Options

F = TypeVar("F", bound=Callable[..., Any])


def of_options(*, without: Collection[str] = ()) -> Callable[[F], F]:
    """The fields of `Options` that have a help text, as options of a command."""
    hints = get_type_hints(Options)
    fields = [each for each in dataclasses.fields(Options) if "help" in each.metadata]

    def decorate(command: F) -> F:
        for each in reversed(fields):
            if each.name not in without:
                command = _option(each.name, each.default, hints[each.name], each.metadata)(command)
        return configured()(quietly()(command))

    return decorate


def _option(name: str, default: Any, hint: Any, told: Mapping[str, Any]) -> Callable[[F], F]:
    flag = "--" + name.replace("_", "-")
    shared = {"help": told["help"], "metavar": told["metavar"]}
    if hint is bool and default:
        # What is on unless it is put out: cache => --no-cache. A callback, for what a flag's
        # `flag_value` and `default` mean together is another thing in click 8.1, 8.2 and 8.3.
        out = flag.replace("--", "--no-", 1)
        return click.option(out, name, is_flag=True, help=told["help"], callback=inverted)
    if hint is bool:
        return click.option(flag, is_flag=True, help=told["help"])
    if told["choices"]:
        kind: Any = click.Choice(list(told["choices"]))
        return click.option(flag, type=kind, default=default, show_default=True, help=told["help"])
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if any(get_origin(each) is tuple for each in kinds):
        return click.option(flag, type=float, nargs=2, default=default, **shared)
    # Its range is checked by `Options`, in one sentence.
    kind = int if told["least"] is not None else str
    return click.option(
        flag, type=kind, default=default, show_default=default is not None, **shared
    )


def inverted(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """What a ``--no-`` flag puts out."""
    return not value
