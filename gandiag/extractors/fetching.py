"""Downloading weight files, when asked to: the one place where extractors touch the network."""

import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

import torch

from gandiag.errors import GandiagError
from gandiag.extractors import clip, dinov2
from gandiag.extractors.timm_models import PREFIX, hub_names, in_torch_hub, on_disk, published
from gandiag.extractors.weights import WEIGHTS, Weights, weights_folder
from gandiag.files import BLOCK, sha256
from gandiag.state_dicts import first_line

NETWORKS = {"dinov2": dinov2.NETWORK, "clip": clip.NETWORK}
"""Those of timm's that have a name of their own."""

TIMEOUT = 30.0
TRIES = 5

Tell = Callable[[int, int], None]


def fetch_weights(
    name: str, *, tell: Tell = lambda _done, _total: None, folder: Path | None = None
) -> Path:
    """Download a row of `WEIGHTS`, or the weights of ``dinov2``, ``clip`` or ``timm:NAME``.

    Of a row the bytes gather in a file ``NAME.part`` beside the target, which takes its name only
    when the digest is right; with a wrong digest it is removed. An earlier try that was cut off is
    gone on with. Each address is tried in turn, and again after a broken connection as long as that
    brings bytes.

    timm's weights go to the cache folder of the hub's client, or of torch for the few that timm
    keeps elsewhere, where timm looks for them too. Nothing pins their content; the extractor's
    provenance has the digest of what came.

    Args:
        name: the row, ``dinov2``, ``clip``, or ``timm:NAME``.
        tell: called with the bytes that are here and the bytes in all.
        folder: where to; `weights_folder()` if not given. It is not for timm's.

    Returns:
        Where the file is.

    Raises:
        GandiagError: no such row or network, no address answers, what came has a wrong digest, or
            the disk cannot be written.
    """
    if name in NETWORKS or name.startswith(PREFIX):
        return _of_timm(NETWORKS.get(name, name.removeprefix(PREFIX)), tell)
    if name not in WEIGHTS:
        known = ", ".join((*WEIGHTS, *NETWORKS))
        raise GandiagError(f"{name!r} is no known weights file; known are {known} and timm:NAME")
    row = WEIGHTS[name]
    if not row.urls:
        raise GandiagError(f"{name} is not fetched: {row.source}")
    target = (weights_folder() if folder is None else folder) / row.files[0]
    if target.is_file() and row.sha256 == sha256(target):
        return target
    part = target.with_name(target.name + ".part")
    failures = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for url in row.urls:
            failure = _from(url, row, part, tell)
            if failure is None:
                part.replace(target)
                return target
            failures.append(f"{url}: {failure}")
    except OSError as error:
        raise GandiagError(
            f"cannot write {part}: {error.strerror or error}; free space there, or point "
            f"GANDIAG_WEIGHTS at another folder"
        ) from error
    raise GandiagError(
        f"could not fetch {name} ({'; '.join(failures)}): fetch the file by other means and run "
        f"`gandiag weights import FILE`, or score with --features lite0"
    )


def _of_timm(network: str, tell: Tell) -> Path:
    """The hub's own client does the work, and goes on where it was cut off."""
    import huggingface_hub

    config = published(network)
    path = on_disk(config)
    try:
        if path is None and config.hf_hub_id:
            # Fail at once where the hub cannot be reached: its client would try for 46 seconds.
            request = urllib.request.Request(huggingface_hub.constants.ENDPOINT, method="HEAD")
            with contextlib.suppress(urllib.error.HTTPError):  # an answer of any kind will do
                urllib.request.urlopen(request, timeout=10).close()
            path = Path(huggingface_hub.hf_hub_download(config.hf_hub_id, hub_names(config)[0]))
        elif path is None:
            path = in_torch_hub(config)
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(config.url, str(path), progress=False)
    except Exception as error:  # the client and the network below it raise of every kind
        raise GandiagError(
            f"could not fetch the weights of {network} ({first_line(error)}): fetch them where "
            f"there is a network and copy the hub's cache folder here, or use --features lite0"
        ) from error
    size = path.stat().st_size
    tell(size, size)
    return path


class _UnreachableError(Exception):
    """An address does not give the file at all."""


class _BrokenError(Exception):
    """The connection ended while bytes were coming; another may bring the rest."""


def _from(url: str, row: Weights, part: Path, tell: Tell) -> str | None:
    """Bring `part` to completion from one address; None when it is whole, else what went wrong."""
    stalled = 0
    why = "no bytes came"
    while stalled < TRIES:
        start = part.stat().st_size if part.exists() else 0
        try:
            if not row.size or start != row.size:
                _append(url, row, part, start, tell)
        except _UnreachableError as error:
            return str(error)
        except _BrokenError as error:
            why = str(error)
            stalled = 0 if part.stat().st_size > start else stalled + 1
            continue
        digest = sha256(part)
        if row.sha256 == digest:
            return None
        part.unlink()
        why = f"what came has a SHA-256 that begins {digest[:16]}, not {row.sha256[:16]}"
        if not start:
            return why
        stalled += 1  # What was there before may have spoilt it: once more, from nothing.
    return why


def _append(url: str, row: Weights, part: Path, start: int, tell: Tell) -> None:
    """Add what the server has after `start` bytes, to the end.

    Where the size is not known the server's word is taken; the digest tells the rest.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "gandiag"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if start and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # Nothing is left to send; the digest tells whether that is so.
        raise _UnreachableError(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _UnreachableError(_reason(error)) from error
    with response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        done = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length is not None else row.size
        if row.size and total != row.size:
            # A login page of a network answers like this; keep what is there.
            raise _UnreachableError(f"it offers {total} bytes where the file has {row.size}")
        with part.open("ab" if resumed else "wb") as file:
            tell(done, total)
            while block := _read(response):
                file.write(block)
                done += len(block)
                tell(done, total)
    if done < total:
        raise _BrokenError(f"the connection ended after {done} of {total} bytes")


def _read(response: IO[bytes]) -> bytes:
    # Told apart here from an error in writing, which no other connection mends.
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__
