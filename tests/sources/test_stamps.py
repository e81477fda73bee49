"""Whether what a pass read was what the fingerprint told."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import encoded, pixels, write_folder, write_tar, write_zip
from PIL import Image

from gandiag.errors import GandiagError
from gandiag.sources import open_source

BEFORE, AFTER = pixels(2, seed=0), pixels(2, seed=1)


def files(images):
    # Stored without compression, so that both sets have files of one size.
    return {f"{i}.bmp": encoded(image, "BMP") for i, image in enumerate(images)}


def folder(root, images):
    return write_folder(root / "in", files(images))


def listed(root, images):
    return [folder(root, images) / name for name in files(images)]


def zipped(root, images):
    return write_zip(root / "a.zip", files(images))


def tarred(root, images):
    return write_tar(root / "a.tar", files(images))


def compressed_tar(root, images):
    return write_tar(root / "a.tgz", files(images), "w:gz")


def npy(root, images):
    np.save(root / "a.npy", images)
    return root / "a.npy"


def npz(root, images):
    np.savez(root / "a.npz", images)
    return root / "a.npz"


def compressed_npz(root, images):
    np.savez_compressed(root / "b.npz", images)
    return root / "b.npz"


def features(root, images):
    np.save(root / "f.npy", images.reshape(2, -1).astype(np.float32))
    return f"features:{root}/f.npy"


KINDS = [folder, listed, zipped, tarred, compressed_tar, npy, npz, compressed_npz, features]


def written(root):
    return [path for path in root.rglob("*") if path.is_file()]


def wait_for_the_clock(root):
    """Until the clock of the file system has moved on."""
    probe = root.parent / "probe"
    probe.touch()
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()


@pytest.mark.parametrize("make", KINDS)
def test_changed_read_and_put_back(make, root):
    """The fingerprint is the same before and after; the images read in between are others."""
    thing = make(root, BEFORE)
    contents = {path: (path.read_bytes(), path.stat()) for path in written(root)}
    source = open_source(thing)
    stamp, digest = source.stamp(), source.fingerprint()
    wait_for_the_clock(root)
    make(root, AFTER)
    # A .zip has a checksum of each member in a directory that was read when it was opened.
    with contextlib.nullcontext() if make is not zipped else pytest.raises(GandiagError):
        assert len(list(source.batches(8))) == 1
    for path, (content, status) in contents.items():
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert open_source(thing).fingerprint() == digest
    assert source.stamp() != stamp


@pytest.mark.parametrize("make", [zipped, tarred, compressed_tar, npy, npz, compressed_npz])
def test_what_is_read_is_not_what_lies_under_the_name(make, root):
    """A file that is replaced after it was opened: no two stamps of that source are equal."""
    thing = make(root, BEFORE)
    source = open_source(thing)
    make(root / "..", AFTER)
    os.replace((root / "..") / thing.name, thing)
    stamps = [source.stamp() for _ in range(2)]
    assert stamps[0] is not None
    assert stamps[0] != stamps[1]
    assert open_source(thing).stamp() == open_source(thing).stamp()


def test_only_what_is_read_counts(root):
    source = open_source(folder(root, BEFORE))
    one = source.limit(1, 0)
    used = Path(one.names[one.chosen[0]])
    (other,) = set(written(root)) - {used}
    stamp = one.stamp()
    wait_for_the_clock(root)
    other.write_bytes(b"another")
    assert one.stamp() == stamp
    used.unlink()
    assert one.stamp() != stamp


def test_a_link_is_stamped_by_what_it_leads_to(root):
    write_folder(root / "in", files(BEFORE))
    (root / "in" / "0.bmp").rename(root / "elsewhere.bmp")
    (root / "in" / "0.bmp").symlink_to(root / "elsewhere.bmp")
    source = open_source(root / "in")
    stamp = source.stamp()
    wait_for_the_clock(root)
    (root / "elsewhere.bmp").write_bytes(files(AFTER)["0.bmp"])
    assert source.stamp() != stamp


@pytest.mark.parametrize(
    "make",
    [
        lambda images: images,
        torch.from_numpy,
        lambda images: images / 255,
        lambda images: [Image.fromarray(image) for image in images],
    ],
    ids=["array", "tensor", "floats", "Pillow images"],
)
def test_memory_is_stamped_by_its_content(make):
    thing = make(BEFORE.copy())
    source = open_source(thing, value_range=(0, 1))
    stamp = source.stamp()
    if isinstance(thing, list):
        thing[1].putpixel((3, 2), (1, 2, 3))
    else:
        thing[1, 2, 3, 0] = 0 if thing[1, 2, 3, 0] else 1
    assert source.stamp() != stamp


def test_what_cannot_be_told():
    assert open_source(iter([torch.from_numpy(BEFORE)])).stamp() is None
    assert open_source(lambda rngs: torch.zeros(len(rngs), 2)).stamp() is None
