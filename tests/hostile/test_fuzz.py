"""Files that were changed at random: read, or refused in a sentence, and nothing else."""

import io
import json
import zipfile

import bad_files as files
import bad_images as images
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gandiag
from gandiag.errors import GandiagError
from gandiag.live import Run
from gandiag.sources import open_source
from gandiag.statistics import load_statistics

FEW = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CHANGES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
)
"""Where, as a share of the file, and the byte that comes there."""


def changed(data, changes, cut):
    """Bytes at places replaced, and the end cut off."""
    whole = bytearray(data)
    for place, value in changes:
        whole[int(place * len(whole))] = value
    return bytes(whole[: max(1, int(len(whole) * cut))])


def a_sentence(error, *named):
    """One line that says what was refused."""
    assert any(name in str(error) for name in named), error
    assert "\n" not in str(error)


def statistics_file(root):
    path = root / "whole.npz"
    source = files.npz(root, "images.npz", arr_0=files.pixels(6))
    gandiag.write_statistics(str(source), str(path), features="pixels:2", metrics="fid,prdc")
    return path.read_bytes()


def image_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index in range(3):
            archive.writestr(f"{index}.png", images.png(seed=index))
    return buffer.getvalue()


def safetensors():
    header = {"images": {"dtype": "U8", "shape": [3, 3, 8, 8], "data_offsets": [0, 576]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(576)


WHOLE = {
    "x.png": images.png(16),
    "x.jpg": images.jpeg(16),
    "x.npy": files.npy(files.pixels(6)),
    "x.zip": image_zip(),
    "x.safetensors": safetensors(),
}


def npz():
    buffer = io.BytesIO()
    np.savez(buffer, arr_0=files.pixels(6))
    return buffer.getvalue()


def tar(tmp):
    members = [(f"{index}.png", images.png(seed=index)) for index in range(3)]
    return files.tarred(tmp, members).read_bytes()


@pytest.mark.parametrize("name", [*WHOLE, "x.npz", "x.tar"])
def test_a_changed_source_is_read_or_refused(name, tmp_path):
    whole = WHOLE.get(name) or (npz() if name == "x.npz" else tar(tmp_path))
    folder = tmp_path / "set"
    folder.mkdir()
    given_path = folder if name in ("x.png", "x.jpg") else folder / name

    @FEW
    @given(CHANGES, st.one_of(st.just(1.0), st.floats(0, 1)))
    def check(changes, cut):
        (folder / name).write_bytes(changed(whole, changes, cut))
        try:
            source = open_source(str(given_path))
            for batch in source.batches(4):
                assert batch.images.dtype == torch.uint8
                assert batch.images.shape[1] == 3
        except GandiagError as error:
            a_sentence(error, name, "set")

    check()


def test_changed_statistics_are_loaded_or_refused(tmp_path):
    whole = statistics_file(tmp_path)

    @FEW
    @given(CHANGES, st.one_of(st.just(1.0), st.floats(0, 1)))
    def check(changes, cut):
        path = tmp_path / "x.npz"
        path.write_bytes(changed(whole, changes, cut))
        try:
            load_statistics(path)
        except GandiagError as error:
            a_sentence(error, "x.npz")

    check()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(["start", "signals", "alert", "over", "mark", "note", "end", "resume", "?"])
FIELDS = st.sampled_from(
    "step values context schema pathology level since alerted event after".split()
)


@FEW
@given(lines=st.lists(st.tuples(KINDS, st.dictionaries(FIELDS, JSON, max_size=5)), max_size=6))
def test_a_log_of_anything_is_read_or_named(lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "monitor.jsonl"
    text = "".join(json.dumps({"type": kind, **fields}) + "\n" for kind, fields in lines)
    path.write_text(text, encoding="utf-8")
    run = Run(path)
    run.look()
    assert not run.trouble or "monitor.jsonl" in run.trouble


@FEW
@given(JSON)
def test_a_report_of_anything_is_read_or_named(value):
    text = json.dumps({"schema": 1, "scores": value, "warnings": value, "provenance": value})
    try:
        gandiag.Report.from_json(text)
    except GandiagError as error:
        a_sentence(error, "JSON")
