"""The monitor keeps its share of the time, on clocks that only these tests move."""

import json

import pytest
from small_gan import Loop, Rows

from gandiag.errors import GandiagError
from gandiag.monitors.overhead import MOST, NAMES, PROBES, Overhead, Stopwatch, grouped


class Hands:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_part_does_not_get_the_time_of_those_that_it_calls():
    hands = Hands()
    watch = Stopwatch(hands)
    hands.now += 50  # before the first step: nobody's
    watch.enter("checks")
    hands.now += 1
    watch.enter("panel")
    hands.now += 2
    watch.enter("features")
    hands.now += 4
    watch.leave()
    watch.leave()
    hands.now += 8
    watch.leave()
    hands.now += 16
    watch.enter("window")
    hands.now += 32
    watch.leave()
    parts = watch.taken()
    assert parts == {"checks": 9, "panel": 2, "features": 4, "": 16, "window": 32}
    # The wait for the accelerator is the training's.
    assert grouped(parts) == {
        "training": 48, "rest": 9, "samples": 2, "judgements": 0, "features": 4,
    }  # fmt: skip
    assert watch.taken() == {"": 0}


def drive(overhead, costs, pace, checks=400):
    """Seconds of training and of the monitor, and at which checks each probe ran."""
    training = own = 0.0
    ran = {name: [] for name in PROBES}
    for check in range(checks):
        due = overhead.due()
        seconds = dict.fromkeys(NAMES, 0.0) | {"training": pace * 100, "rest": costs["rest"]}
        for name in due:
            seconds[name] = costs[name]
            ran[name].append(check)
        overhead.learn(seconds, 100, due)
        training += seconds["training"]
        own += sum(seconds.values()) - seconds["training"]
    return training, own, ran


@pytest.mark.parametrize("share", [0.02, 0.1])
@pytest.mark.parametrize(
    "costs",
    [
        {"rest": 0.001, "samples": 0.01, "judgements": 0.02, "features": 0.02},
        {"rest": 0.001, "samples": 0.03, "judgements": 0.01, "features": 0.01},
        {"rest": 0.0, "samples": 0.001, "judgements": 0.001, "features": 0.001},
        {"rest": 0.015, "samples": 0.005, "judgements": 0.005, "features": 0.004},
    ],
)
def test_the_share_is_kept(share, costs):
    overhead = Overhead(share, every=100)
    drive(overhead, costs, pace=0.01, checks=2)  # what the first checks take is not known
    training, own, ran = drive(overhead, costs, pace=0.01, checks=1600)
    assert own / (own + training) <= share
    # Nothing is put off for longer than it must be, but for powers of two and equal parts.
    assert all(ran.values())
    assert set(ran["features"]) | set(ran["judgements"]) <= set(ran["samples"])


def test_cheap_probes_stay_at_every_check():
    overhead = Overhead(0.02, every=100)
    costs = {"rest": 0.001, "samples": 0.004, "judgements": 0.004, "features": 3.0}
    _, _, ran = drive(overhead, costs, pace=0.01, checks=64)
    assert ran["samples"] == ran["judgements"] == list(range(64))
    # The share is not kept, and it says so.
    assert ran["features"] == [0, *range(1, 64, MOST)]
    assert overhead.notes()[0] == f"features every {MOST}00 steps to keep 0.02 of the time"
    assert "give a larger every" in overhead.notes()[-1]


def test_what_is_put_off_comes_back_when_steps_become_slower():
    overhead = Overhead(0.02, every=100)
    costs = {"rest": 0.0, "samples": 0.1, "judgements": 0.1, "features": 0.1}
    drive(overhead, costs, pace=0.001, checks=40)
    assert overhead.put_off["samples"] == MOST
    drive(overhead, costs, pace=1.0, checks=40)
    assert overhead.put_off == dict.fromkeys(PROBES, 1)
    assert not [note for note in overhead.notes() if "every" in note]


def test_a_pause_of_the_loop_is_no_slower_step():
    overhead = Overhead(0.02, every=100)
    costs = {"rest": 0.0, "samples": 0.1, "judgements": 0.1, "features": 0.1}
    drive(overhead, costs, pace=0.01, checks=40)
    before = dict(overhead.put_off)
    drive(overhead, costs, pace=100.0, checks=1)
    assert overhead.put_off == before


def test_a_promise_that_cannot_be_kept_is_told():
    overhead = Overhead(0.02, every=100)
    costs = {"rest": 0.5, "samples": 0.1, "judgements": 0.1, "features": 0.1}
    drive(overhead, costs, pace=0.01, checks=100)
    assert "give a larger every" in overhead.notes()[-1]


def test_without_a_share_everything_is_due_always():
    overhead = Overhead(None, every=100)
    costs = {"rest": 9.0, "samples": 9.0, "judgements": 9.0, "features": 9.0}
    _, _, ran = drive(overhead, costs, pace=0.001, checks=9)
    assert all(found == list(range(9)) for found in ran.values())
    assert overhead.notes() == []


def test_a_resumed_schedule_goes_on():
    costs = {"rest": 0.001, "samples": 0.05, "judgements": 0.05, "features": 2.0}
    whole, first, second = (Overhead(0.02, every=100) for _ in range(3))
    drive(whole, costs, pace=0.01, checks=37)
    drive(first, costs, pace=0.01, checks=37)
    second.load_state_dict(json.loads(json.dumps(first.state_dict(None))))
    for name, found in drive(second, costs, pace=0.01, checks=99)[2].items():
        assert found == drive_on(whole, costs)[name]


def drive_on(overhead, costs):
    twin = Overhead(0.02, every=100)
    twin.load_state_dict(overhead.state_dict(None))
    return drive(twin, costs, pace=0.01, checks=99)[2]


@pytest.mark.parametrize("alone", [False, True])
def test_a_loop_is_looked_at_less_often_and_motion_is_still_seen(alone):
    loop, sink, hands = Loop(), Rows(), Hands()

    def sampler(n, rng):
        hands.now += 1
        return loop.sampler(n, rng)

    with loop.monitor(sampler=sampler, sinks=[sink], overhead=0.02, alone=alone) as monitor:
        monitor._guard.watch.clock = hands
        monitor._guard.watch._since = None
        for _ in range(180):
            hands.now += 1.0
            loop.iterate(monitor)
        report = str(monitor.report())
    looked = [step for step, row in sink.rows if "energy" in row]
    assert looked == [10, *range(20, 181, 10 * MOST)]
    assert all("g_grad_norm" in row for _, row in sink.rows)
    assert f"samples every {10 * MOST} steps to keep 0.02 of the time" in report
    assert "churn" in sink.rows[17][1]


@pytest.mark.parametrize("overhead", [0, 1, 2.0, "2 %", True])
def test_what_is_no_share_is_named(overhead):
    with pytest.raises(GandiagError, match="overhead is"):
        Loop().monitor(overhead=overhead)
