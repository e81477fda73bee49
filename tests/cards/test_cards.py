"""Every name that a report or an alert prints has a card, and no card is of another name."""

import ast
from pathlib import Path

import pytest
import torch

import gandiag
from gandiag.cards import METRIC_NOTES, REMARKS, explain, names
from gandiag.errors import GandiagError
from gandiag.metrics import METRICS, CriticWasserstein, Metric, ModeCoverage, SlicedPatches
from gandiag.monitors import PATHOLOGIES, Thresholds
from gandiag.reporting.tables import as_text
from gandiag.scoring.caveats import TREATMENTS
from gandiag.scoring.protocols import PROTOCOLS
from gandiag.sources.notes import CODES
from gandiag.statistics import Bank

ROOT = Path(gandiag.__file__).parent

AWAITED: set[str] = set()
"""Metrics that have a card and are still to come."""

# A name of several kinds or numbers once for each.
ALL = [(kind, name) for kind, known in names().items() for name in known]


def codes(path):
    """The codes of ``Warn("code", ...)``, and of what `remarks` yields, in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "Warn":
                yield node.args[0]
        elif isinstance(node, ast.FunctionDef) and node.name == "remarks":
            for each in ast.walk(node):
                if isinstance(each, ast.Yield):
                    assert isinstance(each.value, ast.Tuple), f"{path}: a remark is no pair"
                    yield each.value.elts[0]


def told(paths):
    """Codes that are written out; a code in a variable is of a table, or of `remarks`."""
    found = [each for path in paths for each in codes(path)]
    others = [each for each in found if not isinstance(each, ast.Constant)]
    # A variable is of a table; `gandiag.reporting.saved` reads what was told before.
    assert {ast.unparse(each) for each in others} <= {"code", "text(each['code'])"}
    return {each.value for each in found if isinstance(each, ast.Constant)}


def singles():
    """Names of numbers of single samples."""
    rows = torch.rand((30, 6), generator=torch.Generator().manual_seed(0))
    sets = {"real": Bank((rows,)), "generated": Bank((rows[:20] + 0.1,))}
    for kind in METRICS.values():
        if kind.each is not Metric.each:
            yield from kind().each(**sets)


def parts_of(card):
    """All that it says."""
    for heading, body in card.sections.items():
        if body:
            yield heading
        yield from (body,) if isinstance(body, str) else body
        yield from body.values() if isinstance(body, dict) else ()


def test_every_metric_has_a_card():
    assert set(METRIC_NOTES) - AWAITED == set(METRICS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_number_of_a_metric_is_told(name):
    assert set(METRIC_NOTES[name].outputs) == set(METRICS[name].outputs)


SMALL = {
    "critic": CriticWasserstein(steps=2),
    "modes": ModeCoverage(classes=tuple("012345")),
    "swd_patches": SlicedPatches(patches=2, side=1, directions=5),
}
"""In place of the defaults: quicker, and on rows of this width."""


@pytest.mark.parametrize("name", sorted(METRICS))
def test_where_there_is_no_interval_the_card_says_so(name):
    metric, random = SMALL.get(name) or METRICS[name](), torch.Generator().manual_seed(0)
    width = 3 * 11 * 11 if name == "ms_ssim" else 6
    sets = {
        role: Bank((torch.rand((60, width), generator=random),)).labelled(["a", "b"] * 30)
        for role in metric.accepts
    }
    without = [output for output, score in metric(**sets).items() if score.low is None]
    assert not without or "none" in METRIC_NOTES[name].interval.lower()


def test_every_other_name_of_a_number_leads_to_its_card():
    numbers = {output for kind in METRICS.values() for output in kind.outputs}
    others = {
        *(each for kind in METRICS.values() for each in kind.generic.values()),
        *(name for protocol in PROTOCOLS.values() for name in protocol.metrics),
        *singles(),
    }
    notes = {key: note for key, note in METRIC_NOTES.items() if key not in AWAITED}
    written = {name for note in notes.values() for name in note.also}
    assert written == others - numbers - set(METRICS)
    for protocol in PROTOCOLS.values():
        for name, metric in protocol.metrics.items():
            assert explain(name).name == metric.name


def test_every_code_has_a_card_and_no_card_is_of_another():
    everywhere = told(ROOT.rglob("*.py"))
    assert everywhere >= {"overlap", "protocol", "short-block"}  # the search finds what there is
    assert everywhere | {*CODES} | {*TREATMENTS} == set(REMARKS)


def test_every_pathology_says_what_its_card_needs():
    for each in PATHOLOGIES.values():
        assert each.title
        assert each.what.endswith(".")
        assert each.when.endswith(".")


def test_what_is_told_of_a_pathology_is_what_the_monitor_has():
    card = str(explain("mode-collapse"))
    assert f"missing_mass above {Thresholds().missing}" in card
    assert "spectral normalisation of the discriminator [Miyato et al. 2018]" in card


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_card_fits_and_says_all_of_it(kind, name):
    card = explain(name)
    assert kind in {card.kind, *(each.kind for each in card.beside)}
    for width in (60, 80, 100):
        text = as_text(card, width)
        assert max(map(len, text.splitlines())) <= width
        squeezed = "".join(text.split())
        for part in parts_of(card):
            assert "".join(part.split()) in squeezed


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("FID", "fid"),
        ("fd[lite0]", "fid"),
        ("intra_fid", "fid"),
        ("recall", "prdc"),
        ("prdc(k=3)", "prdc"),
        ("alpha-precision", "alpha"),
        ("small_sample", "small-sample"),
        ("Mode-Collapse", "mode-collapse"),
    ],
)
def test_names_as_they_are_printed(typed, name):
    assert gandiag.explain(typed).name == name


@pytest.mark.parametrize("name", ["precision", "alpha"])
def test_a_name_of_two_kinds_shows_both(name):
    card = explain(name)
    assert [card.kind, *(each.kind for each in card.beside)] == ["metric", "warning"]
    assert f"{name}  {REMARKS[name].title} (warning)" in str(card)


def test_parameters_and_protocols_are_those_of_the_code():
    sections = explain("prdc").sections
    assert sections["Parameters"] == {"layer": "None", "k": "5", "tie": "'<='"}
    assert sections["Protocols"] == {
        "prdc": "gandiag",
        "prdc(k=3)": "torch-fidelity, adm, stylegan",
        "prdc(tie='<')": "dgm-eval, prdc, studiogan",
    }
    assert explain("fid").sections["Protocols"]["sfid(layer='mixed_6d.branch1x1')"] == "adm"
    assert explain("kid").sections["Protocols"]["kid(subsets=Blocks())"] == "tfgan"


def test_a_name_that_is_none():
    with pytest.raises(GandiagError, match="no card of 'recal'; did you mean recall"):
        explain("recal")
    with pytest.raises(GandiagError, match="gandiag explain` lists all names"):
        explain("zzzzqq")


def test_a_notebook_shows_formulas_as_they_are():
    text = explain("fid")._repr_markdown_()
    assert text.startswith("## fid\n\nFréchet distance (metric)\n\n**What it is**")
    assert r"\|m - m'\|^2" in text
    assert "- `ddof`: 1" in text


def test_a_paper_is_named_once():
    from gandiag.cards import papers

    known = [each for each in vars(papers).values() if isinstance(each, papers.Paper)]
    assert len({each.title for each in known}) == len(known) > 30
    used = {each for note in METRIC_NOTES.values() for each in note.papers}
    assert used == set(known)
