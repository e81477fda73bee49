"""What a folder holds, in which order, and what is passed over."""

import os
import threading

import numpy as np
import pytest
from pictures import encoded, pixels, read, write_folder

from gandiag.errors import GandiagError
from gandiag.sources import folder, open_source
from gandiag.sources.folder import list_images
from gandiag.sources.naming import display

IMAGES = pixels(6)
PNG = encoded(IMAGES[0])


def test_every_extension_in_any_case(root):
    names = [
        *("a.png", "b.PNG", "c.jpg", "d.Jpeg", "e.WEBP", "f.bmp", "g.GIF", "h.tif", "i.TIFF"),
        *("j.jp2", "k.ppm", "l.pgm", "m.pnm"),
    ]
    write_folder(root, dict.fromkeys(names, PNG))
    write_folder(root, {"notes.txt": b"", "png": b"", "x.png.part": b"", "y.npz": b""})
    assert list_images(root) == names
    source = open_source(root)
    assert len(read(source)[0]) == 13
    assert source.notes()["mislabelled"].count == 11


def test_what_is_passed_over_is_told(root):
    write_folder(root, dict.fromkeys(["a.png", "b.heic", "c.AVIF", "sub/d", ".hidden"], PNG))
    source = open_source(root)
    note = source.notes()["passed-over"]  # known without a pass
    assert (note.count, note.example) == (3, f"{root}/b.heic")
    read(source)
    assert source.notes() == {"passed-over": note}
    assert source.limit(1, 0).notes() == {"passed-over": note}


def test_what_goes_with_an_image_is_not_passed_over(root):
    beside = ["a.txt", "a.seg.json", "a.caption"]
    write_folder(root, dict.fromkeys(["a.png", *beside], PNG))
    assert open_source(root).notes() == {}
    write_folder(root, dict.fromkeys(["a.heic", "a.cls", "sub/a.txt", "b.txt"], PNG))
    note = open_source(root).notes()["passed-over"]
    assert (note.count, note.example) == (4, f"{root}/a.cls")


def test_order_is_bytewise_by_relative_path(root):
    names = ["Z.png", "a-b/1.png", "a/10.png", "a/9.png", "a.png", "é.png", "日.png"]
    write_folder(root, dict.fromkeys(names, PNG))
    assert list_images(root) == sorted(names, key=os.fsencode)
    # As bytes "-" < "." < "/", unlike in a sort by the parts of paths.
    assert list_images(root)[:4] == ["Z.png", "a-b/1.png", "a.png", "a/10.png"]


def test_hidden_files_are_passed_over(root):
    hidden = [".DS_Store", "._a.png", ".git/x.png", "__MACOSX/a.png", "sub/.b.png"]
    write_folder(root, dict.fromkeys([*hidden, "a.png"], PNG))
    assert list_images(root) == ["a.png"]


def test_a_hidden_folder_may_be_given_itself(root):
    write_folder(root, {".samples/a.png": PNG})
    assert open_source(root / ".samples").count() == 1


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat/1.png", "dog/x/2.png"], ("cat", "dog")),
        (["cat/1.png"], ("cat",)),
        (["cat/1.png", "top.png"], None),
    ],
)
def test_first_level_folders_are_classes(root, names, labels):
    write_folder(root, dict.fromkeys(names, PNG))
    (batch,) = open_source(root).batches(8)
    assert batch.labels == labels


def test_a_batch_ends_where_the_size_changes(root):
    sizes = [(10, 8), (10, 8), (8, 10), (8, 10), (8, 10), (10, 8), (10, 8)]
    files = {f"{i}.png": encoded(pixels(1, *size, seed=i)[0]) for i, size in enumerate(sizes)}
    source = open_source(write_folder(root, files))
    batches = list(source.batches(2))
    assert [tuple(batch.images.shape) for batch in batches] == [
        (2, 3, 10, 8),
        (2, 3, 8, 10),
        (1, 3, 8, 10),
        (2, 3, 10, 8),
    ]
    note = source.notes()["mixed-sizes"]
    assert note.count == 3
    assert note.example.endswith("2.png")


def test_names_that_are_not_utf8(root):
    raw = b"caf\xe9/\xff\xfe\n.png"
    write_folder(root, {os.fsdecode(raw): PNG})
    (batch,) = open_source(root).batches(8)
    assert batch.names == (rf"{root}/caf\xe9/\xff\xfe\n.png",)
    assert batch.labels == (r"caf\xe9",)
    assert open_source(root).fingerprint() is not None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("plain é.png", "plain é.png"), ("\x1b[31m\x07", r"\x1b[31m\x07"), ("\udcff", r"\xff")],
)
def test_names_are_shown_without_control_characters(name, expected):
    assert display(name) == expected


def test_links_to_files_and_folders_are_followed(root):
    write_folder(root / "elsewhere", {"a.png": PNG, "b.png": PNG})
    (root / "in").mkdir()
    (root / "in" / "link").symlink_to(root / "elsewhere")
    (root / "in" / "other").symlink_to(root / "elsewhere")  # twice is no loop
    (root / "in" / "one.png").symlink_to(root / "elsewhere" / "a.png")
    assert list_images(root / "in") == [
        *("link/a.png", "link/b.png", "one.png", "other/a.png", "other/b.png")
    ]
    (root / "way").symlink_to(root / "in")
    assert open_source(root / "way").count() == 5


def test_links_that_double_at_each_level(root, monkeypatch):
    monkeypatch.setattr(folder, "WAYS", 100)
    write_folder(root / "0", {"a.png": PNG})
    for level in range(1, 9):
        (root / str(level)).mkdir()
        for link in "ab":
            (root / str(level) / link).symlink_to(root / str(level - 1))
    assert open_source(root / "6").count() == 2**6
    with pytest.raises(GandiagError, match=r"is reached by more than 100 ways through links; rem"):
        open_source(root / "8")


@pytest.mark.parametrize("on_bad_image", ["fail", "skip"])
@pytest.mark.parametrize(
    ("link", "target"), [("again", "."), ("deep/er/up", "../.."), ("self", "self")]
)
def test_a_link_loop_is_named(root, link, target, on_bad_image):
    write_folder(root, {"a.png": PNG})
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(target)
    with pytest.raises(GandiagError, match=f"{root}/{link} is a link that leads back"):
        open_source(root, on_bad_image=on_bad_image)


def bad(root, name, make, words):
    """`root` with five images and one that `make` makes; both ways to treat it."""
    files = {f"{i}.png": encoded(image) for i, image in enumerate(IMAGES[:5])}
    write_folder(root, files)
    make(root / name)
    with pytest.raises(GandiagError) as caught:
        list(open_source(root).batches(3))
    message = str(caught.value)
    assert f"{root}/{name}: " in message
    assert words in message
    assert message.endswith("; remove it or pass --on-bad-image skip")
    assert "\n" not in message

    source = open_source(root, on_bad_image="skip")
    images, names, _ = read(source, 3)
    assert np.array_equal(images, IMAGES[:5])
    assert f"{root}/{name}" not in names
    note = source.notes()["skipped"]
    assert (note.count, note.example, note.names) == (1, f"{root}/{name}", (f"{root}/{name}",))
    assert source.count() == 6
    assert source.fingerprint() is not None


@pytest.mark.parametrize("name", ["22.png", "9.png"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty (0 bytes)"),
        (PNG[: len(PNG) // 2], "truncated or damaged"),
        (b"<html>not found</html>", "none of the formats PNG, JPEG"),
    ],
)
def test_a_bad_image(root, name, content, words):
    bad(root, name, lambda path: path.write_bytes(content), words)


@pytest.mark.parametrize("name", ["x.png", "x"])  # without extension it may have been a folder
def test_a_broken_link(root, name):
    bad(root, name, lambda path: path.symlink_to("nowhere"), "a link to nowhere, which does not")


def test_a_broken_link_to_what_was_no_image_is_passed_over(root):
    write_folder(root, {"a.png": PNG})
    (root / "notes.txt").symlink_to("nowhere")
    assert list_images(root) == ["a.png"]


def test_a_link_to_itself_with_the_name_of_an_image(root):
    write_folder(root, {"a.png": PNG})
    (root / "x.png").symlink_to("x.png")
    with pytest.raises(GandiagError, match=r"x\.png is a link that leads back to itself"):
        open_source(root)


def test_a_named_pipe_does_not_hang(root):
    bad(root, "x.png", os.mkfifo, "it is not a regular file")


def test_an_enormous_file_is_not_read(root, monkeypatch):
    def sparse(path):
        with path.open("wb") as file:
            file.truncate((1 << 30) + 1)

    monkeypatch.setattr("gandiag.sources.fingerprint.sha256", lambda path: "not hashed here")
    bad(root, "x.png", sparse, "1,073,741,825 bytes, above the limit")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(root):
    bad(root, "x.png", lambda path: path.touch(0), "permission denied")
    (root / "locked").mkdir(0)
    with pytest.raises(GandiagError, match=r"cannot list .*locked: permission denied"):
        open_source(root)


def test_no_permission_for_a_folder(root, monkeypatch):
    write_folder(root, {"a.png": PNG, "locked/b.png": PNG})
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(GandiagError, match=f"cannot list {root}/locked: permission denied; give"):
        open_source(root, on_bad_image="skip")


def test_a_file_that_goes_away(root):
    write_folder(root, {"a.png": PNG, "b.png": PNG})
    source = open_source(root)
    (root / "b.png").unlink()
    with pytest.raises(GandiagError, match=r"b\.png: it is no longer there"):
        list(source.batches(8))


def test_nothing_left_to_read(root):
    write_folder(root, {"a.png": b"", "b.png": b""})
    source = open_source(root, on_bad_image="skip")
    with pytest.raises(GandiagError, match=r"none of the 2 images .* can be read; .*b\.png: it is"):
        list(source.batches(8))
    assert source.notes()["skipped"].count == 2


def test_skipped_labels_and_names_stay_beside_their_images(root):
    files = {f"c{i}/{i}.png": encoded(image) for i, image in enumerate(IMAGES)}
    files["c2/2.png"] = b""
    images, names, labels = read(open_source(write_folder(root, files), on_bad_image="skip"))
    assert labels == ["c0", "c1", "c3", "c4", "c5"]
    assert [name[-5:] for name in names] == ["0.png", "1.png", "3.png", "4.png", "5.png"]
    assert np.array_equal(images, IMAGES[[0, 1, 3, 4, 5]])


def test_notes_count_and_start_anew_with_each_pass(root):
    write_folder(root, {"a.jpg": encoded(IMAGES[0], "JPEG"), "b.png": PNG, "c.jpg": PNG})
    source = open_source(root)
    assert source.notes() == {}
    for _ in range(2):
        read(source)
        assert {code: note.count for code, note in source.notes().items()} == {
            "lossy": 1,
            "mislabelled": 1,
        }
    assert source.notes()["mislabelled"].example == f"{root}/c.jpg"


def test_a_pass_in_another_thread_does_not_mix_in(root):
    files = {f"{i:02}.jpg": encoded(image, "JPEG") for i, image in enumerate(pixels(20))}
    source = open_source(write_folder(root, files))
    whole, other = source.batches(4), source.batches(8)
    next(whole)
    next(other)
    assert sum(len(batch.images) for batch in whole) == 16
    assert source.notes()["lossy"].count == 20
    next(other)
    other.close()
    assert source.notes()["lossy"].count == 20


def test_a_draw_has_notes_of_its_own(root):
    write_folder(root, {"a.jpg": encoded(IMAGES[0], "JPEG"), "b.jpg": encoded(IMAGES[1], "JPEG")})
    source = open_source(root)
    read(source)
    limited = source.limit(1, 0)
    assert limited.notes() == {}
    read(limited)
    assert (source.notes()["lossy"].count, limited.notes()["lossy"].count) == (2, 1)


def test_threads_end_with_an_error(root):
    write_folder(root, {f"{i:03d}.png": PNG for i in range(200)} | {"100.png": b""})
    before = threading.active_count()
    try:
        list(open_source(root).batches(16))
    except GandiagError:
        assert threading.active_count() == before  # while the traceback still holds the frames
    else:
        raise AssertionError


def test_reading_ahead_is_bounded(root, monkeypatch):
    write_folder(root, {f"{i:03d}.png": PNG for i in range(200)})
    reads = []
    original = open_source(root).read
    source = open_source(root)
    object.__setattr__(source, "read", lambda index: reads.append(index) or original(index))
    batches = source.batches(16)
    next(batches)
    ahead = max(16, 2 * source.threads)
    assert len(reads) <= 16 + ahead + 1
    batches.close()

    # With images as large as what may be decoded ahead, only the threads are kept busy.
    monkeypatch.setattr("gandiag.sources.batching.AHEAD_BYTES", 240)
    reads.clear()
    batches = source.batches(100)
    next(batches)
    assert len(reads) <= 100 + 2 * source.threads + 1
    batches.close()


def test_the_current_folder(root, monkeypatch):
    write_folder(root, {"a.png": PNG})
    monkeypatch.chdir(root)
    source = open_source(".")
    assert source.name == "."
    assert read(source)[1] == ["./a.png"]
