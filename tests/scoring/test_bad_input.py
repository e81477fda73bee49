"""Whatever comes in, one sentence goes out: it names the file and the way out, with exit code 2."""

import os
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from toys import images

from gandiag.errors import GandiagError


def save(folder, pixels, start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(pixels, start):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{index:03d}.png")
    return folder


@pytest.fixture
def good(tmp_path):
    return save(tmp_path / "good", images(12, size=(8, 8)))


@pytest.fixture
def refused(run, good, tmp_path):
    """Score `thing` against good images; it must be refused with a sentence that says `words`."""

    def refused(thing, *words, real=None, options=()):
        before = sorted(tmp_path.rglob("*"))
        code, out, err = run(
            "score", thing, "--real", real or good, "--features", "pixels:4", *options
        )
        assert code == 2
        assert out == ""
        assert err.startswith("gandiag: ")
        assert "Traceback" not in err
        assert len(err.strip().splitlines()) == 1, err
        for word in words:
            assert str(word) in err, err
        left = set(tmp_path.rglob("*")) - set(before)
        assert not [
            path for path in left if path.suffix == ".npz" and "statistics" not in str(path)
        ]
        assert not [path for path in left if path.name.startswith(".")]  # a write's temporary file
        return err

    return refused


def test_missing_folder_suggests_its_neighbour(refused, good, tmp_path):
    refused(tmp_path / "god", tmp_path / "god", "good")


def test_empty_folder(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", tmp_path / "empty")


def test_folder_without_an_image(refused, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no image")
    refused(tmp_path / "texts", "texts", ".txt")


def test_a_file_for_a_folder(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    refused(tmp_path / "notes.txt", "notes.txt")


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a but no more", None], ids=["empty", "junk", "cut"]
)
def test_an_image_that_cannot_be_read(refused, run, good, tmp_path, content):
    folder = tmp_path / "bad"
    shutil.copytree(good, folder)
    whole = (folder / "003.png").read_bytes()
    (folder / "003.png").write_bytes(whole[: len(whole) // 2] if content is None else content)
    refused(folder, "003.png", "--on-bad-image skip")
    code, out, err = run(
        "score", folder, "--real", good, "--features", "pixels:4", "--on-bad-image", "skip"
    )
    assert (code, err) == (0, "")
    assert "skipped" in out
    assert "003.png" in out
    assert "11 generated against 12 real images" in out


def test_one_image_only(refused, tmp_path):
    refused(save(tmp_path / "one", images(1, size=(8, 8))), "one holds 1 image")


def test_as_few_images_as_neighbours(refused, tmp_path):
    folder = save(tmp_path / "few", images(5, size=(8, 8)))
    refused(folder, "few holds 5 images", "prdc needs at least 6", options=("--metrics", "prdc"))


def test_widths_that_differ(refused, tmp_path):
    for name, width in (("a", 8), ("b", 9)):
        np.savez(tmp_path / f"{name}.npz", mu=np.zeros(width), sigma=np.eye(width))
    refused(tmp_path / "a.npz", "8", "9", real=tmp_path / "b.npz", options=("--metrics", "fid"))


def test_arrays_of_objects(refused, tmp_path):
    np.savez(tmp_path / "objects.npz", np.array([{"a": 1}], dtype=object))
    refused(tmp_path / "objects.npz", "objects.npz")


@pytest.mark.parametrize("suffix", [".pkl", ".pth", ".npz", ".npy", ".zip"])
def test_a_pickle_is_never_opened(refused, tmp_path, suffix):
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    path = tmp_path / f"samples{suffix}"
    path.write_bytes(pickle.dumps(Bomb()))
    refused(path, path.name)
    assert not (tmp_path / "exploded").exists()


def test_an_image_that_would_fill_the_memory(refused, good, tmp_path):
    folder = tmp_path / "huge"
    shutil.copytree(good, folder)
    # A few kilobytes of file that decode to 1.2 GB.
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    refused(folder, "bomb.png")


def test_a_broken_link(refused, good, tmp_path):
    folder = tmp_path / "links"
    shutil.copytree(good, folder)
    (folder / "999.png").symlink_to(folder / "nowhere.png")
    refused(folder, "999.png")


def test_a_link_loop(refused, good, tmp_path):
    folder = tmp_path / "loop"
    shutil.copytree(good, folder)
    (folder / "again").symlink_to(folder)
    refused(folder, "again")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(refused, good, tmp_path):
    folder = tmp_path / "locked"
    shutil.copytree(good, folder)
    (folder / "003.png").chmod(0)
    refused(folder, "003.png")


def test_names_that_are_not_utf8(run, good, tmp_path):
    folder = tmp_path / "bytes"
    shutil.copytree(good, folder)
    os.rename(folder / "003.png", os.fsencode(folder) + b"/\xff\xfe.png")
    code, _, _ = run("score", folder, "--real", good, "--features", "pixels:4", "--metrics", "fid")
    assert code == 0
    with open(os.fsencode(folder) + b"/\xff\xfe.png", "wb") as file:
        file.write(b"no image")
    code, _, err = run("score", folder, "--real", good, "--features", "pixels:4")
    assert code == 2
    assert r"\xff\xfe.png" in err.replace(r"\udcff\udcfe", r"\xff\xfe")


def test_a_zip_that_is_cut(refused, good, tmp_path):
    path = tmp_path / "samples.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(good.iterdir()):
            archive.write(each, each.name)
    path.write_bytes(path.read_bytes()[:-200])
    refused(path, "samples.zip")


def test_a_full_disk_while_caching_loses_no_score(run, good, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gandiag.files.os.fsync", full)
    code, out, err = run(
        "score", good, "--real", good, "--features", "pixels:4", "--metrics", "fid"
    )
    assert code == 2
    assert "fd[pixels:4]" in out
    assert "No space left on device" in err
    assert "--no-cache" in err
    assert not list((tmp_path / "cache").rglob("*.npz"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--metrics", "fdi"), ("fdi", "fid")),
        (("--protocol", "pytorchfid"), ("pytorchfid", "pytorch-fid")),
        (("--protocol", "pytorch-fid", "--metrics", "kid"), ("pytorch-fid does not compute kid",)),
        (("--features", "lite1"), ("lite1", "lite0")),
        (("--metrics", "is"), ("is needs class logits", "pixels")),
        (("--device", "tpu"), ("tpu", "--device")),
        (("--max-images", "5", "--seed", "-1"), ("seed must be at least 0, not -1",)),
        (("--per-class",), ("no labels", "sub-folder")),
        (("--json", "nowhere/scores.json"), ("nowhere/scores.json",)),
        (("--fail-above", "kid=1", "--metrics", "fid"), ("kid", "will not be computed")),
    ],
)
def test_options_that_make_no_sense(run, good, options, words):
    code, _, err = run("score", good, "--real", good, "--features", "pixels:4", *options)
    assert code == 2
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_missing_weights_name_the_three_ways_out(run, good):
    code, out, err = run("score", good, "--real", good)
    assert (code, out) == (2, "")
    for way in ("gandiag weights import", "gandiag weights fetch", "--features lite0"):
        assert way in err


def test_features_that_are_not_finite(good):
    from toys import Corners

    import gandiag

    class Broken(Corners):
        def __call__(self, prepared, layers):
            return {k: v / 0 * 0 for k, v in super().__call__(prepared, layers).items()}

    with pytest.raises(GandiagError, match=r"not finite for .*000\.png"):
        gandiag.score(good, good, features=Broken(), metrics=("fid",))


def test_no_negative_zero_distance_reaches_a_person(run, good):
    code, out, _ = run("score", good, "--real", good, "--features", "pixels:4", "--metrics", "fid")
    assert code == 0
    value = out.splitlines()[1].split()[2]
    assert 0 <= float(value) < 1e-9
    assert not value.startswith("-")


def test_tensors_of_floats_are_told_how_to_become_images(good):
    import gandiag

    with pytest.raises(GandiagError, match="uint8"):
        gandiag.score(torch.ones(12, 3, 8, 8), good, features="pixels:4")
