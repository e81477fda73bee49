"""Archives are read in place, and say clearly what is wrong with them."""

import contextlib
import io
import os
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, pixels, read, write_folder, write_tar, write_zip

from gandiag.errors import GandiagError
from gandiag.sources import classes, labelled, open_source

IMAGES = pixels(6)
PNG = encoded(IMAGES[0])
FILES = {f"{i}.png": encoded(image) for i, image in enumerate(IMAGES)}

WRITERS = {
    "zip": lambda root, files: write_zip(root / "a.zip", files),
    "deflated zip": lambda root, files: write_zip(root / "a.zip", files, zipfile.ZIP_DEFLATED),
    "tar": lambda root, files: write_tar(root / "a.tar", files),
    "tar.gz": lambda root, files: write_tar(root / "a.tar.gz", files, "w:gz"),
    "tgz": lambda root, files: write_tar(root / "a.tgz", files, "w:gz"),
    "tar.bz2": lambda root, files: write_tar(root / "a.tar.bz2", files, "w:bz2"),
    "tar.xz": lambda root, files: write_tar(root / "a.tar.xz", files, "w:xz"),
}
every = pytest.mark.parametrize("kind", WRITERS)


def refused(path, *words, **options):
    with pytest.raises(GandiagError) as caught:
        list(open_source(path, **options).batches(8))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    for word in words:
        assert word in message, message


@every
def test_the_same_order_as_the_folder(kind, root):
    names = ["Z.png", "a-b/1.png", "a/10.png", "a/9.PNG", "a.jpeg", "é.png", "__MACOSX/a.png"]
    names += ["._Z.png", "a/.hidden.png", "notes.txt"]
    files = {name: encoded(image) for name, image in zip(names, pixels(10), strict=True)}
    folder = open_source(write_folder(root / "folder", files))
    archive = open_source(WRITERS[kind](root, files))
    expected, got = read(folder), read(archive)
    assert np.array_equal(expected[0], got[0])
    assert [name.removeprefix(f"{root}/folder/") for name in expected[1]] == [
        name.removeprefix(f"{archive.name}/") for name in got[1]
    ]


@every
def test_nothing_is_left_on_disk(kind, root, tmp_path, monkeypatch):
    path = WRITERS[kind](root, FILES)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "root"))
    source = open_source(path)
    assert len(read(source)[0]) == 6
    assert os.listdir(root) == [path.name]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["top/cat/1.png", "top/dog/2.png"], ["cat", "dog"]),
        (["cat/1.png", "dog/2.png"], ["cat", "dog"]),
        (["top/1.png", "top/2.png"], None),
        (["top/1.png", "top/dog/2.png"], None),
        (["1.png", "dog/2.png"], None),
    ],
)
def test_one_folder_common_to_all_is_no_class(root, names, labels):
    assert read(open_source(WRITERS["zip"](root, dict.fromkeys(names, PNG))))[2] == labels


@every
def test_a_bad_member(kind, root):
    path = WRITERS[kind](root, FILES | {"3.png": b"", "4.png": PNG[:80]})
    refused(path, f"cannot read {path}/3.png: it is empty", "--on-bad-image skip")
    source = open_source(path, on_bad_image="skip")
    assert np.array_equal(read(source)[0], IMAGES[[0, 1, 2, 5]])
    assert source.notes()["skipped"].names == (f"{path}/3.png", f"{path}/4.png")


@every
def test_nothing_in_it(kind, root):
    refused(WRITERS[kind](root, {}), "is an empty archive")
    refused(WRITERS[kind](root, {"a.txt": b"", "b.txt": b""}), "holds no image, only 2 .txt")


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "tar"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(kind, root, share):
    path = WRITERS[kind](root, FILES)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(path, "is not a whole", "truncated")


def test_a_tar_cut_between_two_members(root):
    path = WRITERS["tar"](root, FILES)
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    data = path.read_bytes()
    for member in (members[1], members[-1]):
        for cut in (member.offset, member.offset + 100, member.offset_data + 10):
            path.write_bytes(data[:cut])
            refused(path, "not a whole .tar file", "truncated")


def test_a_member_whose_bytes_rotted(root):
    path = WRITERS["zip"](root, FILES)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("3.png")
    data[info.header_offset + 30 + len("3.png") + 50] ^= 1
    path.write_bytes(data)
    refused(path, "3.png", "Bad CRC-32", "--on-bad-image skip")


def test_encrypted(root):
    path = WRITERS["zip"](root, FILES)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(data)
    refused(path, "is encrypted", "decrypt it", on_bad_image="skip")


def test_an_unknown_compression(root):
    path = WRITERS["zip"](root, FILES)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2")
    data[at + 10 : at + 12] = struct.pack("<H", 93)  # Zstandard
    path.write_bytes(data)
    refused(path, "method 93", "unpack it")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_members_of_one_name(kind, root):
    if kind == "zip":
        path = root / "a.zip"
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
            warnings.simplefilter("ignore")
            archive.writestr("x.png", PNG)
            archive.writestr("x.png", PNG)
    else:
        path = root / "a.tar"
        with tarfile.open(path, "w") as archive:
            for name in ("x.png", "./x.png"):
                info = tarfile.TarInfo(name)
                info.size = len(PNG)
                archive.addfile(info, io.BytesIO(PNG))
    refused(path, "holds x.png twice", on_bad_image="skip")


def test_a_member_that_says_it_is_enormous(root):
    path = root / "a.zip"
    write_zip(path, {"x.png": b"\0" * 100}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFF00)
    path.write_bytes(data)
    refused(path, "x.png", "4,294,967,040 bytes, above the limit")


def test_links_within_a_tar(root):
    path = root / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("d/x.png")
        info.size = len(PNG)
        archive.addfile(info, io.BytesIO(PNG))
        for name, kind, target in (
            ("hard.png", tarfile.LNKTYPE, "d/x.png"),
            ("d/soft.png", tarfile.SYMTYPE, "x.png"),
            ("d/lost.png", tarfile.SYMTYPE, "nowhere.png"),
            ("d/self.png", tarfile.SYMTYPE, "self.png"),
            ("d/out.png", tarfile.SYMTYPE, "/etc/hostname"),
            ("d/pipe.png", tarfile.FIFOTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    source = open_source(path, on_bad_image="skip")
    images, names, _ = read(source)
    assert [name.removeprefix(f"{path}/") for name in names] == [
        "d/soft.png",
        "d/x.png",
        "hard.png",
    ]
    assert np.array_equal(images, IMAGES[[0, 0, 0]])
    assert source.notes()["skipped"].count == 4


def test_a_member_name_that_leads_out_of_the_archive_is_only_a_name(root):
    path = write_tar(root / "a.tar", {"../../escaped.png": PNG, "/abs/x.png": PNG})
    assert len(read(open_source(path))[0]) == 2
    assert sorted(os.listdir(root)) == ["a.tar"]


def test_names_in_a_zip_that_are_utf8_without_saying_so(root):
    path = write_zip(root / "a.zip", {"日/é.png": PNG, "b/x.png": PNG})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + offset + 1] &= ~0x08
    path.write_bytes(data)
    with zipfile.ZipFile(path) as archive:
        assert "日/é.png" not in archive.namelist()
    assert read(open_source(path))[1:] == ([f"{path}/b/x.png", f"{path}/日/é.png"], ["b", "日"])


def test_names_in_a_tar_that_are_not_utf8(root):
    path = root / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        info = tarfile.TarInfo(os.fsdecode(b"\xff.png"))
        info.size = len(PNG)
        archive.addfile(info, io.BytesIO(PNG))
    assert read(open_source(path))[1] == [rf"{path}/\xff.png"]


def test_a_full_disk_while_decompressing(root, monkeypatch):
    path = WRITERS["tar.gz"](root, FILES)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    refused(path, "no space left on device", "unpack it and give the folder")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_content_decides_not_the_name(kind, root):
    path = WRITERS[kind](root, FILES)
    path = path.rename(root / "samples")
    assert len(read(open_source(path))[0]) == 6
    (root / "folder.zip").mkdir()
    write_folder(root / "folder.zip", FILES)
    assert len(read(open_source(root / "folder.zip"))[0]) == 6


DESCRIPTORS = Path("/proc/self/fd")


def open_files():
    """Inodes of the files that the process holds open (none where the system does not say)."""
    inodes = set()
    for link in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        with contextlib.suppress(OSError):  # closed meanwhile, as the one of the listing is
            inodes.add(link.stat().st_ino)
    return inodes


@pytest.mark.filterwarnings("error::ResourceWarning")
@every
def test_the_file_is_closed_with_the_source(kind, root):
    path = WRITERS[kind](root, FILES)
    before = open_files()
    source = open_source(path)
    # The archive itself, or the file without a name that it was decompressed to.
    own = open_files() - before
    read(source)
    del source
    assert not own & open_files()
    assert own or not DESCRIPTORS.is_dir()


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_what_is_passed_over_is_told(root, write):
    names = ["a/1.png", "a/1.txt", "a/2.heic", "a/readme", "b.avif", ".hidden"]
    path = write(root / "a.archive", dict.fromkeys(names, encoded(pixels(1)[0])))
    note = open_source(path).notes()["passed-over"]
    assert (note.count, note.example) == (3, f"{path}/a/2.heic")


def test_labels_of_webdataset_are_beside_the_images(root):
    png = encoded(pixels(1)[0])
    files = {"s/1.png": png, "s/1.cls": b"7", "s/2.rgb.png": png, "s/2.cls": b" cat\n"}
    source = open_source(write_tar(root / "a.tar", files))
    assert read(source)[2] == ["7", "cat"]
    assert source.notes() == {}
    assert labelled(source)
    assert classes(source) == {"7", "cat"}


def test_a_label_is_a_few_words(root):
    png = encoded(pixels(1)[0])
    files = {"1.png": png, "1.cls": b"7" * 5000}
    assert read(open_source(write_tar(root / "a.tar", files)))[2] is None


def test_labels_of_some_images_are_none(root):
    png = encoded(pixels(1)[0])
    files = {"x/1.png": png, "x/1.cls": b"7", "y/2.png": png}
    source = open_source(write_tar(root / "a.tar", files))
    assert read(source)[2] == ["x", "y"]
    note = source.notes()["passed-over"]
    assert (note.count, note.example) == (1, f"{root}/a.tar/x/1.cls")
