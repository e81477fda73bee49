"""Samples: number 17 is number 17, however it is asked for."""

import multiprocessing
import time

import pytest
import torch

from gandiag.errors import GandiagError
from reference_models.generator import BLOCK, load, sampler_of
from reference_models.recipe import Recipe, replace
from reference_models.train import cost, train
from reference_models.trainer import prepare

POINTS = replace(Recipe("points", "ring8"), latent=4, width_g=64, width_d=16, steps=3, batch=16)
CONDITIONAL = replace(
    POINTS,
    {
        "data": "digits",
        "network": "dcgan",
        "width_g": 8,
        "width_d": 4,
        "norm_g": "batch",
        "condition_g": "norm",
        "condition_d": "projection",
    },
)


@pytest.fixture(scope="module", params=[POINTS, CONDITIONAL], ids=["points", "images"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(request.param, out=folder)
    return folder


def test_a_sample_does_not_depend_on_its_batch(run):
    sampler = load(run)
    whole = sampler.samples(range(150))
    for size in (1, 7, 64, 100, 1000):
        parts = list(load(run).batches(150, size))
        assert all(len(part.x) == size for part in parts[:-1])
        assert torch.equal(torch.cat([part.x for part in parts]), whole.x)
        assert torch.equal(torch.cat([part.y for part in parts]), whole.y)
    numbers = [149, 17, 3, 17, 70]
    assert torch.equal(sampler.samples(numbers).x, whole.x[numbers])
    assert torch.equal(sampler.samples(numbers).y, whole.y[numbers])


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_batches_give_as_many_as_asked(run, count):
    assert sum(len(batch.x) for batch in load(run).batches(count, 10)) == count
    assert len(load(run).samples(range(count)).x) == count


def half(folder, rank, results):
    torch.set_num_threads(1)
    results.put((rank, load(folder).samples(range(BLOCK * rank, BLOCK * rank + BLOCK)).x.numpy()))


def test_a_sample_does_not_depend_on_the_number_of_processes(run):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [context.Process(target=half, args=(run, rank, results)) for rank in (0, 1)]
    for worker in workers:
        worker.start()
    parts = dict(results.get(timeout=600) for _ in workers)
    for worker in workers:
        worker.join()
    together = torch.cat([torch.from_numpy(parts[rank]) for rank in (0, 1)])
    assert torch.equal(together, load(run).samples(range(2 * BLOCK)).x)


def test_a_sample_does_not_depend_on_the_number_of_threads(run):
    one = load(run).samples(range(BLOCK)).x
    torch.set_num_threads(2)
    assert torch.equal(load(run).samples(range(BLOCK)).x, one)


def test_seeds_give_other_samples(run):
    a, b = (load(run, seed=seed).samples(range(20)).x for seed in (0, 1))
    assert not any(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_samples_differ(run):
    x = load(run).samples(range(200)).x.flatten(1)
    assert len(torch.unique(x, dim=0)) == 200


def test_the_global_state_is_untouched(run):
    before = torch.get_rng_state()
    load(run).samples(range(10))
    assert torch.equal(torch.get_rng_state(), before)


def test_labels_go_round(tmp_path):
    train(CONDITIONAL, out=tmp_path)
    sampler = load(tmp_path)
    assert sampler.classes == tuple("0123456789")
    assert sampler.samples([0, 9, 10, 73]).y.tolist() == [0, 9, 0, 3]
    sampler.only = 4
    assert sampler.samples([0, 9, 10, 73]).y.tolist() == [4] * 4
    images, labels = sampler.images([5, 6])
    assert images.shape == (2, 3, 8, 8)
    assert images.dtype == torch.uint8
    assert torch.equal(images[:, 0], images[:, 2])
    assert labels.tolist() == [4, 4]


def test_unconditional_samples_have_no_classes(tmp_path):
    train(POINTS, out=tmp_path)
    sampler = load(tmp_path)
    assert sampler.classes == ()
    assert sampler.samples(range(5)).y.tolist() == [0] * 5


def test_sampling_does_not_disturb_training():
    plain, watched = prepare(CONDITIONAL), prepare(CONDITIONAL)
    for _ in plain.steps():
        pass
    for _ in watched.steps():
        sampler_of(watched).samples(range(3))
    for a, b in zip(
        plain.generator.state_dict().values(), watched.generator.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


def test_no_such_device(run):
    with pytest.raises(GandiagError, match="cannot use the device 'cuda:9'"):
        load(run, device="cuda:9")


def test_cost_is_known_without_training():
    recipe = replace(
        POINTS, {"norm_d": "spectral", "n_critic": 5, "n_gen": 2, "warmup": 10, "steps": 100}
    )
    found = cost(recipe)
    trainer = prepare(recipe)
    count = [
        sum(parameter.numel() for parameter in network.parameters())
        for network in (trainer.generator, trainer.discriminator)
    ]
    assert [found.generator_parameters, found.discriminator_parameters] == count
    assert found.discriminator_updates == 510
    assert found.generator_updates == 200
    assert found.real_samples == 510 * 16


def test_cost_of_data_that_is_not_here():
    start = time.perf_counter()
    found = cost(replace(Recipe("x", "celeba", 128), network="resnet", norm_d="spectral"))
    # Parameters are counted without memory for them, and nothing is downloaded.
    assert found.discriminator_parameters > 10_000_000
    assert time.perf_counter() - start < 20
