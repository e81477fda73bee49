"""What is done to images before a network sees them, and in which threads."""

import threading
from itertools import count

import pytest
import torch
from PIL import Image
from toys import Corners, images

import gandiag
from gandiag.errors import GandiagError
from gandiag.extractors import open_extractor
from gandiag.extractors.resizing import RESIZES
from gandiag.scoring.gather import gather
from gandiag.scoring.plan import IMAGES, Want
from gandiag.scoring.reading import Filling, Piece, read
from gandiag.sources import Batch, open_source

THREADS = pytest.mark.parametrize("threads", [0, 1, 3])


def batches_of(sizes, extent=(4, 4)):
    """A batch of each size, of images that are all unlike."""
    numbers = count()
    for seed, size in enumerate(sizes):
        names = tuple(f"{next(numbers)}.png" for _ in range(size))
        yield Batch(images(size, seed=seed, size=extent), names, tuple(each[0] for each in names))


class Apart(Corners):
    """Prepares wherever it is asked to, and remembers where."""

    apart = True

    def __init__(self):
        super().__init__()
        self.threads = []

    def prepare(self, pixels):
        self.threads.append(threading.current_thread())
        return super().prepare(pixels)


@THREADS
@pytest.mark.parametrize("sizes", [[], [1], [32, 32, 7], [1, 2, 1, 30, 5]])
def test_pieces_are_the_batches_in_order(threads, sizes):
    extractor = Apart()
    pieces = [*read(batches_of(sizes), [extractor], hashed=True, threads=threads, most=32)]
    whole = [Piece.of(each, [extractor], hashed=True) for each in batches_of(sizes)]  # the twin

    def joined(found):
        return (
            [name for piece in found for name in piece.batch.names],
            [label for piece in found for label in piece.batch.labels],
            [number for piece in found for number in piece.digests],
            sum((piece.looks for piece in found[1:]), found[0].looks) if found else None,
            [row for piece in found for row in piece.prepared["corners"].flatten(1).tolist()],
        )

    assert joined(pieces) == joined(whole)


@pytest.mark.parametrize("name", RESIZES)
def test_every_resize_gives_an_image_alone_what_it_gives_it_in_company(name):
    pictures = images(5, size=(40, 30))
    together = RESIZES[name](pictures, 53, torch.device("cpu"))
    alone = [RESIZES[name](picture[None], 53, torch.device("cpu")) for picture in pictures]
    assert torch.equal(torch.cat(alone), together)


def test_who_prepares_where():
    able, other = Apart(), Apart()
    other.name, other.apart = "other", False
    mine = threading.current_thread()
    pieces = [*read(batches_of([8]), [able, other], hashed=False, threads=2, most=8)]
    assert mine not in able.threads
    assert not other.threads  # which is left to the caller
    assert all({*piece.prepared} == {"corners"} for piece in pieces)
    assert all(piece.digests == () for piece in pieces)
    found = gather(
        open_source(images(20)),
        [other],
        [Want("other", "pixels", "bank")],
        batch_size=8,
        tell=lambda _: None,
    )
    assert {*other.threads} == {mine}
    assert found.n == 20


def test_threads_that_read_take_no_others():
    within = []

    class Counts(Apart):
        def prepare(self, pixels):
            within.append(torch.get_num_threads())
            return super().prepare(pixels)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        list(read(batches_of([8]), [Counts()], hashed=False, threads=2, most=8))
    finally:
        torch.set_num_threads(before)
    assert {*within} == {1}


def test_no_more_is_ready_than_a_batch():
    begun = []

    class Counts(Apart):
        def prepare(self, pixels):
            begun.append(len(pixels))
            return super().prepare(pixels)

    pieces = read(batches_of([16] * 20), [Counts()], hashed=False, threads=2, most=16)
    first = next(pieces)
    # Two pieces a thread are a batch, and one more is begun while the first is waited for.
    assert sum(begun) <= 16 + 2 * len(first.batch.images)
    pieces.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("gandiag")]


@THREADS
def test_an_error_is_that_of_its_image_and_no_thread_stays(threads):
    class Refuses(Apart):
        def prepare(self, pixels):
            if (pixels == 255).all(dim=(1, 2, 3)).any():
                raise GandiagError("it is white; paint it")
            return super().prepare(pixels)

    def with_a_white_one():
        for batch in batches_of([8] * 6):
            if "20.png" in batch.names:
                batch.images[4] = 255
            yield batch

    with pytest.raises(GandiagError, match="it is white; paint it"):
        list(read(with_a_white_one(), [Refuses()], hashed=True, threads=threads, most=8))
    assert not [t for t in threading.enumerate() if t.name.startswith("gandiag")]


@pytest.mark.parametrize("size", [1, 3, 8, 100])
@pytest.mark.parametrize("sizes", [[], [1] * 20, [8, 8], [3, 20, 1, 40], [7]])
def test_filling_gives_what_joining_and_cutting_gives(size, sizes):
    parts = [images(n, seed=seed).float() for seed, n in enumerate(sizes)]
    filling, full = Filling(size), []
    for part in parts:
        full += [batch.clone() for batch in filling.add(part)]  # it is used again
    whole = torch.cat([*parts, images(0).float()])
    rest = len(whole) % size
    assert filling.waiting == rest
    assert [len(batch) for batch in full] == [size] * (len(whole) // size)
    found = torch.cat([*full, filling.rest()] if rest else [*full, images(0).float()])
    assert torch.equal(found, whole)
    if rest:
        assert torch.equal(filling.rest(), whole[-rest:])  # asking takes nothing away


def test_filling_keeps_the_layout_and_takes_another_size_only_between_batches():
    filling = Filling(4)
    last = images(3).float().contiguous(memory_format=torch.channels_last)
    assert not [*filling.add(last)]
    assert filling.rest().is_contiguous(memory_format=torch.channels_last)
    with pytest.raises(ValueError, match="several sizes"):
        [*filling.add(images(1, size=(5, 5)).float())]
    (batch,) = filling.add(last[:1])
    assert batch.shape == (4, 3, 4, 4)
    assert not [*filling.add(images(1, size=(5, 5)).float())]
    assert filling.rest().shape == (1, 3, 5, 5)


def folder_of(root, sizes):
    root.mkdir()
    for index, size in enumerate(sizes):
        pixels = images(1, seed=index, size=size)[0].permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(root / f"{index:02d}.png")
    return root


@pytest.mark.parametrize("sizes", [[(9, 9)] * 50, [(9, 9), (12, 10)] * 25], ids=["one", "mixed"])
def test_the_number_of_threads_moves_nothing(tmp_path, sizes):
    folder = folder_of(tmp_path / "x", sizes)
    extractor = open_extractor("pixels:8", device=torch.device("cpu"))
    wants = [Want(extractor.name, "features", "bank"), Want("", IMAGES, "hashes")]
    found = {
        threads: gather(
            open_source(folder),
            [extractor],
            wants,
            batch_size=16,
            tell=lambda _: None,
            threads=threads,
        )
        for threads in (0, 1, 2, 5, None)
    }
    for each in found.values():
        assert each.names == found[0].names == tuple(f"{folder}/{i:02d}.png" for i in range(50))
        assert (each.sizes, each.looks) == (found[0].sizes, found[0].looks)
        for want in wants:
            mine, first = each.statistics[want].arrays(), found[0].statistics[want].arrays()
            assert all((mine[key] == first[key]).all() for key in first)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_a_bad_image_in_the_middle_is_named(tmp_path, workers):
    folder = folder_of(tmp_path / "x", [(9, 9)] * 40)
    (folder / "20.png").write_bytes(b"")
    settings = {"features": "pixels:4", "metrics": "fid", "workers": workers, "batch_size": 8}
    with pytest.raises(GandiagError) as caught:
        gandiag.score(folder, images(40), **settings)
    assert str(caught.value) == (
        f"cannot read {folder}/20.png: it is empty (0 bytes); remove it or pass --on-bad-image skip"
    )
    report = gandiag.score(folder, images(40), on_bad_image="skip", **settings)
    assert "skipped" in [each.code for each in report.warnings]
