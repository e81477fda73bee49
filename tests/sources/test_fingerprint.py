"""A fingerprint is of the content, and costs no reading when nothing has changed."""

import builtins
import hashlib
import io
import json
import os
import time

import numpy as np
import pytest
from pictures import encoded, pixels, write_folder, write_zip

from gandiag.sources import fingerprint, open_source

IMAGES = pixels(6)
FILES = {f"a/{i}.png": encoded(image) for i, image in enumerate(IMAGES)}
LATER = 10_000_000_000


@pytest.fixture
def folder(root):
    return write_folder(root / "folder", FILES)


@pytest.fixture
def later(monkeypatch):
    """The clock ten seconds on, when the files just written are no longer suspiciously new."""
    now = time.time_ns
    monkeypatch.setattr(fingerprint.time, "time_ns", lambda: now() + LATER)


@pytest.fixture
def opened(monkeypatch):
    """Names of the files that are opened, in any of Python's ways."""
    names = []

    def watching(original):
        def watch(name, *args, **kwargs):
            if not isinstance(name, int):  # a descriptor that os.open has opened
                names.append(os.path.basename(os.fsdecode(name)))
            return original(name, *args, **kwargs)

        return watch

    monkeypatch.setattr(builtins, "open", watching(open))
    monkeypatch.setattr(io, "open", watching(io.open))
    monkeypatch.setattr(os, "open", watching(os.open))
    return names


def images_in(names):
    return [name for name in names if name.endswith((".png", ".zip", ".npz", ".npy"))]


def test_an_unchanged_folder_is_not_read_again(folder, later, opened):
    first = open_source(folder).fingerprint()
    assert len(images_in(opened)) == 6
    opened.clear()
    assert open_source(folder).fingerprint() == first
    assert images_in(opened) == []
    assert len(opened) == 1  # the memo: the watch sees what there is to see


def test_an_unchanged_archive_is_not_hashed_again(root, later, monkeypatch):
    write_zip(root / "a.zip", FILES)
    np.savez(root / "a.npz", IMAGES)
    np.save(root / "a.npy", IMAGES)
    hashed = []
    original = fingerprint.sha256
    monkeypatch.setattr(fingerprint, "sha256", lambda path: hashed.append(path) or original(path))
    for path in sorted(root.iterdir()):
        first = open_source(path).fingerprint()
        assert hashed.pop() == path
        assert open_source(path).fingerprint() == first
        assert hashed == []


def test_only_what_changed_is_read(folder, later, opened):
    open_source(folder).fingerprint()
    (folder / "a" / "3.png").write_bytes(encoded(IMAGES[0]))
    opened.clear()
    open_source(folder).fingerprint()
    assert images_in(opened) == ["3.png"]


def test_a_changed_byte_is_seen_although_size_and_modification_time_are_the_same(folder, later):
    path = folder / "a" / "3.png"
    first = open_source(folder).fingerprint()
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(40)
        byte = file.read(1)[0]
        file.seek(40)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert open_source(folder).fingerprint() != first


def test_a_file_written_a_moment_ago_is_not_trusted(folder, monkeypatch):
    hashed = []
    original = fingerprint.sha256
    monkeypatch.setattr(fingerprint, "sha256", lambda path: hashed.append(path) or original(path))
    first = open_source(folder).fingerprint()
    assert open_source(folder).fingerprint() == first
    assert len(hashed) == 12


def test_a_file_that_changes_while_it_is_hashed_is_hashed_again(folder, later, monkeypatch):
    original = fingerprint.sha256

    def meanwhile(path):
        digest = original(path)
        path.write_bytes(path.read_bytes() + b"!")
        return digest

    monkeypatch.setattr(fingerprint, "sha256", meanwhile)
    first = open_source(folder).fingerprint()
    monkeypatch.setattr(fingerprint, "sha256", original)
    assert open_source(folder).fingerprint() != first


def move(root):
    (root / "b").mkdir()
    (root / "a/3.png").rename(root / "b/3.png")


def exchange(root):
    (root / "a/1.png").rename(root / "x")
    (root / "a/2.png").rename(root / "a/1.png")
    (root / "x").rename(root / "a/2.png")


CHANGES = {
    "a renamed file": lambda root: (root / "a/3.png").rename(root / "a/33.png"),
    "a file more": lambda root: (root / "a/7.png").write_bytes(FILES["a/3.png"]),
    "a file less": lambda root: (root / "a/3.png").unlink(),
    "a moved file": move,
    "two files exchanged": exchange,
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_follows(change, folder, later):
    first = open_source(folder).fingerprint()
    CHANGES[change](folder)
    assert open_source(folder).fingerprint() != first


def test_it_does_not_follow_place_or_time_or_what_is_no_image(folder, root, later):
    first = open_source(folder).fingerprint()
    os.utime(folder / "a" / "3.png", (0, 0))
    (folder / "notes.txt").write_text("not an image")
    assert open_source(folder).fingerprint() == first
    copy = write_folder(root / "copy", FILES)
    assert open_source(copy, name="another").fingerprint() == first
    (root / "link").symlink_to(folder)
    assert open_source(root / "link").fingerprint() == first


def test_a_limited_folder_follows_only_its_images(folder, later, opened):
    limited = open_source(folder).limit(3, 0)
    first = limited.fingerprint()
    assert len(images_in(opened)) == 3
    (batch,) = limited.batches(9)
    others = set(FILES) - {name.removeprefix(f"{folder}/") for name in batch.names}
    (folder / sorted(others)[0]).write_bytes(b"")
    assert open_source(folder).limit(3, 0).fingerprint() == first


def memo_files(cache):
    return sorted((cache / "index").glob("*"))


def test_a_limited_pass_does_not_forget_the_rest(folder, later, opened):
    open_source(folder).fingerprint()
    open_source(folder).limit(3, 0).fingerprint()
    opened.clear()
    open_source(folder).fingerprint()
    assert images_in(opened) == []


def test_the_memo_forgets_what_is_gone(folder, own_cache, later):
    open_source(folder).fingerprint()
    (folder / "a" / "3.png").unlink()
    open_source(folder).fingerprint()
    (memo,) = memo_files(own_cache)
    assert sorted(json.loads(memo.read_bytes())["files"]) == sorted(set(FILES) - {"a/3.png"})


def test_names_that_are_not_utf8_are_remembered_apart(root, later, opened):
    names = [os.fsdecode(b"\xfe.png"), os.fsdecode(b"\xff.png")]
    write_folder(root / "folder", dict(zip(names, FILES.values(), strict=False)))
    first = open_source(root / "folder").fingerprint()
    opened.clear()
    assert open_source(root / "folder").fingerprint() == first
    assert images_in(opened) == []


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b'{"format": 2, "files": {}}'),
        *(b'{"format": 1, "files": []}', b'{"format": 1, "files": {"a/3.png": 5}}'),
        b'{"format": 1, "files": {"a/3.png": [[1, 2], "x"]}}',
    ],
)
def test_a_memo_that_cannot_be_used_is_written_anew(folder, own_cache, later, content):
    first = open_source(folder).fingerprint()
    (memo,) = memo_files(own_cache)
    good = memo.read_bytes()
    memo.write_bytes(content)
    assert open_source(folder).fingerprint() == first
    assert memo.read_bytes() == good


def test_a_memo_that_cannot_be_written_is_no_error(folder, own_cache, later):
    own_cache.write_bytes(b"a file where the folder should be")
    assert open_source(folder).fingerprint() == open_source(folder).fingerprint()
    assert own_cache.read_bytes() == b"a file where the folder should be"


def test_the_memo_is_kept_when_nothing_changed(folder, own_cache, later, monkeypatch):
    open_source(folder).fingerprint()
    monkeypatch.setattr(fingerprint, "atomic_write", None)  # calling it would fail
    open_source(folder).fingerprint()


def test_an_unreadable_file_has_a_fingerprint_that_changes_when_it_can_be_read(folder, later):
    path = folder / "a" / "3.png"
    content = path.read_bytes()
    path.unlink()
    path.symlink_to("nowhere")
    broken = open_source(folder, on_bad_image="skip").fingerprint()
    assert broken is not None
    (folder / "a" / "nowhere").write_bytes(content)
    assert open_source(folder, on_bad_image="skip").fingerprint() != broken


def test_the_digest_of_a_known_folder_stays(root):
    """A change here makes every cached statistic stale: change `DECODING` and this together."""
    write_folder(root / "folder", {"a.png": b"one", "b/c.PNG": b"two"})
    assert open_source(root / "folder").fingerprint() == (
        "8100b89c498095aa895a67b70d35bc330a460cf2715bf7132f55a185b3291df4"
    )


@pytest.mark.parametrize("count", [1, 63, 64, 65, 300])
def test_many_files_by_several_threads_are_as_one_after_the_other(root, count):
    folder = write_folder(
        root / "many", {f"{i:03d}.png": bytes([i % 251]) * i for i in range(count)}
    )
    (folder / "000.png").unlink()
    (folder / "000.png").symlink_to("nowhere")
    names = sorted(path.name for path in folder.iterdir())
    chosen = range(0, count, 2)
    whole = hashlib.sha256()  # the twin
    for index in chosen:
        path = folder / names[index]
        known = path.exists()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if known else "unreadable 2"
        whole.update(names[index].encode() + b"\0" + digest.encode() + b"\n")
    assert fingerprint.of_folder(folder, names, chosen) == whole.hexdigest()
    listed = [folder / name for name in names]
    assert fingerprint.of_files(listed, chosen) == fingerprint.of_files(
        listed[::2], range(len(chosen))
    )
