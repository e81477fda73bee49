"""What ``--json`` wrote, read again in Python."""

from folders import save
from toys import images

from gandiag import Comparison, Report


def test_a_report(score, tmp_path):
    code, out, _ = score("--json", tmp_path / "a.json")
    report = Report.from_json(tmp_path / "a.json")
    assert code == 0
    assert str(report).splitlines()[0] == out.splitlines()[0].rstrip()
    assert report.to_json() == (tmp_path / "a.json").read_text()


def test_a_comparison(run, folders, tmp_path):
    other = save(tmp_path / "other", images(40, seed=7, size=(8, 8)))
    words = ("--real", folders[1], "--features", "pixels:4", "--metrics", "kid,prdc")
    code, out, _ = run("compare", folders[0], other, *words, "--json", "-")
    assert code == 0
    result = Comparison.from_json(out)
    assert result.to_json() == out.rstrip("\n")
    assert [each.first for each in result.differences] == ["A"] * 5
