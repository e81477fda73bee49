"""Features that were extracted before, and statistics with images beside them."""

import warnings
import zipfile

import numpy as np
import pytest
import torch
from pictures import pixels, read

from gandiag.errors import GandiagError
from gandiag.sources import Points, StatisticsFile, images_of, open_source, points_of

FEATURES = np.random.Generator(np.random.PCG64(0)).normal(size=(7, 12))
LABELS = ["a", "b", "a", "b", "a", "b", "c"]
IMAGES = pixels(5)
MOMENTS = {"mu": np.zeros(4), "sigma": np.eye(4)}


def refused(thing, *words):
    with pytest.raises(GandiagError) as caught:
        open_source(thing)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "arrays",
    [
        {"features": FEATURES},
        {"anything": FEATURES, "labels": np.array(LABELS)},
        {"features": FEATURES, "logits": FEATURES[:, :3], "y": np.array(LABELS)},
        {"inception": FEATURES, "ids": np.arange(7), "images": np.zeros((7, 3, 3, 3))},
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_features_of_an_npz(root, arrays, dtype, save):
    arrays = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in arrays.items()}
    save(root / "f.npz", **arrays)
    source = open_source(f"features:{root}/f.npz")
    named = "labels" in arrays or "y" in arrays
    assert points_of(source) == Points(12, labelled=named, kind="features")
    (batch,) = source.batches(8)
    assert torch.equal(batch.images, torch.from_numpy(FEATURES.astype(dtype)).float())
    assert batch.labels == (tuple(LABELS) if named else None)
    assert source.name == f"features:{root}/f.npz"
    assert source.fingerprint() == open_source(f"features:{root}/f.npz").fingerprint()
    assert points_of(source.limit(3, 0)) == points_of(source)


def test_features_of_an_npy(root):
    np.save(root / "f.npy", FEATURES)
    source = open_source(f"features:{root}/f.npy", name="mine")
    assert source.name == "mine"
    assert points_of(source) == Points(12, kind="features")
    assert points_of(open_source(root / "f.npy")) == Points(12, kind="points")


def test_what_is_no_file_of_features(root):
    np.savez(root / "two.npz", a=FEATURES, b=FEATURES)
    refused(f"features:{root}/two.npz", "two.npz has 2 arrays", "(a, b)", "save the one you mean")
    np.savez(root / "none.npz", a=IMAGES)
    refused(f"features:{root}/none.npz", "none.npz has 0 arrays", "(none)")
    np.save(root / "a.npy", IMAGES)
    refused(f"features:{root}/a.npy", "a.npy is uint8 of shape (5, 10, 8, 3)", "give floats")
    np.save(root / "b.npy", FEATURES[:0])
    refused(f"features:{root}/b.npy", "is 0 x 12, which holds no feature; give at least one")
    np.savez(root / "c.npz", features=FEATURES, labels=LABELS[1:])
    refused(f"features:{root}/c.npz", "c.npz[labels]", "not 7 labels")
    (root / "d.npz").write_bytes(b"PK\3\4 and no more")
    refused(f"features:{root}/d.npz", "d.npz is not a whole numpy array")
    (root / "e.npz").write_bytes(b"")
    refused(f"features:{root}/e.npz", "e.npz is not a whole numpy array")
    refused(f"features:{root}/f.npz", f"{root}/f.npz does not exist; did you mean {root}/")
    refused(f"features:{root}", f"{root} is not a regular file; give features:FILE.npz")
    refused("features:", "is empty")


# ------------------------------------------------------------- statistics with images beside


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_reference_batch_serves_as_both(root, save):
    # As OpenAI's guided diffusion writes them.
    path = root / "VIRTUAL.npz"
    save(path, arr_0=IMAGES, **MOMENTS, mu_s=np.zeros(3), sigma_s=np.eye(3))
    file = open_source(path, name="reference")
    assert file == StatisticsFile(path, "reference", images=True)
    source = images_of(file, on_bad_image="fail")
    assert source.name == "reference"
    assert np.array_equal(read(source)[0], IMAGES)
    assert points_of(source) is None
    assert source.stamp() == source.stamp()


@pytest.mark.parametrize(
    "arrays",
    [
        MOMENTS,
        {**MOMENTS, "arr_0": np.zeros((5, 12))},
        {**MOMENTS, "arr_0": IMAGES / 255},
        {**MOMENTS, "x": IMAGES[:0]},
        {**MOMENTS, "something": IMAGES},
        {"gandiag": np.zeros(3), "features": np.zeros((3, 4))},
    ],
)
def test_statistics_without_images(root, arrays):
    np.savez(root / "a.npz", **arrays)
    file = open_source(root / "a.npz")
    assert file == StatisticsFile(root / "a.npz", str(root / "a.npz"))
    with pytest.raises(GandiagError, match=r"a\.npz holds statistics and no images; give"):
        images_of(file, on_bad_image="fail")


def test_floats_beside_statistics_with_their_range(root):
    np.savez(root / "a.npz", **MOMENTS, images=IMAGES / 255, range=[0, 1])
    file = open_source(root / "a.npz")
    assert file.images
    assert np.array_equal(read(images_of(file, on_bad_image="fail"))[0], IMAGES)


# --------------------------------------------------------------------------- damaged arrays


@pytest.mark.parametrize("name", ["arr_0", "labels", "features"])
def test_stored_bytes_that_rotted(root, name):
    path = root / "a.npz"
    arrays = {"arr_0": pixels(50), "labels": np.arange(50), "features": np.ones((50, 3))}
    if name != "features":
        del arrays["features"]
    np.savez(path, **arrays)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
    data = bytearray(path.read_bytes())
    for at in range(info.header_offset + 200, info.header_offset + 260):
        data[at] ^= 0xFF
    path.write_bytes(data)
    thing = f"features:{path}" if name == "features" else path
    refused(thing, f"a.npz[{name}] is not a whole numpy array", "CRC-32")


@pytest.mark.parametrize("prefix", ["", "features:"])
def test_an_array_that_is_there_twice(root, prefix):
    with zipfile.ZipFile(root / "a.npz", "w") as archive:
        for images in (IMAGES, IMAGES[::-1]):
            np.save(root / "a.npy", images)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # zipfile's, of the second
                archive.write(root / "a.npy", "arr_0.npy")
    refused(f"{prefix}{root}/a.npz", "a.npz holds arr_0 twice")
