from types import SimpleNamespace

import pytest
import torch

from gandiag.scoring import caveats
from gandiag.scoring.gather import published
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.looks import Looks
from gandiag.sources import Note


def seen(name="real", n=100, sizes=None, **notes):
    found = {code.replace("_", "-"): Note(count, "a.png") for code, count in notes.items()}
    return Gathered(name, n, {}, notes=found, sizes=sizes or {(32, 32): n})


def codes(warnings):
    return [each.code for each in warnings]


def test_every_treatment_is_told_with_count_and_first_name():
    for code, what in caveats.TREATMENTS.items():
        seen = Gathered("fake", 10, {}, notes={code: Note(3, "x/é.png")})
        (warning,) = caveats.treated(seen, "images", "gandiag")
        assert warning.code == code
        assert what in warning.message
        assert "3 of the images of fake" in warning.message
        assert "x/é.png" in warning.message


@pytest.mark.parametrize(
    ("real", "fake", "told"), [(0, 0, 0), (100, 100, 0), (0, 100, 1), (50, 0, 1)]
)
def test_lossy_beside_lossless(real, fake, told):
    both = seen("real", lossy=real), seen("fake", lossy=fake)
    assert len(list(caveats.compression(*both))) == told


def test_sizes_that_have_nothing_in_common():
    assert codes(caveats.sizes(seen(sizes={(32, 32): 100}), seen(sizes={(64, 64): 100}))) == [
        "sizes-differ"
    ]
    assert codes(caveats.sizes(seen(), seen())) == []
    assert codes(caveats.sizes(seen(), Gathered("published", None, {}))) == []


def test_images_are_told_to_be_enlarged_where_others_are_not():
    some = seen("some", sizes={(100, 400): 30, (299, 299): 70})
    (warning,) = caveats.enlarged([some], 299)
    assert "30 of some" in warning.message
    large, small = seen("large", sizes={(299, 299): 100}), seen("small")
    assert codes(caveats.enlarged([large], 299)) == []
    assert codes(caveats.enlarged([large, small], 299)) == ["enlarged"]
    assert codes(caveats.enlarged([small, seen("also small")], 299)) == []  # as CIFAR is


def test_what_a_published_tool_does_otherwise_is_told():
    turned = seen(exif_rotated=3)
    (ours,) = caveats.treated(turned, "images", "gandiag")
    (theirs,) = caveats.treated(turned, "images", "pytorch-fid")
    assert "not its number" not in ours.message
    assert "pytorch-fid does not turn images" in theirs.message


def test_small_samples_and_unequal_counts():
    three = [seen("a", n=2047), seen("b", n=10), seen("c", n=2048)]
    (warning,) = caveats.small_sample(three, 2048, "fid", "images")
    assert "a has 2,047 and b has 10 images" in warning.message
    assert codes(caveats.small_sample(three[2:], 2048, "fid", "images")) == []
    assert codes(caveats.unequal(seen(n=201), seen(n=100), "fid", "images")) == ["unequal-n"]
    assert codes(caveats.unequal(seen(n=200), seen(n=100), "fid", "images")) == []


def test_copies():
    assert codes(caveats.duplicated(seen(), 0, "images")) == []
    assert codes(caveats.duplicated(seen(), 2, "images")) == ["duplicates"]
    assert codes(caveats.overlapping(seen(), seen("fake"), 2, "images")) == ["overlap"]


def test_skipped_images_are_named():
    names = tuple(f"{index}.png" for index in range(12))
    notes = {"skipped": Note(12, names[0], names)}
    (warning,) = caveats.treated(Gathered("fake", 88, {}, notes=notes), "images", "gandiag")
    assert "0.png, 1.png" in warning.message
    assert "9.png and 2 more" in warning.message
    assert "10.png" not in warning.message


# --- what the pixels tell ---


def pictures(n=40, seed=0, size=(8, 8)):
    """Floats in [-1, 1] with much black and white, as a generator's tanh gives."""
    rng = torch.Generator().manual_seed(seed)
    return torch.tanh(2 * torch.randn(n, 3, *size, generator=rng))


def rounded(x):
    return (x * 127.5 + 127.5).round().clamp(0, 255).byte()


def cut_off(x):
    return (x * 127.5 + 127.5).clamp(0, 255).byte()


def looking(images, name="real"):
    n, _, *size = images.shape
    return Gathered(name, n, {}, sizes={tuple(size): n}, looks=Looks.of(images))


def test_bytes_that_were_cut_off_beside_rounded_ones():
    real, fake = looking(rounded(pictures(seed=1))), pictures(seed=2)
    (warning,) = caveats.quantisation(real, looking(cut_off(fake), "fake"))
    assert warning.code == "quantisation"
    assert "white in fake is 254" in warning.message
    assert codes(caveats.quantisation(real, looking(rounded(fake), "fake"))) == []
    # The other way round it is the real ones that were cut off.
    (warning,) = caveats.quantisation(looking(cut_off(fake)), looking(rounded(fake), "fake"))
    assert "white in real" in warning.message
    # Without white nobody can say.
    dark = looking(cut_off(fake - 1), "fake")
    assert dark.looks.truncated is None
    assert codes(caveats.quantisation(real, dark)) == []


def test_contrast_that_was_stretched_image_by_image():
    soft = rounded(0.5 * pictures(seed=1))
    flat = soft.flatten(1).float()
    low, high = flat.amin(dim=1, keepdim=True), flat.amax(dim=1, keepdim=True)
    stretched = (255 * (flat - low) / (high - low)).byte().view_as(soft)
    (warning,) = caveats.contrast(looking(soft), looking(stretched, "fake"))
    assert warning.code == "contrast"
    assert "100 % of fake reach both" in warning.message
    assert codes(caveats.contrast(looking(soft), looking(soft, "fake"))) == []
    assert codes(caveats.contrast(looking(stretched), looking(stretched, "fake"))) == []


def test_grey_images_are_no_photographs():
    colour, grey = rounded(pictures()), rounded(pictures())[:, :1].expand(-1, 3, -1, -1)
    (warning,) = caveats.out_of_domain([looking(grey)], "lite0", "photographs")
    assert warning.code == "out-of-domain"
    assert codes(caveats.out_of_domain([looking(colour)], "lite0", "photographs")) == []
    assert codes(caveats.out_of_domain([looking(grey)], "digits", "")) == []
    assert (
        codes(caveats.out_of_domain([looking(grey), looking(colour)], "lite0", "photographs")) == []
    )
    assert codes(caveats.out_of_domain([seen()], "lite0", "photographs")) == []


def test_borders_that_are_not_seen():
    wide, square = seen(sizes={(32, 48): 7, (32, 32): 3}), seen(sizes={(32, 32): 10})
    (warning,) = caveats.cropped([wide, square], "clip", {"crop": "centre"})
    assert warning.code == "cropped"
    assert warning.message.startswith("7 of the images of real")
    assert codes(caveats.cropped([square], "clip", {"crop": "centre"})) == []
    assert codes(caveats.cropped([wide], "lite0", {})) == []


def test_images_of_another_shape():
    square, wide = seen(sizes={(32, 32): 10}), seen("fake", sizes={(32, 48): 10})
    assert codes(caveats.shapes(square, wide)) == ["shapes-differ"]
    assert codes(caveats.shapes(square, seen("fake", sizes={(64, 64): 10}))) == []
    assert codes(caveats.shapes(Gathered("published", None, {}), wide)) == []


def test_the_network_that_taught_the_generator():
    taught = Gathered("run", 10, {}, notes={"trained-with": Note(10, "run", ("lite0",))})
    assert codes(caveats.same_network(taught, "lite0")) == ["same-network"]
    assert codes(caveats.same_network(taught, "pixels")) == []
    assert codes(caveats.same_network(seen(), "lite0")) == []


def test_looks_of_two_sets_add_up_and_are_kept():
    a, b = rounded(pictures(5, seed=1)), rounded(pictures(7, seed=2))
    both = Looks.of(torch.cat([a, b]))
    assert Looks.of(a) + Looks.of(b) == both
    assert Looks.restore(both.to_list()) == both
    assert sum(both.levels) == 12 * 3 * 64
    with pytest.raises(ValueError, match="levels"):
        Looks.restore([1, 2, 3])


@pytest.mark.parametrize(
    ("name", "protocol", "code"),
    [
        ("cifar10_clean_train_32.npz", "pytorch-fid", "other-protocol"),
        ("cifar10_clean_train_32.npz", "clean-fid", "published-statistics"),
        ("cifar10_legacy_tensorflow_train_32.npz", "clean-fid", "other-protocol"),
        ("VIRTUAL_imagenet256_labeled.npz", "adm", "published-statistics"),
        ("VIRTUAL_imagenet256_labeled.npz", "gandiag", "other-protocol"),
        ("fid_stats.npz", "pytorch-fid", "published-statistics"),
    ],
)
def test_published_statistics_of_another_protocol(name, protocol, code):
    plan = SimpleNamespace(
        protocol=SimpleNamespace(name=protocol),
        tasks=[SimpleNamespace(extractor=SimpleNamespace(name="inception"))],
    )
    assert published(name, plan).code == code
