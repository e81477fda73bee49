"""One scorer for many sets, and what may never come out of the cache."""

import pickle

import pytest
import torch
from PIL import Image
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError

PIXELS = {"features": "pixels:4", "metrics": "fid"}


def saved(folder, pixels):
    folder.mkdir(exist_ok=True)
    for index, image in enumerate(pixels):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{index:02d}.png")
    return folder


def test_images_that_change_while_they_are_read_are_never_kept(tmp_path, monkeypatch):
    # Hashed as they are, read as others, put back: the features are of what nobody has any more.
    original, others = images(20, size=(8, 8)), images(20, seed=9, size=(8, 8))
    real = saved(tmp_path / "real", original)
    fake = images(20, seed=5, size=(8, 8))
    right = gandiag.score(fake, real, cache=False, **PIXELS)["fid"].value
    fingerprint = gandiag.sources.images.IndexedImages.fingerprint

    def changed_after(source):
        found = fingerprint(source)
        saved(real, others)
        return found

    monkeypatch.setattr("gandiag.sources.images.IndexedImages.fingerprint", changed_after)
    report = gandiag.score(fake, real, **PIXELS)
    monkeypatch.undo()
    saved(real, original)
    assert report["fid"].value != right
    assert "changed" in [each.code for each in report.warnings]
    assert gandiag.score(fake, real, **PIXELS)["fid"].value == right


def test_the_cache_is_used_where_nothing_changed(tmp_path, monkeypatch):
    real = saved(tmp_path / "real", images(20, size=(8, 8)))
    fake = images(20, seed=5, size=(8, 8))
    first = gandiag.score(fake, real, **PIXELS)
    monkeypatch.setattr("gandiag.scoring.gather.gather", None)
    with pytest.raises(TypeError):
        gandiag.score(fake, real, cache=False, **PIXELS)
    monkeypatch.undo()
    assert gandiag.score(fake, real, **PIXELS)["fid"].value == first["fid"].value
    assert "changed" not in [each.code for each in first.warnings]


def test_an_extractor_of_ones_own_is_not_cached(tmp_path):
    # Its weights may change while what it says of them stays.
    class Weighted(Corners):
        weight = 1.0

        def __call__(self, prepared, layers):
            return {
                key: self.weight * rows for key, rows in super().__call__(prepared, layers).items()
            }

    real = saved(tmp_path / "real", images(20, size=(8, 8)))
    fake = images(20, seed=5, size=(8, 8))
    extractor = Weighted()
    first = gandiag.score(fake, real, features=extractor, metrics="fid")["fid"].value
    extractor.weight = 2.0
    second = gandiag.score(fake, real, features=extractor, metrics="fid")["fid"].value
    assert second == pytest.approx(4 * first, rel=1e-9)  # squared units; scaling by 2 is exact


def test_features_of_another_width_than_declared_are_refused():
    class Wide(Corners):
        def __call__(self, prepared, layers):
            return {key: rows[:, :3] for key, rows in super().__call__(prepared, layers).items()}

    with pytest.raises(GandiagError, match=r"corners gave features of shape \(20, 3\)"):
        gandiag.score(images(20), images(20), features=Wide(), metrics="fid")


def test_points_after_images_need_no_other_scorer():
    scorer = gandiag.Scorer(metrics="vendi")
    with pytest.raises(GandiagError, match="inception weights"):
        scorer(images(5))
    points = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    assert list(scorer(points)) == ["vendi[identity]"]
    assert list(scorer(torch.cat([points, points], 1))) == ["vendi[identity]"]


def test_images_against_points_is_a_sentence_in_any_order():
    points = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    scorer = gandiag.Scorer(points, metrics="fid")
    assert scorer(points)["fid"].value == pytest.approx(0, abs=1e-12)
    with pytest.raises(GandiagError, match=r"holds 2-d points and .* holds images"):
        scorer(images(20))
    assert scorer(points)["fid"].n_real == 20


def test_a_scorer_pickles():
    scorer = gandiag.Scorer(**PIXELS, cache=False)
    scorer.update(images(20))
    scorer.update(images(20, seed=1), real=True)
    again = pickle.loads(pickle.dumps(scorer))
    assert again.compute()["fid"].value == scorer.compute()["fid"].value


def test_workers_move_nothing(tmp_path):
    folder = saved(tmp_path / "fake", images(20, size=(8, 8)))
    values = {
        gandiag.score(folder, images(20, seed=1), workers=workers, **PIXELS)["fid"].value
        for workers in (None, 0, 1, 5)
    }
    assert len(values) == 1


def test_the_first_images_may_be_taken(tmp_path):
    pixels = images(20, size=(8, 8))
    folder = saved(tmp_path / "fake", pixels)
    real = images(12, seed=1)
    first = gandiag.score(folder, real, max_images=7, draw="first", **PIXELS)
    expected = gandiag.score(pixels[:7], real[:7], **PIXELS)
    assert first["fid"].value == expected["fid"].value
    assert first["fid"].value != gandiag.score(folder, real, max_images=7, **PIXELS)["fid"].value
    assert first.provenance["draw"] == "first"
    assert gandiag.score(folder, real, max_images=99, draw="first", **PIXELS)["fid"].n_real == 12


def test_the_first_of_a_drawn_set_are_of_that_set():
    source = gandiag.open_source(images(20)).limit(10, seed=3)
    first = source.first(4)
    assert [name for batch in first.batches(4) for name in batch.names] == [
        name for batch in source.batches(10) for name in batch.names
    ][:4]


def test_a_generator_makes_as_many_as_it_is_told():
    def draw(rngs):
        return torch.stack([torch.rand(3, 8, 8, generator=rng) for rng in rngs])

    keywords = {**PIXELS, "value_range": (0, 1)}
    real = images(20, size=(8, 8))
    assert gandiag.score(draw, real, **keywords)["fid"].n_generated == 20
    assert gandiag.score(draw, real, max_images=50, **keywords)["fid"].n_generated == 50


def test_statistics_for_fid_are_small_and_say_what_was_passed_over(tmp_path):
    folder = saved(tmp_path / "real", images(60, size=(8, 8)))
    (folder / "notes.heic").write_bytes(b"no image")
    made = gandiag.write_statistics(folder, tmp_path / "real.npz", **PIXELS)
    assert [each.code for each in made.warnings] == ["passed-over"]
    assert {want.kind for want in made.statistics} == {"moments", "hashes"}


def test_features_that_are_extracted_already(tmp_path):
    import numpy as np

    rows = [torch.randn(30, 4, generator=torch.Generator().manual_seed(i)).numpy() for i in (0, 1)]
    for name, array in zip(("fake", "real"), rows, strict=True):
        np.savez(tmp_path / f"{name}.npz", features=array)
    report = gandiag.score(
        f"features:{tmp_path / 'fake.npz'}", f"features:{tmp_path / 'real.npz'}", metrics="fid"
    )
    expected = gandiag.metrics.frechet_distance(rows[1], rows[0])
    assert report["fd[features]"].value == pytest.approx(expected, rel=1e-12)
    assert report.provenance["things"] == "features"


def test_a_module_is_a_generator():
    class G(torch.nn.Module):
        z_dim = 3

        def forward(self, z):
            return z[:, :, None, None].expand(-1, -1, 8, 8).tanh()

    report = gandiag.score(G(), images(30, size=(8, 8)), value_range=(-1, 1), **PIXELS)
    assert report["fid"].n_generated == 30


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_told_for_what_it_was(native, monkeypatch):
    monkeypatch.setattr("gandiag.extractors.precision.multiplies_bfloat16", lambda _: native)
    asked = {"features": "lite0", "metrics": "fid", "device": "cpu", "precision": "bf16"}
    report = gandiag.score(images(4), images(4, seed=1), **asked)
    used = "bf16" if native else "fp32"
    facts = report.to_dict()["provenance"]
    assert facts["precision"] == facts["extractors"]["lite0"]["precision"] == used
    told = {each.code: each.message for each in report.warnings}
    assert ("no-bfloat16" in told, "precision" in told) == (not native, native)
    assert native or "features are fp32, not bf16" in told["no-bfloat16"]
    same = gandiag.score(images(4), images(4, seed=1), **{**asked, "precision": "fp32"})
    assert (report["fid"].value == same["fid"].value) == (not native)
