import pytest

from gandiag.scoring import caveats
from gandiag.scoring.gather import Gathered
from gandiag.sources import Note


def seen(name="real", n=100, sizes=None, **notes):
    found = {code.replace("_", "-"): Note(count, "a.png") for code, count in notes.items()}
    return Gathered(name, n, {}, notes=found, sizes=sizes or {"32x32": n})


def codes(warnings):
    return [each.code for each in warnings]


def test_every_treatment_is_told_with_count_and_first_name():
    for code, what in caveats.TREATMENTS.items():
        (warning,) = caveats.treated(Gathered("fake", 10, {}, notes={code: Note(3, "x/é.png")}))
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
    assert codes(caveats.sizes(seen(sizes={"32x32": 100}), seen(sizes={"64x64": 100}))) == [
        "sizes-differ"
    ]
    assert codes(caveats.sizes(seen(), seen())) == []
    assert codes(caveats.sizes(seen(), Gathered("published", None, {}))) == []


def test_enlarged_counts_images_below_the_input():
    (warning,) = caveats.enlarged(seen(sizes={"100x400": 30, "299x299": 70}), 299)
    assert "30 of the images" in warning.message
    assert codes(caveats.enlarged(seen(sizes={"299x299": 70}), 299)) == []


def test_small_samples_and_unequal_counts():
    assert codes(caveats.small_sample(seen(n=2047), 2048, "fid")) == ["small-sample"]
    assert codes(caveats.small_sample(seen(n=2048), 2048, "fid")) == []
    assert codes(caveats.unequal(seen(n=201), seen(n=100), "fid")) == ["unequal-n"]
    assert codes(caveats.unequal(seen(n=200), seen(n=100), "fid")) == []


def test_copies():
    assert codes(caveats.duplicated(seen(), 0)) == []
    assert codes(caveats.duplicated(seen(), 2)) == ["duplicates"]
    assert codes(caveats.overlapping(seen(), seen("fake"), 2)) == ["overlap"]


def test_skipped_images_are_named():
    names = tuple(f"{index}.png" for index in range(12))
    notes = {"skipped": Note(12, names[0], names)}
    (warning,) = caveats.treated(Gathered("fake", 88, {}, notes=notes))
    assert "0.png, 1.png" in warning.message
    assert "9.png and 2 more" in warning.message
    assert "10.png" not in warning.message
