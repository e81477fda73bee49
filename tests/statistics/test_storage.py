"""Files that go out are read by others; files that come in are checked."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.statistics import (
    Bank,
    Hashes,
    Moments,
    SavedStatistics,
    load_statistics,
    save_statistics,
    storage,
)

ROWS = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
META = {"name": "a é", "n": 30, "nested": {"list": [1, 2.5, None, True]}}


def saved():
    return {
        "pool3/moments": Moments.of(ROWS),
        "timm:x/y/bank": Bank.of(ROWS),
        "images/hashes": Hashes.of(torch.arange(30)[:, None]),
    }


def test_round_trip(tmp_path):
    path = tmp_path / "a.npz"
    save_statistics(path, SavedStatistics(saved(), META))
    found = load_statistics(path)
    assert found.meta == META
    assert list(found.statistics) == list(saved())
    for key, statistic in saved().items():
        for name, array in statistic.arrays().items():
            np.testing.assert_array_equal(found.statistics[key].arrays()[name], array)


def test_is_readable_without_pickle_and_without_us(tmp_path):
    path = tmp_path / "a.npz"
    save_statistics(path, SavedStatistics(saved(), META))
    with np.load(path, allow_pickle=False) as file:
        x = ROWS.double().numpy()
        # Sums of 30 terms near 1 in float64.
        np.testing.assert_allclose(file["mu"], x.mean(0), atol=1e-15)
        np.testing.assert_allclose(file["sigma"], np.cov(x.T), atol=1e-15)
        assert json.loads(str(file["gandiag"]))["schema"] == 1


def test_two_layers_have_no_single_mu(tmp_path):
    path = tmp_path / "a.npz"
    two = {"a/moments": Moments.of(ROWS), "b/moments": Moments.of(ROWS * 2)}
    save_statistics(path, SavedStatistics(two))
    with np.load(path) as file:
        assert "mu" not in file
    assert set(load_statistics(path).statistics) == set(two)


@pytest.mark.peers
@pytest.mark.peers
def test_pytorch_fid_and_clean_fid_read_it(tmp_path):
    clean_fid = pytest.importorskip("cleanfid.fid")
    compute_statistics_of_path = pytest.importorskip(
        "pytorch_fid.fid_score"
    ).compute_statistics_of_path

    path = tmp_path / "a.npz"
    save_statistics(path, SavedStatistics(saved()))
    mu, sigma = compute_statistics_of_path(str(path), None, 1, 4, "cpu")
    np.testing.assert_array_equal(mu, saved()["pool3/moments"].mean.numpy())
    np.testing.assert_array_equal(sigma, saved()["pool3/moments"].covariance.numpy())
    with np.load(path) as file:  # clean-fid opens its statistics so, and takes these two
        assert clean_fid.frechet_distance(file["mu"], file["sigma"], mu, sigma) < 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reads_plain_files(tmp_path, dtype):
    path = tmp_path / "plain.npz"
    known = Moments.of(ROWS)
    np.savez(
        path, mu=known.mean.numpy().astype(dtype), sigma=known.covariance.numpy().astype(dtype)
    )
    found = load_statistics(path)
    assert not found.meta
    assert list(found.statistics) == ["features/moments"]
    moments = found.statistics["features/moments"]
    assert moments.n is None
    # float32 keeps seven digits.
    torch.testing.assert_close(moments.covariance, known.covariance, rtol=1e-6, atol=1e-7)


def test_unknown_n_survives_a_round_trip(tmp_path):
    path = tmp_path / "a.npz"
    published = Moments.from_published(torch.zeros(2), torch.eye(2))
    save_statistics(path, SavedStatistics({"a/moments": published}))
    found = load_statistics(path).statistics["a/moments"]
    assert found.n is None
    assert torch.equal(found.covariance, torch.eye(2, dtype=torch.float64))


def write(path, **arrays):
    np.savez(path, **arrays)


def own(path, **changes):
    save_statistics(path, SavedStatistics({"a/moments": Moments.of(ROWS)}))
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})


EYE, ZERO = np.eye(2), np.zeros(2)
HEADER = np.array(json.dumps({"schema": 1, "meta": {}}))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: p.write_bytes(b""), "damaged, or holds"),
        (lambda p: p.write_bytes(b"nothing of the kind"), "damaged, or holds"),
        (
            lambda p: p.write_bytes(pickle.dumps({"mu": ZERO, "sigma": EYE})),
            "damaged, or holds",
        ),
        (
            lambda p: write(p, mu=np.array([None, 1], dtype=object), sigma=EYE),
            "damaged, or holds",
        ),
        (lambda p: write(p, arr_0=ZERO), "arr_0"),
        (lambda p: write(p, mu=ZERO), "mu"),
        (lambda p: write(p, mu=ZERO, sigma=np.eye(3)), "shapes"),
        (lambda p: write(p, mu=ZERO, sigma=np.array([[1, 0.5], [0, 1]])), "symmetric"),
        (lambda p: write(p, mu=ZERO * np.nan, sigma=EYE), "NaN"),
        (lambda p: write(p, mu=np.array(["a", "b"]), sigma=EYE), "floats"),
        (lambda p: write(p, gandiag=np.array("not json")), "damaged, or holds"),
        (lambda p: write(p, gandiag=np.array(json.dumps({"schema": 99}))), "another version"),
        (lambda p: write(p, gandiag=np.array(json.dumps([1]))), "another version"),
        (lambda p: write(p, gandiag=HEADER, **{"a/other/x": ZERO}), "a/other"),
        (lambda p: own(p, **{"a/moments/mean": None}), "mean"),
        (lambda p: own(p, **{"a/moments/scatter": np.eye(3)}), "shapes"),
        (lambda p: own(p, **{"a/moments/mean": np.full(4, np.nan)}), "NaN"),
        (lambda p: own(p, **{"a/moments/n": np.array(-5)}), "number of rows"),
        (
            lambda p: p.write_bytes(p.parent.joinpath("good.npz").read_bytes()[:-300]),
            "damaged, or holds",
        ),
    ],
)
def test_refuses_in_one_sentence_that_names_the_file(tmp_path, make, sentence):
    save_statistics(tmp_path / "good.npz", SavedStatistics({"a/moments": Moments.of(ROWS)}))
    path = tmp_path / "bad.npz"
    make(path)
    with pytest.raises(GandiagError, match=sentence) as caught:
        load_statistics(path)
    assert "bad.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda p: write(p, gandiag=np.array(json.dumps({"schema": 1, "meta": [1]}))),
            r"description is no object but \[1\]",
        ),
        (lambda p: own(p, **{"a/moments/n": np.array(2**62)}), "number of rows"),
        (lambda p: write(p, mu=ZERO, sigma=np.array([[1, 2], [2, 1.0]])), "negative eigenvalue"),
        (lambda p: write(p, mu=ZERO, sigma=EYE, mu_s=ZERO, sigma_s=np.eye(3)), "mu_s and sigma_s"),
        (lambda p: damage(p), "damaged, or holds"),
        (lambda p: twice(p), "holds mu 2 times"),
        (lambda p: trailing(p), "damaged, or holds"),
    ],
)
def test_refuses_what_was_tampered_with(tmp_path, make, sentence):
    path = tmp_path / "bad.npz"
    make(path)
    with pytest.raises(GandiagError, match=sentence) as caught:
        load_statistics(path)
    assert "bad.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def damage(path):
    """One bit of a bank's rows, which only the checksum tells."""
    save_statistics(path, SavedStatistics({"a/bank": Bank.of(ROWS)}))
    data = bytearray(path.read_bytes())
    at = data.index(ROWS.numpy().tobytes())
    data[at + 40] ^= 1
    path.write_bytes(bytes(data))


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def twice(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mu.npy", npy(ZERO))
        file.writestr("sigma.npy", npy(EYE))
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("mu.npy", npy(ZERO + 1))


def trailing(path):
    """After an array with more to come, its checksum would not be looked at."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mu.npy", npy(ZERO) + b"more")
        file.writestr("sigma.npy", npy(EYE))


def no_unpacking(monkeypatch):
    def refuse(self, name):
        raise AssertionError(f"{name} was unpacked")

    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", refuse)


@pytest.mark.parametrize("name", ["mu", "a/bank/rows"])
def test_a_large_array_in_a_small_file_is_refused_from_its_header(tmp_path, monkeypatch, name):
    path = tmp_path / "trap.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{name}.npy", npy(np.zeros((1 << 19, 2), dtype=np.float32)))
        if name == "mu":
            file.writestr("sigma.npy", npy(EYE))
        else:
            file.writestr("gandiag.npy", npy(HEADER))
    no_unpacking(monkeypatch)
    monkeypatch.setattr(storage, "LARGE", 1 << 20)
    with pytest.raises(
        GandiagError, match=rf"trap\.npz .* {name} would unpack from .* to 4,194,432"
    ):
        load_statistics(path)


def test_shapes_are_refused_before_anything_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    write(path, mu=np.zeros((3, 2)), sigma=EYE)
    no_unpacking(monkeypatch)
    with pytest.raises(GandiagError, match=r"a\.npz .* got shapes \(3, 2\) and \(2, 2\)"):
        load_statistics(path)


def test_reads_the_moments_of_an_adm_reference_and_not_its_images(tmp_path, monkeypatch):
    path = tmp_path / "VIRTUAL.npz"
    pool, spatial = Moments.of(ROWS), Moments.of(2 * ROWS[:, :3])
    np.savez(
        path,
        arr_0=np.zeros((5, 8, 8, 3), dtype=np.uint8),
        mu=pool.mean.numpy(),
        sigma=pool.covariance.numpy(),
        mu_s=spatial.mean.numpy(),
        sigma_s=spatial.covariance.numpy(),
    )
    read = []
    whole = np.lib.npyio.NpzFile.__getitem__
    monkeypatch.setattr(
        np.lib.npyio.NpzFile, "__getitem__", lambda self, key: read.append(key) or whole(self, key)
    )
    found = load_statistics(path).statistics
    assert list(found) == ["features/moments", "spatial/moments"]
    assert sorted(read) == ["mu", "mu_s", "sigma", "sigma_s"]
    for key, known in (("features/moments", pool), ("spatial/moments", spatial)):
        assert found[key].n is None
        assert torch.equal(found[key].mean, known.mean)
        torch.testing.assert_close(found[key].covariance, known.covariance, rtol=0, atol=1e-15)


def test_writes_with_numpys_older_than_2_2(tmp_path, monkeypatch):
    """Theirs stores whatever is named, `allow_pickle` too."""

    def savez(file, *args, **arrays):
        assert not args
        assert all(isinstance(array, np.ndarray) for array in arrays.values())
        whole(file, **arrays)

    whole = np.savez
    monkeypatch.setattr(np, "savez", savez)
    path = tmp_path / "a.npz"
    save_statistics(path, SavedStatistics(saved(), META))
    assert load_statistics(path).meta == META


def test_no_python_object_is_ever_written(tmp_path):
    class Odd(Bank):
        def arrays(self):
            return {"rows": np.array([None, "x"], dtype=object)}

    with pytest.raises(GandiagError, match=r"a/bank/rows to .*a\.npz: it holds Python objects"):
        save_statistics(tmp_path / "a.npz", SavedStatistics({"a/bank": Odd((ROWS,))}))
    assert not list(tmp_path.iterdir())


def test_a_single_array_is_no_statistics(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, EYE)
    with pytest.raises(GandiagError, match="single array"):
        load_statistics(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(GandiagError, match="No such file"):
        load_statistics(tmp_path / "absent.npz")
    with pytest.raises(GandiagError, match="directory"):
        load_statistics(tmp_path)


def test_an_array_that_claims_to_be_huge(tmp_path):
    buffer = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 45,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mu.npy", buffer.getvalue())
        file.writestr("sigma.npy", buffer.getvalue())
    with pytest.raises(GandiagError, match=r"huge\.npz"):
        load_statistics(path)


@pytest.mark.parametrize("key", ["moments", "/moments", "a/bank"])
def test_names_say_layer_and_kind(tmp_path, key):
    with pytest.raises(GandiagError, match="LAYER/KIND"):
        save_statistics(tmp_path / "a.npz", SavedStatistics({key: Moments.of(ROWS)}))
    assert not list(tmp_path.glob("*.npz"))


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save_statistics(path, SavedStatistics(saved(), META))

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(GandiagError, match="No space left"):
        save_statistics(path, SavedStatistics({"a/moments": Moments.of(ROWS)}))
    assert load_statistics(path).meta == META
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["a.npz"]
