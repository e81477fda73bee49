"""Truncation and sweeps over it."""

import json
import math

import pytest
import torch
from latent_toys import Conditional, Linear, Mapped

import gandiag
from gandiag.errors import GandiagError
from gandiag.generators import (
    Sweep,
    mean_of_w,
    open_generator,
    resampled,
    truncated,
    truncation_sweep,
)


def test_resampled_latents_are_truncated_normal():
    """Var = 1 - 2 psi phi(psi) / (2 Phi(psi) - 1), and the distribution function at a half."""
    z = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for psi in (0.3, 1.0, 2.0):
        kept = resampled(z, psi)
        share = math.erf(psi / math.sqrt(2))
        density = math.exp(-(psi**2) / 2) / math.sqrt(2 * math.pi)
        assert float(kept.abs().max()) <= psi
        # Four standard errors of 200,000.
        assert float(kept.var()) == pytest.approx(1 - 2 * psi * density / share, rel=0.013)
        half = math.erf(psi / 2 / math.sqrt(2)) / share
        assert float((kept.abs() < psi / 2).double().mean()) == pytest.approx(half, abs=0.0045)


def test_resampling_keeps_ranks_and_leaves_all_at_a_large_psi():
    z = torch.randn(1000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.equal(resampled(z, 0.5).argsort(), z.argsort())
    # erfinv near 1 loses digits: |z| is 3.5 at most here.
    torch.testing.assert_close(resampled(z, 9.0), z, rtol=1e-9, atol=1e-12)


def pictures(net, *how, count=8, **more):
    return next(truncated(net, *how, **more).batches(count)).images


def bytes_of(floats):
    return (floats.detach() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


def test_scaling_contracts_to_the_mean():
    net = Linear(scale=0.07)
    z = open_generator(net).latents(4, range(8))
    assert torch.equal(pictures(net, 0.5, "scale", seed=4), bytes_of(net(0.5 * z)))
    assert (pictures(net, 0.01, "scale").int() - 128).abs().max() <= 1


def test_in_w_it_contracts_to_w_avg():
    net = Mapped(scale=0.04)
    z = open_generator(net).latents(0, range(8))
    found = pictures(net, 0.5)
    net.w_avg = torch.ones(5)
    exact = bytes_of(net.synthesis(1 + 0.5 * 2 * z))
    assert torch.equal(mean_of_w(net), torch.ones(5, dtype=torch.float64))
    assert torch.equal(pictures(net, 0.5), exact)
    # Without it the mean of 10,000 latents, of deviation 2 / 100.
    assert (found.int() - exact.int()).abs().max() <= 5
    torch.testing.assert_close(mean_of_w(Mapped()), torch.ones(5).double(), atol=0.08, rtol=0)


def test_samples_are_known_by_number_and_have_classes():
    source = truncated(Conditional(), 1.0, "scale", seed=1)
    first = next(source.batches(5))
    whole = next(source.batches(100))
    assert torch.equal(first.images, whole.images[:5])
    assert whole.labels[:5] == first.labels
    assert set(whole.labels) == {"0", "1", "2"}
    assert set(next(truncated(Conditional(), 1.0, label="2").batches(64)).labels) == {"2"}


@pytest.fixture(scope="module")
def real():
    return pictures(Linear(scale=0.07), 1.0, "scale", count=300, seed=99)


def scorer(real, **more):
    options = {"features": "pixels:2", "metrics": ("fid", "prdc"), "cache": False, **more}
    return gandiag.Scorer(real, **options)


@pytest.fixture(scope="module")
def sweep(real):
    return truncation_sweep(Linear(scale=0.07), scorer(real), (1.0, 0.2, 0.6), "scale")


def test_a_generator_of_the_real_distribution_is_best_untruncated(sweep):
    assert [psi for psi, _ in sweep.points] == [0.2, 0.6, 1.0]
    fid = [row.value for _, row in sweep.rows("fid")]
    recall = [row.value for _, row in sweep.rows("recall")]
    assert fid[0] > fid[1] > fid[2]
    assert recall[0] < recall[1] < recall[2]


def test_a_point_of_a_sweep_is_the_score_of_its_samples(sweep, real):
    alone = scorer(real)(truncated(Linear(scale=0.07), 0.6, "scale"))
    assert sweep.rows("fid")[1][1].value == alone["fid"].value


def test_the_same_seed_gives_the_same_sweep(sweep, real):
    again = truncation_sweep(Linear(scale=0.07), scorer(real), (1.0, 0.2, 0.6), "scale")
    assert [r["scores"] for r in again.to_dict()["truncations"]] == [
        r["scores"] for r in sweep.to_dict()["truncations"]
    ]
    other = truncation_sweep(Linear(scale=0.07), scorer(real, seed=1), (0.6,), "scale")
    assert other.rows("fid")[0][1].value != sweep.rows("fid")[1][1].value


def test_what_is_shown(sweep):
    assert isinstance(sweep, Sweep)
    text = str(sweep)
    assert "fd[pixels:2] ↓" in text
    assert "psi: psi z; protocol gandiag" in text
    whole = json.loads(sweep.to_json())
    assert [each["psi"] for each in whole["truncations"]] == [0.2, 0.6, 1.0]
    titles = [axes.get_title() for axes in sweep.figure().axes]
    assert titles[0] == "fd[pixels:2] (lower is better)"
    assert titles[-1] == "precision against recall, by psi"
    line = sweep.figure().axes[-1].lines[0]
    assert list(line.get_xdata()) == [row.value for _, row in sweep.rows("recall")]
    assert list(line.get_ydata()) == [row.value for _, row in sweep.rows("precision")]


def test_what_psi_means_by_itself(real):
    plain = truncation_sweep(Linear(scale=0.07), scorer(real, metrics="fid"), (2.0,))
    assert plain.how == "coordinates of z beyond psi drawn again"
    mapped = truncation_sweep(Mapped(scale=0.02), scorer(real, metrics="fid"), (1.0,))
    assert mapped.how == "w_avg + psi (w - w_avg)"


class Sphere(Linear):
    prior = "sphere"


@pytest.mark.parametrize(
    ("net", "psis", "how", "sentence"),
    [
        (Linear(), (), None, "the truncations are none"),
        (Linear(), (1.0, 1.0), None, "the truncations are 1, 1"),
        (Linear(), (0.0,), "resample", "psi is 0"),
        (Linear(), (-1.0,), "scale", "psi is -1"),
        (Linear(), (math.inf,), "scale", "psi is inf"),
        (Linear(), (1.0,), "cut", "no truncation 'cut'"),
        (Sphere(), (1.0,), "resample", "the latents of Sphere are sphere"),
    ],
)
def test_what_is_refused(real, net, psis, how, sentence):
    with pytest.raises(GandiagError, match=sentence):
        truncation_sweep(net, scorer(real), psis, how)
