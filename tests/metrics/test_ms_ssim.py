"""MS-SSIM: torchmetrics' on the same images, scales, pairs, and which features have images."""

import numpy as np
import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.metrics import MSSSIM, Known, Unfit, ms_ssim
from gandiag.metrics.ms_ssim import WEIGHTS, random_pairs, scales_of
from gandiag.statistics import Bank


def images(n, size, seed=0):
    """Smooth, with some noise: natural ones have structure at all scales."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(n, 3, 6, 6, generator=draw, dtype=torch.float64)
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)
    noise = torch.rand(n, 3, size, size, generator=draw, dtype=torch.float64)
    return 0.8 * smooth + 0.2 * noise


def bank(x, labels=None):
    return Bank.of(x.flatten(1)).labelled(labels)


@pytest.mark.parametrize(
    ("size", "scales"),
    [(10, 0), (11, 1), (21, 1), (22, 2), (32, 2), (44, 3), (64, 3), (88, 4), (175, 4), (176, 5)],
)
def test_scales(size, scales):
    assert scales_of(size) == scales


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [16, 33, 64, 177])
def test_agrees_with_torchmetrics_but_for_the_border_of_the_coarsest_scale(size):
    from torch.nn.functional import avg_pool2d
    from torchmetrics.functional.image.ssim import _ssim_update

    x, y = images(3, size), images(3, size, 1)
    x[2], y[0] = y[2] / 2 + x[2] / 2, x[0]  # alike and equal
    betas = torch.tensor(WEIGHTS[: scales_of(size)], dtype=torch.float64)
    a, b, found = x, y, []
    for _ in betas:
        whole = _ssim_update(a, b, data_range=1.0, return_full_image=True)[1]
        structure = _ssim_update(a, b, data_range=1.0, return_contrast_sensitivity=True)[1]
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
        found.append(structure)
    # Its windows beyond the border are cut away here.
    found[-1] = whole[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
    powers = torch.stack(found).clamp(min=0) ** (betas / betas.sum())[:, None]
    theirs = powers.prod(dim=0)
    # The same sums by one kernel of 121 numbers or two of 11, in float64.
    assert ms_ssim(x, y).numpy() == pytest.approx(theirs.numpy(), rel=1e-9, abs=1e-12)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_border_matters_little():
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    x = images(4, 176)
    y = 0.6 * x + 0.4 * images(4, 176, 1)
    theirs = multiscale_structural_similarity_index_measure(
        x, y, data_range=1.0, reduction="none", betas=WEIGHTS, normalize="relu"
    )
    # 5 of 11 pixels at the coarsest scale are border, with a weight of .13.
    assert ms_ssim(x, y).numpy() == pytest.approx(theirs.numpy(), abs=0.03)


def test_equal_images_have_one_and_order_is_of_no_account():
    x, y = images(5, 32), images(5, 32, 1)
    assert ms_ssim(x, x).numpy() == pytest.approx(np.ones(5), abs=1e-12)
    assert torch.equal(ms_ssim(x, y), ms_ssim(y, x))
    # Inverted: structure is negative, and counts as none.
    assert ms_ssim(x, 1 - x).max() == 0


def test_pairs_are_disjoint_within_labels_and_of_no_order():
    x = images(21, 11).flatten(1)
    x[4:12] = x[4].clone()  # of both labels
    labels = [str(i % 2) for i in range(21)]
    pairs = random_pairs(x, labels, 100, 0)
    assert len(pairs) == 10  # five of each label; one is left
    assert len(set(pairs.flatten().tolist())) == 20
    assert all(labels[i] == labels[j] for i, j in pairs.tolist())
    for seed in range(5):
        order = torch.randperm(21, generator=torch.Generator().manual_seed(seed))
        again = order[random_pairs(x[order], [labels[i] for i in order], 100, 0)]
        assert torch.equal(x[again], x[pairs])
    assert not torch.equal(random_pairs(x, labels, 100, 1), pairs)


def test_copies_are_not_paired_with_copies_alone():
    # Two kinds, by halves: of disjoint random pairs half are of one kind.
    x = images(2, 11).flatten(1)[torch.arange(400) % 2]
    pairs = random_pairs(x, None, 1000, 0)
    same = float((pairs[:, 0] % 2 == pairs[:, 1] % 2).double().mean())
    assert abs(same - 0.5) < 4 * 0.5 / np.sqrt(200)


def test_collapse_raises_it_and_the_interval_covers_the_mean():
    population = images(400, 16)
    real = bank(images(40, 16, 9))
    draw = torch.Generator().manual_seed(1)

    def scored(size):
        chosen = population[torch.randint(size, (60,), generator=draw)]
        return MSSSIM()(real=real, generated=bank(chosen))["ms_ssim"]

    found = [scored(400) for _ in range(150)]
    mean = np.mean([each.value for each in found])
    hits = np.mean([each.low <= mean <= each.high for each in found])
    # Binomial(150, .95) has deviation .018; 30 pairs, as if their deviation were known.
    assert hits > 0.95 - 3 * 0.018 - 0.015
    assert found[0].extra["pairs"] == 30
    assert "1 scale;" in found[0].method
    assert scored(3).value > found[0].high


def test_within_labels():
    x, labels = images(20, 16), ["a"] * 10 + ["b"] * 10
    x[:10] = x[0]
    given = {"real": bank(x, labels), "generated": bank(x, labels)}
    found = MSSSIM(pairs="label")(**given)["ms_ssim"]
    assert found.value > MSSSIM()(**given)["ms_ssim"].value
    assert found.value == found.extra["of real images"]
    with pytest.raises(GandiagError, match="the real images have none"):
        MSSSIM(pairs="label")(real=bank(x), generated=bank(x))
    alone = bank(x, [str(i) for i in range(20)])
    with pytest.raises(GandiagError, match="no two pairs of images have a label in common"):
        MSSSIM(pairs="label")(real=alone, generated=alone)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (Known("lite0", {"features": 256}, "features"), "pixels, and lite0 gives other features"),
        (Known("pixels:8", {"features": 192}, "features"), "at least 11 pixels, and these have 8"),
        (Known("identity", {"features": 2}, "features", points=True), "give images"),
    ],
)
def test_other_features_are_unfit(known, why):
    with pytest.raises(Unfit, match=why) as caught:
        MSSSIM().on(known)
    assert "pixels:64" in caught.value.way or known.points


def test_what_are_no_images_is_refused():
    with pytest.raises(GandiagError, match="choose --features pixels:64"):
        MSSSIM()(real=bank(torch.ones(9, 400)), generated=bank(torch.ones(9, 400)))
    with pytest.raises(GandiagError, match="of one shape"):
        ms_ssim(images(2, 16), images(3, 16))
    with pytest.raises(GandiagError, match="smaller than MS-SSIM's window"):
        ms_ssim(images(2, 9), images(2, 9))
