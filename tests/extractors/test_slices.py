import threading

import pytest
import torch

from gandiag.extractors.slices import SLICE, in_slices, workers


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """So many of torch's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def of_a_new_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("count", [0, 1, 4, 7, 200])
def test_slices_come_back_in_order_and_whole(count, threads):
    seen = []

    def network(x):
        seen.append(len(x))
        return {"double": 2 * x, "sum": x.sum(1)}

    x = torch.arange(3.0 * count).reshape(count, 3)
    found = in_slices(network, x)
    assert list(found) == ["double", "sum"]
    assert (found["double"] == 2 * x).all()
    assert (found["sum"] == x.sum(1)).all()
    assert sum(seen) == count
    assert max(seen) <= SLICE


def test_threads_take_slices_side_by_side_each_with_its_share(threads):
    # With one thread nothing would come to the barrier beside it.
    together = threading.Barrier(threads)
    within = []

    def network(x):
        together.wait(10)
        within.append((threading.get_ident(), torch.get_num_threads()))
        return {"same": x}

    in_slices(network, torch.zeros(SLICE * threads, 2))
    assert len({thread for thread, _ in within}) == threads
    assert {number for _, number in within} == {1}


def test_more_threads_than_slices_share_an_operator():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(5)
        within = []
        in_slices(
            lambda x: within.append(torch.get_num_threads()) or {"same": x},
            torch.zeros(2 * SLICE, 2),
        )
        assert within == [2, 2]
    finally:
        torch.set_num_threads(before)


def test_the_caller_and_threads_to_come_keep_their_numbers(threads):
    with workers(2, each=1) as pool:
        assert list(pool.map(lambda _: torch.get_num_threads(), range(8))) == [1] * 8
        assert (torch.get_num_threads(), of_a_new_thread()) == (threads, threads)
    assert (torch.get_num_threads(), of_a_new_thread()) == (threads, threads)
    assert not [t for t in threading.enumerate() if t.name.startswith("gandiag-network")]


def test_a_slice_runs_in_the_state_of_the_caller(threads):
    def network(x):
        assert not torch.is_grad_enabled()
        return {"product": x @ x.T, "inference": torch.tensor([torch.is_inference_mode_enabled()])}

    x = torch.ones(SLICE * 3, 2)
    with torch.inference_mode():
        found = in_slices(network, x)
        assert found["product"].dtype == torch.float32
        assert found["inference"].all()
        with torch.autocast("cpu", torch.bfloat16):
            assert in_slices(network, x)["product"].dtype == torch.bfloat16
    with torch.no_grad():
        assert not in_slices(network, x)["inference"].any()


def test_an_error_in_a_slice_is_the_callers_and_no_thread_stays(threads):
    def network(x):
        if x[0, 0] == 2 * SLICE:
            raise ZeroDivisionError
        return {"same": x}

    x = torch.arange(5.0 * SLICE)[:, None]
    with pytest.raises(ZeroDivisionError):
        in_slices(network, x)
    assert not [t for t in threading.enumerate() if t.name.startswith("gandiag-network")]
