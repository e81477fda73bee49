"""What people type out of habit with other tools => what gandiag has for it."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import click

from gandiag.errors import closest

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")

FOREIGN: Mapping[str, str] = {
    "--num-workers": "--workers N",
    "--dims": 'another layer: --metrics "fid(layer=pool1)" for 64, pool2 for 192, '
    "--features inception for 2048",
    "--save-stats": "gandiag stats SRC -o FILE.npz",
    "--batch": "--batch-size N",
    "--bs": "--batch-size N",
    "--resolution": "--protocol NAME, which says the resize; images may be of any size",
    "--normalize": "--value-range 0 1",
    "--verbose": "what there is: progress is shown unless --quiet says otherwise",
    "--silent": "--quiet",
    "--no-progress": "--quiet",
    "--json-out": "--json FILE",
    "--gpu": "--device cuda:0",
    "--cuda": "--device cuda",
    "--cpu": "--device cpu",
    "--input1": "the first argument: gandiag score FAKE --real REAL",
    "--input2": "--real REAL",
    "--fake": "the first argument: gandiag score FAKE --real REAL",
    "--fdir1": "the first argument: gandiag score FAKE --real REAL",
    "--fdir2": "--real REAL",
    "--gen": "the first argument: gandiag score FAKE --real REAL",
    "--reference": "--real REAL",
    "--ref": "--real REAL",
    "--isc": "--metrics is",
    "--fid": "--metrics fid",
    "--kid": "--metrics kid",
    "--prc": "--metrics precision,recall",
    "--mode": "--protocol clean-fid",
    "--model-name": "--features NAME",
    "--feature-extractor": "--features NAME",
    "--num-gen": "--max-images N",
    "--num-samples": "--max-images N",
    "--samples-shuffle": "--seed S; --max-images N draws at random",
    "--cov": "--metrics coverage",
    "--threshold": "--fail-above NAME=VALUE",
    "--out": "--json FILE or --html FILE",
    "--output": "--json FILE or --html FILE",
}
"""Option of another tool -> ours."""


TOOLS: Mapping[str, str] = {
    "pytorch-fid": "pytorch-fid",
    "fidelity": "torch-fidelity",
    "torch-fidelity": "torch-fidelity",
    "clean-fid": "clean-fid",
    "cleanfid": "clean-fid",
    "torchmetrics": "torchmetrics",
    "dgm-eval": "dgm-eval",
    "calc-metrics": "stylegan",
}
"""Command of another tool -> the protocol of `gandiag score` that gives its numbers."""

MEANT: Mapping[str, str] = {
    "eval": "score", "evaluate": "score", "metrics": "score", "fid": "score", "kid": "score",
    "is": "score", "prdc": "score", "diff": "compare", "monitor": "watch", "download": "weights",
    "fetch": "weights", "fit": "train", "help": "--help", "version": "--version",
}  # fmt: skip
"""What people call a verb -> its name."""


class Helpful(click.Command):
    """A command whose errors know what was meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, but for what it does not know."""
        ctx.allow_extra_args = True
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            typed = (word.partition("=")[0] for word in given)
            told = {option: ours for option in typed if (ours := self.ours(option)) is not None}
            if told:
                raise click.UsageError(
                    f"No such option {', '.join(told)}; use {', '.join(told.values())}", ctx
                ) from error
            raise
        if ctx.args and not ctx.resilient_parsing:
            raise click.UsageError(self.unexpected(ctx, ctx.args[0]), ctx)
        return rest

    def ours(self, option: str) -> str | None:
        """What this command has for an option of another tool; None for its own."""
        known = {name for each in self.params for name in (*each.opts, *each.secondary_opts)}
        found = foreign(option) if option.startswith("--") and option not in known else None
        if found is None or not {*OPTION.findall(found)} <= known:
            return None
        return found

    def unexpected(self, ctx: click.Context, word: str) -> str:
        """The sentence for one argument too many."""
        if any("--real" in each.opts for each in self.params):
            first = ctx.params.get("fake")
            return (
                f"Unexpected {word!r}: the real images are named by --real; "
                f"gandiag {ctx.info_name} {first} --real {word}"
            )
        return f"Unexpected argument {word!r}"


class HelpfulGroup(click.Group):
    """A group of such commands."""

    command_class = Helpful

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; the nearest name is told, which click before 8.4 leaves out."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = closest(args[0], self.commands)
            hint = f"did you mean {near}?" if near else f"choose from {', '.join(self.commands)}"
            raise click.UsageError(f"There is no verb {args[0]!r} of {ctx.info_name}; {hint}", ctx)
        return super().resolve_command(ctx, args)


def foreign(option: str) -> str | None:
    """Ours for ``--num_workers``, if another tool has that."""
    return FOREIGN.get("--" + option.lstrip("-").lower().replace("_", "-"))


def no_verb(name: str, verbs: Mapping[str, str], more: Sequence[str] = ()) -> str:
    """The sentence for a verb that is none.

    Args:
        name: what was typed for it.
        verbs: those that are.
        more: what was typed after it.
    """
    plain = name.lower().removesuffix(".py").replace("_", "-")
    if plain in TOOLS:
        sets = dict(pairwise(more))
        words = [each for each in more if not each.startswith("-")]
        fake, real = (*words, "FAKE", "REAL")[:2] if len(words) > 1 else ("FAKE", "REAL")
        fake, real = sets.get("--input1", fake), sets.get("--input2", real)
        return (
            f"There is no verb {name!r}; its numbers come by gandiag score {fake} --real {real} "
            f"--protocol {TOOLS[plain]}"
        )
    near = MEANT.get(plain) or closest(name, verbs)
    hint = f"did you mean {near}?" if near else f"choose from {', '.join(verbs)}"
    return f"There is no verb {name!r}; {hint}"
