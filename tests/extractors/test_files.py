"""Writing: whole or not at all, and never over what is not a file of its own."""

import os
import stat
import threading

import pytest

from gandiag import files
from gandiag.errors import GandiagError
from gandiag.files import atomic_write, check_output, write_output
from gandiag.state_dicts import read_state

pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")


def write(path, data=b"new"):
    with atomic_write(path) as file:
        file.write(data)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file"
    write(path, b"old")

    def half_way():
        with atomic_write(path) as file:
            file.write(b"half")
            assert path.read_bytes() == b"old"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    assert path.read_bytes() == b"old"
    write(path)
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027])
def test_it_has_the_rights_of_any_new_file_and_the_mask_is_not_asked_for(
    tmp_path, monkeypatch, mask
):
    before = os.umask(mask)
    umask = os.umask
    try:
        monkeypatch.setattr(os, "umask", None)  # calling it would fail, and change it for all
        write(tmp_path / "file")
    finally:
        umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    target = tmp_path / "elsewhere" / "target"
    write(target, b"old")
    link = tmp_path / "link"
    link.symlink_to("elsewhere/target")
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "none")
    write(dangling)
    assert dangling.is_symlink()
    assert (tmp_path / "none").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["dangling", "elsewhere", "link", "none"]


@pipes
def test_what_is_no_file_is_not_replaced(tmp_path):
    folder, pipe, link = tmp_path / "folder", tmp_path / "pipe", tmp_path / "link"
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (folder, pipe, link):
        with pytest.raises(GandiagError, match=f"cannot write {path}: it is no regular file"):
            write(path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "link", "pipe"]


@pipes
def test_a_pipe_is_not_read_as_weights(tmp_path):
    pipe = tmp_path / "weights.pth"
    os.mkfifo(pipe)
    with pytest.raises(GandiagError, match="does not hold the weights: it is no regular file"):
        read_state(pipe, "the weights")


@pipes
def test_a_pipe_gets_its_bytes_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    check_output(pipe)
    write_output(pipe, b"scores")
    reader.join(10)
    assert got == [b"scores"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pipes
def test_a_substituted_process_gets_its_bytes(tmp_path):
    """``--json >(cat)``: a link of /dev/fd whose text names no file."""
    reading, writing = os.pipe()
    path = tmp_path / "fd"
    path.symlink_to(f"/dev/fd/{writing}")
    try:
        check_output(path)
        write_output(path, b"scores")
        assert os.read(reading, 100) == b"scores"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.skipif(not os.path.exists(os.devnull), reason="no such device")
def test_a_device_is_written_and_stays():
    path = files.Path(os.devnull)
    check_output(path)
    write_output(path, b"scores")
    assert not path.is_file()


def test_an_output_is_written_whole(tmp_path):
    write_output(tmp_path / "file", b"scores")
    assert (tmp_path / "file").read_bytes() == b"scores"
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_written_is_said_before_the_work(tmp_path, monkeypatch):
    check_output(tmp_path / "file")
    with pytest.raises(GandiagError, match="it is a folder"):
        check_output(tmp_path)
    with pytest.raises(GandiagError, match="there is no folder"):
        check_output(tmp_path / "none" / "file")
    (tmp_path / "file").write_bytes(b"")
    check_output(tmp_path / "file")
    with pytest.raises(GandiagError, match="cannot write"):
        check_output(tmp_path / "file" / "deeper")
    asked = []

    def access(path, mode):
        asked.append((os.fspath(path), mode))
        return False

    monkeypatch.setattr(os, "access", access)  # the tests may run as one who may do all
    with pytest.raises(GandiagError, match="you may not write there"):
        check_output(tmp_path / "file")
    assert asked == [(str(tmp_path), os.W_OK | os.X_OK)]


def test_an_input_is_not_written_over_under_any_name(tmp_path):
    images = tmp_path / "images.npz"
    images.write_bytes(b"the only copy")
    link, twin, folder = tmp_path / "link", tmp_path / "twin", tmp_path / "folder"
    link.symlink_to(images)
    os.link(images, twin)
    folder.symlink_to(tmp_path)
    inputs = (tmp_path / "dataset:digits", tmp_path, images)
    for path in (images, link, twin, folder / "images.npz"):
        with pytest.raises(GandiagError, match=f"it is {images}, which is read"):
            check_output(path, inputs=inputs)
    check_output(tmp_path / "scores.json", inputs=inputs)
