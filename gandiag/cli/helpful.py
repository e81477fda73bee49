"""What people type out of habit with other tools => what gandiag has for it."""

from collections.abc import Mapping

import click

from gandiag.errors import closest

FOREIGN: Mapping[str, str] = {
    "--num-workers": "--workers N",
    "--dims": 'another layer: --metrics "fid(layer=pool1)" for 64, pool2 for 192, '
    "--features inception for 2048",
    "--save-stats": "gandiag stats SRC -o FILE.npz",
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


class Helpful(click.Command):
    """A command whose errors know what was meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, but for what it does not know."""
        ctx.allow_extra_args = True
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            ours = foreign(error.option_name)
            if ours is not None:
                raise click.UsageError(
                    f"No such option {error.option_name}; use {ours}", ctx
                ) from error
            raise
        if ctx.args and not ctx.resilient_parsing:
            raise click.UsageError(self.unexpected(ctx, ctx.args[0]), ctx)
        return rest

    def unexpected(self, ctx: click.Context, word: str) -> str:
        """The sentence for one argument too many."""
        if any("--real" in each.opts for each in self.params):
            first = ctx.params.get("fake")
            return (
                f"Unexpected {word!r}: the real images are named by --real; "
                f"gandiag {ctx.info_name} {first} --real {word}"
            )
        return f"Unexpected argument {word!r}"


def foreign(option: str) -> str | None:
    """Ours for ``--num_workers``, if another tool has that."""
    return FOREIGN.get("--" + option.lstrip("-").lower().replace("_", "-"))


def no_verb(name: str, verbs: Mapping[str, str]) -> str:
    """The sentence for a verb that is none."""
    near = closest(name, verbs)
    hint = f"did you mean {near}?" if near else f"choose from {', '.join(verbs)}"
    return f"There is no verb {name!r}; {hint}"
