"""Statistics on disk: one npz a source, without pickle, readable by pytorch-fid and clean-fid."""

import json
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from gandiag.errors import GandiagError
from gandiag.files import atomic_write
from gandiag.statistics.bank import Bank
from gandiag.statistics.base import Statistic
from gandiag.statistics.hashes import Hashes
from gandiag.statistics.moments import Moments

SCHEMA = 1
HEADER = "gandiag"
PUBLISHED = {"features/moments": ("mu", "sigma"), "spatial/moments": ("mu_s", "sigma_s")}
"""The moments of a plain file, and the arrays that hold them; the second are ADM's, for sFID."""
INDEFINITE = 1e-4  # of the norm; rounding a covariance to float32 makes eigenvalues of -1e-6 of it
LARGE = 1 << 26
PACKED = 100
"""A member of more than `LARGE` bytes that was packed by more than this is taken for a trap:
features and covariances hardly pack."""
DAMAGED = (zipfile.BadZipFile, zlib.error, tokenize.TokenError)

STATISTICS: Mapping[str, type[Statistic]] = MappingProxyType(
    {statistic.kind: statistic for statistic in (Moments, Bank, Hashes)}
)
"""Kind, as it stands in a file => the statistic."""


@dataclass(frozen=True)
class SavedStatistics:
    """What one file holds."""

    statistics: Mapping[str, Statistic]
    """By ``layer/kind``, e.g. ``pool3/moments``."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Where they come from, in values that JSON has; empty for a plain `mu, sigma` file."""


def save_statistics(path: Path, saved: SavedStatistics) -> None:
    """Write `saved` to an npz file, whole or not at all.

    The arrays of a statistic are named ``layer/kind/array``, ``gandiag`` is a JSON string with the
    schema's version and `meta`. With exactly one `Moments` there are also `mu` and `sigma`, so
    that pytorch-fid, clean-fid and TTUR can read the file.

    Raises:
        GandiagError: a key that is not ``layer/kind``, an array of Python objects (it would have to
            be pickled), or the file cannot be written.
    """
    header = json.dumps({"schema": SCHEMA, "meta": saved.meta}, allow_nan=False)
    arrays: dict[str, NDArray[np.generic]] = {HEADER: np.array(header)}
    for key, statistic in saved.statistics.items():
        layer, _, kind = key.rpartition("/")
        if not layer or kind != statistic.kind:
            raise GandiagError(f"{key!r} is no name for {statistic.kind}; use LAYER/KIND")
        arrays |= {f"{key}/{name}": array for name, array in statistic.arrays().items()}
    moments = [value for value in saved.statistics.values() if isinstance(value, Moments)]
    if len(moments) == 1:
        arrays["mu"] = moments[0].mean.cpu().numpy()
        arrays["sigma"] = moments[0].covariance.cpu().numpy()
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise GandiagError(
                f"cannot write {name} to {path}: it holds Python objects, no numbers"
            )
    with atomic_write(path) as file:
        # Nothing else may be said here: numpy below 2.2 takes `allow_pickle` for an array's name.
        write: Callable[..., None] = np.savez
        write(file, **arrays)


def load_statistics(path: Path) -> SavedStatistics:
    """Read a file of `save_statistics`, or a plain `mu, sigma` file (TTUR, pytorch-fid, clean-fid).

    A plain file does not say which layer it is of, or of how many images: its moments come under
    ``features/moments`` with `n` None, and those of `mu_s, sigma_s` (ADM's reference files) under
    ``spatial/moments``. What else a plain file holds, such as images, is not read.

    Raises:
        GandiagError: the file cannot be read, holds pickled objects, is not such a file, or has an
            array that would unpack to far more than its file. The sentence names the file.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, NpzFile):
            raise GandiagError("it holds a single array; an npz file is wanted")
        with file:
            if HEADER in file.files:
                return _own(file)
            if "mu" in file.files and "sigma" in file.files:
                return _published(file)
            raise GandiagError(
                f"it holds {', '.join(file.files[:5]) or 'nothing'}, and neither gandiag's "
                "statistics nor mu and sigma"
            )
    except OSError as error:
        raise GandiagError(f"cannot read {path}: {error.strerror or error}") from error
    except GandiagError as error:
        reason = str(error)
    except MemoryError:
        reason = "it claims to hold more than memory does"
    except (ValueError, TypeError, KeyError, EOFError, RuntimeError, *DAMAGED):
        # numpy's own message recommends to load it unsafely.
        reason = "it is damaged, or holds pickled objects, which are never read"
    raise GandiagError(f"{path} is no statistics file: {reason}")


def describe_statistics(path: Path) -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """What a file holds, ``layer/kind`` each, and its `meta`; no array of numbers is read.

    Of a plain file there is nothing to say.

    Raises:
        GandiagError: as `load_statistics`.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if HEADER not in file.files:
                return (), {}
            _shape(file, HEADER)
            meta = json.loads(str(file[HEADER][()]))["meta"]
            keys = {name.rpartition("/")[0] for name in file.files if "/" in name}
            return tuple(sorted(keys)), meta if isinstance(meta, dict) else {}
    except OSError as error:
        raise GandiagError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, RuntimeError, *DAMAGED):
        raise GandiagError(f"{path} is no statistics file: it is damaged") from None


def _shape(file: NpzFile, name: str) -> tuple[int, ...]:
    """From the header of an array that may be read: neither a trap nor pickled.

    Raises:
        ValueError: it is damaged, or holds Python objects.
        GandiagError: it would unpack to far more than it takes.
    """
    assert file.zip is not None  # while it is open
    members = [each for each in file.zip.infolist() if each.filename in (name, f"{name}.npy")]
    if len(members) != 1:
        raise GandiagError(f"it holds {name} {len(members)} times, so that it is not clear which")
    (info,) = members
    if info.file_size > LARGE and info.file_size > PACKED * info.compress_size:
        raise GandiagError(
            f"{name} would unpack from {info.compress_size:,} to {info.file_size:,} bytes, which "
            "no statistics do; compute them anew"
        )
    with file.zip.open(info) as member:
        version = np.lib.format.read_magic(member)
        read = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}[version]
        shape, _, dtype = read(member)
        if dtype.hasobject or member.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
            raise ValueError(f"{name} is not what its header says")
    return tuple(shape)


def _own(file: NpzFile) -> SavedStatistics:
    for name in file.files:
        _shape(file, name)
    header = json.loads(str(file[HEADER][()]))
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise GandiagError("another version of gandiag wrote it; compute the statistics anew")
    meta = header.get("meta", {})
    if not isinstance(meta, dict):
        raise GandiagError(
            f"its description is no object but {meta!r:.40}; compute the statistics anew"
        )
    arrays: dict[str, dict[str, NDArray[np.generic]]] = {}
    for name in file.files:
        if name not in (HEADER, "mu", "sigma"):
            key, _, array = name.rpartition("/")
            arrays.setdefault(key, {})[array] = file[name]
    unknown = {key for key in arrays if key.rpartition("/")[2] not in STATISTICS}
    if unknown:
        raise GandiagError(f"it holds {min(unknown)!r}, which this version does not know")
    statistics = {
        key: STATISTICS[key.rpartition("/")[2]].restore(value) for key, value in arrays.items()
    }
    return SavedStatistics(statistics, meta)


def _published(file: NpzFile) -> SavedStatistics:
    return SavedStatistics(
        {
            key: _plain_moments(file, mu, sigma)
            for key, (mu, sigma) in PUBLISHED.items()
            if mu in file.files and sigma in file.files
        }
    )


def _plain_moments(file: NpzFile, mu_name: str, sigma_name: str) -> Moments:
    shapes = _shape(file, mu_name), _shape(file, sigma_name)
    if len(shapes[0]) != 1 or shapes[1] != shapes[0] * 2:
        raise GandiagError(
            f"{mu_name} and {sigma_name} must be (width,) and (width, width), got shapes "
            f"{shapes[0]} and {shapes[1]}"
        )
    mu, sigma = file[mu_name], file[sigma_name]
    if mu.dtype.kind != "f" or sigma.dtype.kind != "f":
        raise GandiagError(
            f"{mu_name} and {sigma_name} must be floats, got {mu.dtype} and {sigma.dtype}"
        )
    moments = Moments.from_published(
        torch.from_numpy(mu.astype(np.float64)), torch.from_numpy(sigma.astype(np.float64))
    )
    slack = INDEFINITE * moments.scatter.norm() + torch.finfo(torch.float64).tiny
    _, failed = torch.linalg.cholesky_ex(moments.scatter + slack * torch.eye(moments.width))
    if failed:
        raise GandiagError(f"{sigma_name} has a negative eigenvalue, so it is no covariance matrix")
    return moments
