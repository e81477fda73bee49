"""The rows for dgm-eval, IQA-PyTorch, MMD-GAN, mimicry, CMMD and ProGAN, against twins.

As in `test_evaluators`; and what each twin tells apart is seen to be told.
"""

import dataclasses

import numpy as np
import pytest
import torch
from random_inception import photographs, random_state
from twins import more_evaluators, progan
from twins.evaluators import (
    Networks,
    frechet,
    in_splits,
    inception_of,
    inception_score,
    prdc,
    tf1,
    torch_legacy,
)
from twins.random_clip import RandomClip

import gandiag
from gandiag.extractors import clip
from gandiag.metrics.drawing import drawn_order
from gandiag.scoring.protocols import PROTOCOLS

# As in test_evaluators: features move by 1e-5. An extrapolation is some ten times as sensitive.
TOLERANCE = 1e-4
N = 20


@pytest.fixture(scope="module")
def images():
    """20 generated images and 20 real ones, 6 of these alike; one of the generated is a copy."""
    generated, real = (photographs(N, 48, seed)[..., :40].contiguous() for seed in (1, 0))
    real[1:6] = real[0]
    generated[::3] = generated[::3] // 4 * 3
    generated[5] = real[0]
    return generated, real


@pytest.fixture(scope="module")
def arrays(images):
    """Real, generated."""
    return images[1].numpy(), images[0].numpy()


@pytest.fixture(scope="module")
def networks(weights):
    """Each preparation of the images runs once."""
    run, known = inception_of(torch.load(weights, weights_only=True)), {}

    def inception(arrays, prepare):
        key = arrays.tobytes(), prepare
        if key not in known:
            known[key] = run(arrays, prepare)
        return known[key]

    return Networks(inception)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(random_state(), path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Real features are kept."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def scored(images, weights, cache, monkeypatch):
    monkeypatch.setenv("GANDIAG_WEIGHTS", str(weights))
    monkeypatch.setenv("GANDIAG_CACHE", str(cache))

    def scored(protocol, metrics, **options):
        return gandiag.score(
            *images,
            protocol=protocol,
            metrics=metrics,
            allow_unverified=True,
            batch_size=1,
            **options,
        )

    return scored


def assert_agree(report, expected):
    for name, value in expected.items():
        off = 1 if name == "is" else 0  # of random weights it is near 1, and the rest tells
        assert report[name].value - off == pytest.approx(value - off, rel=TOLERANCE), name


def far(value, other):
    return abs(value - other) > 100 * TOLERANCE * abs(value)


def draws_of(rows):
    """The subsets of `fid_inf`, which dgm-eval leaves to chance, as gandiag draws them."""
    order, random = drawn_order(torch.from_numpy(rows), 0).numpy(), np.random.default_rng(0)
    sizes = more_evaluators.sizes_of_dgm_eval(len(rows))
    return [order[random.choice(len(rows), size, replace=False)] for size in sizes]


def test_dgm_eval(scored, arrays, networks):
    x, y = (networks.inception(each, torch_legacy) for each in arrays)
    expected = more_evaluators.dgm_eval(*arrays, networks, draws_of(y.pool))
    report = scored("dgm-eval", "all", features="inception")
    assert_agree(report, expected)
    assert far(expected["sfid"], frechet(x.after_6a, y.after_6a, ddof=1))
    # The six copies have balls of no size, which hold the seventh if they are closed.
    assert expected["coverage"] < prdc(x.pool, y.pool, 5, np.less_equal)["coverage"]
    in_order = inception_score(y.unbiased, in_splits(N, 10))
    assert far(expected["is"] - 1, in_order - 1)


def test_iqa_pytorch(scored, arrays, networks):
    expected = more_evaluators.iqa_pytorch(*arrays, networks)
    assert_agree(scored("iqa-pytorch", "all"), expected)
    x, y = (networks.inception(each, more_evaluators.pillow_bicubic) for each in arrays)
    assert far(expected["sfid"], frechet(x.after_6e, y.after_6e, ddof=1))


def test_mmd_gan(scored, arrays, networks):
    expected = more_evaluators.mmd_gan(*arrays, networks, size=8)
    assert_agree(scored("mmd-gan", "kid(subsets=subsets(size=8, seed=0))"), expected)
    own = PROTOCOLS["mmd-gan"].metrics["kid"].subsets
    assert (own.count, own.size, own.first, own.seed) == (100, 1000, "generated", 0)
    x, y = (networks.inception(each, tf1).pool for each in arrays)
    turned = more_evaluators.kid_of_subsets(x, y, count=100, size=8, seed=0)
    assert abs(turned / expected["kid"] - 1) > 10 * TOLERANCE


def test_mimicry(scored, arrays, networks):
    expected = more_evaluators.mimicry(*arrays, networks)
    # A tenth of the images, as it makes of 50,000 the 5,000 of the protocol.
    kid = PROTOCOLS["mimicry"].metrics["kid"]
    kid = dataclasses.replace(kid, subsets=dataclasses.replace(kid.subsets, size=N // 10))
    assert_agree(scored("mimicry", ("fid", "is", kid)), expected)
    with pytest.raises(ValueError, match="whole batches"):
        more_evaluators.mimicry(*(np.repeat(each, 3, axis=0) for each in arrays), networks)


def test_image_generation_metrics(scored, arrays, networks):
    name = "pytorch-image-generation-metrics"
    expected = more_evaluators.image_generation_metrics(*arrays, networks)
    assert_agree(scored(name, "all"), expected)


def test_cmmd(images, arrays, monkeypatch):
    network = RandomClip()
    monkeypatch.setattr(clip, "hub_model", lambda name: network)
    report = gandiag.score(*images, protocol="cmmd", cache=False, batch_size=1)
    expected = more_evaluators.cmmd_of_images(*arrays, network)
    # 1,000 times a difference of kernels near 1, of features in float32 with an error of 1e-6.
    assert report["cmmd"].value == pytest.approx(expected["cmmd"], rel=TOLERANCE)
    unbiased = gandiag.score(
        *images, protocol="cmmd", metrics="cmmd(biased=false)", cache=False, batch_size=1
    )
    assert far(expected["cmmd"], unbiased["cmmd"].value)


@pytest.mark.parametrize("side", [16, 64])
def test_progan(side):
    real, generated = photographs(5, side, 0), photographs(5, side, 1) // 2 + 40
    levels = len(progan.places_of_contents(real[0].numpy()))
    value, each = progan.swd(
        real.numpy(), generated.numpy(), progan.places_of_contents, progan.unit_directions(levels)
    )
    row = gandiag.score(
        generated, real, protocol="progan", features=f"laplacian:{side}", cache=False
    )["swd_patches"]
    # The pyramid is in float32, which keeps 1e-7 of a level, and the rest in float64.
    assert row.value == pytest.approx(value, rel=1e-6)
    if levels > 1:
        found = [row.extra[str(side >> i)] for i in range(levels)]
        assert found == pytest.approx(each, rel=1e-6)


class TestTheTwins:
    """What they were written from: the formulas that the sources have."""

    def test_sizes_are_cut_down_to_whole_numbers(self):
        for n in (20, 57, 2048, 12_345, 49_999, 50_000, 60_000):
            sizes = np.linspace(min(5000, max(n // 10, 2)), n, 15).astype("int32").tolist()
            assert more_evaluators.sizes_of_dgm_eval(n) == sizes

    def test_the_line_is_read_off_at_infinity(self):
        """Of one distribution the distance is 0, and that of n rows some 125 / n in 20 dimensions:
        20 / n of the means, 20 * 21 / 4 n of the covariances."""
        random = np.random.default_rng(0)
        real, generated = random.standard_normal((4000, 20)), random.standard_normal((400, 20))
        draws = [random.choice(400, n, replace=False) for n in np.linspace(40, 400, 15, dtype=int)]
        assert frechet(real, generated, ddof=1) > 0.25
        # A line of n in place of 1 / n ends at 2.
        assert abs(more_evaluators.fid_infinity(real, generated, draws)) < 0.15

    def test_a_pyramid_can_be_put_together_again(self):
        image = photographs(1, 64, 0)[0].numpy().astype(np.float64)
        *levels, coarsest = progan.pyramid(image)
        assert [each.shape[1] for each in (*levels, coarsest)] == [64, 32, 16]
        for level in reversed(levels):
            spread = np.zeros_like(level)
            spread[:, ::2, ::2] = coarsest
            coarsest = level + 4 * progan.smoothed(spread)
        np.testing.assert_allclose(coarsest, image, rtol=0, atol=1e-10)
