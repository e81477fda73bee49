"""Images a second, and what share of the card's own peak that is."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.networks import OPEN
from benchmarks.gpu.numbers import PRECISIONS
from benchmarks.gpu.rows import Row, tried
from benchmarks.gpu.waits import begun
from gandiag.extractors import FeatureExtractor
from gandiag.extractors.base import Precision
from gandiag.extractors.precision import running


def synchronise(device: torch.device) -> None:
    """Wait until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def rate(call: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Calls a second: two to warm up, then so many as the first took are planned for `seconds`."""
    call()
    synchronise(device)
    began = time.perf_counter()
    call()
    synchronise(device)
    count = max(1, int(seconds / max(time.perf_counter() - began, 1e-9)))
    began = time.perf_counter()
    for _ in range(count):
        call()
    synchronise(device)
    return count / (time.perf_counter() - began)


def peak(device: torch.device, precision: Precision, *, side: int, seconds: float) -> float:
    """Operations a second of a product of two matrices, `side` x `side`, at this precision."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    # Ones would draw less power, and be multiplied faster than anybody's numbers are.
    random = torch.Generator().manual_seed(0)
    a = torch.randn(side, side, generator=random).to(device, dtype)
    # bf16 is that of the matrices; autocast would also convert them.
    with running("fp32" if precision == "bf16" else precision, device):
        return 2 * side**3 * rate(lambda: a @ a, device, seconds)


def operations(extractor: FeatureExtractor, prepared: Tensor) -> float:
    """Additions and multiplications of an image, as torch counts those of products."""
    # torch does not count what oneDNN fuses, which it does on a CPU alone.
    on_cpu = prepared.device.type == "cpu"
    plain = torch.backends.mkldnn.flags(enabled=False) if on_cpu else nullcontext()
    with plain, FlopCounterMode(display=False) as counter:
        extractor(prepared, [extractor.features])
    return counter.get_total_flops() / len(prepared)


def peaks(device: torch.device, *, side: int = 8192, seconds: float = 1.0) -> Iterator[Row]:
    """What the card does at best: teraflops of a large product."""
    for precision in PRECISIONS:
        facts = {"of": f"product of {side} x {side}", "precision": precision}

        def measured(precision: Precision = precision) -> Row:
            return {"teraflops": peak(device, precision, side=side, seconds=seconds) / 1e12}

        yield tried(facts, measured)


def images(
    device: torch.device,
    *,
    names: tuple[str, ...] = ("inception", "lite0"),
    sizes: tuple[int, ...] = (32, 128, 512),
    side: int = 8192,
    seconds: float = 1.5,
) -> Iterator[Row]:
    """Of the network on pictures that lie ready on the device, and of a scorer given batches."""
    for precision in PRECISIONS:
        best: list[float] = []
        for name in names:
            for size in sizes:
                facts = {"of": name, "precision": precision, "batch": size}
                yield tried(
                    facts, partial(_images, name, precision, device, size, side, seconds, best)
                )


def _images(
    name: str,
    precision: Precision,
    device: torch.device,
    size: int,
    side: int,
    seconds: float,
    best: list[float],
) -> Row:
    if not best:
        best.append(peak(device, precision, side=side, seconds=seconds / 2))
    extractor = OPEN[name](device, precision)
    scorer, batch = begun(extractor, device, size)
    prepared = extractor.prepare(batch)
    each = operations(extractor, prepared[:2])
    network = size * rate(lambda: extractor(prepared, [extractor.features]), device, seconds)
    whole = size * rate(lambda: scorer.update(batch), device, seconds)
    return {
        "gigaflops": each / 1e9,
        "network": network,
        "scorer": whole,
        "share": each * network / best[0],
        "scorer_share": each * whole / best[0],
    }
