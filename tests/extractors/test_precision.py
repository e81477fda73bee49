import threading
from types import SimpleNamespace

import pytest
import torch

from gandiag.extractors import precision as module
from gandiag.extractors.precision import (
    Switch,
    _float32_as,
    _says_bfloat16,
    _Switches,
    _switches,
    multiplies_bfloat16,
    running,
    usable,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


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
    cuda, cpu = ("cuda.matmul", "cudnn.conv"), ("mkldnn.matmul", "mkldnn.conv")
    for precision, on_cuda in {"fp32": "ieee", "tf32": "tf32", "bf16": "ieee"}.items():
        with running(precision, CPU):
            inside = switches()
        # The other device's may be in use by a training beside it.
        assert inside == before | dict.fromkeys(cpu, "ieee")
        assert switches() == before
        with _float32_as(on_cuda, CUDA):
            inside = switches()
        assert inside == before | dict.fromkeys(cuda, on_cuda)
        assert switches() == before
    assert torch.get_float32_matmul_precision() == loose
    assert torch.backends.cudnn.allow_tf32 is True


def test_the_switches_come_back_after_an_error(ambient):
    torch.set_float32_matmul_precision("medium")
    with pytest.raises(ZeroDivisionError), running("fp32", CPU):
        raise ZeroDivisionError
    assert torch.get_float32_matmul_precision() == "medium"


class Setting:
    """One switch, and every value that it was set to."""

    def __init__(self, value: str) -> None:
        self.history = [value]
        self.switch = Switch(lambda: self.history[-1], self.history.append)


def test_a_switch_that_is_right_is_not_touched():
    right, wrong = Setting("ieee"), Setting("tf32")
    with _Switches(right.switch, wrong.switch).at("ieee"):
        pass
    assert right.history == ["ieee"]
    assert wrong.history == ["tf32", "ieee", "tf32"]


def test_two_threads_that_overlap_leave_it_as_it_was():
    """Each unlike the other in when it begins and ends: the second would restore the first's."""
    setting = Setting("medium")
    switches = _Switches(setting.switch)
    inside, leave, left = threading.Event(), threading.Event(), threading.Event()

    def first():
        with switches.at("ieee"):
            inside.set()
            leave.wait(10)
        left.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with switches.at("ieee"):
        leave.set()
        assert left.wait(10)
        assert setting.history[-1] == "ieee"  # the other is done, and this one still needs it
    thread.join(10)
    assert setting.history == ["medium", "ieee", "medium"]


def test_a_thread_that_would_wait_for_itself_is_told():
    setting = Setting("medium")
    switches = _Switches(setting.switch)

    def inside(value):
        with switches.at("ieee"), switches.at(value):
            assert setting.history[-1] == value

    inside("ieee")
    with pytest.raises(RuntimeError, match="runs at ieee and would wait for itself"):
        inside("tf32")
    assert setting.history == ["medium", "ieee", "medium", "ieee", "medium"]


def test_torch_before_2_9_has_one_switch_for_all_products(ambient, monkeypatch):
    monkeypatch.setattr(torch.backends.cuda, "matmul", SimpleNamespace())  # no fp32_precision
    old = _switches()
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    for device, value, matmul, convolution in [
        ("cpu", "ieee", "highest", False),
        ("cuda", "ieee", "highest", False),
        ("cuda", "tf32", "high", True),
    ]:
        with old[device].at(value):
            assert torch.get_float32_matmul_precision() == matmul
            assert torch.backends.cudnn.allow_tf32 is convolution
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cudnn.allow_tf32 is True
    assert old["cpu"] is old["cuda"]


def test_another_value_waits_for_the_first_to_be_done():
    setting = Setting("medium")
    switches = _Switches(setting.switch)
    done = threading.Event()

    def other():
        with switches.at("tf32"):
            done.set()

    thread = threading.Thread(target=other)
    with switches.at("ieee"):
        thread.start()
        assert not done.wait(0.05)
        assert setting.history[-1] == "ieee"
    assert done.wait(10)
    thread.join(10)
    assert setting.history == ["medium", "ieee", "medium", "tf32", "medium"]


def test_only_bf16_is_autocast_and_nothing_has_gradients():
    for precision, dtype in {"fp32": torch.float32, "bf16": torch.bfloat16}.items():
        with running(precision, CPU):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
            assert not torch.is_grad_enabled()
    with torch.autocast("cpu", torch.bfloat16), running("fp32", CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", True),  # Arm
        ("flags\t\t: fpu avx2 avx512f avx512bw avx512_vnni\n", False),
        ("model name\t: bf16\nflags\t\t: fpu\n\nflags\t\t: bf16\n", False),
        ("", False),
    ],
)
def test_what_linux_says_of_bfloat16(tmp_path, listed, there):
    path = tmp_path / "cpuinfo"
    path.write_text(listed)
    assert _says_bfloat16(path) is there
    assert _says_bfloat16(tmp_path / "elsewhere") is False


def test_a_processor_without_bfloat16_computes_in_float32(monkeypatch):
    for native, used in {True: "bf16", False: "fp32"}.items():
        with monkeypatch.context() as patch:
            patch.setattr(module, "multiplies_bfloat16", {CPU: native}.get)
            assert [usable(each, CPU) for each in ("fp32", "tf32", "bf16")] == [
                "fp32",
                "tf32",
                used,
            ]
    assert multiplies_bfloat16(CUDA)
    monkeypatch.setattr(module, "_says_bfloat16", lambda _: False)
    for ask in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, ask, lambda: False, raising=False)
    assert not multiplies_bfloat16(CPU)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert multiplies_bfloat16(CPU)
