"""The rows for evaluators that cannot be installed, against twins written from their sources.

A network of random weights in the published format stands for the published one. Images go one at
a time on both sides, so that copies of an image have the same features to the last bit.
"""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from PIL import Image
from random_inception import photographs, random_state
from twins.evaluators import (
    Networks,
    adm,
    distances_of_stylegan,
    edm,
    frechet,
    half,
    in_splits,
    inception_of,
    inception_score,
    kid_of_stylegan,
    kid_of_tfgan,
    prdc,
    squares_of_adm,
    studiogan,
    stylegan,
    tf1,
    torch_legacy,
    vgg16_of,
)
from twins.random_vgg16 import random_vgg16

import gandiag
from gandiag.extractors import dinov2, opening
from gandiag.extractors.vgg16 import VGG16
from gandiag.extractors.weights import WEIGHTS, sha256
from gandiag.metrics import InceptionScore, precision_recall_density_coverage
from gandiag.scoring.options import Options
from gandiag.scoring.plan import make_plan
from gandiag.scoring.protocols import PROTOCOLS

# Folding batch norms and summing in another order moves features by 1e-5, and a distance of their
# moments by less; the least of the differences between two tools is 1e-2 (see each test).
TOLERANCE = 1e-4
BLOCK = 7


@pytest.fixture(scope="module")
def images():
    """16 generated images and 15 real ones, 6 of these alike; one of the generated is a copy."""
    generated, real = (photographs(n, 48, seed)[..., :40] for n, seed in ((16, 1), (10, 0)))
    generated[::3] = generated[::3] // 4 * 3
    generated[5] = real[0]
    real[-3:] = 255 - real[-3:]  # which nothing generated is like
    return generated.contiguous(), torch.cat([real[:1].expand(5, -1, -1, -1), real])


@pytest.fixture(scope="module")
def state():
    return random_state()


@pytest.fixture(scope="module")
def networks(state):
    """Each preparation of the images runs once."""
    run = inception_of(state)
    known = {}

    def inception(arrays, prepare):
        key = arrays.tobytes(), prepare
        if key not in known:
            known[key] = run(arrays, prepare)
        return known[key]

    return Networks(inception)


@pytest.fixture(scope="module")
def weights(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(state, path)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def scored(images, weights, tmp_path_factory):
    """What gandiag gives under a protocol; each runs once, and real features are kept."""
    cache = tmp_path_factory.mktemp("cache")

    @functools.cache
    def scored(protocol, metrics):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GANDIAG_WEIGHTS", str(weights))
            patch.setenv("GANDIAG_CACHE", str(cache))
            options = {"protocol": protocol, "metrics": metrics, "batch_size": 1}
            return gandiag.score(*images, allow_unverified=True, **options)

    return scored


@pytest.fixture
def arrays(images):
    """Real, generated."""
    return images[1].numpy(), images[0].numpy()


def assert_agree(report, expected):
    wrong = {}
    for name, value in expected.items():
        found = report[name].value
        if name == "is":  # of random weights it is near 1, and what it tells is the rest
            agree = found - 1 == pytest.approx(value - 1, rel=TOLERANCE)
        elif name in ("fid", "sfid", "kid"):
            agree = found == pytest.approx(value, rel=TOLERANCE)
        else:
            agree = found == value  # a count
        if not agree:
            wrong[name] = found, value
    assert not wrong


def far(value, other, times=100):
    """Whether two numbers differ by much more than the tolerance."""
    return abs(value - other) > times * TOLERANCE * abs(value)


class TestADM:
    METRICS = ("fid", "sfid", InceptionScore(block=BLOCK), "prdc")

    def test_every_score(self, scored, arrays, networks):
        report = scored("adm", self.METRICS)
        expected = adm(*arrays, networks, BLOCK)
        assert_agree(report, expected)
        assert 0 < expected["precision"] < 1
        assert 0 < expected["recall"] < 1

    def test_sfid_is_of_its_own_layer_and_says_so(self, scored, arrays, networks):
        row = scored("adm", self.METRICS)["sfid"]
        assert row.layer == "inception-unverified/mixed_6d.branch1x1"
        assert row.name == "fd[inception-unverified/mixed_6d.branch1x1]"
        real, generated = (networks.inception(each, tf1) for each in arrays)
        # The order of the channels and of the places moves no distance between computed moments.
        assert row.value == pytest.approx(
            frechet(real.spatial, generated.spatial, ddof=1), rel=1e-4
        )
        assert far(row.value, frechet(real.pool, generated.pool, ddof=1))

    def test_blocks_are_not_splits(self, scored, arrays, networks):
        value = scored("adm", self.METRICS)["is"].value - 1
        logits = networks.inception(arrays[1], tf1).unbiased
        even = inception_score(logits, in_splits(16, 3)) - 1
        assert far(value, even)
        assert PROTOCOLS["adm"].metrics["is"].block == 5000

    def test_balls_are_closed(self, arrays, networks):
        """What tells the rows apart: the six real copies have balls of no size."""
        real, generated = (networks.inception(each, tf1).pool for each in arrays)
        closed, opened = (
            prdc(real, generated, 3, each)["precision"] for each in (np.less_equal, np.less)
        )
        assert closed > opened

    def test_under_the_published_weights_the_layer_is_in_the_name(self, weights, monkeypatch):
        monkeypatch.setenv("GANDIAG_WEIGHTS", str(weights))
        row = WEIGHTS["inception"]
        known = dataclasses.replace(row, sha256=sha256(weights))
        monkeypatch.setitem(WEIGHTS, "inception", known)
        plan = make_plan(Options(protocol="adm"), with_real=True, device=torch.device("cpu"))
        names = [name for task in plan.tasks for name in task.names()]
        assert names[:3] == ["fid", "sfid[mixed_6d.branch1x1]", "is"]

    def test_a_reference_batch_gives_moments_to_distances_and_images_to_precision(
        self, scored, images, arrays, networks, weights, monkeypatch, tmp_path
    ):
        """`arr_0` is a part of the images of which `mu, sigma, mu_s, sigma_s` are."""
        real, generated = (networks.inception(each, tf1) for each in arrays)
        variances = {"": 0.01, "_s": 0.02}
        moments = {}
        for tail, rows in (("", real.pool), ("_s", real.spatial)):
            moments[f"mu{tail}"] = rows.mean(0) + 0.1
            moments[f"sigma{tail}"] = variances[tail] * np.eye(rows.shape[1])
        path = tmp_path / "VIRTUAL_reference.npz"
        np.savez(path, arr_0=arrays[0].transpose(0, 2, 3, 1), **moments)
        monkeypatch.setenv("GANDIAG_WEIGHTS", str(weights))
        report = gandiag.score(
            images[0], path, protocol="adm", allow_unverified=True, batch_size=1, cache=False
        )
        for name, tail, rows in (("fid", "", generated.pool), ("sfid", "_s", generated.spatial)):
            # A covariance c I has the root sqrt(c) S^(1/2) with any other.
            variance, centred = variances[tail], rows - rows.mean(0)
            roots = np.linalg.svd(centred, compute_uv=False) / np.sqrt(len(rows) - 1)
            shift = moments[f"mu{tail}"] - rows.mean(0)
            expected = shift @ shift + variance * rows.shape[1] + (roots**2).sum()
            expected -= 2 * np.sqrt(variance) * roots.sum()
            # `mu_s` is in the order (y, x, channel): in another, its shift would be another.
            assert report[name].value == pytest.approx(expected, rel=TOLERANCE)
            assert report[name].n_real is None
        of_images = scored("adm", self.METRICS)
        for name in ("precision", "recall", "density", "coverage"):
            assert report[name].value == of_images[name].value
            assert report[name].n_real == len(arrays[0])


class TestStyleGAN:
    METRICS = "fid,kid,is"

    def test_every_score(self, scored, arrays, networks):
        assert_agree(scored("stylegan", self.METRICS), stylegan(*arrays, networks))

    def test_covariances_are_by_n(self, scored, arrays, networks):
        real, generated = (networks.inception(each, tf1).pool for each in arrays)
        value = scored("stylegan", self.METRICS)["fid"].value
        assert far(value, frechet(real, generated, ddof=1))
        assert far(value, scored("adm", TestADM.METRICS)["fid"].value)

    def test_the_generated_are_drawn_first(self, scored, arrays, networks):
        real, generated = (networks.inception(each, tf1).pool for each in arrays)
        value = scored("stylegan", self.METRICS)["kid"].value
        assert far(value, kid_of_stylegan(generated, real, 0), times=10)

    def test_precision_and_recall_on_vgg16(self, images, monkeypatch):
        state = random_vgg16()

        def opened(request):
            return VGG16(
                state,
                digest="0" * 64,
                verified=False,
                device=request.device,
                resize=request.resize("tf1-grid"),
                name=request.name,
            )

        row = dataclasses.replace(opening.EXTRACTORS["vgg16-nvidia"], open=opened)
        monkeypatch.setitem(opening.EXTRACTORS, "vgg16-nvidia", row)
        generated, real = (each[-9:] for each in images)
        options = {"protocol": "stylegan", "metrics": "prdc", "cache": False, "batch_size": 1}
        report = gandiag.score(generated, real, **options)
        run = vgg16_of(state)
        expected = prdc(run(real.numpy()), run(generated.numpy()), 3, np.less_equal)
        assert report["precision"].layer == "vgg16-nvidia-unverified/fc2_relu"
        assert_agree(report, expected)
        assert 0 < expected["precision"] < 1


class TestEDM:
    def test_fid(self, scored, arrays, networks):
        expected = edm(*arrays, networks)
        assert_agree(scored("edm", "fid"), expected)
        assert_agree(scored("edm2", "fid"), expected)
        real, generated = (networks.inception(each, tf1).pool for each in arrays)
        assert far(expected["fid"], frechet(real, generated, ddof=0))

    def test_edm2s_dinov2_is_resized_without_clip_and_rounding(self, images, monkeypatch):
        timm = pytest.importorskip("timm")

        def small(name):
            assert name == "vit_large_patch14_dinov2.lvd142m"
            with torch.random.fork_rng():
                torch.manual_seed(0)
                model = timm.create_model(
                    "vit_small_patch14_dinov2", embed_dim=96, depth=2, num_heads=2
                )
                # As timm draws them, the class token hardly sees the image.
                for kind, tensor in model.state_dict().items():
                    tensor.mul_(20 if tensor.ndim > 1 else 1)
                    if kind.endswith("gamma"):
                        tensor.fill_(1)
            return model.eval()

        monkeypatch.setattr(dinov2, "hub_model", small)
        report = gandiag.score(*images, protocol="edm2", metrics="fd_dinov2", cache=False)
        network = small("vit_large_patch14_dinov2.lvd142m")
        positions = network.pos_embed.detach().clone()
        network.set_input_size(img_size=224)
        network.pos_embed.data.copy_(dinov2.resample_positions(positions, 16))
        mean, std = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
        sides = []
        for picture in (images[1], images[0]):
            rows = []
            for image in picture.numpy().astype(np.float32):
                # Pillow's bicubic is antialiased, and neither rounds nor clips a plane of floats.
                planes = [
                    Image.fromarray(plane).resize((224, 224), Image.Resampling.BICUBIC)
                    for plane in image
                ]
                levels = np.stack([np.asarray(plane) for plane in planes])
                x = torch.from_numpy((levels / 255 - mean) / std).float()[None]
                with torch.inference_mode():
                    rows.append(network.forward_features(x)[0, 0].double().numpy())
            sides.append(np.stack(rows))
        expected = frechet(*sides, ddof=1)
        assert report["fd_dinov2"].value == pytest.approx(expected, rel=1e-5)
        # dgm-eval clips and rounds to whole levels.
        other = gandiag.score(*images, protocol="dgm-eval", metrics="fid", cache=False)
        assert other["fid"].value != pytest.approx(expected, rel=1e-4)


class TestStudioGAN:
    METRICS = "fid,is,prdc"

    def test_every_score(self, scored, arrays, networks):
        expected = studiogan(*arrays, networks)
        assert_agree(scored("studiogan", self.METRICS), expected)
        assert 0 < expected["precision"] < 1
        assert 0 < expected["coverage"] < 1

    def test_the_logits_have_their_bias(self, scored, arrays, networks):
        value = scored("studiogan", self.METRICS)["is"].value - 1
        logits = networks.inception(arrays[1], torch_legacy).unbiased
        assert far(value, inception_score(logits, [slice(None)]) - 1, times=10)

    def test_balls_are_open(self, scored, arrays, networks):
        real, generated = (networks.inception(each, torch_legacy).pool for each in arrays)
        closed = prdc(real, generated, 5, np.less_equal)
        report = scored("studiogan", self.METRICS)
        assert report["precision"].value < closed["precision"]

    def test_the_resize_is_at_pixel_centres(self, scored):
        """Half a pixel away from the graph's own."""
        value = scored("studiogan", self.METRICS)["fid"].value
        assert far(value, scored("edm", "fid")["fid"].value, times=10)


class TestTFGAN:
    METRICS = "fid,kid(subsets=blocks(size=7))"

    def test_every_score(self, scored, arrays, networks):
        real, generated = (networks.inception(each, tf1).pool for each in arrays)
        report = scored("tfgan", self.METRICS)
        kid, error = kid_of_tfgan(real, generated, 7)
        assert_agree(report, {"fid": frechet(real, generated, ddof=1), "kid": kid})
        assert report["kid"].extra["std"] == pytest.approx(error, rel=1e-3)
        assert PROTOCOLS["tfgan"].metrics["kid"].subsets.size == 1024

    def test_longer_blocks_come_last(self, arrays, networks):
        """16 generated ones in three blocks are 5, 5, 6: what the estimate tells apart."""
        real, generated = (networks.inception(each, tf1).pool for each in arrays)
        kid, _ = kid_of_tfgan(real, generated, 7)
        turned, _ = kid_of_tfgan(real[::-1], generated[::-1], 7)  # 6, 5, 5 of the same
        assert far(kid, turned, times=10)
        assert far(kid, kid_of_tfgan(real, generated, 1024)[0])


class TestFloat16:
    """ADM and StyleGAN take distances in float16, gandiag exactly."""

    @staticmethod
    def features(n, width, dimensions, *, seed, spread=1.0, shift=0.0):
        """Rectified features of rows that vary in few dimensions, as those of images do."""
        matrix = np.random.default_rng(0).standard_normal((dimensions, width)) / dimensions**0.5
        rows = np.random.default_rng(seed).standard_normal((n, dimensions)) * spread + shift
        return np.maximum(rows @ matrix + 0.3, 0).astype(np.float32)

    @pytest.mark.parametrize("dimensions", [16, 32])
    @pytest.mark.parametrize(
        ("width", "measure", "most"),
        # Float16 has 11 bits at any size, so that the size of the features does not matter. ADM: on
        # two published batches a port with exact distances gave .0010 less precision and .0024 and
        # .0023 less recall. For StyleGAN there is no such pair: what is seen here, and half of it.
        [(2048, squares_of_adm, 0.003), (4096, distances_of_stylegan, 0.006)],
        ids=["adm", "stylegan"],
    )
    def test_precision_and_recall_are_nearly_those_of_exact_distances(
        self, width, measure, most, dimensions
    ):
        real = self.features(1500, width, dimensions, seed=1)
        generated = self.features(1500, width, dimensions, seed=2, spread=0.9, shift=0.05)
        found = prdc(real, generated, 3, np.less_equal, measure)
        exact = precision_recall_density_coverage(real=real, generated=generated, k=3, tie="<=")
        for name in ("precision", "recall"):
            assert 0.3 < exact[name] < 0.95
            assert abs(found[name] - exact[name]) <= most, name
        assert found["density"] != exact["density"]

    @pytest.mark.parametrize("measure", [squares_of_adm, distances_of_stylegan])
    def test_the_twins_lose_digits_and_no_more(self, measure):
        real = self.features(40, 2048, 16, seed=1)
        measured = measure(real, real[:20])
        assert (half(measured) == measured).all()
        exact = np.linalg.norm(real[:, None].astype(float) - real[None, :20], axis=2)
        squares = measured if measure is squares_of_adm else measured.astype(float) ** 2
        # Two squared norms of some 700 and a product of 1,400, each rounded at 2^-11 of its size.
        off = np.abs(squares - exact**2)
        assert 0.05 < off.max() < 4
