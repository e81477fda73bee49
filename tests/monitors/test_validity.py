"""Which detectors make sense under which loss, and what a level cannot see."""

import pytest

from gandiag import GandiagError
from gandiag.monitors import PATHOLOGIES, Context
from gandiag.monitors.context import LOSSES, VALIDITY
from gandiag.monitors.pathologies import inactive
from gandiag.monitors.pathologies.detector import make

ALL = Context(loss="minimax", lipschitz="gp", conditional=True)

# By hand from the derivatives of each loss: is |dL_G/db| small only where the discriminator wins?
SLOPE = {
    "minimax": "valid",
    "non-saturating": "info",
    "least-squares": "info",
    "wasserstein": "absent",
    "hinge": "absent",
    None: "absent",
}


def test_the_matrix_covers_every_loss():
    for row in VALIDITY.values():
        assert set(row) == {*LOSSES, None}
        assert set(row.values()) <= {"valid", "info", "absent"}
    assert VALIDITY["loss slope"] == SLOPE
    for always in ("samples", "ranks"):
        assert set(VALIDITY[always].values()) == {"valid"}
    assert VALIDITY["score boundary"]["wasserstein"] == "absent"
    assert set(VALIDITY["loss level and period"].values()) == {"info"}


@pytest.mark.parametrize("loss", [*LOSSES, None])
def test_with_everything_given_all_can_be_seen_under_any_loss(loss):
    context = Context(loss=loss, lipschitz="gp", conditional=True)
    assert inactive(context) == {}
    assert [each.pathology for each in make(context)] == list(PATHOLOGIES)


@pytest.mark.parametrize("loss", [*LOSSES, None])
def test_without_samples_only_a_slope_that_means_something_can_saturate(loss):
    context = Context(loss=loss, samples=False, judged=False, heldout=False)
    assert ("saturated-gradients" not in inactive(context)) == (SLOPE[loss] == "valid")


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"lipschitz": None}, {"lipschitz-violation"}),
        ({"conditional": False}, {"label-ignored"}),
        ({"heldout": False}, {"discriminator-overfitting"}),
        (
            {"samples": False},
            {
                "oscillation",
                "mode-collapse",
                "intra-mode-collapse",
                "label-ignored",
                "plateau",
                "discriminator-overfitting",
            },
        ),
        (
            {"samples": False, "scores": False},
            {
                "oscillation",
                "mode-collapse",
                "intra-mode-collapse",
                "label-ignored",
                "plateau",
                "discriminator-overfitting",
                "saturated-gradients",
                "discriminator-overpowering",
            },
        ),
    ],
)
def test_what_is_not_given_is_inactive_with_a_reason(changes, gone):
    context = Context(**(ALL.to_json() | changes))
    reasons = inactive(context)
    assert set(reasons) == gone
    assert all(reasons.values())
    assert {each.pathology for each in make(context)} == set(PATHOLOGIES) - gone


def test_divergence_is_always_watched():
    nothing = Context(samples=False, scores=False, judged=False, heldout=False)
    assert "divergence" not in inactive(nothing)


def test_unknown_names_are_refused():
    with pytest.raises(GandiagError, match="loss is 'bce'"):
        Context(loss="bce")
    with pytest.raises(GandiagError, match="budget 0"):
        Context(budget=0)


@pytest.mark.parametrize(
    ("pathology", "seen", "lipschitz", "judged"),
    [
        ("lipschitz-violation", {"clip_share"}, "gp", False),
        ("lipschitz-violation", {"clip_share"}, "clip", True),
        ("lipschitz-violation", {"lipschitz_median"}, "sn", False),
        ("lipschitz-violation", {"dead_penalty"}, "gp", True),
        ("lipschitz-violation", {"clip_share", "lipschitz_median"}, "r1", False),
        ("dead-units", {"g_grad_norm_max"}, None, False),
        ("dead-units", {"dead_units"}, None, True),
        ("oscillation", {"churn"}, None, False),
    ],
)
def test_what_was_never_measured_is_not_called_healthy(pathology, seen, lipschitz, judged):
    found = PATHOLOGIES[pathology].unjudged(seen, Context(lipschitz=lipschitz))
    assert (found is None) == judged


@pytest.mark.parametrize(
    ("pathology", "context", "said"),
    [
        ("dead-units", Context(samples=False), "needs a sampler"),
        ("dead-units", Context(), "no ReLU was seen"),
        ("lipschitz-violation", Context(lipschitz="r1"), "penalty="),
        ("lipschitz-violation", Context(lipschitz="sn", samples=False), "needs a sampler"),
        ("discriminator-overpowering", Context(samples=False), "d_real="),
    ],
)
def test_the_reason_says_what_to_give(pathology, context, said):
    assert said in (PATHOLOGIES[pathology].unjudged({"nonfinite"}, context) or "")


@pytest.mark.parametrize(
    ("loss", "said"),
    [(None, "no loss was declared (loss=); needs"), ("hinge", "the slope of the loss hinge says")],
)
def test_a_slope_that_is_not_known_says_why(loss, said):
    assert inactive(Context(loss=loss, samples=False))["saturated-gradients"].startswith(said)
