"""The loops that the monitor is tried on: declarations, label rules by hand, one short run."""

import ast
from pathlib import Path

import pytest
import torch

record = pytest.importorskip("benchmarks.loops.record")
from benchmarks.detection.truth import labels  # noqa: E402
from benchmarks.loops import figures, judge  # noqa: E402
from benchmarks.loops import styles as rooms  # noqa: E402
from benchmarks.loops.data import Fashion  # noqa: E402
from benchmarks.loops.styles import STYLES  # noqa: E402
from gandiag.extractors.small_classifiers import SmallNet  # noqa: E402
from gandiag.monitors import PATHOLOGIES  # noqa: E402

ROWS = record.read()
FOLDER = Path(rooms.__file__).parent


def test_the_rows_were_made_by_this_code():
    if not ROWS:
        pytest.skip("no rows are recorded")
    old = sorted({row["style"] for row in ROWS if not record.current(row)})
    assert not old, f"made by other code: python -m benchmarks.loops --only {' '.join(old)}"


class TestDeclarations:
    def test_every_file_is_a_style(self):
        files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
        assert files == set(STYLES)
        assert len(STYLES) >= 12

    @pytest.mark.parametrize("name", STYLES)
    def test_a_style_is_healthy_or_has_one_thing_broken(self, name):
        cases = STYLES[name].cases
        assert cases["healthy"].broken == ""
        assert len(cases) >= 3
        for case, each in cases.items():
            assert bool(each.broken) == (case != "healthy")
            assert set(each.also) <= set(PATHOLOGIES)

    @pytest.mark.parametrize("name", STYLES)
    def test_every_case_changes_something(self, name):
        tree = ast.parse((FOLDER / f"{name}.py").read_text())
        loop = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "train")
        read = {n.value for n in ast.walk(loop) if isinstance(n, ast.Constant)}
        assert set(STYLES[name].cases) - {"healthy"} <= read

    @pytest.mark.parametrize("name", STYLES)
    def test_the_monitor_is_used_as_the_readme_shows(self, name):
        tree = ast.parse((FOLDER / f"{name}.py").read_text())
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        (watch,) = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "watch"]
        given = {keyword.arg for keyword in watch.keywords}
        assert {"opt_g", "opt_d", "sampler", "real", "heldout"} <= given
        assert not given & {"budget", "every", "thresholds", "detectors", "signals", "seed"}

    def test_every_label_is_a_pathology(self):
        assert set(labels.RULES) <= set(PATHOLOGIES)

    def test_runs_are_all_different(self):
        found = list(record.runs())
        assert len(found) == len(set(found))
        assert {run.style for run in found} == set(STYLES)


def look(step, **columns):
    """Of a good run; columns replace its own."""
    found = {
        "step": step,
        "finite": True,
        "fd": 0.3,
        "shares": [0.1] * 10,
        "spread": 0.9,
        "motion": 0.3,
        "agreement": 0.9,
        "train_real": 0.75,
        "unseen_real": 0.74,
        "fake": 0.8,
        "secant": 0.5,
    }
    return found | columns


def truth(changed=None, *, of=range(6), **facts):
    """Six looks, of which those at the places `of` are changed."""
    looks = [look(300 * i, **(changed or {} if i in of else {})) for i in range(6)]
    base = {"nonfinite": None, "raised": None, "lipschitz": None, "conditional": False}
    return {"looks": looks, **base, **facts}


LATE = (4, 5)
SEVEN = [1 / 7] * 7 + [0.0] * 3
SURE = {"unseen_real": 1.0, "train_real": 1.0, "fake": 1.0, "fd": 2.0}


class TestLabels:
    def test_a_good_run_is_healthy(self):
        assert labels.labels(truth()) == {"healthy"}

    @pytest.mark.parametrize(
        ("case", "expected"),
        [
            (truth({"shares": SEVEN}, of=LATE), {"mode-collapse"}),
            (truth({"shares": SEVEN}, of=(1, 2, 3)), {"healthy"}),  # it recovered
            (truth({"spread": 0.3}, of=LATE), {"intra-mode-collapse"}),
            (truth({"spread": 0.5}, of=LATE), set()),
            (truth({"agreement": 0.3}, conditional=True), {"label-ignored"}),
            (truth({"agreement": 0.5}, conditional=True), set()),
            (truth({"agreement": 0.3}), {"healthy"}),
            (truth({"train_real": 1.0}, of=(2, 3)), {"discriminator-overfitting"}),
            (truth({"train_real": 1.0}, of=(1, 3)), {"healthy"}),
            (truth({"train_real": 0.9}), set()),
            (truth({"secant": 1.3}, of=(2, 3), lipschitz="gp"), {"lipschitz-violation"}),
            (truth({"secant": 1.1}, lipschitz="gp"), {"healthy"}),
            (truth({"secant": 9.0}, lipschitz="r1"), {"healthy"}),
            (truth(SURE), {"discriminator-overpowering"}),
            (truth(SURE | {"motion": 0.01}), {"saturated-gradients"}),
            (truth(SURE | {"fd": 0.3}), {"healthy"}),  # BigGAN's discriminator, and good samples
            (truth({"fd": 1.2}), set()),
            (truth(nonfinite=700), {"divergence"}),
            (truth({"finite": False}, of=(5,)), {"divergence"}),
            (truth({"shares": SEVEN}, of=LATE, nonfinite=700), {"divergence"}),  # young as it was
            (truth({"fd": 1.0}, of=LATE), {"divergence"}),  # before training it was .3
            (truth({"fd": 0.8}, of=LATE), set()),
            (truth(raised="RuntimeError at step 700"), set()),
        ],
    )
    def test_by_hand(self, case, expected):
        assert labels.labels(case) == expected

    def test_the_discriminator_has_not_won_while_samples_improve(self):
        falling = truth(SURE)
        for i, each in enumerate(falling["looks"]):
            each["fd"] = 2.5 - 0.2 * i
        assert labels.labels(falling) == set()

    def test_classes_that_come_and_go_oscillate(self):
        swinging = truth({"fd": 2.0})
        for i, each in enumerate(swinging["looks"]):
            each["shares"] = [0.19 if k % 2 == i % 2 else 0.01 for k in range(10)]
        assert "oscillation" in labels.labels(swinging)
        for each in swinging["looks"]:
            each["fd"] = 0.3
        assert "oscillation" not in labels.labels(swinging)

    def test_a_run_that_ends_before_its_first_look_has_no_label_of_samples(self):
        early = truth({"shares": SEVEN, "spread": 0.1}, of=(0,), nonfinite=3)
        assert labels.labels(early | {"looks": early["looks"][:1]}) == {"divergence"}

    def test_two_names_for_a_discriminator_that_has_won(self):
        assert labels.right({"saturated-gradients"}) == labels.STUCK
        assert labels.right({"healthy"}) == set()
        assert labels.right(set(), ["dead-units"]) == {"dead-units"}


def row(case="healthy", alerts=(), of=None):
    told = [{"pathology": p, "level": level, "step": s, "since": s} for s, p, level in alerts]
    return {"style": "mlp", "case": case, "seed": 0, "truth": of or truth(), "alerts": told}


def test_figures_by_hand():
    verdicts = [
        figures.verdict(each)
        for each in (
            row(),
            row(alerts=[(900, "plateau", "INFO")]),
            row(alerts=[(500, "label-ignored", "WARN")]),
            row("fast-g", [(400, "oscillation", "WARN"), (600, "mode-collapse", "ERROR")],
                truth({"shares": SEVEN})),
            row("dead-relu", [(100, "dead-units", "WARN")], truth({"fd": 1.2})),
            row("fast-g", [(100, "dead-units", "WARN")], truth({"fd": 1.2})),
        )
    ]  # fmt: skip
    assert [v.kind for v in verdicts] == [*["healthy"] * 3, "broken", "broken", "unlabelled"]
    text = "\n".join(figures.headline(verdicts))
    for line in (
        "| healthy runs with a warning | 33 % [6, 79] (1/3) |",
        "| broken runs told | 100 % [34, 100] (2/2) |",
        "| the right pathology among the alerts, of broken runs | 100 % [34, 100] (2/2) |",
        "| the right one first, of those told | 50 % [9, 91] (1/2) |",
        "| warnings that are right, of all warnings | 40 % [12, 77] (2/5) |",
        "| unlabelled runs with a warning | 100 % [21, 100] (1/1) |",
    ):
        assert line in text
    assert "400 oscillation (wrong) | 600 mode-collapse |" in "\n".join(figures.table(verdicts))


@pytest.fixture
def made_up(monkeypatch):
    """Images that need no package, and a classifier of them that was never trained."""

    def fashion(part, side=28, count=None):
        rng = torch.Generator().manual_seed(len(part))
        n = 256
        return Fashion(torch.rand(n, 1, side, side, generator=rng) * 2 - 1, torch.arange(n) % 10)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SmallNet(28, 128, 10).eval()

    class Classifier:
        def prepare(self, images):
            return images[:, :1].float() / 127.5 - 1

        def __call__(self, x, layers):
            with torch.no_grad():
                return network(x)

    for name in ("reals", "half"):
        monkeypatch.setattr(judge, name, getattr(judge, name).__wrapped__)
    monkeypatch.setattr(judge, "classifier", Classifier)
    monkeypatch.setattr(judge, "fashion", fashion)
    monkeypatch.setattr(judge, "SAMPLES", 200)
    return fashion


def test_a_short_run_of_one_style(made_up, monkeypatch):
    monkeypatch.setattr(rooms.mlp, "fashion", made_up)
    found = record.record(record.Run("mlp", "healthy", 0, 20))
    assert [each["step"] for each in found["truth"]["looks"]] == [0, 4, 8, 12, 16, 20]
    assert all(each["finite"] for each in found["truth"]["looks"])
    assert found["truth"]["looks"][-1]["motion"] > 0
    assert found["truth"]["nonfinite"] is None
    assert found["alerts"] == []
    assert figures.verdict(found).warned == []


def test_what_the_judge_looks_at_stays_as_it_was(made_up):
    with torch.random.fork_rng(devices=[]):
        D = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.BatchNorm1d(784), torch.nn.Linear(784, 1)
        )
        G = torch.nn.Sequential(torch.nn.Linear(4, 784), torch.nn.Unflatten(1, (1, 28, 28)))
    before = [b.clone() for b in D.buffers()]
    state = torch.get_rng_state()
    looked = judge.Judge(
        G, D, lambda n, rng: G(torch.randn(n, 4, generator=rng)), D, made_up("train")
    ).look(0)
    assert looked["finite"]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(before, D.buffers(), strict=True))
    assert D.training
    assert G.training
