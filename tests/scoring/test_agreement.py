"""The table of agreement with other tools is of the code at hand."""

import dataclasses
import json
import textwrap

import pytest

from gandiag.metrics import Subsets
from gandiag.scoring.protocols import PROTOCOLS

agreement = pytest.importorskip("benchmarks.agreement")
jobs = pytest.importorskip("benchmarks.agreement_jobs")
digest = pytest.importorskip("benchmarks.digest")
tables = pytest.importorskip("benchmarks.tables")
ROWS = json.loads((digest.ROOT / agreement.OUT).read_text())["rows"]


def test_the_rows_were_made_by_this_code():
    now = {name: job.digest() for name, job in jobs.JOBS.items()}
    old = sorted({row["job"] for row in ROWS if row["digest"] != now[row["job"]]})
    assert not old, f"made by other code: python -m benchmarks.agreement --only {' '.join(old)}"


def test_a_parameter_of_a_protocol_moves_the_digest_of_its_rows_alone(monkeypatch):
    before = {name: job.digest() for name, job in jobs.JOBS.items()}
    rows = dict(PROTOCOLS)
    kid = dataclasses.replace(rows["mimicry"].metrics["kid"], subsets=Subsets(count=11))
    metrics = {**rows["mimicry"].metrics, "kid": kid}
    rows["mimicry"] = dataclasses.replace(rows["mimicry"], metrics=metrics)
    rows["adm"] = dataclasses.replace(rows["adm"], notes=("said otherwise",))
    monkeypatch.setattr(jobs, "PROTOCOLS", rows)
    moved = {name for name, job in jobs.JOBS.items() if job.digest() != before[name]}
    assert moved == {"mimicry"}


def test_a_row_is_made_anew_for_another_tool_protocol_code_or_number():
    row = next(row for row in ROWS if row["job"] == "progan")
    assert not agreement.stale([row], "progan", None)
    assert not agreement.stale([row], "progan", row["images"])
    assert agreement.stale([row], "progan", row["images"] + 1)
    assert agreement.stale([row], "cmmd", None)
    for key in ("protocol", "tool", "digest"):
        assert agreement.stale([{**row, key: "other"}], "progan", None), key


def test_every_protocol_and_score_has_a_row():
    found = {(row["protocol"], row["score"].partition(",")[0]) for row in ROWS}
    # The best-practice protocol is nobody else's, and prdc stands for its four shares.
    for protocol in set(PROTOCOLS) - {"gandiag"}:
        scores = {score for name, score in found if name == protocol}
        for key, metric in PROTOCOLS[protocol].metrics.items():
            if (protocol, key) != ("torch-fidelity", "prdc"):  # VGG-16 with its own weights
                assert scores & {key, *metric.outputs}, (protocol, key)


def test_rows_with_numbers_agree():
    """Convolutions that sum in another order move features by 1e-6, and formulas are in float32."""
    measured = [row for row in ROWS if "theirs" in row]
    assert len(measured) > len(ROWS) / 2
    for row in measured:
        assert row["relative_difference"] < 1e-4, row


def test_the_table_tells_what_was_not_measured():
    row = {"protocol": "dgm-eval", "tool": "dgm-eval: from its source alone", "score": "fid"}
    *_, line = agreement.table([row])
    assert line == "| dgm-eval | dgm-eval: from its source alone | | fid | | | |"


class TestDigest:
    @pytest.fixture
    def root(self, tmp_path):
        (tmp_path / "a").mkdir()
        for name in ("a/one.py", "a/two.py", "a/notes.md", "b.py"):
            (tmp_path / name).write_bytes(b"x = 1\ny = 2\n")
        return tmp_path

    def test_it_sees_names_bytes_and_new_files_and_nothing_else(self, root):
        globs = ["a/*.py", "b.py"]
        before = digest.digest_of(globs, root)
        assert before == digest.digest_of(["b.py", "a/two.py", "a/one.py"], root)
        assert len(before) == 64
        (root / "a/notes.md").write_text("other")
        assert digest.digest_of(globs, root) == before
        path = root / "a/one.py"
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        assert digest.digest_of(globs, root) == before
        path.write_bytes(b"x = 1\ny = 3\n")
        assert digest.digest_of(globs, root) != before
        path.write_bytes(b"x = 1\ny = 2\n")
        path.rename(root / "a/three.py")
        assert digest.digest_of(globs, root) != before

    def test_remarks_do_not_count(self):
        text = '''
            class A:
                """Told."""

                x = "a"  # why
                """More."""

            # whole line
            def f(y="#"):
                """Lines

                of it."""
                return "kept # not a comment", y
        '''
        assert digest.code_of(textwrap.dedent(text)).splitlines() == [
            "class A:",
            '    x = "a"',
            'def f(y="#"):',
            '    return "kept # not a comment", y',
        ]

    def test_a_pattern_that_matches_nothing_is_refused(self, root):
        with pytest.raises(ValueError, match="matches no file"):
            digest.digest_of(["a/*.py", "c/*.py"], root)


def test_the_tables_say_what_the_results_say():
    found = {page: page.read_text() for page in tables.PAGES}
    page = found[tables.PAGES[0]]
    assert [place[1] for place in tables.PLACE.finditer(page)] == [*tables.TABLES]
    for text in found.values():
        assert tables.filled(text) == text, "python -m benchmarks.tables"
