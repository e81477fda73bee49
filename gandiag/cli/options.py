"""The options of `gandiag.Options` as the command line's, and what is kept of them in a file."""

import dataclasses
import tomllib
import types
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import click
import tomli_w

from gandiag.errors import GandiagError, unknown
from gandiag.files import atomic_write
from gandiag.scoring import Options

F = TypeVar("F", bound=Callable[..., Any])

KEPT_OUT = ("config", "save_config", "help")
"""Options that a configuration file does not hold."""


class Names(click.ParamType):
    """``fid,kid``: names from a table, separated by commas."""

    name = "NAME[,NAME...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split; unknown names are reported where the table is known."""
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def of_options(*, without: Collection[str] = ()) -> Callable[[F], F]:
    """The fields of `Options` that have a help text, as options of a command."""
    hints = get_type_hints(Options)
    fields = [each for each in dataclasses.fields(Options) if "help" in each.metadata]

    def decorate(command: F) -> F:
        for each in reversed(fields):
            if each.name not in without:
                command = _option(each.name, each.default, hints[each.name], each.metadata)(command)
        return configured(command)

    return decorate


def _option(name: str, default: Any, hint: Any, told: Mapping[str, Any]) -> Callable[[F], F]:
    flag = "--" + name.replace("_", "-")
    shared = {"help": told["help"], "metavar": told["metavar"]}
    if hint is bool:
        shown = {"help": told["help"], "is_flag": True}
        if default:
            # What is on unless it is put out: cache => --no-cache.
            return click.option(
                flag.replace("--", "--no-"), name, flag_value=False, default=True, **shown
            )
        return click.option(flag, **shown)
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


def configured(command: F) -> F:
    """Add ``--config FILE`` and ``--save-config FILE``."""
    command = click.option(
        "--save-config",
        metavar="FILE.toml",
        expose_value=False,
        callback=_save,
        help="Keep what was chosen here in a file for --config.",
    )(command)
    return click.option(
        "--config",
        metavar="FILE.toml",
        is_eager=True,
        expose_value=False,
        callback=_load,
        help="Take options from a file; what stands on the command line goes first.",
    )(command)


def _load(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    try:
        found = tomllib.loads(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise GandiagError(
            f"cannot read {value}: {error.strerror or error}; name a file"
        ) from error
    except ValueError as error:
        raise GandiagError(f"{value} is no TOML: {error}; write lines such as seed = 1") from error
    names = _names(ctx.command)
    for key in found:
        if key.replace("-", "_") not in names:
            raise GandiagError(f"{value}: {unknown('option', key, [*names])}")
    ctx.default_map = {names[key.replace("-", "_")]: each for key, each in found.items()}


def _names(command: click.Command) -> dict[str, str]:
    """As a file has them (``no_cache``) => as click has them (``cache``)."""
    found = {}
    for each in command.params:
        if isinstance(each, click.Option) and each.name not in KEPT_OUT:
            for flag in each.opts:
                if flag.startswith("--"):
                    found[flag.removeprefix("--").replace("-", "_")] = str(each.name)
    return found


def _save(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.call_on_close(lambda: None)
        ctx.meta["gandiag.save_config"] = value


def save_config(ctx: click.Context) -> None:
    """Write the options that differ from their defaults, if the command line asks for it."""
    path = ctx.meta.get("gandiag.save_config")
    if path is None:
        return
    given = {}
    by_name = {name: key for key, name in _names(ctx.command).items()}
    for each in ctx.command.params:
        value = ctx.params.get(str(each.name))
        if each.name in by_name and value is not None and value != each.default:
            given[by_name[str(each.name)].replace("_", "-")] = value
    with atomic_write(Path(path)) as file:
        tomli_w.dump({key: _plain(each) for key, each in given.items()}, file)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
