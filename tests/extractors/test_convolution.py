import copy

import pytest
import torch
import torch.nn.functional as F

from gandiag.extractors import slices
from gandiag.extractors.convolution import ConvReLU
from gandiag.extractors.inception import network_of
from gandiag.extractors.inception_weights import load_state

FAST = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN"
)
CASES = {
    "3 x 3": {"kernel_size": 3, "padding": 1},
    "1 x 1": {"kernel_size": 1},
    "1 x 7, padded across": {"kernel_size": (1, 7), "padding": (0, 3)},
    "stride of two": {"kernel_size": 3, "stride": 2},
}


def rand(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def conv(**how):
    with torch.device("meta"):
        made = ConvReLU(6, 10, **how)  # drawing the numbers would move the global generator
    made = made.to_empty(device="cpu").requires_grad_(False)
    made.weight.copy_(rand(*made.weight.shape, seed=1))
    made.bias.copy_(rand(10, seed=2))
    return made


def twin(made, x):
    """Convolution in float64, then ReLU."""
    how = made.stride, made.padding, made.dilation, made.groups
    return F.conv2d(x.double(), made.weight.double(), made.bias.double(), *how).relu()


def runs_fused(made, x):
    """Whether it did not go through torch's own convolution."""
    return made._goes_fast(x)


@pytest.mark.parametrize("how", CASES.values(), ids=CASES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_a_convolution_then_a_relu(how, layout):
    made = conv(**how)
    for count in (1, 4, 3):  # weights are laid out for the first
        x = rand(count, 6, 13, 11, seed=count).contiguous(memory_format=layout)
        with torch.inference_mode():
            found = made(x)
        expected = twin(made, x)
        assert found.dtype == torch.float32
        assert (found == 0).any()
        # Float32 sums of at most 54 products.
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)


def test_no_image_gives_none():
    with torch.inference_mode():
        assert conv(kernel_size=3)(torch.zeros(0, 6, 9, 9)).shape == (0, 10, 7, 7)


@FAST
def test_it_is_fused_only_where_nothing_is_lost():
    made, x = conv(kernel_size=3), rand(2, 6, 9, 9)
    with torch.inference_mode():
        assert runs_fused(made, x)
        assert not runs_fused(made, x.double())
    assert runs_fused(made, x)  # gradients are enabled, and nothing asks for one
    assert not runs_fused(made, x.clone().requires_grad_())
    made.requires_grad_(True)
    assert not runs_fused(made, x)
    made(x).sum().backward()
    assert made.weight.grad.abs().sum() > 0


def test_weights_that_change_are_laid_out_anew():
    made, x = conv(kernel_size=3), rand(2, 6, 9, 9)
    with torch.inference_mode():
        before = made(x)
    made.load_state_dict({"weight": 2 * made.weight, "bias": 2 * made.bias})
    with torch.inference_mode():
        assert torch.equal(made(x), 2 * before)
    made.double()
    with torch.inference_mode():
        # The weights are those that were rounded to float32.
        torch.testing.assert_close(made(x.double()), twin(made, x), rtol=1e-12, atol=1e-12)


def test_a_copy_of_one_that_ran():
    made, x = conv(kernel_size=3), rand(2, 6, 9, 9)
    with torch.inference_mode():
        before = made(x)
        within = copy.deepcopy(made)  # of which torch does not tell whether it changes
        torch.testing.assert_close(within(x), before, rtol=1e-5, atol=1e-5)
    outside = copy.deepcopy(made)
    with torch.inference_mode():
        assert torch.equal(outside(x), before)


def test_autocast_computes_in_bfloat16():
    made, x = conv(kernel_size=3), rand(2, 6, 9, 9)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = made(x)
    assert found.dtype == torch.bfloat16
    off = (found.double() - twin(made, x)).norm() / twin(made, x).norm()
    assert 1e-4 < off < 1e-2  # 8 bits


def test_the_ambient_precision_of_products_moves_nothing():
    made, x = conv(kernel_size=3), rand(2, 6, 9, 9)
    before = torch.get_float32_matmul_precision()
    try:
        with torch.inference_mode():
            expected = made(x)
            torch.set_float32_matmul_precision("medium")
            assert torch.equal(made(x), expected)
    finally:
        torch.set_float32_matmul_precision(before)


def test_threads_move_no_number_of_inception(random_inception):
    """A slice is computed by one thread, however many there are."""
    network = network_of(load_state(random_inception.full))
    x = rand(3 * slices.SLICE, 3, 107, 107).contiguous(memory_format=torch.channels_last)
    before, found = torch.get_num_threads(), {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with torch.inference_mode():
                found[threads] = slices.in_slices(lambda part: network(part, ["pool3"]), x)["pool3"]
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[1], found[2])
    assert torch.equal(found[1], found[3])
