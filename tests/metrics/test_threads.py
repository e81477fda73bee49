import pytest
import torch

from gandiag.metrics import FrechetDistance, frechet_distance, vendi_score
from gandiag.metrics.threads import one_thread
from gandiag.statistics import Bank


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_puts_back_the_number_of_threads():
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_every_decomposition_runs_on_one(monkeypatch):
    seen = []

    def spied(name, whole):
        def spy(*args, **options):
            seen.append((name, torch.get_num_threads()))
            return whole(*args, **options)

        return spy

    for name in ("eigh", "svd", "svdvals"):
        monkeypatch.setattr(torch.linalg, name, spied(name, getattr(torch.linalg, name)))
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    x[:, 3] = x[:, 0]  # singular, so that the eigenvectors are asked for
    frechet_distance(x, x)
    FrechetDistance()(real=Bank.of(x), generated=Bank.of(x))
    vendi_score(x)
    vendi_score(x[:3])
    assert set(seen) == {("eigh", 1), ("svd", 1), ("svdvals", 1)}
