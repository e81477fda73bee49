"""``--config FILE.toml`` and ``--save-config FILE.toml``: options kept in a file."""

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import tomli_w
from click.core import ParameterSource

from gandiag.errors import GandiagError, unknown
from gandiag.files import write_output
from gandiag.scoring import Options

F = TypeVar("F", bound=Callable[..., Any])

MARK = "# Options for --config of gandiag "
"""How a file that `save_config` wrote begins; no other is written over."""

READ = "gandiag.config"
SAVED = "gandiag.save_config"
"""Where a context keeps the names of the files."""

NOT_KEPT = ("config", "save-config", "help", "json", "html", "per-sample", "output")
"""Options that are not saved: outputs of one run would be replaced by the next."""

NOT_READ = ("config", "save-config", "help")

RANGES = [
    each.name for each in dataclasses.fields(Options) if each.metadata.get("least") is not None
]
"""Options that have a lowest value."""


def configured(*, save: bool = True) -> Callable[[F], F]:
    """Add ``--config FILE`` and, if asked, ``--save-config FILE``."""

    def decorate(command: F) -> F:
        if save:
            command = click.option(
                "--save-config",
                metavar="FILE.toml",
                expose_value=False,
                callback=_remember,
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

    return decorate


def saved_to(ctx: click.Context) -> str | None:
    """What ``--save-config`` names.

    Raises:
        GandiagError: a file of another kind is there.
    """
    name: str | None = ctx.meta.get(SAVED)
    if name is None or name == ctx.meta.get(READ):
        return name
    path = Path(name)
    try:
        ours = not path.is_file() or path.read_bytes().startswith(MARK.encode())
    except OSError as error:
        raise GandiagError(
            f"cannot read {name}: {error.strerror or error}; name another file"
        ) from error
    if not ours:
        raise GandiagError(
            f"{name} is there and was not written by --save-config; name another file"
        )
    return name


def save_config(ctx: click.Context) -> None:
    """Write the options that were chosen, if the command line asks for it.

    Raises:
        GandiagError: the file cannot be written, or is of another kind.
    """
    name = saved_to(ctx)
    if name is None:
        return
    chosen: dict[str, Any] = {}
    for key, option in _options(ctx.command).items():
        source = ctx.get_parameter_source(str(option.name))
        value = ctx.params.get(str(option.name))
        typed = source in (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)
        if typed and key not in NOT_KEPT and value is not None:
            # A --no- flag is kept as it is typed.
            chosen[key] = not value if key.startswith("no-") else _plain(value)
    text = f"{MARK}{ctx.info_name}\n{tomli_w.dumps(chosen)}"
    write_output(Path(name), text.encode())


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[SAVED] = value


def _load(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    ctx.meta[READ] = value
    known = _options(ctx.command)
    chosen: dict[str, Any] = {}
    for key, given in _read(value).items():
        plain = key.replace("_", "-")
        if plain not in known or plain in NOT_READ:
            names = [each for each in known if each not in NOT_READ]
            raise GandiagError(f"{value}: {unknown('option', key, names)}")
        option = known[plain]
        name = str(option.name)
        chosen[name] = _checked(ctx, option, given, f"{value}: {key}")
        if name in RANGES:
            try:
                Options(**{name: given})
            except GandiagError as error:
                raise GandiagError(f"{value}: {error}") from error
    ctx.default_map = {**(ctx.default_map or {}), **chosen}


def _read(name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(Path(name).read_bytes().decode())
    except OSError as error:
        raise GandiagError(
            f"cannot read {name}: {error.strerror or error}; name a file of options"
        ) from error
    except ValueError as error:
        raise GandiagError(f"{name} is no TOML: {error}; write lines such as seed = 1") from error


def _checked(ctx: click.Context, option: click.Option, given: Any, where: str) -> Any:
    """What a file gives, as click takes it from a command line.

    Raises:
        GandiagError: it is of another type.
    """
    if option.name == "metrics" and isinstance(given, list):
        given = ",".join(given) if all(isinstance(each, str) for each in given) else given
    plural = option.multiple or option.nargs != 1
    each = given if plural and isinstance(given, list) else [given]
    if option.is_flag:
        fits = isinstance(given, bool)
    elif plural != isinstance(given, list):
        fits = False
    else:
        numbers = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
        kind = int | float if numbers else str | int | float
        fits = all(isinstance(one, kind) and not isinstance(one, bool) for one in each)
    if not fits:
        kind_text = "true or false" if option.is_flag else _kind(option)
        raise GandiagError(f"{where} is {given!r}; give {kind_text}")
    try:
        option.type_cast_value(ctx, tuple(each) if plural else given)
    except click.UsageError as error:
        raise GandiagError(f"{where} is {given!r}: {error.message.rstrip('.')}") from error
    return tuple(each) if plural else given


def _kind(option: click.Option) -> str:
    number = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
    one = "a number" if number else "a text in quotes"
    return f"a list in brackets, each {one}" if option.multiple or option.nargs != 1 else one


def _options(command: click.Command) -> dict[str, click.Option]:
    """``no-cache`` => its option."""
    return {
        flag.removeprefix("--"): each
        for each in command.params
        if isinstance(each, click.Option)
        for flag in each.opts
        if flag.startswith("--")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | float) else str(value)
