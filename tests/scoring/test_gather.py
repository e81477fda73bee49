import pytest
import torch
from toys import Corners, images

from gandiag.errors import GandiagError
from gandiag.scoring.gather import gather
from gandiag.scoring.plan import IMAGES, Want
from gandiag.sources import open_source
from gandiag.statistics import Bank, Hashes, Moments

BANK = Want("corners", "pixels", "bank")
MOMENTS = Want("corners", "pixels", "moments")
HASHES = Want("", IMAGES, "hashes")


def run(source, wants=(BANK, MOMENTS, HASHES), batch_size=64, extractor=None, tell=lambda n: None):
    return gather(
        open_source(source), [extractor or Corners()], wants, batch_size=batch_size, tell=tell
    )


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_batch_size_moves_nothing(batch_size):
    pixels = images(1100)
    told = []
    gathered = run(pixels, batch_size=batch_size, tell=told.append)
    rows = pixels[:, :, :2, :1].flatten(1).double()
    assert gathered.n == sum(told) == 1100
    assert gathered.sizes == {(4, 4): 1100}
    assert torch.equal(gathered.statistics[BANK].rows, rows.float())
    # float64 sums of 1,100 values below 256, in another order.
    torch.testing.assert_close(
        gathered.statistics[MOMENTS].covariance, torch.cov(rows.T), rtol=1e-12, atol=1e-9
    )
    assert gathered.statistics[HASHES].n == 1100


def test_the_network_runs_on_full_batches_whatever_the_sizes():
    # A source that alternates between two image sizes gives batches of one.
    mixed = [images(1, seed=i, size=(4, 4) if i % 2 else (5, 3)) for i in range(20)]
    extractor = Corners()
    gathered = run(mixed, batch_size=8, extractor=extractor)
    assert extractor.batches == [8, 8, 4]
    assert gathered.sizes == {(4, 4): 10, (5, 3): 10}
    expected = torch.cat([each[:, :, :2, :1].flatten(1).float() for each in mixed])
    assert torch.equal(gathered.statistics[BANK].rows, expected)


@pytest.mark.parametrize("bears", [1, 5, 40])
def test_a_batch_that_does_not_fit_is_halved_and_the_run_goes_on(bears):
    class Small(Corners):
        def __call__(self, prepared, layers):
            if len(prepared) > bears:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return super().__call__(prepared, layers)

    pixels, small, large = images(150), Small(), Corners()
    found, expected = (run(pixels, extractor=each, batch_size=64) for each in (small, large))
    assert torch.equal(found.statistics[BANK].rows, expected.statistics[BANK].rows)
    assert max(small.batches) == max(64 >> i for i in range(7) if 64 >> i <= bears)
    assert len(small.batches) < 2 * 150 / max(small.batches) + 4  # what was learned is kept


def test_a_single_image_that_does_not_fit_is_said_so():
    class Never(Corners):
        def __call__(self, prepared, layers):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(GandiagError, match="corners does not fit into the memory of cpu with one"):
        run(images(20), extractor=Never())


def test_features_that_are_not_finite_name_the_image():
    class Broken(Corners):
        def __call__(self, prepared, layers):
            whole = super().__call__(prepared, layers)
            whole["pixels"][prepared.flatten(1).sum(1) == 0] = float("nan")
            return whole

    pixels = images(1500, low=1)
    pixels[1234] = 0
    with pytest.raises(GandiagError, match=r"not finite.*1234"):
        run(pixels, extractor=Broken())


def test_copies_are_counted_within_and_between():
    pixels = images(10)
    twice = torch.cat([pixels, pixels[:3]])
    assert run(twice).statistics[HASHES].duplicates() == 3
    other = torch.cat([images(5, seed=1), pixels[:2]])
    assert run(other).statistics[HASHES].overlap(run(pixels).statistics[HASHES]) == 2


def test_prepared_images_of_several_sizes_are_refused_by_name():
    class Keeps(Corners):
        def prepare(self, images):
            return images.float()

    with pytest.raises(GandiagError, match="corners needs images of one size"):
        run([images(1), images(1, size=(5, 5))], extractor=Keeps())


def test_serve_prefers_the_first_kind_and_makes_moments_of_a_bank():
    gathered = run(images(50), wants=(BANK,))
    assert isinstance(gathered.serve("corners", "pixels", (Bank, Moments)), Bank)
    assert isinstance(gathered.serve("corners", "pixels", (Moments, Bank)), Bank)
    assert isinstance(gathered.serve("corners", "pixels", (Moments,)), Moments)
    assert gathered.serve("corners", "contrast", (Bank,)) is None
    assert gathered.serve("corners", "pixels", (Hashes,)) is None


def test_of_class_keeps_the_rows_of_one_label():
    pixels = images(9)
    labels = torch.arange(9) % 3
    gathered = run([(pixels, labels)])
    part = gathered.of_class("1")
    assert part.n == 3
    assert torch.equal(part.statistics[BANK].rows, gathered.statistics[BANK].rows[1::3])
