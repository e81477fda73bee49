"""Options that several verbs share, so that they read and mean the same everywhere."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gandiag.metrics import METRICS
from gandiag.scoring.protocols import PROTOCOLS

F = TypeVar("F", bound=Callable[..., Any])


class Names(click.ParamType[tuple[str, ...]]):
    """``fid,kid``: names from a table, separated by commas."""

    name = "NAME[,NAME...]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split; unknown names are reported where the table is known."""
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def extraction(command: F) -> F:
    """Which network, which numbers, which images, on which device."""
    for option in reversed(
        (
            click.option(
                "--features",
                metavar="NAME|FILE",
                help="inception, lite0, dinov2, vgg16, pixels, timm:NAME, digits, fashion-mnist, "
                "stacked-digits, stacked-fashion-mnist, or a classifier's file; for points "
                "identity. The default is the protocol's own.",
            ),
            click.option(
                "--metrics",
                type=Names(),
                help=f"{', '.join(METRICS)}, or all; the default is the protocol's own.",
            ),
            click.option(
                "--protocol",
                default="gandiag",
                show_default=True,
                metavar="NAME",
                help=f"Give the numbers of a published tool: {', '.join(PROTOCOLS)}.",
            ),
            click.option(
                "--max-images",
                type=click.IntRange(min=1),
                metavar="N",
                help="Use N images of each source, drawn without replacement.",
            ),
            click.option("--seed", default=0, show_default=True, metavar="S", help="Of that draw."),
            click.option(
                "--device", metavar="D", help="cpu, cuda, cuda:N or mps; the default is the best."
            ),
            click.option(
                "--precision",
                type=click.Choice(["fp32", "tf32", "bf16"]),
                default="fp32",
                show_default=True,
                help="Of the network; published numbers are fp32.",
            ),
            click.option(
                "--batch-size",
                type=click.IntRange(min=1),
                default=32,
                show_default=True,
                metavar="N",
                help="Images through the network at once.",
            ),
            click.option(
                "--on-bad-image",
                type=click.Choice(["fail", "skip"]),
                default="fail",
                show_default=True,
                help="An image that cannot be read ends the run, or is left out and reported.",
            ),
            click.option(
                "--allow-unverified",
                is_flag=True,
                help="Accept weights with another digest than the published one; scores say so.",
            ),
        )
    ):
        command = option(command)
    return command
