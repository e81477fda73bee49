"""Statistics on disk: one npz a source, without pickle, readable by pytorch-fid and clean-fid."""

import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gandiag.errors import GandiagError
from gandiag.files import atomic_write
from gandiag.statistics.bank import Bank
from gandiag.statistics.base import Statistic
from gandiag.statistics.hashes import Hashes
from gandiag.statistics.moments import Moments

SCHEMA = 1
HEADER = "gandiag"
PUBLISHED = "features/moments"
DAMAGED = (zipfile.BadZipFile, zlib.error, tokenize.TokenError)

STATISTICS: Mapping[str, type[Statistic]] = MappingProxyType(
    {statistic.kind: statistic for statistic in (Moments, Bank, Hashes)}
)


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
        GandiagError: a key that is not ``layer/kind``, or the file cannot be written.
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
    with atomic_write(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_statistics(path: Path) -> SavedStatistics:
    """Read a file of `save_statistics`, or a plain `mu, sigma` file (TTUR, pytorch-fid, clean-fid).

    A plain file does not say which layer it is of, or of how many images: its moments come under
    ``features/moments`` with `n` None.

    Raises:
        GandiagError: the file cannot be read, holds pickled objects, or is not such a file.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise GandiagError("it holds a single array; an npz file is wanted")
        with file:
            if HEADER in file:
                return _own(file)
            if "mu" in file and "sigma" in file:
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


def _own(file: Mapping[str, NDArray[np.generic]]) -> SavedStatistics:
    header = json.loads(str(file[HEADER][()]))
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        raise GandiagError("another version of gandiag wrote it; compute the statistics anew")
    arrays: dict[str, dict[str, NDArray[np.generic]]] = {}
    for name in file:
        if name not in (HEADER, "mu", "sigma"):
            key, _, array = name.rpartition("/")
            arrays.setdefault(key, {})[array] = file[name]
    unknown = {key for key in arrays if key.rpartition("/")[2] not in STATISTICS}
    if unknown:
        raise GandiagError(f"it holds {min(unknown)!r}, which this version does not know")
    statistics = {
        key: STATISTICS[key.rpartition("/")[2]].restore(value) for key, value in arrays.items()
    }
    return SavedStatistics(statistics, header.get("meta", {}))


def _published(file: Mapping[str, NDArray[np.generic]]) -> SavedStatistics:
    mu, sigma = file["mu"], file["sigma"]
    if mu.dtype.kind != "f" or sigma.dtype.kind != "f":
        raise GandiagError(f"mu and sigma must be floats, got {mu.dtype} and {sigma.dtype}")
    moments = Moments.from_published(
        torch.from_numpy(mu.astype(np.float64)), torch.from_numpy(sigma.astype(np.float64))
    )
    return SavedStatistics({PUBLISHED: moments})
