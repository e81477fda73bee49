"""``gandiag watch``."""

import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.live import Live

from gandiag.cli.helpful import Helpful
from gandiag.cli.params import Names
from gandiag.cli.terminal import printer, say
from gandiag.cli.watch_view import legend, screen, views
from gandiag.errors import GandiagError
from gandiag.live import Run
from gandiag.live.follow import look_at
from gandiag.live.shown import chosen
from gandiag.live.web import Server, Watching
from gandiag.monitors import SIGNALS

EPILOG = """\b
Examples:
  gandiag watch runs/digits                     live, until the run ends or Ctrl-C
  gandiag watch runs/a runs/b runs/c            several
  gandiag watch runs/digits --web               the same as a page in a browser
  gandiag watch runs/digits --once
  gandiag watch runs/digits --signals energy,churn,auc_real_fake
  gandiag watch runs/digits --signals all --once
  gandiag watch --legend                        what the signals mean
"""


@click.command(cls=Helpful, epilog=EPILOG)
@click.argument("runs", metavar="RUN [RUN ...]", nargs=-1)
@click.option("--signals", type=Names(), help="Which to show, or all.")
@click.option("--legend", "explained", is_flag=True, help="Say what the signals mean, and stop.")
@click.option("--once", is_flag=True, help="Show what there is and stop.")
@click.option(
    "--every",
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0.05),
    help="How often to look.",
)
@click.option("--web", is_flag=True, help="Serve a page to this machine alone, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Of --web; default: one that is free.",
)
def watch(
    runs: tuple[str, ...],
    signals: tuple[str, ...] | None,
    explained: bool,
    once: bool,
    every: float,
    web: bool,
    port: int | None,
) -> None:
    """Show the signals and alerts of each running or finished RUN, a folder with a monitor.jsonl.

    What is wrong and not over stays in sight. A run that says nothing for long is told of.
    """
    names = chosen(signals)
    if explained:
        say(legend(names if signals else tuple(SIGNALS)))
        return
    if not runs:
        raise GandiagError("no run is named; give the folder of one, as gandiag watch runs/digits")
    if web and once:
        raise GandiagError("--web goes on until Ctrl-C, --once stops: give one of them")
    if port is not None and not web:
        raise GandiagError("--port is of --web; add it, or leave --port out")
    followed = [Run(each) for each in dict.fromkeys(runs)]
    console = printer()
    live = web or (console.is_terminal and not console.is_dumb_terminal and not once)
    look_at(followed)
    for run in followed:
        # What has a folder and no file yet may still begin.
        if run.trouble and not (live and run.awaited):
            raise GandiagError(run.trouble)
    if web:
        _serve(followed, names, port or 0)
    elif live:
        _follow(followed, names, every, console)
    else:
        say(views(followed, names))


def _follow(runs: Sequence[Run], names: Sequence[str], every: float, console: Console) -> None:
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            # Asked for at each look, for a window may change.
            shown = screen(runs, names, console.width, console.height - 1)
            live.update(shown, refresh=True)
            if all(run.over for run in runs):
                return
            time.sleep(every)
            look_at(runs)


def _serve(runs: Sequence[Run], names: Sequence[str], port: int) -> None:
    server = Server(Watching(runs, names), port)
    say(f"{server.address}\nfor this machine and whoever knows the address; Ctrl-C ends it")
    with server:
        server.serve_forever()
