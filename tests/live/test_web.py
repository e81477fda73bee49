"""The page that `gandiag watch --web` serves: who may ask what, and what is drawn."""

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import threading

import pytest
from runs import ALERT, END, OVER, alert, append, line, over, signals, start

from gandiag import GandiagError
from gandiag.live import Run, snapshot
from gandiag.live.snapshot import points
from gandiag.live.web import HOST, Server, Watching

NAMES = ("energy", "churn")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "monitor.jsonl"
    append(path, start(), *(signals(step, energy=1 / step) for step in (20, 40, 60)))
    return path


@contextlib.contextmanager
def serving(*paths):
    with Server(Watching([Run(each) for each in paths], NAMES)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server(path):
    with serving(path) as server:
        yield server


def ask(server, path=None, method="GET", host=None):
    """Status, headers and body."""
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=10)
    connection.putrequest(method, f"/{server.token}/" if path is None else path, skip_host=True)
    connection.putheader("Host", f"{HOST}:{server.server_port}" if host is None else host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def news(server, seen=""):
    status, _, body = ask(server, f"/{server.token}/runs.json?seen={seen}")
    return json.loads(body) if status == 200 else status


# --- who may ask ---


def test_it_listens_on_this_machine_alone(server):
    assert server.socket.getsockname()[0] == HOST
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/"
    assert len(server.token) >= 43  # 32 bytes
    with serving() as other:
        assert other.token != server.token


def test_the_page_and_its_parts(server):
    for part in ("", "page.html", "page.js", "page.css"):
        status, headers, body = ask(server, f"/{server.token}/{part}")
        assert status == 200
        assert len(body) == int(headers["Content-Length"]) > 300
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        # Nothing is loaded from elsewhere; the namespace of SVG is a name, not an address.
        found = set(re.findall(rb"https?://[^\"'\s]+", body))
        assert found <= {b"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize(
    "path", ["/", "/page.js", "/runs.json", "/wrong/runs.json", "//", "/\xe9/"]
)
def test_without_the_token_there_is_nothing(server, path):
    raw = path.encode("latin-1")
    with socket.create_connection((HOST, server.server_port), timeout=10) as talk:
        head = b"GET %s HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % (raw, server.server_port)
        talk.sendall(head)
        assert b" 404 " in talk.recv(4096)


def test_a_part_of_the_token_is_not_the_token(server):
    for token in (server.token[:-1], server.token + "x", server.token.swapcase(), ""):
        assert ask(server, f"/{token}/runs.json")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
def test_another_name_for_this_host_is_refused(server, host):
    status, _, body = ask(server, host=host)
    assert (status, body) == (421, b"")


def test_localhost_is_this_host(server):
    assert ask(server, host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_nothing_can_be_written(server, path, method):
    before = path.read_bytes()
    assert ask(server, method=method)[0] == 501
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "name",
    ["../web.py", "%2e%2e/web.py", "..%2fweb.py", "/etc/passwd", "page/page.js", "monitor.jsonl",
     "page.js%00", "runs.json/x"],
)  # fmt: skip
def test_no_request_names_a_file(server, name):
    status, _, body = ask(server, f"/{server.token}/{name}")
    assert (status, body) == (404, b"")


def test_a_port_that_is_taken_is_one_sentence(server):
    with pytest.raises(GandiagError, match="--port"):
        Server(Watching([], NAMES), server.server_port)


# --- what is said ---


def test_what_is_new_is_told_once(server, path):
    first = news(server)
    (run,) = first["runs"]
    assert [p[0] for p in run["signals"]["energy"]["points"]] == [20, 40, 60]
    assert (run["step"], run["budget"], run["over"]) == (60, 100, False)
    assert "churn" not in run["signals"]
    assert set(first["meanings"]) == set(NAMES)
    assert news(server, first["version"]) == 204
    append(path, signals(80, energy=3)[:9])
    assert news(server, first["version"]) == 204  # half a line is none
    append(path, signals(80, energy=3)[9:], alert())
    second = news(server, first["version"])
    assert second["runs"][0]["signals"]["energy"]["points"][-1] == [80, 3, 3, 3]
    assert second["runs"][0]["signals"]["energy"]["high"] == 3
    assert [each["lasts"] for each in second["runs"][0]["alerts"]] == [True]
    append(path, over())
    assert [each["lasts"] for each in news(server)["runs"][0]["alerts"]] == [False]


def test_a_restart_and_an_end(server, path):
    first = news(server)
    path.write_text(start() + signals(5, energy=1))
    second = news(server, first["version"])
    assert second["runs"][0]["restarts"] == 1
    assert second["runs"][0]["step"] == 5
    append(path, END)
    assert news(server, second["version"])["runs"][0]["over"]


def test_a_run_that_has_not_begun_and_one_that_cannot_be_read(tmp_path, path):
    append(path, "nonsense\n")
    (tmp_path / "new").mkdir()
    with serving(tmp_path / "new", path) as server:
        new, bad = news(server)["runs"]
        assert (new["awaited"], new["trouble"]) == (True, "")
        assert "line 5, is not of a monitor" in bad["trouble"]
        assert bad["step"] == 60


def test_curves_have_a_bounded_number_of_points_and_keep_their_range(monkeypatch):
    course = [(step, float(step == 4_321)) for step in range(10_000)]
    found = list(points(course))
    assert len(found) <= 240
    assert found[-1][0] == 9_999
    assert max(high for *_, high in found) == 1
    size = -(-10_000 // 240)
    assert max(mean for _, mean, *_ in found) == pytest.approx(1 / size, rel=1e-5)
    assert list(points([])) == []
    assert list(points([(3, 0.1234567891)])) == [(3, 0.123457, 0.123457, 0.123457)]


def test_a_snapshot_is_json_whatever_a_run_says(path):
    append(path, '{"type": "signals", "step": 80, "values": {"energy": Infinity}}\n')
    run = Run(path)
    run.look()
    json.dumps(snapshot.snapshot(run, NAMES), allow_nan=False)


# --- what is drawn ---

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_browser_draws_it_without_an_error(tmp_path, path):
    append(path, alert(), over(OVER), alert(ALERT.__class__(**{**vars(ALERT), "step": 95})))
    append(path, line("mark", step=61, after=60, event="lr"))
    append(path, line("note", step=60, level="WARN", message="<script>alert(1)</script>"))
    other = tmp_path / "other"
    other.mkdir()
    append(other / "monitor.jsonl", start(), *(signals(s, energy=s, churn=0) for s in range(400)))
    (tmp_path / "new").mkdir()
    with serving(path, other, tmp_path / "new") as server:
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                 "--virtual-time-budget=3000", f"--user-data-dir={tmp_path / 'own'}")  # fmt: skip
        done = subprocess.run(
            [str(CHROMIUM), *flags, "--dump-dom", server.address],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    page, told = done.stdout, done.stderr
    assert "CONSOLE" not in told, told
    assert re.findall(r'data-signal="(\w+)"', page) == ["energy", "churn"]
    assert page.count('class="curve run1"') == 1 + 2  # beside its name, in two charts
    assert page.count('class="alert-mark"') == 2 * 2
    assert "generator step 60 of 100" in page
    assert "nothing recorded yet" in page
    assert "usual causes" in page.lower()
    assert "&lt;script&gt;alert(1)" in page
    assert 'id="lost" role="status" hidden' in page
    for number in re.findall(r' d="([^"]*)"', page):
        assert "NaN" not in number
        assert "Infinity" not in number
