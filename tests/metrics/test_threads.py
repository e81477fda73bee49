import threading

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


def aside(call):
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.usefixtures("two_threads")
def test_two_threads_within_at_once_leave_everything_as_it_was():
    """The second finds one thread, and leaves last: it must not leave that to those to come."""
    entered, leave = threading.Event(), threading.Event()
    seen = []

    def second():
        with one_thread():
            seen.append(torch.get_num_threads())
            entered.set()
            leave.wait()
            seen.append(torch.get_num_threads())

    thread = threading.Thread(target=second)
    with one_thread():
        thread.start()
        entered.wait()
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    leave.set()
    thread.join()
    assert seen == [1, 1]
    assert torch.get_num_threads() == 2
    assert aside(torch.get_num_threads) == 2


@pytest.mark.usefixtures("two_threads")
def test_what_another_thread_sets_meanwhile_stays():
    # In a thread and for those that come after it, as torch does without us.
    with one_thread():
        aside(lambda: torch.set_num_threads(3))
    assert torch.get_num_threads() == 2
    assert aside(torch.get_num_threads) == 3


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
