"""Processes that share the images are one process."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch
from toys import images

from gandiag.errors import GandiagError
from gandiag.scoring.gathered import Gathered
from gandiag.scoring.plan import Want
from gandiag.scoring.together import Together, joined
from gandiag.sources import GeneratedImages, Note, open_source
from gandiag.statistics import Bank

BANK = Want("net", "pool", "bank")


def every(source, size=7):
    batches = list(source.batches(size))
    return torch.cat([each.images for each in batches]), sum((each.names for each in batches), ())


@pytest.mark.parametrize("total", [2, 3, 5])
@pytest.mark.parametrize("count", [101, 128, 130])
def test_parts_are_whole_batches_in_order(total, count):
    """Joined they are the source; each but the last ends with a batch."""
    source = open_source(images(count, seed=0, size=(4, 4)), name="x")
    parts = [Together(rank, total).part(source, 16) for rank in range(total)]
    assert all(part.count() % 16 == 0 for part in parts[:-1])
    found = [every(part) for part in parts]
    whole = every(source)
    assert torch.equal(torch.cat([x for x, _ in found]), whole[0])
    assert sum((names for _, names in found), ()) == whole[1]


def test_parts_of_a_drawn_source_and_of_a_generator():
    source = open_source(images(90, seed=0, size=(4, 4)), name="x").limit(50, 3)
    parts = [every(Together(rank, 2).part(source, 10)) for rank in range(2)]
    assert sum((names for _, names in parts), ()) == every(source)[1]

    def draw(numbers):
        return torch.tensor([[float(n)] for n in numbers]), None

    made = GeneratedImages("g", draw, total=150)
    parts = [Together(rank, 3).part(made, 10) for rank in range(3)]
    assert [part.count() for part in parts] == [50, 50, 50]
    found = torch.cat([every(part)[0] for part in parts]).flatten()
    assert found.tolist() == list(range(150))
    again = parts[1].between(5, 20)
    assert every(again)[0].flatten().tolist() == list(range(55, 70))


def test_one_process_has_it_all():
    source = open_source(images(9, seed=0, size=(4, 4)), name="x")
    assert Together().part(source, 4) is source
    assert Together().agreed(5) == 5
    assert Together().device("cuda") == "cuda"


def test_too_few_images():
    source = open_source(images(30, seed=0, size=(4, 4)), name="x")
    with pytest.raises(GandiagError, match="x holds 30 images, too few for 3 processes"):
        Together(0, 3).part(source, 16)


def test_streams_have_no_parts():
    stream = open_source([images(10, seed=0, size=(4, 4))], name="x")
    with pytest.raises(GandiagError, match="only be read from its beginning"):
        Together(0, 2).part(stream, 2)


def test_what_holds_of_a_part_may_not_hold_of_the_whole():
    def part(notes, seed):
        rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
        return Gathered("x", 5, {BANK: Bank.of(rows)}, notes=notes)

    dark, lossy = Note(5, "a"), Note(2, "b")
    parts = [part({"half-range": dark, "lossy": lossy}, 0), part({"lossy": lossy}, 1)]
    whole = joined(parts)
    assert whole.n == 10
    assert {code: note.count for code, note in whole.notes.items()} == {"lossy": 4}
    rows = [each.statistics[BANK].rows for each in parts]
    assert torch.equal(whole.statistics[BANK].rows, torch.cat(rows))
    both = joined([part({"half-range": dark}, 0), part({"half-range": dark}, 1)])
    assert both.notes["half-range"].count == 10


def launched(*command, cache, processes=2):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    environment |= {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    environment |= {"GANDIAG_CACHE": str(cache)}
    launch = [sys.executable, "-m", "torch.distributed.run", "--nnodes=1"]
    launch += [f"--nproc_per_node={processes}", f"--master_port={port}", "--master_addr=127.0.0.1"]
    return subprocess.run(
        [*launch, *command], env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    from PIL import Image

    root = tmp_path_factory.mktemp("shared")
    for seed, (name, count) in enumerate((("fake", 90), ("real", 110))):
        (root / name).mkdir()
        for i, image in enumerate(images(count, seed=seed, size=(8, 8))):
            pixels = image.permute(1, 2, 0).numpy()
            Image.fromarray(pixels).save(root / name / f"{i:03}.png")
    return root


SCORE = ("--features", "pixels:4", "--metrics", "fid,kid,prdc,vendi", "--batch-size", "16")


def test_two_processes_score_as_one(folders, tmp_path, run):
    """Moments to 1e-10, rows in the same order, one report, and reals that are read once."""
    fake, real = folders / "fake", folders / "real"
    command = ("score", str(fake), "--real", str(real), *SCORE)
    assert run(*command, "--no-cache", "--json", str(tmp_path / "one.json"))[0] == 0
    one = json.loads((tmp_path / "one.json").read_text())
    for name in ("two.json", "again.json"):  # the second time the reals come from the cache
        done = launched(
            *("-m", "gandiag", *command, "--json", str(tmp_path / name)), cache=tmp_path / "cache"
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert [*(tmp_path / "cache" / "statistics").glob("*.npz")]
        assert done.stdout.count("protocol gandiag") == 1
        two = json.loads((tmp_path / name).read_text())
        assert list(two["scores"]) == list(one["scores"])
        for name, ours in two["scores"].items():
            assert ours["value"] == pytest.approx(one["scores"][name]["value"], rel=1e-10)
        assert two["provenance"]["sources"] == one["provenance"]["sources"]


def test_a_bad_image_of_one_process_ends_all(folders, tmp_path):
    import shutil

    fake = tmp_path / "fake"
    shutil.copytree(folders / "fake", fake)
    (fake / "089.png").write_bytes(b"no image")  # of the last process
    done = launched(
        *("-m", "gandiag", "score", str(fake), "--real", str(folders / "real"), *SCORE),
        cache=tmp_path / "cache",
    )
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("gandiag: ")]
    assert len(told) == 1
    assert "089.png" in told[0]
    assert not done.stdout


DIES = """
import os
from gandiag.scoring.together import together

with together() as processes:
    if processes.rank == 1:
        os._exit(7)
    processes.alike(lambda: None)
"""


def test_a_process_that_dies_ends_all(tmp_path):
    (tmp_path / "dies.py").write_text(DIES)
    done = launched(str(tmp_path / "dies.py"), cache=tmp_path)
    assert done.returncode != 0
    assert "exitcode  : 7" in done.stderr
