import pytest
import torch

from gandiag.extractors.precision import in_slices, running

CPU = torch.device("cpu")


@pytest.fixture
def ambient():
    """Let a test set the process's precision, and put it back."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


def switches() -> dict[str, str]:
    backends = torch.backends
    return {
        "cuda.matmul": backends.cuda.matmul.fp32_precision,
        "cudnn.conv": backends.cudnn.conv.fp32_precision,
        "mkldnn.matmul": backends.mkldnn.matmul.fp32_precision,
        "mkldnn.conv": backends.mkldnn.conv.fp32_precision,
    }


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="torch before 2.9"
)
@pytest.mark.parametrize("loose", ["highest", "high", "medium"])
def test_float32_is_float32_whatever_the_process_allows_and_the_process_gets_its_own_back(
    ambient, loose
):
    torch.set_float32_matmul_precision(loose)
    before = switches()
    with running("fp32", CPU):
        assert set(switches().values()) == {"ieee"}
    assert switches() == before
    with running("tf32", CPU):
        assert switches()["cuda.matmul"] == switches()["cudnn.conv"] == "tf32"
        assert switches()["mkldnn.matmul"] == switches()["mkldnn.conv"] == "ieee"
    assert switches() == before
    assert torch.get_float32_matmul_precision() == loose
    assert torch.backends.cudnn.allow_tf32 is True


def test_the_switches_come_back_after_an_error(ambient):
    torch.set_float32_matmul_precision("medium")
    with pytest.raises(ZeroDivisionError), running("fp32", CPU):
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == "medium"


def test_only_bf16_is_autocast_and_nothing_has_gradients():
    for precision, dtype in {"fp32": torch.float32, "bf16": torch.bfloat16}.items():
        with running(precision, CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
            assert not torch.is_grad_enabled()
    with torch.autocast("cpu", torch.bfloat16), running("fp32", CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("count", [0, 1, 4, 7, 200])
def test_slices_come_back_in_order_and_whole(count):
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
    assert max(seen) <= max(4, 2 * torch.get_num_threads())
