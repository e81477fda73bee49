"""The labelled corpus: rules on hand-made series, ported baselines, storage, one small run."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import torch

from benchmarks.detection import figures, judges, labels, run, traces, tuning
from benchmarks.detection.baselines import BASELINES
from benchmarks.detection.cases import CASES, ROWS
from benchmarks.detection.oracle import COLUMNS, auc
from benchmarks.detection.worlds import FAMILIES, open_world
from gandiag.monitors import Context, Thresholds, replay

N = 51  # checks, 20 steps apart
POINTS = labels.Facts("ring8", game=False, classes=0, lipschitz=None, steps=1000)
GAME = labels.Facts("dirac", game=True, classes=0, lipschitz=None, steps=1000)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def good(**columns):
    """A healthy run on the ring that converges within the first half; columns replace its own."""
    share = np.linspace(0, 1, N)
    rows = {
        "step": 20.0 * np.arange(N),
        "energy": 0.004 + 0.5 * np.exp(-share * 30),
        "modes": np.where(share > 0.3, 1.0, 0.25),
        "on_mode": np.where(share > 0.3, 0.8, 0.1),
        "tv_lag": np.full(N, 0.05),
        "shift": np.full(N, 0.01),
        "motion": np.full(N, 0.1),
        "diversity": np.full(N, 1.0),
        "spread": np.full(N, 0.9),
        "auc_fresh": np.full(N, 0.6),
        "auc_overfit": np.full(N, 0.5),
        "dead_d": np.full(N, 0.1),
        "dead_g": np.full(N, 0.1),
        "slope_median": np.full(N, 1.0),
        "slope_q95": np.full(N, 1.2),
        "label_accuracy": np.full(N, np.nan),
        "score_size": np.full(N, 1.0),
        "nonfinite": np.full(N, -1.0),
        "place": np.exp(-share * 10),
    }
    assert set(rows) == set(COLUMNS)
    return rows | columns


def faults(found):
    return set(found) - {"plateau", "healthy"}


def after(share, value, before):
    return np.where(np.linspace(0, 1, N) >= share, value, before)


def test_a_good_run_is_healthy_and_done():
    found = labels.label(good(), POINTS)
    assert found["healthy"] == 0
    assert set(found) == {"healthy", "plateau"}
    assert found["plateau"] < 300  # the energy is within its noise of the end after some 20 %


FAR = np.full(N, 0.5)  # energy of samples that are far from the data
CONDITIONAL = dataclasses.replace(POINTS, classes=8)


@pytest.mark.parametrize(
    ("label", "onset", "facts", "columns"),
    [
        ("divergence", 437, POINTS, {"nonfinite": after(0.5, 437.0, -1.0)}),
        ("divergence", 500, POINTS, {"energy": after(0.5, 6.0, 0.5)}),
        ("divergence", 800, POINTS, {"score_size": after(0.8, 2000.0, 1.0)}),
        ("oscillation", 100, POINTS, {"energy": FAR, "tv_lag": np.full(N, 0.5)}),
        ("oscillation", 100, POINTS, {"energy": FAR, "shift": np.full(N, 0.2)}),
        ("mode-collapse", 600, POINTS, {"modes": after(0.6, 0.5, 1.0)}),
        ("intra-mode-collapse", 600, POINTS, {"spread": after(0.6, 0.2, 0.9)}),
        (
            "saturated-gradients",
            0,
            POINTS,
            {"energy": FAR, "motion": np.zeros(N), "auc_fresh": np.full(N, 0.985)},
        ),
        ("discriminator-overpowering", 100, POINTS, {"energy": FAR, "auc_fresh": np.ones(N)}),
        ("discriminator-overfitting", 800, POINTS, {"auc_overfit": after(0.8, 0.7, 0.5)}),
        (
            "lipschitz-violation",
            700,
            dataclasses.replace(POINTS, lipschitz="gp"),
            {"slope_median": after(0.7, 1.6, 1.0)},
        ),
        (
            "lipschitz-violation",
            700,
            dataclasses.replace(POINTS, lipschitz="sn"),
            {"slope_q95": after(0.7, 1.6, 0.9)},
        ),
        ("dead-units", 700, POINTS, {"dead_g": after(0.7, 0.95, 0.1)}),
        ("label-ignored", 100, CONDITIONAL, {"label_accuracy": np.full(N, 0.2)}),
    ],
)
def test_what_earns_a_label(label, onset, facts, columns):
    found = labels.label(good(**columns), facts)
    assert faults(found) == {label}
    assert found[label] == onset
    assert "healthy" not in found


@pytest.mark.parametrize(
    "columns",
    [
        # Too short for each rule's stretch.
        {"modes": after(0.9, 0.5, 1.0)},
        {"spread": after(0.9, 0.2, 0.9)},
        {"auc_overfit": after(0.95, 0.7, 0.5)},
        {"dead_d": after(0.9, 1.0, 0.1)},
        # Far, but coming nearer; moving, but where the data is.
        {"energy": np.linspace(0.5, 0.1, N), "auc_fresh": np.ones(N)},
        {"energy": np.linspace(0.9, 0.1, N), "tv_lag": np.full(N, 0.5)},
        {"tv_lag": np.full(N, 0.5)},
        # Few modes, but samples all over the place: not yet learned, not collapsed.
        {"modes": np.full(N, 0.5), "on_mode": np.full(N, 0.3)},
        # A constraint that nobody declared.
        {"slope_median": np.full(N, 30.0), "slope_q95": np.full(N, 50.0)},
    ],
)
def test_what_does_not(columns):
    assert faults(labels.label(good(**columns), POINTS)) == set()


@pytest.mark.parametrize(
    "columns",
    [
        {"modes": after(0.5, 0.8, 1.0)},
        {"on_mode": np.full(N, 0.4)},
        {"energy": np.full(N, 0.016)},
        {"auc_overfit": np.full(N, 0.62)},
        {"spread": np.full(N, 0.5)},
        {"tv_lag": np.full(N, 0.5)},
    ],
)
def test_nothing_wrong_is_not_yet_healthy(columns):
    assert "healthy" not in labels.label(good(**columns), POINTS)


def test_collapse_that_was_there_from_the_start_dates_from_the_middle():
    rows = good(modes=np.full(N, 0.25), on_mode=np.full(N, 0.9))
    assert labels.label(rows, POINTS)["mode-collapse"] == 500


def test_games_turn_or_settle():
    angle = np.linspace(0, 12 * np.pi, N)
    assert faults(labels.label(good(place=np.cos(angle)), GAME)) == {"oscillation"}
    spiral = labels.label(good(place=np.cos(angle) * np.exp(-angle / 5)), GAME)
    assert faults(spiral) == set()
    assert "healthy" in spiral


def test_a_run_that_still_improves_is_on_no_plateau():
    assert "plateau" not in labels.label(good(energy=np.linspace(1, 0.1, N)), POINTS)


def test_the_oracle_ranks_scores_as_scipy_does():
    rng = torch.Generator().manual_seed(0)
    a = torch.randint(5, (40,), generator=rng).float()
    b = torch.randint(6, (50,), generator=rng).float()
    u = scipy.stats.mannwhitneyu(a.numpy(), b.numpy()).statistic
    assert auc(a, b) == pytest.approx(u / 2000, abs=1e-6)  # float32 mean of 2,000 values


def rows_of(**columns):
    count = len(next(iter(columns.values())))
    return [(10 * i, {k: v[i] for k, v in columns.items()}) for i in range(count)]


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("ganhacks", {"d_loss": [1, 0.04]}, {"discriminator-overpowering": 10}),
        ("ganhacks", {"g_grad_norm": [1, 99, 101]}, {"divergence": 20}),
        (
            "AutoTrainer",
            {"g_first_last_ratio": [1, 1e-4], "g_grad_norm": [1, 1e-5]},
            {"saturated-gradients": 10},
        ),
        ("AutoTrainer", {"g_first_last_ratio": [1, 71]}, {"divergence": 10}),
        ("AutoTrainer", {"zero_grad_share": [0.6, 0.7]}, {"dead-units": 10}),
        ("AutoTrainer", {"d_accuracy": [0.5, 0.6] * 5}, {"oscillation": 30}),
        ("AutoTrainer", {"d_accuracy": [0.5] * 10}, {"plateau": 90}),
        ("SageMaker Debugger", {"g_grad_norm": [1, 1e-8]}, {"saturated-gradients": 10}),
        ("SageMaker Debugger", {"dead_units": [0.5, 0.51]}, {"dead-units": 10}),
        ("TheDeepChecker", {"g_grad_norm": [2.1**i for i in range(7)]}, {"divergence": 50}),
        (
            "TheDeepChecker",
            {"g_grad_norm": [0.4**i for i in range(7)]},
            {"saturated-gradients": 50},
        ),
        ("TheDeepChecker", {"d_loss": [1, 0.6, 1.2]}, {"divergence": 20}),
        ("TheDeepChecker", {"d_sign_changes": [0.4, 0.6]}, {"oscillation": 10}),
        ("TheDeepChecker", {"g_update_ratio": [1e-2, 1e-5]}, {"plateau": 10}),
        ("Lightning SpikeDetection", {"d_loss": [1.0] * 10 + [2.9, 3.6]}, {"divergence": 110}),
        ("sign of reals > .6", {"sign_real": [0.7] * 3}, {"discriminator-overfitting": 20}),
    ],
)
def test_baselines(name, columns, expected):
    assert BASELINES[name](rows_of(**columns)) == expected


@pytest.mark.parametrize("name", list(BASELINES))
def test_baselines_have_nothing_against_a_quiet_run(name):
    quiet = rows_of(d_loss=[1.3] * 20, g_grad_norm=[0.2] * 20, d_accuracy=[0.6, 0.62] * 10)
    assert BASELINES[name](quiet) == {}


@pytest.mark.parametrize(("hits", "count"), [(0, 150), (5, 150), (36, 40), (1, 1), (7, 7)])
def test_wilson_is_scipys(hits, count):
    expected = scipy.stats.binomtest(hits, count).proportion_ci(method="wilson")
    # Two forms of one formula in double precision.
    assert figures.wilson(hits, count) == pytest.approx(tuple(expected), abs=1e-12)


def example(case="ring8-ns-r1", seed=0, steps=1000, **found):
    name = next(n for n in CASES if n == case)
    trace = traces.Trace({"case": name, "seed": seed}, (), np.zeros(0), np.zeros((0, 0)), None)
    return judges.Example(trace, [], found.get("labels", {}), None)


def test_summary_counts_runs_once():
    pairs = [
        (example(labels={"mode-collapse": 500}), judges.Told({"mode-collapse": 300}, {})),
        (example(labels={"mode-collapse": 500}), judges.Told({"mode-collapse": 400}, {})),
        (example(labels={"mode-collapse": 500}), judges.Told({"oscillation": 100}, {})),
        (example(labels={"healthy": 0, "plateau": 400}), judges.Told({}, {"plateau": 700})),
        (example("ring8-resume", labels={"healthy": 0}), judges.Told({"divergence": 1}, {})),
        (example(labels={}), judges.Told({}, {})),
    ]
    found = figures.summary(pairs)
    collapse = found["detection"]["mode-collapse"]
    assert (collapse["hits"], collapse["count"]) == (2, 3)
    assert collapse["lead_steps"] == [None, 100.0, 100.0]  # the miss is later than the hits
    assert found["detection"]["plateau"]["lead_steps"] == [-300.0] * 3
    assert found["macro_detection"] == pytest.approx(5 / 6)  # of collapse 2/3 and plateau 1
    assert (found["false_alarms"]["hits"], found["false_alarms"]["count"]) == (1, 2)
    assert (found["false_alarms_hard"]["hits"], found["false_alarms_hard"]["count"]) == (1, 1)
    assert (found["right_named"]["hits"], found["right_named"]["count"]) == (2, 3)
    assert found["alarms_unlabelled"]["count"] == 1
    assert (
        found["plateau_remarks_too_soon"]["hits"],
        found["plateau_remarks_healthy"]["hits"],
    ) == (
        0,
        1,
    )


@pytest.mark.parametrize(("onset", "told", "soon"), [(400, 325, 0), (400, 324, 1), (None, 900, 1)])
def test_a_plateau_is_told_too_soon_before_it_or_without_one(onset, told, soon):
    labels = {} if onset is None else {"plateau": onset}  # runs of 1,500 steps
    found = figures.summary([(example(labels=labels), judges.Told({}, {"plateau": told}))])
    assert found["plateau_remarks_too_soon"]["hits"] == soon


def test_halves_do_not_meet():
    chosen = [example(case, seed) for case in CASES for seed in range(4)]
    half, test = tuning.tuning_half(chosen), tuning.held_out(chosen)
    assert len(half) + len(test) == len(chosen)
    assert not {id(e) for e in half} & {id(e) for e in test}
    assert {e.even for e in half} == {True}
    assert {e.even for e in test} == {False}


def test_delays_are_counted_beyond_what_is_allowed():
    def found(name, onset, told):
        return figures.summary([(example(labels={name: onset}), judges.Told({name: told}, {}))])

    # Runs of 1,500 steps. Collapse may not be told later at all, oscillation a tenth later.
    assert tuning.late(found("mode-collapse", 300, 300)) == 0
    assert tuning.late(found("mode-collapse", 300, 450)) == pytest.approx(0.1)
    assert tuning.late(found("oscillation", 300, 450)) == 0
    assert tuning.late(found("oscillation", 300, 600)) == pytest.approx(0.1)
    missed = [(example(labels={"oscillation": 300}), judges.Told({}, {}))]
    assert tuning.late(figures.summary(missed)) == 1


def collapsing(case, seed, label, missing):
    """Forty checks of 30 steps at which a share of the data is missing."""
    row = {"missing_mass": missing, "diversity": 1.0, "energy": 0.5}
    blank = example(case, seed, labels={label: 600 if label != "healthy" else 0})
    rows = [(30 * i, row) for i in range(1, 41)]
    return dataclasses.replace(blank, rows=rows, context=Context(budget=1500, every=30))


def test_thresholds_are_chosen_on_one_half_of_one_family_only():
    # The others, with more missing than the half knows of, keep their false alarms.
    easy = [collapsing("ring8-five", 0, "mode-collapse", 0.9)]
    told = [collapsing("ring8-ns-r1", seed, "healthy", 0.12) for seed in (0, 2)]
    others = [collapsing("wine-ns-r1", seed, "healthy", 0.19) for seed in (0, 1)]
    others += [collapsing("ring8-ns-r1", 1, "healthy", 0.19)]
    found = tuning.one_family([*easy, *told, *others], "points")
    assert found["runs"] == 3
    assert found["changed"]["missing"] == pytest.approx(0.133)
    assert found["first_guess"]["false_alarms"]["hits"] == 3
    assert found["chosen_on"]["false_alarms"]["hits"] == 0
    assert found["others"]["false_alarms"]["hits"] == 3


def test_cases_are_what_the_corpus_promises():
    assert len(CASES) == len(ROWS)  # no name twice
    assert sum(case.seeds for case in ROWS) >= 400
    for case in ROWS:
        assert case.world in FAMILIES
        assert case.intends in {*labels.RULES, "healthy", "hard negative"}


@pytest.mark.parametrize("name", ["ring8", "digits", "wine"])
def test_worlds_know_their_own(name):
    world = open_world(name)
    x, y = world.fixed(400, "test")
    modes, on = world.assign(x)
    # By their definition 99 % of fresh samples lie on modes (3 sd in two dimensions: 98.9 %).
    assert on.float().mean() > 0.95
    if world.modes == world.classes:
        assert (modes == y).float().mean() > 0.95
    again = world.fixed(400, "test")
    assert torch.equal(again.x, x)


@pytest.fixture
def tiny(monkeypatch):
    """Two cases of 60 steps in the table, looked at every ten."""
    monkeypatch.setattr(run, "CHECKS", 6)
    small = {"steps": 60, "batch": 8, "width_g": 8, "width_d": 8}
    names = {"tiny-points": "ring8-ns-r1", "tiny-labels": "wine-conditional"}
    for name, like in names.items():
        case = dataclasses.replace(CASES[like], name=name, seeds=1, resume_at=30, **small)
        monkeypatch.setitem(CASES, name, case)
    return list(names)


def test_runs_are_kept_made_once_and_packed(tiny, tmp_path, monkeypatch):
    for name in tiny:
        line = run.job((name, 0, tmp_path, False))
        assert " s, intends healthy" in line, line
        assert run.job((name, 0, tmp_path, False)).endswith("there")
    kept = traces.stored(tmp_path)
    assert [trace.meta["case"] for trace in kept] == tiny
    for trace, again in zip(kept, traces.unpack(traces.pack(kept)), strict=True):
        assert again.meta == trace.meta
        assert again.rows() == trace.rows()
        assert again.labels() == trace.labels()
        np.testing.assert_array_equal(again.oracle, trace.oracle)
        assert [step for step, _ in trace.rows()] == list(range(10, 61, 10))
    detectors = judges.Detectors()
    for example in judges.examples(kept):
        assert example.context.budget == 60
        for thresholds in (None, Thresholds(warm_up_steps=1, young_share=0.0), Thresholds()):
            told = judges.ours(thresholds, detectors)(example)
            alerts = replay(example.rows, example.context, thresholds)
            assert set(told.warned) == {a.pathology for a in alerts if a.level != "INFO"}
            assert set(told.remarked) == {a.pathology for a in alerts if a.level == "INFO"}
            assert alerts or thresholds is None or thresholds.warm_up_steps > 1
    monkeypatch.setattr(run, "SIGNALS_NOW", "others")
    assert run.job((tiny[0], 0, tmp_path, False)).endswith("there")
    assert " s, intends healthy" in run.job((tiny[0], 0, tmp_path, True))
    changed = dataclasses.replace(CASES[tiny[0]], lr_g=0.1)
    monkeypatch.setitem(CASES, tiny[0], changed)
    assert [trace.meta["case"] for trace in traces.stored(tmp_path)] == tiny[1:]


def test_a_run_is_a_function_of_case_and_seed(tiny):
    one, two, other = (run.once(CASES[tiny[0]], seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.oracle, two.oracle)
    assert not np.array_equal(one.oracle, other.oracle)


def test_rounding_keeps_three_digits_and_all_sizes():
    some = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32)
    values = np.concatenate([some, [[np.nan], [1e-30], [-3e38]]], 1, dtype=np.float32)
    near = traces.rounded(values)
    np.testing.assert_allclose(near, values, rtol=2.0**-11)  # half of the last of eleven bits
    assert (near.view(np.uint32)[:, :-1] & 0x1FFF == 0).all()


def test_a_run_that_fails_is_told_and_not_kept(tiny, tmp_path, monkeypatch):
    def fail(case, seed):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(run, "once", fail)
    assert "broken on purpose" in run.job((tiny[0], 0, tmp_path, False))
    assert list(tmp_path.iterdir()) == []
