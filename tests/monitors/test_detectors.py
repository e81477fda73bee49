"""Detectors on synthetic rows: they fire on their pathology, once, and on nothing else."""

import dataclasses
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from gandiag.monitors import PATHOLOGIES, SIGNALS, Context, Thresholds, pathologies, replay
from gandiag.monitors.pathologies import ALL
from gandiag.monitors.pathologies.detector import make
from gandiag.monitors.pathologies.rule import Shared
from gandiag.monitors.signals.table import TABLE

FOLDER = Path(pathologies.__file__).parent

HEALTHY = {
    "g_grad_norm": 0.3,
    "g_grad_norm_max": 0.5,
    "d_grad_norm": 0.4,
    "d_grad_norm_max": 0.6,
    "nonfinite": 0.0,
    "auc_real_fake": 0.7,
    "auc_fresh": 0.7,
    "score_max": 2.0,
    "loss_slope": 0.4,
    "churn": 0.03,
    "tv_to_real": 0.08,
    "missing_mass": 0.0,
    "diversity": 1.0,
    "spread": 0.9,
    "nn_ratio": 0.9,
    "effective_rank": 1.0,
    "energy": 0.02,
    "motion": 0.3,
    "panel_range": 1.0,
    "forgetting": 0.3,
    "auc_train_heldout": 0.5,
    "train_heldout_z": 0.0,
    "reach": 3.0,
    "lipschitz_median": 1.0,
    "lipschitz_q95": 1.5,
    "sigma_max": 1.0,
    "clip_share": 0.1,
    "dead_units": 0.1,
    "label_agreement": 0.95,
    "class_spread": 0.9,
    "dead_penalty": 0.0,
}
SICK = {
    "oscillation": {"churn": 0.9, "tv_to_real": 0.8, "energy": 0.3},
    "mode-collapse": {"missing_mass": 0.5, "tv_to_real": 0.5},
    "intra-mode-collapse": {"spread": 0.1, "nn_ratio": 0.05},
    "saturated-gradients": {"loss_slope": 1e-5, "auc_fresh": 0.985, "motion": 0.0},
    "discriminator-overpowering": {"auc_fresh": 1.0, "energy": 0.3},
    "discriminator-overfitting": {"auc_train_heldout": 0.7, "train_heldout_z": 8.0},
    "divergence": {"nonfinite": 3.0, "nonfinite_step": 3150.0},
    "lipschitz-violation": {"lipschitz_median": 30.0},
    "dead-units": {"dead_units": 1.0},
    "label-ignored": {"label_agreement": 0.0},
}
CONTEXT = Context(loss="minimax", lipschitz="gp", conditional=True, budget=10_000)


def rows(*parts, every=100):
    """Parts of (count, changes): rows one after the other."""
    step, found = 0, []
    for count, changes in parts:
        for _ in range(count):
            step += every
            found.append((step, HEALTHY | changes))
    return found


def loud(alerts):
    return [alert for alert in alerts if alert.level != "INFO"]


def test_healthy_rows_raise_nothing_but_a_plateau():
    found = replay(rows((100, {})), CONTEXT)
    assert {alert.pathology for alert in found} <= {"plateau"}
    assert loud(found) == []


@pytest.mark.parametrize("pathology", SICK)
def test_a_pathology_is_named_once(pathology):
    found = loud(replay(rows((30, {}), (50, SICK[pathology])), CONTEXT))
    assert [alert.pathology for alert in found] == [pathology]
    (alert,) = found
    assert alert.step > 3000
    assert 3000 < alert.since <= alert.step
    assert alert.causes
    assert alert.remedies


@pytest.mark.parametrize("pathology", SICK)
def test_a_run_that_is_sick_from_the_start_is_seen_too(pathology):
    found = loud(replay(rows((60, SICK[pathology])), CONTEXT))
    assert pathology in {alert.pathology for alert in found}


@pytest.mark.parametrize("pathology", [name for name in SICK if name != "divergence"])
def test_one_bad_check_is_no_alert(pathology):
    found = loud(replay(rows((30, {}), (1, SICK[pathology]), (30, {})), CONTEXT))
    assert found == []


def test_an_alert_returns_after_it_cleared_and_cooled_down_only():
    sick = SICK["lipschitz-violation"]
    within = rows((30, {}), (10, sick), (18, {}), (10, sick))
    assert len(loud(replay(within, CONTEXT))) == 2
    # Never clear: between the threshold and what counts as clear.
    swinging = rows((30, {}), *[(8, sick), (8, {"lipschitz_median": 1.45})] * 4)
    assert len(loud(replay(swinging, CONTEXT))) == 1
    # Clear, but back within the cooldown.
    slow = Thresholds(cooldown_steps=10_000)
    assert len(loud(replay(within, CONTEXT, slow))) == 1


def test_a_rise_to_error_is_told():
    found = loud(
        replay(
            rows(
                (30, {}),
                (20, {"missing_mass": 0.2, "energy": 0.2}),
                (20, {"missing_mass": 0.9, "energy": 0.2}),
            ),
            CONTEXT,
        )
    )
    assert [(alert.pathology, alert.level) for alert in found] == [
        ("mode-collapse", "WARN"),
        ("mode-collapse", "ERROR"),
    ]


def test_nothing_but_non_finite_values_is_told_in_warm_up():
    broken = {"nonfinite": 1.0, "missing_mass": 1.0, "lipschitz_median": 99.0}
    found = loud(replay(rows((1, broken)), Context(budget=50_000, lipschitz="gp")))
    assert [alert.pathology for alert in found] == ["divergence"]


def test_young_runs_are_not_missing_modes_that_they_never_had():
    finding = [(100 * i, HEALTHY | {"missing_mass": 0.6}) for i in range(1, 20)]
    assert loud(replay(finding, CONTEXT)) == []
    # And those that still find some are left alone later.
    finding = [(100 * i, HEALTHY | {"missing_mass": 0.9**i}) for i in range(1, 60)]
    assert loud(replay(finding, CONTEXT)) == []


def test_a_sure_discriminator_is_fine_while_samples_improve():
    better = [
        (100 * i, HEALTHY | {"auc_fresh": 1.0, "energy": 0.5 * 0.97**i}) for i in range(1, 99)
    ]
    assert loud(replay(better, CONTEXT)) == []


def test_an_overfitting_discriminator_is_only_worth_knowing_while_samples_improve():
    def better(value):
        told = {"auc_train_heldout": value, "train_heldout_z": 8.0}
        return [(100 * i, HEALTHY | told | {"energy": 0.5 * 0.97**i}) for i in range(1, 99)]

    found = replay(better(0.59), CONTEXT)
    assert "discriminator-overfitting" in {alert.pathology for alert in found}
    assert loud(found) == []
    assert loud(replay(better(0.7), CONTEXT)) != []


def test_near_the_data_neither_movement_nor_a_few_missing_modes_are_a_fault():
    moves = {"churn": 0.5, "tv_to_real": 0.4}
    few = {"missing_mass": 0.25, "tv_to_real": 0.3}
    for fault in (moves, few):
        assert loud(replay(rows((90, fault | {"energy": 0.03})), CONTEXT)) == []
        assert loud(replay(rows((45, fault | {"energy": 0.1})), CONTEXT)) != []
        # On the way to the data more is allowed than at its end.
        nearer = [(s, row | {"energy": 60 / s}) for s, row in rows((90, fault))]
        assert loud(replay([each for each in nearer if each[0] > 100], CONTEXT)) == []
    most = {"missing_mass": 0.6, "energy": 0.03}
    assert loud(replay(rows((90, most)), CONTEXT)) != []


def test_going_round_far_from_the_data_is_oscillation():
    turning = {"rotation": 0.97, "energy": 0.5}
    found = loud(replay(rows((90, turning)), CONTEXT))
    assert [(alert.pathology, alert.signal) for alert in found] == [("oscillation", "rotation")]
    assert loud(replay(rows((90, turning | {"energy": 0.01})), CONTEXT)) == []


def test_short_runs_are_not_warmed_up_for_long():
    broken = [(10 * i, HEALTHY | {"dead_units": 1.0}) for i in range(1, 41)]
    found = loud(replay(broken, Context(budget=400)))
    # Warm after 20 steps, and told when it has held for two checks.
    assert [alert.step for alert in found] == [30]


def test_moving_without_being_far_or_while_approaching_is_no_oscillation():
    near = {"churn": 0.5, "tv_to_real": 0.2}
    assert loud(replay(rows((80, near)), CONTEXT)) == []
    nearer = [
        (100 * i, HEALTHY | {"churn": 0.5, "tv_to_real": 0.5, "energy": 0.9 * 0.95**i})
        for i in range(1, 80)
    ]
    assert loud(replay(nearer, CONTEXT)) == []


def test_gradients_that_grow_tenfold_stand_out():
    found = loud(replay(rows((30, {}), (5, {"g_grad_norm_max": 50.0})), CONTEXT))
    assert [alert.pathology for alert in found] == ["divergence"]
    assert loud(replay(rows((30, {}), (1, {"g_grad_norm_max": 50.0}), (5, {})), CONTEXT)) == []


def test_a_generator_without_any_gradient_is_told_nothing_and_has_no_dead_units():
    found = loud(replay(rows((30, {}), (5, {"g_grad_norm_max": 0.0})), CONTEXT))
    assert [(alert.pathology, alert.level) for alert in found] == [("saturated-gradients", "ERROR")]
    assert not any("leaky" in remedy for remedy in found[0].remedies)


def test_a_detached_penalty_is_told_unless_the_slopes_are_right():
    dead = {"dead_penalty": 1.0}
    assert loud(replay(rows((30, {}), (9, dead)), CONTEXT)) == []
    found = loud(replay(rows((30, {}), (9, dead | {"lipschitz_median": 9.0})), CONTEXT))
    assert [alert.signal for alert in found] == ["dead_penalty"]


def test_a_plateau_names_the_best_distance():
    series = [(100 * i, HEALTHY | {"energy": max(0.02, 0.5 * 0.9**i)}) for i in range(1, 101)]
    (alert,) = replay(series, CONTEXT)
    assert (alert.pathology, alert.level) == ("plateau", "INFO")
    assert alert.threshold == pytest.approx(0.02)


def test_absent_signals_raise_nothing():
    assert replay([(100 * i, {}) for i in range(1, 80)], CONTEXT) == []
    only = [(100 * i, {"missing_mass": 1.0}) for i in range(1, 80)]
    assert replay(only, CONTEXT) == []


def test_after_a_mark_what_was_normal_no_longer_counts():
    series = rows((30, {}), (9, {"g_grad_norm_max": 50.0}))
    watching = make(CONTEXT)
    found = []
    for step, values in series:
        if step == 3100:
            for each in watching:
                each.forget()
        found += [alert for each in watching if (alert := each(step, values))]
    assert loud(found) == []


@pytest.mark.parametrize("cut", [5, 33, 47])
def test_detectors_go_on_from_their_state(cut):
    series = rows((30, {}), (20, SICK["mode-collapse"]), (20, SICK["oscillation"]))
    first, second = make(CONTEXT), make(CONTEXT)
    found = [a for step, row in series[:cut] for each in first if (a := each(step, row))]
    for old, new in zip(first, second, strict=True):
        new.load_state_dict(json.loads(json.dumps(old.state_dict())))
    found += [a for step, row in series[cut:] for each in second if (a := each(step, row))]
    assert found == replay(series, CONTEXT)


def test_every_pathology_has_causes_and_sourced_remedies():
    for each in ALL:
        assert each.causes
        assert each.remedies
        assert all(what and source for what, source in each.remedies)


def test_a_pathology_is_one_file_of_its_name_and_one_line():
    files = {path.stem for path in FOLDER.glob("*.py")}
    assert {each.name.replace("-", "_") for each in ALL} < files
    assert len(PATHOLOGIES) == len(ALL)  # no name twice


def test_rules_read_signals_that_exist():
    for each in ALL:
        assert set(each.reads) <= set(SIGNALS)
        for groups in (each.needs, *each.constrained.values()):
            assert groups
            assert all(set(group) <= set(each.reads) for group in groups)


def test_no_two_pathologies_share_a_threshold_but_the_shared_ones():
    shared = {field.name for field in dataclasses.fields(Shared)}
    own = [
        name for part in Thresholds.__bases__ for name in part.__annotations__ if name not in shared
    ]
    assert len(own) == len(set(own))
    assert {field.name for field in dataclasses.fields(Thresholds)} == shared | set(own)


def test_no_two_signals_have_one_name():
    assert len(SIGNALS) == len(TABLE)


def test_every_threshold_is_used():
    source = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    for each in dataclasses.fields(Thresholds):
        assert f".{each.name}" in source, each.name


def test_detectors_and_recordings_need_no_torch():
    code = (
        "import sys, gandiag.monitors.pathologies.detector, gandiag.monitors.recording;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_check_without_the_signal_is_not_one_more_that_found_it():
    sick, unseen = SICK["lipschitz-violation"], {"lipschitz_median": None, "lipschitz_q95": None}

    def run(*parts):
        found = rows((30, {}), *parts, (10, {}))
        kept = [(s, {n: v for n, v in row.items() if v is not None}) for s, row in found]
        return loud(replay(kept, CONTEXT))

    assert run((2, sick), (20, unseen)) == []
    assert run((2, sick), (20, unseen), (2, sick)) != []


@pytest.mark.parametrize("name", ["panel_range", "g_grad_norm_max", "d_grad_norm_max"])
def test_an_explosion_needs_no_second_check(name):
    usual = {"g_grad_norm_max": 1.0, "d_grad_norm_max": 1.0}

    def told(value):
        found = replay(rows((30, usual), (1, usual | {name: value}), (30, usual)), CONTEXT)
        return [(alert.pathology, alert.step) for alert in loud(found)]

    assert told(50.0) == []
    assert told(5000.0) == [("divergence", 3100)]


@pytest.mark.parametrize("pathology", ["intra-mode-collapse", "label-ignored"])
@pytest.mark.parametrize(("budget", "settled"), [(None, 400), (10_000, 1000), (30_000, 3000)])
def test_samples_may_be_alike_at_first(pathology, budget, settled):
    # In a tenth of the budget, or until three looks since warm-up have shown no progress.
    context = dataclasses.replace(CONTEXT, budget=budget)
    found = loud(replay(rows((50, SICK[pathology])), context))
    assert settled <= min(alert.step for alert in found) <= settled + 300


def test_a_fault_that_comes_back_again_and_again_is_told_again_and_again():
    # Every 900 steps for 300: once within the cooldown of 1000, and as soon as that is over.
    sick = SICK["lipschitz-violation"]
    often = rows((100, {}), *[(30, sick), (60, {})] * 60, every=10)
    steps = [alert.step for alert in loud(replay(often, CONTEXT))]
    assert len(steps) == 45
    assert min(b - a for a, b in pairwise(steps)) == 1000


def told(series, name="lipschitz-violation", resumed_at=None):
    """(alerted, over, since) steps of one detector, which may be stored and restored."""
    (one,) = make(CONTEXT, known=[PATHOLOGIES[name]])
    alerts, overs = [], []
    for step, row in series:
        if step == resumed_at:
            state = json.loads(json.dumps(one.state_dict()))
            (one,) = make(CONTEXT, known=[PATHOLOGIES[name]])
            one.load_state_dict(state)
        before = one.over
        alert = one(step, row)
        alerts += [] if alert is None else [alert.step]
        if one.over not in (None, before):
            overs.append((one.over.step, one.over.since, one.over.alerted))
    return alerts, overs


@pytest.mark.parametrize("resumed_at", [None, 1500, 2000, 2600])
def test_a_fault_that_has_ended_is_over_and_alerted_anew_when_it_recurs(resumed_at):
    sick = SICK["lipschitz-violation"]
    alerts, overs = told(rows((10, {}), (6, sick), (20, {}), (6, sick)), resumed_at=resumed_at)
    first, second = alerts
    ((step, since, alerted),) = overs
    # A median of three holds for one check more. Three times as many in a row as it took.
    assert (alerted, since, second > step) == (first, 1800, True)
    (one,) = make(CONTEXT, known=[PATHOLOGIES["lipschitz-violation"]])
    assert step == 1700 + 100 * 3 * one.rule.persist(Thresholds())


def test_a_fault_that_flaps_is_not_over():
    sick = SICK["lipschitz-violation"]
    alerts, overs = told(rows((10, {}), (9, sick), *[(4, {}), (2, sick)] * 20))
    assert (len(alerts), overs) == (1, [])


def test_a_rule_that_holds_no_more_is_over_wherever_its_signal_is():
    # The discriminator stays sure; the samples have come near.
    sure = {"auc_fresh": 1.0}
    series = rows((40, sure | {"energy": 0.3}), (30, sure | {"energy": 0.01}))
    alerts, ((step, since, _),) = told(series, "discriminator-overpowering")
    assert len(alerts) == 1
    assert (step - since) == 1900


def test_what_was_not_told_is_not_over_and_is_told_if_it_lasts():
    sick = SICK["lipschitz-violation"]
    back = rows((100, {}), (30, sick), (60, {}), (200, sick), every=10)
    alerts, overs = told(back)
    assert alerts == [1040, 2040]
    assert len(overs) == 1
    short = rows((100, {}), (30, sick), (40, {}), (10, sick), (60, {}), every=10)
    assert tuple(map(len, told(short))) == (1, 1)


def test_steps_that_are_mostly_skipped_are_told():
    found = loud(replay(rows((30, {}), (5, {"skipped_steps": 80.0})), CONTEXT))
    assert [(a.pathology, a.level, a.signal) for a in found] == [
        ("divergence", "WARN", "skipped_steps")
    ]
    assert loud(replay(rows((30, {}), (5, {"skipped_steps": 10.0})), CONTEXT)) == []


def test_a_sure_discriminator_is_fine_beside_samples_that_are_right():
    # Half of `far`, .02, is where the energy reaches its noise.
    told = [
        len(loud(replay(rows((40, {"auc_fresh": 1.0, "energy": e})), CONTEXT)))
        for e in (0.02, 0.03)
    ]
    assert told == [0, 1]


def test_labels_that_are_still_being_learned_are_not_ignored():
    learned = [(100 * i, HEALTHY | {"label_agreement": 0.012 * i}) for i in range(1, 25)]
    assert loud(replay(learned, CONTEXT)) == []


@pytest.mark.parametrize("every", [25, 100])
def test_a_short_run_that_learns_its_labels_late_is_not_warned(every):
    # As `gandiag train cgan-digits` learns them, with few checks before they count.
    context = dataclasses.replace(CONTEXT, budget=20 * every, every=every)
    course = (0.03, 0.02, 0.05, 0.11, 0.17, 0.55, 1.02, *[1.1] * 13)
    learned = [
        (every * i, HEALTHY | {"label_agreement": value}) for i, value in enumerate(course, 1)
    ]
    assert loud(replay(learned, context)) == []
    ignored = rows((20, {"label_agreement": 0.02}), every=every)
    assert [alert.pathology for alert in loud(replay(ignored, context))] == ["label-ignored"]


def test_a_short_run_has_no_plateau_after_three_checks():
    context = dataclasses.replace(CONTEXT, budget=2000)
    noise = (0.013, 0.012, 0.008, 0.007, 0.006, 0.006, 0.004, 0.009, 0.008, 0.006, 0.011, 0.006)
    series = [(100 * i, HEALTHY | {"energy": energy}) for i, energy in enumerate(noise, 1)]
    assert replay(series, context) == []
    late = [(100 * i, HEALTHY | {"energy": 0.02}) for i in range(13, 21)]
    assert [alert.step for alert in replay(series + late, context)] == [1700]


@pytest.mark.parametrize("checks", [4, 30])
def test_without_a_budget_a_plateau_is_half_of_the_run(checks):
    context = dataclasses.replace(CONTEXT, budget=None)
    falling = [(100 * i, HEALTHY | {"energy": 1 / i}) for i in range(1, checks + 1)]
    flat = [(100 * i, HEALTHY | {"energy": 1.0}) for i in range(checks + 1, 100)]
    found = [each.step for each in replay(falling + flat, context) if each.pathology == "plateau"]
    # Of a short one ten checks.
    assert found == [100 * max(checks + 10, 2 * checks)]


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"lipschitz": "r1"}, "R1 penalty"),
        ({"lipschitz": "sn"}, "spectral normalisation"),
        ({"lipschitz": "gp"}, "gradient penalty"),
        ({"loss": "non-saturating"}, "the non-saturating loss"),
    ],
)
def test_a_remedy_that_is_in_use_is_not_named(changes, remedy):
    series = rows(
        (30, {}),
        (9, {"nonfinite": 1.0, "reach": 0.1, "auc_fresh": 1.0, "motion": 0.0, "energy": 0.5}),
    )

    def named(**other):
        plain = {"loss": None, "lipschitz": None} | other
        found = replay(series, dataclasses.replace(CONTEXT, **plain))
        return any(remedy in each for alert in found for each in alert.remedies)

    assert named()
    assert not named(**changes)
