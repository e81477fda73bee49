"""Images from files and from torchvision, decoded once."""

import gzip
import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gandiag.errors import GandiagError
from gandiag.files import atomic_write, cache_folder
from reference_models.data.base import Split
from reference_models.data.images import Bytes, Images, Pool, cut, whole

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
DIGITS = tuple("0123456789")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def folder_of_data() -> Path:
    """Where sets are downloaded to and decoded images kept."""
    return cache_folder() / "datasets"


def read_idx(path: Path) -> Bytes:
    """Bytes in the MNIST authors' idx format, gzipped: two zeros, type 8, rank, sizes, values.

    Raises:
        GandiagError: the file is not there, or is not whole, or holds another type.
    """
    try:
        with gzip.open(path) as file:
            zeros, kind, dimensions = struct.unpack(">HBB", file.read(4))
            shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
            values = np.frombuffer(file.read(), np.uint8)
        if (zeros, kind) != (0, 8):
            raise ValueError("no idx file of bytes")
        return values.reshape(shape)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise GandiagError(
            f"cannot read {path}: {error}; install the package dataset-fashion-mnist again"
        ) from error


def fashion_mnist() -> Images:
    """60,000 and 10,000 grey images of clothes (Xiao et al. 2017), 28 x 28.

    From Debian's package dataset-fashion-mnist, else through torchvision, which downloads.
    The reference is the test set; a tenth of the training set is held out.
    """
    if not DEBIAN.is_dir():
        return torchvision_set("fashion-mnist", "FashionMNIST", FASHION)
    pools = cut(_idx_pool("train"), {"train": 0.9, "heldout": 0.1})
    return Images("fashion-mnist", {**pools, "reference": _idx_pool("t10k")}, FASHION)


def _idx_pool(kind: str) -> Pool:
    labels = read_idx(DEBIAN / f"{kind}-labels-idx1-ubyte.gz").astype(np.int64)
    images = read_idx(DEBIAN / f"{kind}-images-idx3-ubyte.gz")[:, None]
    return whole(images, torch.from_numpy(labels))


def digits() -> Images:
    """1,797 grey handwritten digits of scikit-learn, 8 x 8; their 17 levels fill 0 to 255.

    Three fifths train, a fifth is held out, a fifth is the reference.
    """
    from sklearn.datasets import load_digits

    loaded = load_digits()
    images = np.round(loaded.images[:, None] * (255 / 16)).astype(np.uint8)
    labels = torch.from_numpy(loaded.target.astype(np.int64))
    shares: dict[Split, float] = {"train": 0.6, "heldout": 0.2, "reference": 0.2}
    return Images("digits", cut(whole(images, labels), shares), DIGITS)


def torchvision_set(name: str, kind: str, classes: tuple[str, ...]) -> Images:
    """CIFAR-10, CIFAR-100, MNIST and Fashion-MNIST; downloaded where they are not there yet.

    The reference is the test set; a tenth of the training set is held out.
    """
    train = _torchvision(name, kind, train=True)
    test = _torchvision(name, kind, train=False)
    pools = cut(_pool(train), {"train": 0.9, "heldout": 0.1})
    return Images(name, {**pools, "reference": _pool(test)}, classes or tuple(train.classes))


def stl10(resolution: int) -> Images:
    """STL-10 without labels: 100,000 to train on (a tenth held out), 8,000 for the reference."""

    def part(split: str) -> Pool:
        images = _torchvision("stl10", "STL10", split=split).data
        pictures = (Image.fromarray(image.transpose(1, 2, 0)) for image in images)
        return whole(decoded(("stl10", split, resolution), len(images), pictures, resolution))

    pools = cut(part("unlabeled"), {"train": 0.9, "heldout": 0.1})
    return Images("stl10", {**pools, "reference": part("test")})


def celeba(resolution: int) -> Images:
    """CelebA without labels: the central 178 x 178 pixels, resized; its authors' three splits."""

    def part(split: str) -> Pool:
        there = _torchvision("celeba", "CelebA", split=split)
        pictures = (there[i][0] for i in range(len(there)))
        return whole(decoded(("celeba", split, resolution), len(there), pictures, resolution))

    theirs: dict[Split, str] = {"train": "train", "heldout": "valid", "reference": "test"}
    return Images("celeba", {ours: part(split) for ours, split in theirs.items()})


def image_folder(path: Path, resolution: int) -> Images:
    """Every image below a folder, resized; sub-folders are classes if all images lie in one.

    Which split an image belongs to follows from its name (a tenth each for ``heldout`` and
    ``reference``), so that adding files moves none.

    Raises:
        GandiagError: no such folder, no images, an image that cannot be read, an empty split.
    """
    if not path.is_dir():
        raise GandiagError(f"no folder {path} to train on; give the folder that holds the images")
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
    names = [f.relative_to(path).as_posix() for f in files]
    tenths = torch.tensor([_tenth(name) for name in names], dtype=torch.int64)
    rows: dict[Split, Tensor] = {
        "train": (tenths > 1).nonzero()[:, 0],
        "heldout": (tenths == 0).nonzero()[:, 0],
        "reference": (tenths == 1).nonzero()[:, 0],
    }
    if not all(len(some) for some in rows.values()):
        raise GandiagError(
            f"{path} holds {len(files)} images, too few to hold some out; "
            "give a folder of 100 or more"
        )
    state = [(f, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    images = decoded((resolution, *state), len(files), map(_open, files), resolution)
    parents = [name.split("/")[0] if "/" in name else "" for name in names]
    classes = tuple(sorted(set(parents))) if all(parents) else ()
    labels = torch.tensor([classes.index(parent) if classes else 0 for parent in parents])
    pools = {split: Pool(images, labels, some) for split, some in rows.items()}
    return Images(f"folder:{path}", pools, classes)


def _tenth(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 10


def decoded(
    key: tuple[object, ...], count: int, images: Iterable[Image.Image], resolution: int
) -> Bytes:
    """Images as square RGB in a file that is mapped, not read: (count, 3, resolution, resolution).

    Each is cropped to its central square and resized (Pillow's antialiased bilinear). The file is
    written once for a `key`, below the cache folder; `images` is not looked at if it is there.
    """
    digest = hashlib.blake2b(repr(key).encode("utf-8", "surrogateescape"), digest_size=16)
    path = folder_of_data() / "decoded" / f"{digest.hexdigest()}.npy"
    shape = (count, 3, resolution, resolution)
    if not path.exists():
        with atomic_write(path) as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for image in images:
                file.write(_square(image, resolution).tobytes())
    array: Bytes = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    # Pillow raises SyntaxError for some broken PNG files.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise GandiagError(f"cannot read {path}: {error}; repair or remove it") from error


def _square(image: Image.Image, resolution: int) -> Bytes:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cut before the resize: with `box` Pillow's filter would look at pixels beyond it.
    square = image.convert("RGB").crop((left, top, left + side, top + side))
    small = square.resize((resolution, resolution), Image.Resampling.BILINEAR)
    return np.asarray(small, np.uint8).transpose(2, 0, 1)


def _torchvision(name: str, kind: str, **options: Any) -> Any:
    import torchvision.datasets

    root = folder_of_data()
    try:
        root.mkdir(parents=True, exist_ok=True)
        return getattr(torchvision.datasets, kind)(root, download=True, **options)
    # Whatever a server, a proxy, an archive or a disk does on the way.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GandiagError(
            f"cannot get the data {name}: {reason}; connect to a network once, "
            f"or put torchvision's files for it below {root}"
        ) from error


def _pool(loaded: Any) -> Pool:
    images = np.asarray(loaded.data, np.uint8)
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return whole(images, torch.as_tensor(loaded.targets, dtype=torch.int64))
