"""What cannot be opened is told in one sentence that names it and the way out."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, pixels, write_folder

from gandiag.errors import GandiagError
from gandiag.sources import open_source, opening

PNG = encoded(pixels(1)[0])


def refused(thing, *words, **options):
    with pytest.raises(GandiagError) as caught:
        open_source(thing, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert ";" in message or "?" in message  # what came; the way out
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("as_path", [str, Path])
def test_missing(root, as_path):
    write_folder(root / "samples", {"a.png": PNG})
    refused(as_path(root / "sample"), f"{root}/sample does not exist; did you mean {root}/samples?")
    refused(as_path(root / "qqq"), f"{root}/qqq does not exist; check the path")
    refused(as_path(root / "q" / "r"), f"there is no folder {root}/q either")
    refused(as_path(root / "samples" / "a.png" / "b"), "samples/a.png/b does not exist")


def test_the_name_of_a_dataset_alone():
    refused("cifar10", "cifar10 does not exist; did you mean dataset:cifar10?")
    refused("cifar10:test", "did you mean dataset:cifar10:test?")
    refused("./cifar10", "check the path")


def test_a_home_folder_that_is_not_known():
    refused("~nosuchuser/x", "~nosuchuser/x names a home folder that is not known; give the whole")


def test_an_empty_name():
    # As in `gandiag score "$UNSET"`: it must not become the current folder.
    refused("", "the name of the images is empty")


def test_names_that_no_file_can_have(root):
    refused("a\0b", r"cannot read a\x00b: embedded null")
    refused(str(root / ("x" * 300)), "cannot read", "too long")


def test_a_link_that_leads_nowhere_or_to_itself(root):
    (root / "link").symlink_to("nowhere")
    (root / "self").symlink_to("self")
    refused(root / "link", f"{root}/link is a link to nowhere, which does not exist")
    refused(root / "self", f"cannot read {root}/self: too many levels of symbolic links")


def test_an_empty_folder(root):
    refused(root, f"{root} is an empty folder; give one that holds images", "jpeg", "webp")
    (root / "sub").mkdir()
    (root / ".hidden.png").write_bytes(PNG)
    refused(root, "is an empty folder")


def test_a_folder_without_images_tells_what_it_holds(root):
    write_folder(root, dict.fromkeys(["a.txt", "b.txt", "sub/c.TXT", "d.csv", "e"], b""))
    refused(root, f"{root} holds no image, only 3 .txt, 1 .csv, 1 without extension")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"hello", "is a file that images are not read from"),
        ("a.png", PNG, "is one image; give the folder that it lies in"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "is a file that images are not read from"),
        ("a.gguf", b"GGUF\3\0\0\0", "is a file that images are not read from"),
        ("a.zip", b"", "is an empty file (0 bytes)"),
        ("a.zip", b"<html>", "is not a whole .zip file (it begins with b'<html>')"),
        ("a.npz", b"<html>", "is not a whole .npz file"),
        ("a.npy", b"<html>", "is not a whole .npy file"),
        ("a.tar", b"<html>", "is not a whole .tar file"),
        ("a.tar.gz", b"<html>", "is a file that images are not read from"),
        ("a.tgz", b"<html>", "is not a whole .tar file"),
        ("a.tar", b"\0" * 10240, "is an empty archive"),
        ("a.gz", b"\x1f\x8b\x08\0\0", "is not a whole .tar file"),
        ("a.zip", b"PK\3\4 and no more", "is not a whole .zip file"),
        ("a.npz", b"PK\3\4 and no more", "is not a whole .npz file"),
    ],
)
def test_a_file_that_is_something_else(root, name, content, words):
    (root / name).write_bytes(content)
    refused(root / name, f"{root}/{name}", words)


def test_a_pipe(root):
    os.mkfifo(root / "pipe")
    refused(root / "pipe", f"{root}/pipe is not a regular file")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(root):
    (root / "a.npy").touch(0)
    refused(root / "a.npy", f"cannot read {root}/a.npy: permission denied")
    (root / "locked").mkdir(0)
    refused(root / "locked", f"cannot list {root}/locked: permission denied")
    refused(root / "locked" / "a.zip", "permission denied")


def test_no_permission_even_for_the_superuser(root, monkeypatch):
    (root / "a.npy").write_bytes(b"x")

    def refuse(self, *args):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    refused(root / "a.npy", f"cannot read {root}/a.npy: permission denied; give a folder")


@pytest.mark.parametrize("device", ["banana", "cpu:x"])
def test_a_device_that_is_none(root, device):
    refused(root, f"the device is {device!r}; give cpu, cuda or", device=device)


def test_an_unknown_way_to_treat_bad_images(root):
    refused(root, "on_bad_image is 'ignore'", on_bad_image="ignore")


def test_home(root, monkeypatch):
    write_folder(root / "samples", {"a.png": PNG})
    monkeypatch.setenv("HOME", str(root))
    source = open_source("~/samples")
    assert source.name == "~/samples"
    assert source.count() == 1


def opened_as(tag):
    """An opener that only tells what it was given."""

    def open_it(thing, name, how):
        source = open_source([np.zeros((1, 3, 4, 4), np.uint8)], name=f"{tag} {name}")
        return dataclasses.replace(source, on_bad_image=how.on_bad_image)

    return open_it


def test_a_row_is_all_that_a_kind_of_file_needs(root, monkeypatch):
    (root / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    row = opening.FileKind(lambda head, kind: (head[1:4], kind) == (b"HDF", "h5"), opened_as("h5"))
    monkeypatch.setattr(opening, "FILES", (*opening.FILES, row))
    source = open_source(root / "a.h5", on_bad_image="skip")
    assert (source.name, source.on_bad_image) == (f"h5 {root}/a.h5", "skip")


def test_a_row_is_all_that_a_kind_of_object_needs(monkeypatch):
    row = opening.ObjectKind(lambda thing: isinstance(thing, complex), opened_as("number"))
    monkeypatch.setattr(opening, "OBJECTS", (*opening.OBJECTS, row))
    assert open_source(1j).name == "number complex"


def test_a_line_is_all_that_a_prefix_needs(monkeypatch):
    monkeypatch.setattr(opening, "PREFIXES", {**opening.PREFIXES, "s3:": opened_as("bucket")})
    assert open_source("s3:there").name == "bucket s3:there"
    assert open_source("dataset:ring8").name == "dataset:ring8"


def test_the_first_row_that_recognises_a_file_opens_it(root, monkeypatch):
    np.save(root / "a.npy", np.zeros((1, 3, 4, 4), np.uint8))
    row = opening.FileKind(lambda head, kind: True, opened_as("any"))
    monkeypatch.setattr(opening, "FILES", (*opening.FILES, row))
    assert open_source(root / "a.npy").name == f"{root}/a.npy"
    monkeypatch.setattr(opening, "FILES", (row, *opening.FILES))
    assert open_source(root / "a.npy").name == f"any {root}/a.npy"


def test_errors_offer_every_kind_of_file(root):
    """A kind that a row names is offered; the rest of the sentence stands."""
    refused(
        "", "give a folder, .zip, .tar, ", " .npz, .npy, a checkpoint, dataset:NAME or features:"
    )
    offered = [name for kind in opening.FILES for name in kind.called]
    assert len(offered) == len(set(offered)) >= 4
    for name in offered:
        refused("", f" {name}, ")
