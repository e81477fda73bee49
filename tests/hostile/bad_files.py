"""Kinds of bad archives, arrays, statistics: each a function of an empty folder => a path."""

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from bad_images import png

CANARY = "canary-fired"


class Canary:
    """Makes a file where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (CANARY,)


def pixels(count=20, side=8):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def npy(array, **header):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


def claimed(shape, dtype="|u1", data=b"\0" * 100, order=False):
    """An .npy whose header claims a shape."""
    text = repr({"descr": dtype, "fortran_order": order, "shape": shape}).encode()
    text += b" " * ((64 - (10 + len(text) + 1) % 64) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def write(root: Path, name: str, data: bytes) -> Path:
    path = root / name
    path.write_bytes(data)
    return path


def zipped(root: Path, members, name="x.zip", **how) -> Path:
    with zipfile.ZipFile(root / name, "w", **how) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return root / name


def tarred(root: Path, members, name="x.tar") -> Path:
    with tarfile.open(root / name, "w") as archive:
        for member, data in members:
            if isinstance(member, str):
                info = tarfile.TarInfo(member)
                info.size = len(data)
            else:
                info = member
            archive.addfile(info, io.BytesIO(data))
    return root / name


def special(kind, name="x.png", link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def npz(root: Path, name="x.npz", **arrays) -> Path:
    np.savez(root / name, **arrays)
    return root / name


def inverted(root: Path) -> Path:
    """The stored pixels are not what was written."""
    path = npz(root, arr_0=pixels(200))
    data = bytearray(path.read_bytes())
    for i in range(2000, 6000):
        data[i] ^= 0xFF
    path.write_bytes(bytes(data))
    return path


def twice(root: Path) -> Path:
    """Two members of one name."""
    path = root / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("arr_0.npy", npy(pixels()))
        archive.writestr("arr_0.npy", npy(255 - pixels()))
    return path


def bomb(root: Path) -> Path:
    """A member that claims 2 GiB, and holds 128 MiB of zeros in a few kilobytes."""
    path = root / "x.npz"
    block = b"\0" * (1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        header = claimed((1 << 20, 2048, 1, 1), data=b"")
        with archive.open("mu.npy", "w", force_zip64=True) as member:
            member.write(header)
            for _ in range(128):
                member.write(block)
        archive.writestr("sigma.npy", npy(np.eye(3)))
    return path


def image_bomb(root: Path) -> Path:
    """A zip whose PNG is a gigabyte of nothing."""
    from bad_images import header_only

    return zipped(root, [("a.png", png()), ("b.png", header_only(30_000, 30_000))])


def nested(root: Path) -> Path:
    inner = zipped(root, [(f"{i}.png", png(seed=i)) for i in range(4)], "inner.zip").read_bytes()
    return zipped(root, [("inner.zip", inner)])


def many(root: Path, count=20_000) -> Path:
    """So many members that are no images."""
    return zipped(root, [(f"{i}.txt", b"") for i in range(count)])


def pickled(root: Path, name="x.npy") -> Path:
    return write(root, name, npy(np.array([Canary()], dtype=object)))


def pickle_in_npz(root: Path) -> Path:
    np.savez(root / "x.npz", arr_0=np.array([Canary()], dtype=object))
    return root / "x.npz"


def bare_pickle(root: Path, name) -> Path:
    return write(root, name, pickle.dumps(Canary()))


def tensors(root: Path, header: object, data=b"", name="x.safetensors", size=None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if size is None else size
    return write(root, name, struct.pack("<Q", length) + text + data)


def deep(levels=100_000) -> bytes:
    return b"[" * levels + b"]" * levels
