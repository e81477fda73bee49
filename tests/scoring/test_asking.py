import pytest

from gandiag.errors import GandiagError
from gandiag.metrics import METRICS, PRDC, FrechetDistance, InceptionScore, KernelDistance, Subsets
from gandiag.scoring import PROTOCOLS
from gandiag.scoring.asking import asked, names_of

GANDIAG = PROTOCOLS["gandiag"]


def metrics(text, protocol="gandiag"):
    return [ask.metric for ask in asked(text, PROTOCOLS[protocol])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fid", [FrechetDistance()]),
        (" fid , kid ", [FrechetDistance(), KernelDistance()]),
        ("FID", [FrechetDistance()]),
        ("fd", [FrechetDistance()]),
        ("precision,recall", [PRDC()]),
        ("prdc(k=3)", [PRDC(k=3)]),
        ('prdc(k=3, tie="<")', [PRDC(k=3, tie="<")]),
        ("fid(layer=pool1),fid", [FrechetDistance(layer="pool1"), FrechetDistance()]),
        ("fid(layer=a.b)", [FrechetDistance(layer="a.b")]),
        ("fid(layer=blocks.4.1, ddof=0)", [FrechetDistance(layer="blocks.4.1", ddof=0)]),
        ("fid(layer=none)", [FrechetDistance()]),
        ("fid(ddof=0)", [FrechetDistance(ddof=0)]),
        ("is(block=7)", [InceptionScore(block=7)]),
        ("IS", [InceptionScore()]),
        ("kid(subsets=Subsets(count=10,size=20))", [KernelDistance(Subsets(count=10, size=20))]),
        ("kid(subsets=subsets(shrink=true))", [KernelDistance(Subsets(shrink=True))]),
    ],
)
def test_a_name_or_a_name_with_its_fields(text, found):
    assert metrics(text) == found


def test_fields_change_the_protocols_own_parameters():
    (ours,) = metrics("prdc(k=9)", "prdc")
    assert ours == PRDC(k=9, tie="<")


def test_objects_and_names_together_each_once():
    given = ("fid", PRDC(k=3), "prdc", FrechetDistance(), "prdc(k=3)")
    assert metrics(given) == [FrechetDistance(), PRDC(k=3), PRDC()]
    assert metrics(PRDC(k=3)) == [PRDC(k=3)]


def test_what_nobody_named_may_be_left_out():
    assert not any(ask.named for ask in asked(None, GANDIAG))
    assert not any(ask.named for ask in asked("all", GANDIAG))
    assert all(ask.named for ask in asked("fid,kid", GANDIAG))
    assert {ask.key for ask in asked("all", GANDIAG)} == set(METRICS)
    for both in ("fid,all", "all,fid"):
        assert [ask.key for ask in asked(both, GANDIAG) if ask.named] == ["fid"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fidd", "there is no metric 'fidd'; did you mean fid"),
        ("prdc(kk=3)", "prdc has no parameter 'kk'; did you mean k"),
        ("prdc(neighbours=3)", "prdc has no parameter 'neighbours'; it has layer, k, tie"),
        ("prdc(k=a)", "k of prdc cannot be a; give a whole number"),
        ("prdc(k=1.5)", "k of prdc cannot be 1.5; give a whole number"),
        ("prdc(k=true)", "k of prdc cannot be true"),
        ('prdc(tie="=")', "tie of prdc cannot be '='; give '<' or '<='"),
        ("kid(subsets=10)", r"give subsets\(\.\.\.\) or blocks\(\.\.\.\) or none"),
        ("fid(ddof=2)", "ddof of fid cannot be 2; give 0 or 1"),
        ("sfid", "sfid is of --protocol dgm-eval or iqa-pytorch or adm; name that as well"),
        ("prdc(k=0)", "k must be at least 1"),
        ("prdc(3)", "'prdc\\(3\\)' is not NAME\\(FIELD=VALUE"),
        ("prdc(k=3)(tie='<')", "takes each parameter once and by name"),
        ("kid(subsets=subsets(10))", "takes each parameter once and by name"),
        ("prdc(k=3", "is not NAME\\(FIELD=VALUE"),
        ("kid(subsets=Subsets(cuont=3))", "Subsets has no parameter 'cuont'; did you mean count"),
        ("", "no metric is named"),
        (PRDC, "PRDC is no metric; .* PRDC\\(\\)"),
        (3, "3 is no metric"),
        ((None,), "None is no metric"),
    ],
)
def test_a_wrong_one_is_one_sentence(text, sentence):
    with pytest.raises(GandiagError, match=sentence) as caught:
        asked(text, GANDIAG)
    assert "\n" not in str(caught.value)


def test_a_metric_that_the_tool_does_not_have():
    with pytest.raises(GandiagError, match="pytorch-fid does not compute kid, only fid"):
        asked("kid", PROTOCOLS["pytorch-fid"])


def test_every_number_is_a_name():
    known = names_of(GANDIAG)
    for name, metric in METRICS.items():
        assert known[name] == name
        for output in metric.outputs:
            assert known[output] in METRICS
