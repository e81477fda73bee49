"""The command line: a file a verb, and one place where an error becomes a sentence."""

import contextlib
import sys
import warnings
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from gandiag.errors import GandiagError

VERBS = {
    "score": "Score generated images against real ones.",
    "compare": "Say which of several sets is better, and how certain that is.",
    "stats": "Save reference statistics, to be used again.",
    "train": "Train a reference model, watched live.",
    "reproduce": "Run published experiments again: their numbers, ours, a verdict.",
    "latent": "Look at a generator through its latents: paths, truncation.",
    "explain": "Say what a metric, a warning or an alert means.",
    "watch": "Show the signals and alerts of runs, live; --web as a page.",
    "report": "Write a page of a run, or of scores that were kept.",
    "weights": "List, fetch, import and verify network weights.",
    "cache": "List and clear what is kept of real images.",
    "demo": "The whole story in about a minute, offline.",
}
"""Verb -> its line in `gandiag --help`; `gandiag.cli.VERB` holds a command of that name."""

AGAIN = {
    "score": "the same command begins again; statistics of real images that were read are kept",
    "compare": "the same command begins again; statistics of real images that were read are kept",
    "stats": "the same command begins again",
    "latent": "the same command begins again",
    "reproduce": "with --all the same command goes on with what is not there yet",
    "watch": "the run goes on; the same command shows it again",
    "report": "the same command begins again",
    "weights": "the same command goes on where it stopped",
    "demo": "the same command begins again",
}
"""Verb -> how to go on after an interruption; `train` names its own command."""


class Verbs(click.Group):
    """Verbs are imported when they are used, so that `gandiag --help` does not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb's command, or None."""
        if name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"gandiag.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a verb that is none is told with the nearest that is."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from gandiag.cli.helpful import no_verb

            raise click.UsageError(no_verb(args[0], VERBS, args[1:]), ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs with their lines, without importing any; and the options of all."""
        verbs = (CompletionItem(verb, help=line) for verb, line in VERBS.items())
        found = [each for each in verbs if each.value.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line a verb, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  gandiag demo
  gandiag score samples/ --real data/
  gandiag compare a/ b/ --real data/
  gandiag score samples.npz --real dataset:fashion-mnist:test --features lite0

\b
Completion of what is typed, in ~/.bashrc (or zsh, fish):
  eval "$(_GANDIAG_COMPLETE=bash_source gandiag)"
""",
)
@click.version_option(package_name="gandiag")
def cli() -> None:
    """Evaluate generative adversarial networks: numbers that can be trusted."""


def main() -> None:
    """Run the command line; bad input ends in one sentence on standard error and exit code 2."""
    from gandiag.cli.terminal import mute, speak_plainly

    # Pillow warns of damaged metadata in files that it reads all the same.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    speak_plainly()
    try:
        cli.main(standalone_mode=False)
        if sys.stdout is None:
            fail("standard output is closed; leave it open to see what is printed")
    except GandiagError as error:
        fail(str(error))
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            again = AGAIN.get(next(iter(sys.argv[1:]), ""))
            click.echo(f"gandiag: stopped{f'; {again}' if again else ''}", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (`gandiag ... | head`): nothing to say, no one to say
        # it to; as a shell has it for a program that the signal of it ended.
        mute()
        sys.exit(141)
    except OSError as error:
        mute()
        where = "standard output" if error.filename is None else str(error.filename)
        fail(f"{where}: {error.strerror or error}; see to it, or name another place")


def fail(sentence: str) -> None:
    """Say what is wrong and end with exit code 2."""
    if not sentence.replace("\n", "").isprintable():  # a name that a terminal would obey
        from gandiag.sources.naming import display

        sentence = "\n".join(map(display, sentence.split("\n")))
    with contextlib.suppress(OSError):
        click.echo(f"gandiag: {sentence}", err=True)
    sys.exit(2)
