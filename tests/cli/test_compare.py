"""``gandiag compare`` as a person runs it."""

import csv
import json
from xml.etree import ElementTree

import pytest
from folders import save
from toys import images

FAST = ("--features", "pixels:4")


@pytest.fixture
def three(tmp_path):
    """Two folders like the real one, of which the second is darker, and the real one."""
    dark = [image // 4 for image in images(40, seed=3, size=(8, 8))]
    return [
        save(tmp_path / "fine", images(40, seed=1, size=(8, 8))),
        save(tmp_path / "dark", dark),
        save(tmp_path / "real", images(50, seed=2, size=(8, 8))),
    ]


@pytest.fixture
def compare(run, three):
    fine, dark, real = three
    sets = {"fine": fine, "dark": dark}

    def call(*more, order=("fine", "dark")):
        named = [sets[each] for each in order]
        return run("compare", *named, "--real", real, *FAST, "--metrics", "fid,kid", *more)

    return call


def test_prints_a_verdict_a_score(compare):
    code, out, _ = compare()
    assert code == 0
    assert "fd[pixels:4]" in out
    assert out.count("A better") == 2
    assert "A is better than B by fd[pixels:4], kd[pixels:4] (of 2 scores judged)" in out


def test_fails_if_the_first_is_worse_and_only_then(compare):
    code, _, err = compare("--fail-if-worse")
    assert code == 0
    code, out, err = compare("--fail-if-worse", order=("dark", "fine"))
    assert code == 1
    assert "A is worse than B by fd[pixels:4]" in err
    assert "B better" in out


def test_json_alone_on_standard_output(compare):
    code, out, _ = compare("--json", "-")
    whole = json.loads(out)
    assert code == 0
    assert whole["differences"][0]["verdict"] == "A better"
    assert set(whole["reports"]) == {"A", "B"}


def test_other_programs(compare):
    _, out, _ = compare("--output-format", "csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert [each["better"] for each in rows] == ["A", "A"]
    assert float(rows[0]["low"]) < float(rows[0]["difference"]) < float(rows[0]["high"])
    _, out, _ = compare("--output-format", "junit", order=("dark", "fine"))
    suite = ElementTree.fromstring(out)
    assert suite.attrib["tests"] == suite.attrib["failures"] == "2"
    _, out, _ = compare("--output-format", "github", order=("dark", "fine"))
    assert "::error title=A is worse by fd[pixels%3A4]::" in out
    _, out, _ = compare("--output-format", "latex")
    assert r"\begin{tabular}" in out
    assert r"fd[pixels:4]" in out


def test_a_page_with_the_pictures_of_all(compare, tmp_path):
    code, _, _ = compare("--html", tmp_path / "c.html")
    page = (tmp_path / "c.html").read_text()
    assert code == 0
    assert page.count("data:image/png") == 3
    assert page.count("<svg") == 1
    assert "A better" in page


def test_a_saved_report_is_a_gate(run, three, tmp_path):
    fine, dark, real = three
    old = tmp_path / "old.json"
    asked = ("--real", real, *FAST, "--metrics", "kid")
    assert run("score", fine, *asked, "--json", old)[0] == 0
    code, _, err = run("compare", dark, "--baseline", old, *asked, "--fail-if-worse")
    assert code == 1
    assert "A is worse than B" in err
    assert run("compare", fine, "--baseline", old, *asked, "--fail-if-worse")[0] == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--json", "-", "--output-format", "csv"), "both print"),
        (("--metrics", "fidd"), "did you mean fid"),
        (("--baseline", "none.json"), "cannot read none.json"),
        (("--per-class",), "--per-class"),
    ],
)
def test_bad_usage_is_one_sentence(compare, more, said):
    code, out, err = compare(*more)
    assert code == 2
    assert not out
    assert said in err
    assert len(err.strip().splitlines()) <= 4
    assert "Traceback" not in err


def test_one_set_is_refused(run, three):
    code, _, err = run("compare", three[0], "--real", three[2], *FAST)
    assert code == 2
    assert "name another one, or a saved report" in err
