import hashlib
import re
from dataclasses import replace

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.extractors import WEIGHTS, find_weights, import_weights, weights_folder
from gandiag.extractors.weights import places

CONTENT = {"inception": b"the plain one", "inception-torchscript": b"the script", "vgg16": b"vgg"}


PUBLISHED = dict(WEIGHTS)


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """The known rows, with small contents for the real ones."""
    for name, content in CONTENT.items():
        digest = hashlib.sha256(content).hexdigest()
        row = replace(WEIGHTS[name], sha256=digest, size=len(content))
        monkeypatch.setitem(WEIGHTS, name, row)


def put(folder, name, content=None):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS[name].files[0]
    path.write_bytes(CONTENT[name] if content is None else content)
    return path


def hub():
    return places()[1]


def test_the_published_rows():
    for name, row in PUBLISHED.items():
        assert row.name == name
        assert re.fullmatch("[0-9a-f]{64}", row.sha256)
        # torch's own convention: the first digits are part of the name.
        for digits in re.findall("-([0-9a-f]{8})[.]pth", " ".join(row.files)):
            assert row.sha256.startswith(digits)
        assert row.urls or row.source
        assert all(url.startswith("https://") for url in row.urls)
        assert all(url.rpartition("/")[2] in row.files for url in row.urls)


def test_the_folder_is_in_the_cache_unless_named(own_cache, tmp_path, monkeypatch):
    assert weights_folder() == own_cache / "weights"
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(tmp_path / "elsewhere"))
    assert weights_folder() == tmp_path / "elsewhere"


@pytest.mark.parametrize("name", ["inception", "inception-torchscript"])
@pytest.mark.parametrize("where", [weights_folder, hub])
def test_either_form_is_found_in_either_folder(name, where):
    path = put(where(), name)
    found = find_weights("inception")
    assert found == (path, hashlib.sha256(CONTENT[name]).hexdigest(), True)


def test_every_name_that_the_file_goes_by_is_looked_for():
    path = put(hub(), "inception").rename(hub() / WEIGHTS["inception"].files[1])
    assert find_weights("inception").path == path


def test_missing_weights_name_the_three_ways_out():
    with pytest.raises(GandiagError) as caught:
        find_weights("inception")
    for way in (
        "gandiag weights import FILE",
        "gandiag weights fetch inception",
        "--features lite0",
    ):
        assert way in str(caught.value)
    # What most people need comes first.
    assert re.search(
        "run `gandiag weights fetch inception`, or .*import.* or .*lite0", str(caught.value)
    )
    assert str(weights_folder()) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_digest_is_refused_unless_allowed():
    path = put(weights_folder(), "inception", b"changed")
    with pytest.raises(GandiagError) as caught:
        find_weights("inception")
    assert str(path) in str(caught.value)
    assert hashlib.sha256(b"changed").hexdigest()[:16] in str(caught.value)
    assert "--allow-unverified" in str(caught.value)
    found = find_weights("inception", allow_unverified=True)
    assert (found.path, found.verified) == (path, False)


def test_a_right_file_is_preferred_to_a_wrong_one_before_it():
    put(weights_folder(), "inception", b"changed")
    right = put(hub(), "inception")
    for allow in (False, True):
        assert find_weights("inception", allow_unverified=allow).path == right


def test_the_variable_may_name_one_file(tmp_path, monkeypatch):
    put(hub(), "inception")
    vgg = put(weights_folder(), "vgg16")
    named = tmp_path / "mine.pth"
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(named))
    named.write_bytes(CONTENT["inception-torchscript"])
    assert find_weights("inception").path == named
    named.write_bytes(b"of my own")
    with pytest.raises(GandiagError, match=r"mine\.pth is not the published inception file"):
        find_weights("inception")
    assert find_weights("inception", allow_unverified=True).path == named
    # It says nothing about other networks.
    assert find_weights("lite0").verified
    with pytest.raises(GandiagError, match="the vgg16 weights are not on this machine"):
        find_weights("vgg16")
    named.write_bytes(vgg.read_bytes())
    assert find_weights("vgg16").path == named
    assert find_weights("inception").path.parent == hub()


def test_a_file_given_is_the_only_one_looked_at(tmp_path):
    put(hub(), "inception")
    with pytest.raises(GandiagError, match=r"cannot read the weights .*none\.pth"):
        find_weights("inception", file=tmp_path / "none.pth")
    with pytest.raises(GandiagError, match="cannot read the weights"):
        find_weights("inception", file=tmp_path)
    vgg = put(tmp_path, "vgg16")
    with pytest.raises(GandiagError, match="is not the published inception file"):
        find_weights("inception", file=vgg)


def test_import_recognises_a_file_whatever_it_is_called(tmp_path):
    source = tmp_path / "download (1)"
    source.write_bytes(CONTENT["inception-torchscript"])
    path = import_weights(source)
    assert path == weights_folder() / "inception-2015-12-05.pt"
    assert path.read_bytes() == source.read_bytes()
    assert find_weights("inception").path == path
    assert import_weights(source, "inception-torchscript") == path
    assert import_weights(path) == path  # onto itself
    assert path.read_bytes() == source.read_bytes()
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"unknown", None, "is not a weights file that gandiag knows"),
        (b"unknown", "vgg16", "is not the vgg16 file"),
        (CONTENT["inception"], "vgg16", "is not the vgg16 file"),
        (CONTENT["inception"], "nonsense", "'nonsense' is no known weights file"),
    ],
)
def test_import_takes_nothing_else(tmp_path, content, name, why):
    source = tmp_path / "file"
    source.write_bytes(content)
    with pytest.raises(GandiagError, match=why):
        import_weights(source, name)
    assert not weights_folder().exists()


def test_an_import_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    source = tmp_path / "file"
    source.write_bytes(CONTENT["inception"])
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where a folder should be")
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(blocked / "weights"))
    with pytest.raises(GandiagError, match="cannot write"):
        import_weights(source)
    assert blocked.read_bytes() == b"a file where a folder should be"


def test_torch_hubs_folder_is_never_written(tmp_path):
    source = tmp_path / "file"
    source.write_bytes(CONTENT["inception"])
    import_weights(source)
    assert not hub().exists()
    assert torch.hub.get_dir() in str(hub())
