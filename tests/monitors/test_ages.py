"""How old a run is, is judged by its own progress: synthetic looks at a panel, without a budget."""

import dataclasses

import pytest
from test_detectors import HEALTHY, loud

from gandiag.monitors import Context, Thresholds, replay
from gandiag.monitors.pathologies.history import History

CONTEXT = Context(lipschitz="gp", conditional=True)
LOOKED = (100, 200, *range(600, 4001, 400))
"""As the monitor looks at a loop whose steps are cheap; of a costly one at each check."""
DENSE = tuple(range(100, 4001, 100))
BLOB = {"missing_mass": 0.9, "diversity": 0.1, "energy": 0.5, "tv_to_real": 0.9}
FEW = {"missing_mass": 0.7, "diversity": 0.6, "energy": 0.3, "tv_to_real": 0.7}
PANEL = tuple(n for n in HEALTHY if n not in ("g_grad_norm", "g_grad_norm_max", "nonfinite"))


def looks(of, at=LOOKED):
    """Rows of every hundredth step; `of(step)` is what is seen at the steps that are looked at."""
    row = {n: v for n, v in HEALTHY.items() if n not in PANEL}
    return [
        (step, row | ({n: HEALTHY[n] for n in PANEL} | of(step) if step in at else {}))
        for step in range(100, max(at) + 1, 100)
    ]


def told(series, context=CONTEXT, thresholds=None):
    return [(a.step, a.pathology) for a in loud(replay(series, context, thresholds))]


@pytest.mark.parametrize("at", [LOOKED, DENSE], ids=["few looks", "many"])
class TestYoung:
    def test_a_run_that_improves_is_never_told(self, at):
        # Each doubling of its age takes a third of the distance away, whatever the age.
        def better(step):
            left = (step / 100) ** -0.6
            return {"missing_mass": left, "energy": 0.5 * left, "diversity": 1 - left}

        assert told(looks(better, at)) == []

    def test_nor_one_that_only_grows_less_alike_at_first(self, at):
        # Further from the data than before, and still without its modes, but no longer one blob.
        grown = {"missing_mass": 0.9, "energy": 0.55}
        assert told(looks(lambda s: grown | {"diversity": min(1.0, s / 1200)}, at)[:12]) == []

    @pytest.mark.parametrize("sick", [BLOB, FEW], ids=["blob", "few modes"])
    def test_one_that_stands_still_is_told(self, at, sick):
        (step, name), *_ = told(looks(lambda s: sick, at))
        assert name == "mode-collapse"
        assert step <= 1400

    def test_one_that_stands_still_later_is_told_in_proportion_to_its_age(self, at):
        series = looks(lambda s: FEW | {"energy": 420 / min(s, 1400)}, at)
        ((step, name),) = told(series)
        # It moved until 1400; at 2800 it has not for half of its life, and a fifth more is waited.
        assert name == "mode-collapse"
        assert 1400 < step <= 3500

    def test_one_that_collapses_early_is_told_at_the_second_look(self, at):
        series = looks(lambda s: BLOB if s > 600 else {}, at)
        second = [step for step in at if step > 600][1]
        assert told(series)[0] == (second, "mode-collapse")

    def test_one_bad_look_is_not_enough(self, at):
        bad = next(step for step in at if step > 600)
        assert told(looks(lambda s: BLOB if s == bad else {}, at)) == []

    def test_a_little_mass_that_is_lost_must_be_seen_longer(self, at):
        # A fifth is not most of it.
        little = {"missing_mass": 0.2, "energy": 0.1}
        (step, name), *_ = told(looks(lambda s: little if s > 600 else {}, at))
        later = [step for step in at if step > 600]
        assert (step, name) == (later[3], "mode-collapse")


def test_two_checks_that_stand_still_are_not_enough_of_a_young_run():
    begins_late = looks(lambda s: FEW | {"energy": 0.3 * min(1.0, 500 / s)}, DENSE)
    assert told(begins_late[:12]) == []
    assert told(looks(lambda s: FEW, DENSE))[0][0] == 600


def test_mass_that_is_back_at_the_newest_look_is_not_missing():
    # At two looks of three: the median of three never is.
    little = {"missing_mass": 0.2, "energy": 0.1}
    back = {"energy": 0.1}
    assert told(looks(lambda s: little if s > 600 and s % 300 else back, DENSE)) == []
    assert told(looks(lambda s: little if s > 600 else {}, DENSE)) != []


@pytest.mark.parametrize("factor", [2, 7])
@pytest.mark.parametrize(
    "sick",
    [
        BLOB,
        FEW,
        {"spread": 0.1, "nn_ratio": 0.05},
        {"label_agreement": 0.0},
        {"churn": 0.9, "tv_to_real": 0.8, "energy": 0.3},
        {"auc_fresh": 1.0, "energy": 0.3},
        {"lipschitz_median": 30.0},
    ],
    ids=["blob", "few modes", "alike", "labels", "moves", "sure", "steep"],
)
def test_a_run_of_many_times_the_steps_is_told_after_many_times_the_steps(sick, factor):
    series = looks(lambda s: sick)
    slow = [(factor * step, row) for step, row in series]
    shared = Thresholds()
    scaled = dataclasses.replace(
        shared,
        warm_up_steps=factor * shared.warm_up_steps,
        cooldown_steps=factor * shared.cooldown_steps,
    )
    context = dataclasses.replace(CONTEXT, every=factor * CONTEXT.every)
    found = told(series)
    assert found
    assert told(slow, context, scaled) == [(factor * step, name) for step, name in found]


def test_a_budget_makes_a_run_young_in_its_first_quarter():
    series = looks(lambda s: FEW, DENSE)
    steps = [told(series, dataclasses.replace(CONTEXT, budget=b))[0][0] for b in (None, 8000)]
    assert steps[0] < 2000 <= steps[1] <= 2200


class TestCauses:
    """Where one thing explains another, it alone is told."""

    def names(self, of, at=LOOKED):
        return {name for _, name in told(looks(of, at))}

    def test_samples_that_are_one_explain_a_discriminator_that_became_sure(self):
        one = BLOB | {"auc_fresh": 1.0}
        assert self.names(lambda s: one if s > 600 else {}) == {"mode-collapse"}
        # It was sure before: that is the cause.
        assert self.names(lambda s: one) == {"mode-collapse", "discriminator-overpowering"}

    def test_few_modes_explain_samples_that_stand_close(self):
        assert self.names(lambda s: FEW | {"nn_ratio": 0.1} if s > 600 else {}) == {"mode-collapse"}
        assert self.names(lambda s: {"nn_ratio": 0.1} if s > 600 else {}) == {"intra-mode-collapse"}
        both = FEW | {"nn_ratio": 0.1, "spread": 0.1}
        found = self.names(lambda s: both if s > 600 else {})
        assert found == {"mode-collapse", "intra-mode-collapse"}

    def test_samples_that_were_always_one_explain_units_that_never_fired(self):
        assert self.names(lambda s: BLOB | {"dead_units": 1.0}) == {"mode-collapse"}
        died = self.names(lambda s: BLOB | {"dead_units": 1.0} if s > 600 else {})
        assert died == {"mode-collapse", "dead-units"}

    def test_lack_of_modes_explains_a_layer_of_which_some_units_fire(self):
        few = FEW | {"dead_units": 0.97}
        assert self.names(lambda s: few if s > 600 else {}) == {"mode-collapse"}

    @pytest.mark.parametrize("far", [{"energy": 0.9}, {"energy": 0.9, "panel_range": 5000.0}])
    def test_samples_that_are_thrown_away_explain_all_else(self, far):
        sick = {"missing_mass": 1.0, "churn": 0.9, "tv_to_real": 1.0, "auc_fresh": 1.0}
        sick |= {"lipschitz_median": 30.0, "reach": 0.0, "motion": 0.0}
        assert self.names(lambda s: sick | far if s > 600 else {}) == {"divergence"}

    def test_a_run_that_begins_far_away_does_not_diverge(self):
        assert self.names(lambda s: {"energy": 90 / s, "auc_fresh": 1.0}) == set()

    def test_a_movement_that_has_ended_is_no_oscillation(self):
        moves = {"churn": 0.9, "tv_to_real": 0.8, "energy": 0.3}
        assert self.names(lambda s: moves | ({"churn": 0.0} if s > 1000 else {})) == set()
        assert self.names(lambda s: moves) == {"oscillation"}


def test_where_the_data_have_modes_bins_within_them_are_not_missing_ones():
    uneven = {"missing_mass": 0.6, "energy": 0.06, "lost_modes": 0.0}
    assert told(looks(lambda s: uneven)) == []
    ((_, name),) = told(looks(lambda s: uneven | {"lost_modes": 0.25}))
    assert name == "mode-collapse"


def test_which_units_are_dead_is_known_between_two_looks():
    # No gradient from 1100 on; the panel is looked at at 1000, and then at 1400.
    seen = looks(lambda s: {"dead_units": 1.0 if s > 600 else 0.9})
    series = [(s, row | ({"g_grad_norm_max": 0.0} if s > 1000 else {})) for s, row in seen]
    assert told(series) == [(1200, "dead-units")]


def test_a_rise_that_chance_makes_is_no_learning():
    # Agreement of 256 samples with ten classes wavers by .02.
    chance = looks(lambda s: {"label_agreement": 0.02 if s % 800 == 200 else 0.0})
    # It has stood still since 1000 when it is told, as it has three looks after warm-up then.
    assert told(chance) == [(1800, "label-ignored")]
    # Of more looks: since 400, and for more than two fifths of the steps so far.
    assert told(looks(lambda s: {"label_agreement": 0.0}, DENSE))[0] == (700, "label-ignored")
    learned = looks(lambda s: {"label_agreement": s / 9000})
    assert told(learned) == []


def test_samples_that_are_all_but_one_do_not_widen_by_chance():
    series = looks(lambda s: {"spread": s * 1e-6, "nn_ratio": 0.9})
    assert [name for _, name in told(series)] == ["intra-mode-collapse"]


def test_samples_near_the_data_that_come_no_nearer_are_not_stuck():
    moves = {"reach": 0.2, "auc_fresh": 0.985, "motion": 0.3}
    assert told(looks(lambda s: moves | {"energy": 0.01})) == []
    assert [name for _, name in told(looks(lambda s: moves | {"energy": 0.3}))] == [
        "saturated-gradients"
    ]


class TestCourse:
    def history(self, values, every=100):
        history = History(("x",))
        for i, value in enumerate(values, 1):
            history.add(every * i, {"x": value}, warm=True)
        return history

    def test_is_of_the_newer_half_of_the_steps(self):
        # Steps 500 to 1000: 5, 6, 7 | 8, 9, 10.
        assert self.history(range(1, 11)).course("x") == (6, 9)

    def test_is_of_the_newest_three_beside_the_older_half(self):
        assert self.history(range(1, 31)).course("x") == (18.5, 29)

    @pytest.mark.parametrize("every", [1, 100, 12345])
    def test_does_not_depend_on_what_a_step_is(self, every):
        assert self.history([3, 1, 4, 1, 5], every).course("x") == (4, 5)

    def test_is_not_known_of_one_value(self):
        assert self.history([1]).course("x") is None
        assert History(()).course("x") is None
