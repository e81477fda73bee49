import os
import socket
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from random_inception import photographs

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import (
    EDM2_DINOV2,
    clip,
    dinov2,
    open_extractor,
    save_classifier,
    timm_models,
)
from gandiag.extractors.dinov2 import resample_positions
from gandiag.extractors.preprocessing import IMAGENET, Scaling
from gandiag.extractors.timm_models import tensors_digest, undrawn

CPU = torch.device("cpu")
SMALL = "mobilenetv3_small_050.lamb_in1k"


@pytest.fixture
def hub_of_random_weights(monkeypatch):
    """The hub has random weights for every network, and says what it was asked for."""
    create, asked = timm.create_model, []

    def create_model(name, pretrained=False, **arguments):
        asked.append((name, pretrained))
        return create(name, pretrained=False, **arguments)

    monkeypatch.setattr(timm, "create_model", create_model)
    monkeypatch.setattr(timm_models, "on_disk", lambda _config: Path("/hub/model.safetensors"))
    return asked


def test_a_network_comes_with_its_hub_weights_and_its_own_scaling(hub_of_random_weights):
    extractor = open_extractor(f"timm:{SMALL}", device=CPU)
    assert hub_of_random_weights == [(SMALL, True)]
    assert extractor.name == f"timm:{SMALL}"
    assert not extractor.canonical
    assert dict(islice(extractor.layers.items(), 2)) == {"features": 1024, "logits": 1000}
    facts = extractor.provenance()
    assert facts["input"] == "224 x 224"
    assert facts["normalise"] == str(IMAGENET)
    assert facts["verified"] == "not pinned: as the hub gave them"
    assert facts["weights_sha256"].startswith(facts["weights"])
    assert len(facts["weights_sha256"]) == 64


@pytest.mark.parametrize(
    ("name", "stage", "width"),
    [
        (SMALL, "blocks.3", 24),
        ("resnet18", "layer2", 128),
        ("vit_tiny_patch16_224", "blocks.5", 192),
    ],
)
def test_a_stage_is_the_mean_over_positions_of_what_its_module_gives(
    hub_of_random_weights, name, stage, width
):
    extractor = open_extractor(f"timm:{name}", device=CPU)
    assert extractor.layers[stage] == width
    seen = []
    module = extractor._model.get_submodule(stage)
    module.register_forward_hook(lambda _module, _given, maps: seen.append(maps))
    images = extractor.prepare(photographs(2, 64, 0))
    found = extractor(images, ["features", stage])
    maps = torch.cat(seen)  # a slice of images at a time
    # (batch, width, y, x) or, with the class token first, (batch, tokens, width).
    expected = maps.mean(dim=(2, 3)) if maps.ndim == 4 else maps[:, 1:].mean(dim=1)
    assert torch.allclose(found[stage], expected, rtol=1e-5, atol=1e-6)
    alone = extractor(images, ["features"])
    assert torch.allclose(found["features"], alone["features"], rtol=1e-5, atol=1e-6)
    assert list(extractor(images, [stage])) == [stage]


def test_a_score_of_a_stage():
    pictures = photographs(12, 16, 0)
    report = gandiag.score(
        pictures[:6], pictures[6:], metrics="fid(layer=blocks.2)", features="lite0"
    )
    assert [row.name for row in report.rows] == ["fd[lite0/blocks.2]"]


def test_the_digest_sees_every_bit_name_shape_and_type():
    state = {"a": torch.zeros(2, 3), "b": torch.ones(1, dtype=torch.int64), "c": torch.tensor(1.0)}
    known = tensors_digest(state)
    assert known == tensors_digest({name: tensor.clone() for name, tensor in state.items()})
    others = [
        state | {"a": torch.zeros(3, 2)},
        state | {"a": torch.zeros(2, 3, dtype=torch.float64)},
        state | {"c": torch.tensor(1.0000001)},
        {name.upper(): tensor for name, tensor in state.items()},
        {name: state[name] for name in ("a", "b")},
    ]
    assert len({known, *map(tensors_digest, others)}) == 1 + len(others)
    transposed = torch.arange(6.0).reshape(2, 3).T
    assert tensors_digest({"a": transposed}) == tensors_digest({"a": transposed.contiguous()})


@pytest.fixture
def no_network(monkeypatch):
    """Whoever opens a connection is told on."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("spec", [f"timm:{SMALL}", "timm:gcvit_xxtiny.in1k", "dinov2", "clip"])
def test_weights_that_are_not_here_are_not_fetched_but_said(no_network, monkeypatch, spec):
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: None)
    named = {"dinov2": dinov2.NETWORK, "clip": clip.NETWORK}
    network = named.get(spec, spec.removeprefix("timm:"))
    with pytest.raises(GandiagError) as caught:
        open_extractor(spec, device=CPU)
    sentence = str(caught.value)
    assert sentence.startswith(f"the weights of {network} are not on this machine")
    assert f"`gandiag weights fetch timm:{network}`" in sentence
    assert "--features lite0" in sentence
    assert "\n" not in sentence


def test_a_damaged_file_of_the_hubs_is_named(no_network, monkeypatch, tmp_path):
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(b"not weights")
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_: str(damaged))
    with pytest.raises(GandiagError, match=r"does not hold the weights of") as caught:
        open_extractor(f"timm:{SMALL}", device=CPU)
    assert str(damaged) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pickle_in_the_hubs_cache_is_refused_unrun(no_network, monkeypatch, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "crater"),)

    bomb = tmp_path / "pytorch_model.bin"
    torch.save({"conv_stem.weight": torch.zeros(1), "bomb": Bomb()}, bomb)

    def look(_repository, name):
        return str(bomb) if name == bomb.name else None

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", look)
    built = []
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: built.append(1))
    with pytest.raises(GandiagError, match=f"{bomb} does not hold the weights of {SMALL}"):
        open_extractor(f"timm:{SMALL}", device=CPU)
    assert built == []  # timm never saw the file
    assert not (tmp_path / "crater").exists()


def test_dinov2_takes_edm2s_resize(hub_of_random_weights, monkeypatch):
    monkeypatch.setattr(dinov2, "NETWORK", "vit_small_patch14_dinov2.lvd142m")
    extractor = open_extractor("dinov2", device=CPU, preprocessing=EDM2_DINOV2)
    assert extractor.provenance()["resize"] == "torch-bicubic"
    images = photographs(1, 50, seed=0)
    x = F.interpolate(images.float(), (224, 224), mode="bicubic", antialias=True) / 255
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    # Here levels are scaled by 255 times the mean and deviation: some roundings of values to 3.
    torch.testing.assert_close(extractor.prepare(images), (x - mean) / std, rtol=0, atol=5e-6)


def test_weights_in_the_hubs_cache_need_no_network(no_network, monkeypatch, tmp_path):
    model = undrawn(lambda: timm.create_model("resnet10t"))
    cached = tmp_path / "model.safetensors"
    safetensors.torch.save_file(model.state_dict(), cached)
    asked = []

    def look(*names):
        asked.append(names)
        return str(cached)

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", look)
    extractor = open_extractor("timm:resnet10t.c3_in1k", device=CPU)
    assert asked == [("timm/resnet10t.c3_in1k", "model.safetensors")]
    assert extractor.provenance()["weights_sha256"] == tensors_digest(model.state_dict())


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("timm:resnet5O", r"did you mean .*resnet50.*\?"),
        ("timm:", "timm has no network called ''"),
        ("timm:hf-hub:someone/something", "timm has no network called 'hf-hub:someone/something'"),
        ("timm:resnet18.nonsense", r"Invalid pretrained tag \(nonsense\) for resnet18; timm.list"),
        ("incepton", r"called 'incepton', did you mean inception; choose inception, lite0, .*pix"),
        ("lite0:big", "lite0 takes nothing after a colon; write lite0, not lite0:big"),
        ("identity", "does not say how many coordinates they have; write it as identity:2"),
        ("features:two", "'features:two' .* write it as features:2"),
        ("features:0", "names no width"),
        ("pixels:big", "does not name a size"),
        ("pixels:0", "name a size from 1 to 256"),
        ("pixels:9999", "name a size from 1 to 256"),
        ("none.safetensors", "none.safetensors is not a saved classifier"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(spec, why):
    with pytest.raises(GandiagError, match=why) as caught:
        open_extractor(spec, device=CPU)
    assert "\n" not in str(caught.value)


def test_a_network_without_published_weights_is_not_used_at_random():
    with_weights = {name.partition(".")[0] for name in timm.list_pretrained()}
    bare = next(name for name in timm.list_models() if name not in with_weights)
    with pytest.raises(GandiagError, match=f"timm has no weights for {bare}"):
        open_extractor(f"timm:{bare}", device=CPU)


def test_weights_go_with_the_networks_that_have_a_file(tmp_path):
    with pytest.raises(GandiagError, match="not for pixels"):
        open_extractor("pixels", device=CPU, weights=tmp_path / "file")


def test_an_extractor_comes_back_as_it_is():
    extractor = open_extractor("pixels", device=CPU)
    assert open_extractor(extractor, device=CPU) is extractor


class TestDinov2:
    def test_positions_are_sampled_where_metas_code_samples_them(self):
        """On a ramp, the values tell where each sample lies."""
        n, side = 37, 16
        ramp = torch.arange(float(n)).repeat(n, 1)  # column number
        grid = torch.stack([ramp, ramp.T], -1).reshape(1, n * n, 2)
        positions = torch.cat([torch.full((1, 1, 2), -7.0), grid], 1)
        small = resample_positions(positions, side)
        assert small.shape == (1, 1 + side * side, 2)
        assert (small[0, 0] == -7).all()
        where = (torch.arange(side) + 0.5) * (n / (side + 0.1)) - 0.5
        square = small[0, 1:].reshape(side, side, 2)
        inside = slice(1, side - 1)
        # torch's bicubic (A = -0.75) bends a ramp by 0.048 of its step; without the 0.1 the samples
        # at the end would lie 0.2 further on.
        assert (square[:, inside, 0] - where[inside]).abs().max() < 0.05
        assert (square[inside, :, 1] - where[inside, None]).abs().max() < 0.05

    def test_positions_are_not_smoothed(self):
        stripes = (torch.arange(37.0) % 2).repeat(37, 1).reshape(1, -1, 1)
        small = resample_positions(torch.cat([torch.zeros(1, 1, 1), stripes], 1), 16)[0, 1:]
        assert small.std() > 0.3  # 0.5 as they are; an antialiased resize leaves under 0.1

    def test_positions_of_the_right_size_stay(self):
        positions = torch.rand(1, 1 + 16 * 16, 4, generator=torch.Generator().manual_seed(0))
        assert resample_positions(positions, 16) is positions

    def test_it_gives_the_class_token_at_224(self, monkeypatch, hub_of_random_weights):
        # The large network's smallest sister has its code and a fifteenth of its size.
        monkeypatch.setattr(dinov2, "NETWORK", "vit_small_patch14_dinov2.lvd142m")
        build, native = dinov2.hub_model, []

        def hub_model(name):
            model = build(name)
            native.append(model.pos_embed.detach().clone())
            return model

        monkeypatch.setattr(dinov2, "hub_model", hub_model)
        extractor = open_extractor("dinov2", device=CPU)
        assert extractor.name == "dinov2"
        assert extractor.layers["features"] == 384
        assert extractor.logits is None
        assert extractor.logits is None
        facts = extractor.provenance()
        assert (facts["resize"], facts["input"]) == ("pil-bicubic-8bit", "224 x 224")
        assert facts["normalise"] == str(IMAGENET)
        prepared = extractor.prepare(photographs(1, 50, seed=0))
        model = extractor._model
        with torch.inference_mode():
            token = model.forward_features(prepared)[:, 0]
        assert (extractor(prepared, ["features"])["features"] == token).all()
        assert native[0].shape == (1, 1 + 37 * 37, 384)
        assert (model.pos_embed == resample_positions(native[0], 16)).all()


class TestClip:
    def test_it_gives_the_projection_of_the_central_square(
        self, monkeypatch, hub_of_random_weights
    ):
        # The large network's small sister, in the same code.
        monkeypatch.setattr(clip, "NETWORK", "vit_base_patch32_clip_quickgelu_224.openai")
        monkeypatch.setattr(clip, "SIZE", 224)
        extractor = open_extractor("clip", device=CPU)
        assert dict(islice(extractor.layers.items(), 2)) == {"features": 512}
        assert (extractor.name, extractor.logits) == ("clip", None)
        assert extractor.provenance()["crop"] == "central square"
        assert extractor.provenance()["resize"] == "pil-bicubic-8bit"
        picture = photographs(1, 60, seed=0)[..., :41]
        prepared = extractor.prepare(picture)
        square = Image.fromarray(picture[0].permute(1, 2, 0).numpy()).crop((0, 9, 41, 50))
        levels = torch.from_numpy(np.array(square.resize((224, 224), Image.Resampling.BICUBIC)))
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
        std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
        expected = (levels.double() / 255 - mean) / std
        # float32 on both sides of a difference of two numbers of 0 to 4.
        torch.testing.assert_close(
            prepared[0].permute(1, 2, 0).double(), expected, rtol=0, atol=2e-6
        )
        model = extractor._model
        with torch.inference_mode():
            token = model.forward_features(prepared)[:, 0]
            projected = token @ model.head.weight.T + model.head.bias
        found = extractor(prepared, ["features"])
        assert list(found) == ["features"]
        torch.testing.assert_close(found["features"], projected, rtol=1e-4, atol=1e-5)

    def test_its_network_has_the_activations_that_it_was_trained_with(self):
        model = undrawn(lambda: timm.create_model("vit_base_patch32_clip_quickgelu_224"))
        assert "quickgelu_336" in clip.NETWORK
        assert type(model.blocks[0].mlp.act).__name__ == "QuickGELU"
        config = timm.get_pretrained_cfg(clip.NETWORK)
        assert (config.num_classes, config.input_size) == (768, (3, clip.SIZE, clip.SIZE))
        assert Scaling.of_unit_range(config.mean, config.std) == clip.SCALING


class TestClassifier:
    @pytest.fixture
    def saved(self, tmp_path):
        model = undrawn(lambda: timm.create_model("resnet10t", num_classes=10)).eval()
        path = tmp_path / "digits.safetensors"
        save_classifier(
            path,
            model,
            architecture="timm:resnet10t",
            num_classes=10,
            input_size=64,
            mean=(0.1, 0.2, 0.3),
            std=(0.5, 0.6, 0.7),
        )
        return path, model

    def test_it_comes_back_as_it_was_saved(self, saved):
        path, model = saved
        extractor = open_extractor(str(path), device=CPU)
        assert extractor.name == "classifier:digits"
        assert dict(islice(extractor.layers.items(), 2)) == {"features": 512, "logits": 10}
        assert extractor.provenance()["network"] == "timm:resnet10t"
        assert extractor.provenance()["verified"] == "your own"
        expected = Scaling.of_unit_range((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
        assert extractor.provenance()["normalise"] == str(expected)
        prepared = extractor.prepare(photographs(2, 64, seed=0))
        assert prepared.shape == (2, 3, 64, 64)
        with torch.inference_mode():
            logits = model(prepared)
        torch.testing.assert_close(extractor(prepared, ["logits"])["logits"], logits)

    @pytest.mark.parametrize(
        ("metadata", "why"),
        [
            ({}, "its metadata lack or garble 'architecture'"),
            ({"architecture": "resnet10t"}, "is not timm:NAME"),
            ({"architecture": "timm:resnet18"}, "its tensors are not those of resnet18"),
            ({"architecture": "timm:hf-hub:a/b"}, "timm has no network called 'hf-hub:a/b'"),
            ({"num_classes": "ten"}, "lack or garble invalid literal"),
            ({"mean": "[1, 2]"}, "lack or garble not enough values"),
            ({"input_size": "0"}, "its input_size is 0"),
            ({"num_classes": "-1"}, "its num_classes is -1"),
        ],
    )
    def test_a_file_that_is_none_is_refused(self, saved, tmp_path, metadata, why):
        path, model = saved
        with safetensors.safe_open(path, "pt") as file:
            sound = file.metadata()
        other = tmp_path / "other.safetensors"
        written = {**sound, **metadata} if metadata else None
        safetensors.torch.save_file(dict(model.state_dict()), other, written)
        with pytest.raises(GandiagError, match=why):
            open_extractor(str(other), device=CPU)

    def test_it_is_not_written_without_a_size(self, tmp_path):
        model = torch.nn.Identity()
        fields = {"architecture": "timm:resnet10t", "num_classes": 10, "input_size": 0}
        with pytest.raises(GandiagError, match="input_size=0"):
            save_classifier(tmp_path / "small.safetensors", model, **fields)
        assert not list(tmp_path.glob("small*"))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_a_pipe_is_refused_unread(self, tmp_path):
        pipe = tmp_path / "small.safetensors"
        os.mkfifo(pipe)
        with pytest.raises(GandiagError, match="it is no regular file"):
            open_extractor(str(pipe), device=CPU)
        with pytest.raises(GandiagError, match="it is no regular file"):
            open_extractor("lite0", device=CPU, weights=pipe)

    def test_a_pickle_is_refused(self, tmp_path):
        path = tmp_path / "classifier.pth"
        torch.save({"a": torch.zeros(1)}, path)
        with pytest.raises(GandiagError, match=r"classifier\.pth is not a saved classifier"):
            open_extractor(str(path), device=CPU)
