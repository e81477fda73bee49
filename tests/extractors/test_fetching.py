"""Downloads against a server on this machine that behaves as networks do."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from gandiag.errors import GandiagError
from gandiag.extractors import WEIGHTS, dinov2, fetch_weights, timm_models, weights_folder

CONTENT = np.random.default_rng(0).bytes(300_000)
WRONG = CONTENT[:-1] + b"!"


class Server:
    """Answers request after request as its script says, and remembers what was asked."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Range")))
                outer.answer(self, outer.script.pop(0) if outer.script else "whole")

            def log_message(self, *_args) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=[0.01], daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, how: str) -> None:
        what, _, number = how.partition(" ")
        if what == "status":
            request.send_error(int(number))
            return
        body = {"wrong": WRONG, "longer": CONTENT + b"!", "page": b"<html>log in</html>"}.get(
            what, CONTENT
        )
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if start and what not in ("rangeless", "page"):
            if start >= len(body):
                request.send_error(416)
                return
            request.send_response(206)
            body = body[start:]
        else:
            request.send_response(200)
        if what != "lengthless":
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: int(number)] if number else body)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    row = replace(
        WEIGHTS["inception"],
        urls=(f"{server.url}/first", f"{server.url}/second"),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size=len(CONTENT),
    )
    monkeypatch.setitem(WEIGHTS, "inception", row)
    yield server
    server.http.shutdown()
    server.http.server_close()


def files() -> dict[str, int]:
    folder = weights_folder()
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.exists() else {}


NAME = WEIGHTS["inception"].files[0]
WHOLE = {NAME: len(CONTENT)}


def test_a_file_arrives_whole_with_its_progress(server):
    told = []
    path = fetch_weights("inception", tell=lambda done, total: told.append((done, total)))
    assert path == weights_folder() / NAME
    assert path.read_bytes() == CONTENT
    assert files() == WHOLE
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)
    fetch_weights("inception")  # it is there: nothing is asked for
    assert server.asked == [("/first", None)]


def test_a_connection_cut_half_way_goes_on_where_it_stopped(server):
    server.script = ["whole 100000", "whole 50000", "whole"]
    fetch_weights("inception")
    assert (weights_folder() / NAME).read_bytes() == CONTENT
    assert server.asked == [
        ("/first", None),
        ("/first", "bytes=100000-"),
        ("/first", "bytes=150000-"),
    ]
    assert files() == WHOLE


def test_a_later_run_goes_on_where_an_earlier_one_stopped(server):
    server.script = ["whole 100000", "status 503", "status 503"]
    with pytest.raises(GandiagError):
        fetch_weights("inception")
    assert files() == {f"{NAME}.part": 100_000}
    fetch_weights("inception")
    assert server.asked[-1] == ("/first", "bytes=100000-")
    assert files() == WHOLE


def test_the_second_address_goes_on_where_the_first_stopped(server):
    server.script = ["whole 100000", "status 404", "whole"]
    fetch_weights("inception")
    assert server.asked[-1] == ("/second", "bytes=100000-")
    assert files() == WHOLE


def test_a_server_without_ranges_starts_anew(server):
    server.script = ["whole 100000", "rangeless"]
    fetch_weights("inception")
    assert (weights_folder() / NAME).read_bytes() == CONTENT


def test_a_server_that_says_no_length_is_believed_by_its_digest(server, monkeypatch):
    server.script = ["lengthless 1000", "lengthless"]
    fetch_weights("inception")
    assert (weights_folder() / NAME).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_connection_that_brings_nothing_is_given_up(server):
    server.script = ["whole 100000"] + ["whole 0"] * 100
    with pytest.raises(GandiagError, match="the connection ended after 100000 of 300000 bytes"):
        fetch_weights("inception")
    assert len(server.asked) == 1 + 5 + 5
    assert files() == {f"{NAME}.part": 100_000}


def test_a_wrong_digest_leaves_nothing(server):
    server.script = ["wrong", "wrong"]
    with pytest.raises(GandiagError) as caught:
        fetch_weights("inception")
    assert hashlib.sha256(WRONG).hexdigest()[:16] in str(caught.value)
    assert "gandiag weights import FILE" in str(caught.value)
    assert files() == {}
    assert server.asked == [("/first", None), ("/second", None)]


def test_what_a_bad_start_spoilt_is_fetched_once_more_from_nothing(server):
    weights_folder().mkdir(parents=True)
    (weights_folder() / f"{NAME}.part").write_bytes(b"?" * 1000)
    fetch_weights("inception")
    assert server.asked == [("/first", "bytes=1000-"), ("/first", None)]
    assert files() == WHOLE


@pytest.mark.parametrize("length", [len(CONTENT), len(CONTENT) + 10])
def test_a_left_over_that_is_full_but_wrong_is_replaced(server, length):
    weights_folder().mkdir(parents=True)
    (weights_folder() / f"{NAME}.part").write_bytes(b"?" * length)
    fetch_weights("inception")
    assert (weights_folder() / NAME).read_bytes() == CONTENT


def test_a_full_left_over_is_taken_without_asking(server):
    weights_folder().mkdir(parents=True)
    (weights_folder() / f"{NAME}.part").write_bytes(CONTENT)
    fetch_weights("inception")
    assert server.asked == []
    assert files() == WHOLE


def test_a_login_page_does_not_cost_what_is_there(server):
    server.script = ["whole 100000", "page", "page"]
    with pytest.raises(GandiagError, match="it offers 19 bytes where the file has 300000"):
        fetch_weights("inception")
    assert files() == {f"{NAME}.part": 100_000}


def test_every_address_is_named_when_none_has_it(server):
    server.script = ["status 404", "status 500"]
    with pytest.raises(GandiagError) as caught:
        fetch_weights("inception")
    sentence = str(caught.value)
    assert f"{server.url}/first: HTTP 404" in sentence
    assert f"{server.url}/second: HTTP 500" in sentence
    assert "--features lite0" in sentence
    assert "\n" not in sentence
    assert files() == {}


def test_without_a_network(server):
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(GandiagError, match=r"Connection refused.*gandiag weights import FILE"):
        fetch_weights("inception")
    assert files() == {}


def test_a_folder_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(tmp_path / "file" / "folder"))
    with pytest.raises(GandiagError, match="cannot write"):
        fetch_weights("inception")
    assert server.asked == []


def test_a_damaged_file_in_its_place_is_replaced(server):
    weights_folder().mkdir(parents=True)
    (weights_folder() / NAME).write_bytes(WRONG)
    fetch_weights("inception")
    assert (weights_folder() / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "why"), [("nonsense", "known are inception"), ("lite0", "comes with the package")]
)
def test_what_cannot_be_fetched(name, why):
    with pytest.raises(GandiagError, match=why):
        fetch_weights(name)


class TestOfTimm:
    SMALL = "mobilenetv3_small_050.lamb_in1k"

    def test_the_hubs_client_brings_it_and_it_is_found(self, server, tmp_path, monkeypatch):
        asked, cached = [], {}

        def download(repository, name):
            asked.append((repository, name))
            cached[repository, name] = tmp_path / name
            cached[repository, name].write_bytes(CONTENT)
            return str(tmp_path / name)

        def look(*names):
            return str(cached[names]) if names in cached else None

        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", look)
        server.script = ["status 404"]  # an answer of any kind shows that the hub is there
        told = []
        path = fetch_weights(f"timm:{self.SMALL}", tell=lambda *counts: told.append(counts))
        assert path == tmp_path / "model.safetensors"
        assert told == [(len(CONTENT), len(CONTENT))]
        assert timm_models.on_disk(timm_models.published(self.SMALL)) == path
        assert fetch_weights(f"timm:{self.SMALL}") == path  # it is there: nothing is asked for
        fetch_weights("dinov2")
        assert asked == [
            (f"timm/{self.SMALL}", "model.safetensors"),
            (f"timm/{dinov2.NETWORK}", "model.safetensors"),
        ]

    def test_what_timm_keeps_elsewhere(self, server, monkeypatch):
        published = timm_models.published("gcvit_xxtiny.in1k")
        assert not published.hf_hub_id
        here = replace(published, url=f"{server.url}/weights/gcvit.pth")
        monkeypatch.setattr("gandiag.extractors.fetching.published", lambda _: here)
        assert timm_models.on_disk(here) is None
        path = fetch_weights("timm:gcvit_xxtiny.in1k")
        assert path.read_bytes() == CONTENT
        assert timm_models.on_disk(here) == path

    def test_without_a_network_there_is_one_sentence_at_once(self, monkeypatch):
        def wait(*_args):
            raise AssertionError("the hub's client would try for 46 seconds")

        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
        monkeypatch.setattr("huggingface_hub.hf_hub_download", wait)
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
        for name, network in {f"timm:{self.SMALL}": self.SMALL, "dinov2": dinov2.NETWORK}.items():
            with pytest.raises(GandiagError) as caught:
                fetch_weights(name)
            sentence = str(caught.value)
            assert sentence.startswith(f"could not fetch the weights of {network} (<urlopen error")
            assert "--features lite0" in sentence
            assert "\n" not in sentence

    def test_a_network_that_there_is_not(self):
        with pytest.raises(GandiagError, match=r"timm has no network called 'resnet5O'; did you"):
            fetch_weights("timm:resnet5O")


class TestOfUnknownSize:
    """Where only the digest is known, the server's word is taken for the length."""

    @pytest.fixture(autouse=True)
    def unknown(self, server, monkeypatch):
        monkeypatch.setitem(WEIGHTS, "inception", replace(WEIGHTS["inception"], size=0))

    def test_it_arrives_and_goes_on_where_it_stopped(self, server):
        server.script = ["whole 100000", "whole"]
        told = []
        fetch_weights("inception", tell=lambda *counts: told.append(counts))
        assert (weights_folder() / NAME).read_bytes() == CONTENT
        assert server.asked == [("/first", None), ("/first", "bytes=100000-")]
        assert told[-1] == (len(CONTENT), len(CONTENT))

    def test_a_full_left_over_is_taken(self, server):
        weights_folder().mkdir(parents=True)
        (weights_folder() / f"{NAME}.part").write_bytes(CONTENT)
        fetch_weights("inception")
        assert files() == WHOLE

    @pytest.mark.parametrize("how", ["wrong", "longer", "page"])
    def test_other_content_leaves_nothing(self, server, how):
        server.script = [how, how]
        with pytest.raises(GandiagError, match="what came has a SHA-256"):
            fetch_weights("inception")
        assert files() == {}


def test_the_command_line(server, run, tmp_path):
    code, out, err = run("weights", "fetch", "inception")
    assert (code, err) == (0, "")
    assert out == f"inception: {weights_folder() / NAME}\n"
    code, out, _ = run("weights", "list")
    assert code == 0
    assert str(weights_folder() / NAME) in out
    code, out, err = run("weights", "verify")
    assert (code, err) == (0, "")
    assert "good   inception" in out
    (weights_folder() / NAME).write_bytes(WRONG)
    code, out, err = run("weights", "verify")
    assert code == 2
    assert "WRONG  inception" in out
    assert "good   lite0" in out
    assert err.startswith("gandiag: ")
    assert str(weights_folder() / NAME) in err
    assert err.count("\n") == 1
    (weights_folder() / NAME).write_bytes(CONTENT)
    misnamed = weights_folder() / WEIGHTS["vgg16"].files[0]
    misnamed.write_bytes(CONTENT)
    code, out, err = run("weights", "verify")
    assert code == 2
    assert str(misnamed) in err
    assert "good   inception" in out
    misnamed.unlink()
    mine = tmp_path / "mine"
    mine.write_bytes(CONTENT)
    code, out, err = run("weights", "import", mine)
    assert (code, out, err) == (0, f"inception: {weights_folder() / NAME}\n", "")
    assert (weights_folder() / NAME).read_bytes() == CONTENT
    code, out, err = run("weights", "import", mine, "--name", "vgg16")
    assert (code, out) == (2, "")
    assert "is not the vgg16 file" in err


@pytest.mark.parametrize("verb", [(), ("list",), ("fetch",), ("import",), ("verify",)])
def test_help_has_examples(run, verb):
    code, out, _ = run("weights", *verb, "--help")
    assert code == 0
    assert "gandiag weights" in out.partition("Example")[2]
