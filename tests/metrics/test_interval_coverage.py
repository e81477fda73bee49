"""How often the intervals that claim 95 % hold the mean of the score at that N, by simulation."""

import dataclasses
import json
import math

import pytest
import torch

from gandiag.metrics import (
    METRICS,
    PRDC,
    FrechetDistance,
    InceptionScore,
    KernelDistance,
    Score,
    VendiScore,
)
from gandiag.metrics.intervals import Z, inverted, redrawn
from gandiag.statistics import Bank, Moments

coverage = pytest.importorskip("benchmarks.coverage")
draws_of = pytest.importorskip("benchmarks.coverage_draws")

DRAWS = 120


def normal(n, width, seed):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def fixed_reference(metric, n, width):
    """Scores of generated sets against one real set, near it but not equal."""
    real = Moments.of(normal(4000, width, 10**6))
    for seed in range(DRAWS):
        yield metric(real=real, generated=Bank.of(0.9 * normal(n, width, seed) + 0.15))


def both_redrawn(metric, n, width):
    for seed in range(DRAWS):
        generated = 0.9 * normal(n, width, 2 * seed + 1) + 0.15
        yield metric(real=Bank.of(normal(n, width, 2 * seed)), generated=Bank.of(generated))


def generated_alone(metric, n, width):
    scale = torch.logspace(0.5, -1, width)
    for seed in range(DRAWS):
        yield metric(generated=Bank.of(normal(n, width, seed) * scale))


@pytest.mark.parametrize(
    ("metric", "draws", "n", "width", "least"),
    [
        # What longer simulations gave at the low end of their settings.
        (FrechetDistance(), fixed_reference, 1000, 16, 0.92),
        (KernelDistance(), both_redrawn, 150, 16, 0.92),
        (InceptionScore(), generated_alone, 300, 10, 0.93),
        (InceptionScore(splits=3), generated_alone, 300, 10, 0.93),
        (VendiScore(), generated_alone, 200, 24, 0.92),
        (PRDC(), both_redrawn, 250, 16, 0.92),
        (PRDC(k=3), both_redrawn, 250, 4, 0.92),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_intervals_hold_the_mean(metric, draws, n, width, least):
    scores = list(draws(metric, n, width))
    for name in scores[0]:
        values = torch.tensor([each[name].value for each in scores])
        low = torch.tensor([each[name].low for each in scores])
        high = torch.tensor([each[name].high for each in scores])
        covered = float(((low <= values.mean()) & (values.mean() <= high)).double().mean())
        # Three deviations of a binomial share.
        assert covered > least - 3 * math.sqrt(least * (1 - least) / DRAWS), name
        # And they are not much longer than that takes.
        ratio = float((high - low).mean() / values.std()) / 2 / Z
        assert ratio < 1.8, name


@pytest.mark.parametrize(
    ("method", "sets"),
    [
        ("delta method over generated images, the reference fixed", {"generated"}),
        ("variance of the U-statistic over real and generated images", {"real", "generated"}),
        (
            "jackknife over twentieths of the real and of the generated images",
            {"real", "generated"},
        ),
        ("over held-out and generated images, the training images fixed", {"heldout", "generated"}),
        ("Wilson over both sets", {"real", "generated"}),
        ("delta method over the samples in modes; beside the real ones'", {"generated"}),
        ("Wilson over the bins, as if they were independent", set()),
        ("normal", set()),
    ],
)
def test_a_method_tells_which_sets_are_drawn_anew(method, sets):
    assert redrawn(method) == sets


@pytest.mark.parametrize(("value", "first", "second"), [(2.0, 0.5, 0.3), (1e-3, 0.1, 0.04)])
def test_the_ends_are_where_the_distance_would_be_at_the_quantile(value, first, second):
    slope = first / max(value, Z * math.sqrt(second))
    for end in inverted(value, first, second):
        assert (value - end) ** 2 == pytest.approx(Z**2 * (second + slope * end))


def test_whether_zero_is_held_is_decided_by_the_second_order():
    assert inverted(1.95, 50.0, 1.0)[0] < 0 < inverted(1.97, 50.0, 1.0)[0]
    # On either side.
    assert inverted(-1.95, 50.0, 1.0)[1] > 0 > inverted(-1.97, 0.0, 1.0)[1]
    assert inverted(0.0, 0.0, 0.0) == (0, 0)


def test_a_first_order_that_is_zero_by_chance_is_not_taken_at_its_word():
    """Of few rows with a class missing: without it nine in ten intervals held, of these."""
    centres = 1.5 * normal(10, 16, 16)
    random = torch.Generator().manual_seed(0)
    scores = []
    for _ in range(400):
        drawn = [
            Bank.of(
                centres[torch.randint(0, k, (60,), generator=random)] / 3
                + 0.5 * torch.randn(60, 16, generator=random)
            )
            for k in (10, 9)
        ]
        scores.append(KernelDistance()(real=drawn[0], generated=drawn[1])["kid"])
    mean = sum(each.value for each in scores) / 400
    held = sum(each.low <= mean <= each.high for each in scores) / 400
    assert held > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 400)


def test_a_column_of_draws_and_what_its_intervals_hold():
    # Their mean is 2: held by the second and third, which end there or beyond.
    found = [Score(1, 0.5, 1.5), Score(2, 1, 3), Score(3, 2, 4), Score(2)]
    row = draws_of.covered(found)
    assert row["printed"] == 0.75
    assert row["mean"] == 2
    assert (row["coverage"], row["below"], row["above"]) == pytest.approx((2 / 3, 1 / 3, 0))
    assert row["ratio"] == pytest.approx((2.5 / 3) / Z / math.sqrt(2 / 3))
    assert "coverage" not in draws_of.covered([Score(1), Score(2)])


class TestSettings:
    @pytest.fixture
    def populations(self):
        return {(each.name, each.width): each for each in coverage.populations(None)}

    def test_what_is_fixed_stays_and_what_is_drawn_anew_does_not(self, populations):
        gaussian = populations["Gaussian", 16]

        def kid(claim, seed):
            found = draws_of.scores(KernelDistance(), gaussian, 50, "null", frozenset(claim), seed)
            return found["kid"].value

        both, alone = {"real", "generated"}, {"generated"}
        assert kid(both, 0) == kid(both, 0) != kid(both, 1)
        assert kid(alone, 0) != kid(alone, 1)
        assert kid(set(), 0) == kid(set(), 1)

    def test_cases(self, populations):
        mixture = populations["mixture", 16]
        plain, moved, fewer = (
            mixture.draw(400, torch.Generator().manual_seed(0), case)
            for case in ("null", "alternative", "dropped")
        )
        torch.testing.assert_close(moved.rows, 0.9 * plain.rows + 0.15)
        assert set(plain.classes.tolist()) == {*range(10)}
        assert set(fewer.classes.tolist()) == {*range(8)}

    def test_a_short_simulation(self, populations):
        rows = coverage.run(KernelDistance(), populations["mixture", 16], 60, "null", 120, 60.0)
        (row,) = rows
        assert row["output"] == "kid"
        assert row["redrawn"] == ["generated", "real"]
        assert (row["draws"], row["printed"]) == (120, 1)
        # Three deviations of a binomial share.
        assert row["coverage"] > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 120)
        # Unbiased, and of equal distributions.
        assert abs(row["mean"]) < 4 * row["deviation"] / math.sqrt(120)

    def test_every_metric_of_the_table_is_asked(self):
        asked = {metric.name for metric, *_ in coverage.settings([*METRICS], None)}
        assert asked == set(METRICS)

    def test_what_has_no_interval_takes_few_draws(self, populations):
        (row,) = coverage.run(FrechetDistance(), populations["mixture", 16], 60, "null", 500, 60.0)
        assert row["draws"] == draws_of.PROBES
        assert row["printed"] == 0
        assert row["method"].startswith("no interval")

    def test_what_is_too_slow_is_left_out(self, populations):
        with pytest.raises(draws_of.TooSlowError):
            coverage.run(KernelDistance(), populations["mixture", 16], 60, "null", 120, 0.0)

    def test_the_table(self):
        row = {
            "metric": "kid",
            "output": "kid",
            "population": "mixture",
            "width": 16,
            "n": 1000,
            "case": "null",
            "draws": 1000,
            "redrawn": ["generated", "real"],
            "deviation": 0.1,
        }
        rows = [{**row, "coverage": 0.95}, {**row, "coverage": 0.75}, {**row, "coverage": 0.99}]
        late = {key: row[key] for key in ("metric", "population", "width", "n", "case")}
        alike = {**row, "coverage": 1.0, "deviation": 0.0}
        rows += [{**row, "coverage": 0.984}, alike, {**late, "slow": 12.0}]
        *_, line = coverage.table(rows)
        assert line == (
            "| `kid` | real and generated | 4 of 5; 1 too slow | 75 to 99 "
            "| 75 (mixture, width 16, N = 1,000, null) | 1 |"
        )

    def test_the_table_tells_what_is_fixed(self):
        row = {"metric": "fid", "redrawn": ["generated"]}
        assert coverage.sets_of(row) == "generated; real fixed"
        assert coverage.sets_of({"metric": "vendi", "redrawn": ["generated"]}) == "generated"

    def test_a_digest_is_of_what_decides_a_metric(self):
        names = {path.name for path in draws_of.sources_of(PRDC)}
        assert {"neighbours.py", "balls.py", "intervals.py", "coverage_draws.py"} <= names
        assert not names & {"vendi.py", "base.py", "coverage.py"}


def test_the_table_was_made_by_this_code():
    rows = [json.loads(line) for line in coverage.OUT.read_text().splitlines()]
    assert rows
    old = sorted({row["metric"] for row in rows if not coverage.current(row)})
    assert not old, f"made by other code: python -m benchmarks.coverage --only {' '.join(old)}"


@dataclasses.dataclass(frozen=True)
class Tenth(VendiScore):
    """Too short an interval, which the simulation is to notice."""

    def __call__(self, **statistics):
        score = super().__call__(**statistics)["vendi"]
        low, high = (score.value + (end - score.value) / 10 for end in (score.low, score.high))
        return {"vendi": dataclasses.replace(score, low=low, high=high)}


def test_too_short_an_interval_is_a_miss():
    gaussian = next(iter(coverage.populations(None)))
    rows = draws_of.simulate(Tenth(), gaussian, 60, "null", 120, 60.0)
    assert rows["vendi"]["coverage"] < 0.5
    below, above = coverage.misses([rows["vendi"]])
    assert below == [rows["vendi"]]
    assert above == []
