"""The corpus that warnings are judged by: faults, the judge, storage, figures by hand, two runs."""

import dataclasses
import json

import numpy as np
import pytest
import torch

keeping = pytest.importorskip("benchmarks.detection.keeping")
from benchmarks.detection import renewing, score, working  # noqa: E402
from benchmarks.detection.corpus.cases import CASES, HALVES, UNSEEN_FAMILIES  # noqa: E402
from benchmarks.detection.faults import data, losses, rates, units, views  # noqa: E402
from benchmarks.detection.faults.fault import Fault  # noqa: E402
from benchmarks.detection.keeping import Kept  # noqa: E402
from benchmarks.detection.recording import LOOKS, record  # noqa: E402
from benchmarks.detection.scoring import baselines, figures  # noqa: E402
from benchmarks.detection.scoring.examples import Example, examples  # noqa: E402
from benchmarks.detection.scoring.telling import Warned, ours, theirs  # noqa: E402
from benchmarks.detection.truth.judge import Judge  # noqa: E402
from benchmarks.detection.truth.worlds import open_world  # noqa: E402
from gandiag.monitors import PATHOLOGIES, Context  # noqa: E402
from reference_models.trainer import prepare  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trainer_of(name, seed=0):
    return prepare(CASES[name].recipe(), seed=seed)


class TestCommitted:
    def test_the_runs_were_made_by_this_code(self):
        old = [r.meta["case"] for r in keeping.read(keeping.PACKED) if not current(r)]
        assert not old, "made by other code: python -m benchmarks.detection"

    def test_the_figures_are_of_these_runs_and_this_code(self):
        assert json.loads(score.RESULTS.read_text())["digest"] == score.digest()

    def test_a_run_of_other_code_is_refused(self):
        run = keeping.read(keeping.PACKED)[0]
        other = dataclasses.replace(run, meta={**run.meta, "digests": {"monitors": "0" * 64}})
        with pytest.raises(ValueError, match="made by other code"):
            examples([other])


def current(run):
    return run.meta["digests"] == keeping.digests()


class TestCases:
    def test_names_are_unique_and_recipes_are_valid(self):
        assert all(case.recipe().optimisation.steps >= 2000 for case in CASES.values())
        assert all(CASES[case.name] is case for case in CASES.values())

    def test_at_least_three_hundred_runs(self):
        assert sum(case.seeds for case in CASES.values()) >= 300

    def test_faults_name_pathologies(self):
        assert {m for c in CASES.values() if c.fault for m in c.fault.means} <= set(PATHOLOGIES)

    def test_no_case_of_an_unseen_family_is_seen_and_of_others_half_is(self):
        for name, half in HALVES.items():
            assert (half == "family") == (CASES[name].family in UNSEEN_FAMILIES)
        counts = [list(HALVES.values()).count(half) for half in ("seen", "unseen")]
        assert abs(counts[0] - counts[1]) < 0.1 * sum(counts)

    def test_what_is_tried_on_several_recipes_is_in_both_halves(self):
        for what in {case.what for case in CASES.values()}:
            own = [c for c in CASES.values() if c.what == what and c.family not in UNSEEN_FAMILIES]
            if len(own) > 1:
                assert {HALVES[case.name] for case in own} == {"seen", "unseen"}

    def test_seeds_take_turns(self):
        order = list(working.tasks([*CASES], 2))
        assert [seed for _, seed in order] == sorted(seed for _, seed in order)


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "fault"),
        [
            ("ns-ring8 healthy", rates.G_FAST),
            ("ns-ring8 healthy", rates.D_STILL),
            ("ns-ring8 healthy", rates.FORGOTTEN),
            ("ns-ring8 healthy", data.FEW),
            ("cgan-ring8 healthy", data.MISLABELLED),
            ("sngan-ring8 healthy", views.STEEP),
            ("ns-ring8 healthy", views.HALF),
            ("ns-ring8 healthy", views.NARROW),
            ("cgan-ring8 healthy", views.BLIND),
            ("wgan-gp-ring8 healthy", losses.UNPENALISED),
            ("ns-ring8 healthy", losses.WRONG_SIGN),
            ("ns-ring8 healthy", losses.PULLED),
            ("ns-ring8 healthy", units.DEAD_G),
            ("ns-ring8 healthy", units.DEAD_D),
            ("ns-ring8 healthy", units.THROWN),
        ],
    )
    def test_changes_the_training_and_not_what_came_before(self, name, fault):
        healthy, broken = trainer_of(name), trainer_of(name)
        before = [trainer.step().d_loss for trainer in (healthy, broken)]
        assert torch.equal(*before)
        fault.breaks(broken)
        for trainer in (healthy, broken):
            for _ in range(2):
                trainer.step()
        assert any(
            not torch.equal(a, b)
            for a, b in zip(
                (*healthy.generator.parameters(), *healthy.discriminator.parameters()),
                (*broken.generator.parameters(), *broken.discriminator.parameters()),
                strict=True,
            )
        )

    def test_one_value_that_is_no_number_is_in_one_batch(self):
        trainer = trainer_of("ns-ring8 healthy")
        data.NAN.breaks(trainer)
        first, second = (trainer.data.batch(i, 8, 0).x for i in (0, 8))
        assert int(first.isnan().sum()) == 1
        assert second.isfinite().all()

    def test_few_samples_are_what_training_and_monitor_are_given(self):
        trainer = trainer_of("ns-ring8 healthy")
        data.FEW.breaks(trainer)
        drawn = trainer.data.batch(0, 640, 0).x
        assert len(drawn.unique(dim=0)) == len(trainer.data.split("train").x) == 64
        assert len(trainer.data.split("heldout", 100).x) == 100

    def test_units_of_a_generator_stay_shut(self):
        trainer = trainer_of("ns-ring8 healthy")
        units.DEAD_G.breaks(trainer)
        seen = []
        trainer.generator.layers[1].register_forward_hook(lambda m, a, out: seen.append(out))
        trainer.generator(torch.ones(64, 2), torch.zeros(64).long())
        assert (seen[0] < 0).all()

    def test_shuffled_labels_are_the_same_labels(self):
        trainer = trainer_of("cgan-ring8 healthy")
        straight = trainer.data.batch(0, 64, 0).y
        data.MISLABELLED.breaks(trainer)
        shuffled = trainer.data.batch(0, 64, 0).y
        assert torch.equal(straight.sort().values, shuffled.sort().values)
        assert not torch.equal(straight, shuffled)


class TestJudge:
    @pytest.mark.parametrize("name", ["ring8", "grid25", "digits"])
    def test_real_samples_are_near_and_half_of_the_classes_is_the_unit(self, name):
        world = open_world(name)
        from reference_models.data import open_data

        x, y = open_data(name).split("heldout", 1000)
        features, classes = world.classify(x)
        assert (classes == y).float().mean() > 0.9
        assert world.distance(features) < 0.3
        assert world.distance(features[y < world.classes // 2]) == pytest.approx(1, rel=0.01)

    def test_a_point_between_modes_is_of_none(self):
        _, classes = open_world("ring8").classify(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
        assert classes.tolist() == [-1, 0]

    def test_a_look_changes_nothing(self):
        name = "cgan-digits healthy"
        looked, left = trainer_of(name), trainer_of(name)
        state = torch.random.get_rng_state()
        found = Judge(looked, open_world("digits")).look()
        assert torch.equal(state, torch.random.get_rng_state())
        assert torch.equal(looked.step().d_loss, left.step().d_loss)
        assert len(found["shares"]) == 10
        assert 0 <= found["agreement"] <= 1
        assert found["finite"]

    def test_samples_that_are_no_numbers_are_said_to_be(self):
        trainer = trainer_of("ns-ring8 healthy")
        with torch.no_grad():
            trainer.generator.last.bias.fill_(torch.nan)
        found = Judge(trainer, open_world("ring8")).look()
        assert found == {"step": 0, "finite": False}


class TestRecord:
    def test_a_run_keeps_rows_alerts_and_truth(self):
        kept = record(CASES["ns-ring8 few"], seed=0, steps=200)
        looks = kept.meta["truth"]["looks"]
        assert [look["step"] for look in looks] == list(range(0, 201, 200 // LOOKS))
        assert kept.steps.tolist() == [100, 200]
        assert kept.meta["context"]["budget"] is None
        assert current(kept)

    def test_a_value_that_is_no_number_is_noted_at_its_step(self):
        case = dataclasses.replace(CASES["wgan-gp-ring8 nan"], fault=dataclasses.replace(
            data.NAN, at=50 / CASES["wgan-gp-ring8 nan"].steps
        ))  # fmt: skip
        kept = record(case, seed=0, steps=100)
        assert kept.meta["truth"]["nonfinite"] == 51
        assert kept.meta["alerts"][0]["pathology"] == "divergence"

    def test_rules_replayed_on_its_rows_say_what_was_told_as_it_ran(self):
        # Of committed runs that was told by the rules of their time. When the monitor looks depends
        # on the machine's speed, but a value that is no number is told at its step.
        case = CASES["wgan-gp-ring8 nan"]
        fault = dataclasses.replace(data.NAN, at=50 / case.steps)
        kept = record(dataclasses.replace(case, fault=fault), seed=0, steps=100)
        (replayed,) = examples([keeping.unpack(keeping.pack([kept]))[0]])
        live = [(a["step"], a["pathology"]) for a in kept.meta["alerts"] if a["level"] != "INFO"]
        assert [(w.step, w.name) for w in ours()(replayed)] == live
        assert live


class TestRenewing:
    def run(self, **digests):
        trained = record(CASES["ns-ring8 few"], seed=0, steps=200)
        old = keeping.digests() | digests
        return dataclasses.replace(trained, meta={**trained.meta, "digests": old})

    def test_a_run_that_is_made_the_same_counts_as_todays(self):
        ((new, same),) = renewing.renewed([self.run(training="0" * 64)])
        assert same
        assert new.meta["digests"] == keeping.digests()

    def test_a_run_that_is_not_keeps_its_digest(self):
        run = self.run(training="0" * 64)
        run.meta["truth"]["looks"][1]["fd"] += 1e-4
        ((new, same),) = renewing.renewed([run])
        assert not same
        assert new.meta["digests"]["training"] == "0" * 64

    def test_a_monitor_that_is_told_otherwise_is_another(self):
        run = self.run(training="0" * 64)
        run.meta["context"]["loss"] = "hinge"
        ((_, same),) = renewing.renewed([run])
        assert not same

    def test_signals_of_other_code_are_not_renewed(self):
        ((_, same),) = renewing.renewed([self.run(monitors="0" * 64)])
        assert not same


def kept(rng, rows, names=("a", "b")):
    values = rng.normal(size=(rows, len(names))).astype(np.float32)
    values[0, 0] = np.nan
    steps = np.arange(rows, dtype=np.int32)
    return Kept({"case": "x", "seed": rows}, names, steps, values)


def test_what_is_packed_comes_back():
    rng = np.random.default_rng(0)
    runs = [kept(rng, 3), kept(rng, 5, ("b", "c"))]
    back = keeping.unpack(keeping.pack(runs))
    for one, other in zip(runs, back, strict=True):
        assert one.meta == other.meta
        for (step, values), (step_too, values_too) in zip(one.rows(), other.rows(), strict=True):
            assert step == step_too
            # Eleven significant bits are kept.
            assert values_too == pytest.approx(values, rel=2.0**-11)


HEALTHY = frozenset({"healthy"})
MEANT = Fault("a hand-made one", lambda trainer: None, at=0.4, means=("dead-units",))


def example(judged, *, fault=None, suffered=False, what="healthy"):
    case = dataclasses.replace(CASES["ns-ring8 healthy"], fault=fault, what=what)
    rows = ((100, {"d_loss": 1.0}),)
    return Example(case, 0, "unseen", frozenset(judged), rows, Context(), suffered)


class TestExamples:
    @pytest.mark.parametrize(
        ("one", "kind", "labels", "right"),
        [
            (example({"healthy"}), "healthy", set(), set()),
            (example(set()), "unlabelled", set(), set()),
            (example({"mode-collapse"}), "broken", {"mode-collapse"}, {"mode-collapse"}),
            (example({"healthy"}, fault=MEANT), "harmless", set(), {"dead-units"}),
            (example(set(), fault=MEANT, suffered=True), "broken", {"dead-units"}, {"dead-units"}),
            (example(set(), fault=MEANT), "unlabelled", set(), set()),  # its recipe is no better
            (
                example({"saturated-gradients"}),
                "broken",
                {"saturated-gradients"},
                {"saturated-gradients", "discriminator-overpowering"},
            ),
        ],
    )
    def test_by_hand(self, one, kind, labels, right):
        assert one.kind == kind
        assert one.labels == labels
        assert one.right == right

    def test_optimizers_that_forget_are_a_hard_negative(self):
        assert example({"healthy"}, fault=rates.FORGOTTEN).kind == "healthy"
        assert example({"healthy"}, fault=rates.FORGOTTEN).odd
        assert example({"healthy"}, what="ttur").odd


def run_of(name, fd):
    """A finished run whose samples all look good, at a distance of the data."""
    look = {
        "step": 0, "finite": True, "fd": fd, "shares": [1 / 8] * 8, "spread": 0.9, "motion": 0.3,
        "train_real": 0.7, "unseen_real": 0.7, "fake": 0.7, "secant": 0.1,
    }  # fmt: skip
    truth = {
        "looks": [{**look, "step": step} for step in (0, 100, 200)],
        "nonfinite": None, "raised": None, "lipschitz": None, "conditional": False,
    }  # fmt: skip
    meta = {"case": name, "seed": 0, "truth": truth, "digests": keeping.digests()}
    meta["context"] = Context().to_json()
    return Kept(meta, ("a",), np.array([100], np.int32), np.ones((1, 1), np.float32))


@pytest.mark.parametrize(
    ("twin", "own", "suffered"), [(0.3, 2.0, True), (2.0, 2.0, False), (0.3, 0.3, False)]
)
def test_a_fault_did_harm_where_the_recipe_without_it_did_well(twin, own, suffered):
    runs = [run_of("ns-ring8 healthy", twin), run_of("ns-ring8 dead g", own)]
    _, broken = examples(runs)
    assert broken.suffered == suffered
    assert ("dead-units" in broken.labels) == suffered


class TestFigures:
    def test_by_hand(self):
        begins = example(set(), fault=MEANT, suffered=True).case.begins
        early, late = Warned(begins, "dead-units"), Warned(begins + 100, "dead-units")
        wrong = Warned(begins + 50, "plateau")
        broken = example(set(), fault=MEANT, suffered=True)
        pairs = [
            (broken, (late,)),
            (broken, (early,)),
            (broken, (wrong, late)),
            (example({"mode-collapse"}), ()),
            (example({"healthy"}), (Warned(100, "divergence"),)),
            (example({"healthy"}, what="ttur"), ()),
            (example(set()), ()),
        ]
        found = figures.summary(pairs)
        assert found["detection"]["dead-units"]["value"] == pytest.approx(2 / 3)
        assert found["detection"]["dead-units"]["delay"] == 100
        assert found["detection"]["mode-collapse"]["value"] == 0
        assert found["macro_detection"] == pytest.approx(1 / 3)
        shares = {
            "broken_warned": (3, 4),
            "right_named": (2, 2),  # the run that was warned of in time
            "first_right": (1, 2),
            "warnings_right": (2, 5),
            "healthy_warned": (1, 2),
            "odd_warned": (0, 1),
            "unlabelled_warned": (0, 1),
            "harmless_warned": (0, 0),
        }
        assert {k: (found[k]["hits"], found[k]["count"]) for k in shares} == shares
        assert found["warnings_per_broken"] == 1

    def test_either_name_of_a_discriminator_that_has_won_counts(self):
        pairs = [(example({"saturated-gradients"}), (Warned(9, "discriminator-overpowering"),))]
        assert figures.summary(pairs)["detection"]["saturated-gradients"]["value"] == 1

    def test_a_mean_over_what_a_rule_can_name(self):
        pairs = [(example({"mode-collapse"}), (Warned(9, "mode-collapse"),)),
                 (example({"oscillation"}), ())]  # fmt: skip
        assert figures.summary(pairs)["macro_detection"] == 0.5
        assert figures.summary(pairs, ("mode-collapse",))["macro_detection"] == 1

    def test_rows_in_another_order_and_fewer(self):
        one = dataclasses.replace(
            example(HEALTHY), rows=tuple((i, {"a": float(i)}) for i in range(8))
        )
        other = score.shuffled(one)
        assert [step for step, _ in other.rows] == list(range(8))
        assert sorted(v["a"] for _, v in other.rows) == list(range(8))
        assert other.rows != one.rows
        assert [step for step, _ in score.thinned(one).rows] == [1, 3, 5, 7]


def rows_of(**series):
    length = len(next(iter(series.values())))
    return [(100 * (i + 1), {n: v[i] for n, v in series.items()}) for i in range(length)]


class TestBaselines:
    @pytest.mark.parametrize(
        ("name", "rows", "said"),
        [
            ("ganhacks", rows_of(d_loss=[1, 0.01]), {"discriminator-overpowering": 200}),
            ("ganhacks", rows_of(g_grad_norm=[1, 1e5]), {"divergence": 200}),
            ("AutoTrainer", rows_of(zero_grad_share=[0.1, 0.8]), {"dead-units": 200}),
            ("AutoTrainer", rows_of(d_loss=[1, 2e3]), {"divergence": 200}),
            ("SageMaker Debugger", rows_of(g_grad_norm=[1, 1e-9]), {"saturated-gradients": 200}),
            ("TheDeepChecker", rows_of(nonfinite=[0, 1]), {"divergence": 200}),
            ("Lightning SpikeDetection", rows_of(d_loss=[1.0] * 10 + [9.0]), {"divergence": 1100}),
            ("sign of reals", rows_of(sign_real=[0.9] * 3), {"discriminator-overfitting": 300}),
            (
                "distance again above its best",
                rows_of(energy=[1.0, 0.1, 0.1, 0.5]),
                {"mode-collapse": 400},
            ),
            ("distance that stays", rows_of(energy=[1.0] * 7), {"discriminator-overpowering": 600}),
        ],
    )
    def test_says_with_its_published_settings(self, name, rows, said):
        _, rule = next(baselines.BASELINES[name].rules())
        assert rule(rows) == said
        assert set(said) <= set(baselines.BASELINES[name].names)

    @pytest.mark.parametrize("name", baselines.BASELINES)
    def test_says_nothing_of_nothing(self, name):
        for _, rule in baselines.BASELINES[name].rules():
            assert rule([]) == {}

    def test_the_best_settings_are_those_that_find_most_and_warn_falsely_least(self):
        steep = rows_of(g_grad_norm=[1.0, 500.0])
        steeper = rows_of(g_grad_norm=[1.0, 5000.0])
        seen = [
            dataclasses.replace(example(HEALTHY), rows=tuple(steep)),
            dataclasses.replace(example({"divergence"}), rows=tuple(steeper)),
        ]
        settings, rule = baselines.best(baselines.BASELINES["ganhacks"], seen)
        assert settings["norm"] == 1000
        assert theirs(rule)(seen[0]) == ()
