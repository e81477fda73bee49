import pytest

from gandiag.scoring import caveats
from gandiag.scoring.gathered import Gathered
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
