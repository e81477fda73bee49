"""What people and attackers give: (what it is, the command line, what the sentence says)."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import bad_files as files
import bad_images as images
import numpy as np

Make = Callable[[Path], Any]
Line = Callable[[Any], list[Any]]


class Kind(NamedTuple):
    """A bad input: made in an empty folder, given to a command."""

    name: str
    make: Make
    line: Line
    says: str
    """A part of the sentence, as a regular expression."""


HOW = ("--features", "pixels:8", "--metrics", "fid")


def score(path):
    """As what is generated."""
    return ["score", path, "--real", "REAL", *HOW]


def real(path):
    """As what is real."""
    return ["score", "FAKE", "--real", path, *HOW]


def watch(path):
    """As a run."""
    return ["watch", path, "--once"]


def report(path):
    """As something to make a page of."""
    return ["report", path, "-o", "page.html"]


def text(name: str, content: str | bytes) -> Make:
    data = content.encode() if isinstance(content, str) else content
    return lambda root: files.write(root, name, data)


def start() -> str:
    from gandiag.monitors import Context

    return json.dumps({"type": "start", "schema": 1, "context": Context().to_json()}) + "\n"


def log(content: str | bytes, begun: bool = True) -> Make:
    """A run with this monitor.jsonl."""

    def make(root: Path) -> Path:
        folder = root / "run"
        folder.mkdir()
        data = content.encode() if isinstance(content, str) else content
        (folder / "monitor.jsonl").write_bytes((start().encode() if begun else b"") + data)
        return folder

    return make


def fifo(name: str) -> Make:
    def make(root: Path) -> Path:
        os.mkfifo(root / name)
        return root / name

    return make


def checkpoint(head: str | bytes) -> Make:
    """A run whose only checkpoint says this of itself."""

    def make(root: Path) -> Path:
        folder = root / "run" / "step-00000002"
        folder.mkdir(parents=True)
        (folder / "checkpoint.json").write_bytes(head.encode() if isinstance(head, str) else head)
        return root / "run"

    return make


IMAGES = [
    Kind(name, lambda root, data=data: images.beside(root, "bad.png", data), score, r"bad\.png")
    for name, data in images.BAD.items()
]

FOLDERS = [
    Kind("a folder that is not there", lambda root: root / "nowhere", score, "nowhere"),
    Kind("an empty folder", lambda root: root, score, "empty folder"),
    Kind("a user who is not there", lambda root: "~nosuchuser/x", score, "nosuchuser"),
    Kind("links that double at 24 levels", images.doubling, score, "level23|links"),
    Kind(
        "a folder of text alone",
        lambda root: files.write(root, "a.txt", b"x").parent,
        score,
        "holds no image",
    ),
    Kind(
        "one image",
        lambda root: files.write(root, "a.png", images.png()).parent,
        score,
        "1 image|at least 2",
    ),
    Kind("a name of 5,000 letters", lambda root: "x" * 5000, score, "xxx"),
    Kind("a name with NUL", lambda root: "a\0b", score, "a"),
    Kind("a data set that is not there", lambda root: "dataset:cifra10", score, "cifar10"),
    Kind("a pipe as a folder", fifo("x"), score, "x"),
    Kind("a pipe as statistics", fifo("x.npz"), real, r"x\.npz"),
    Kind("a device", lambda root: "/dev/zero", score, "/dev/zero"),
]

ARCHIVES = [
    Kind("a zip that is text", text("x.zip", "no zip"), score, r"x\.zip"),
    Kind(
        "a zip cut short",
        lambda r: files.write(
            r, "y.zip", files.zipped(r, [("a.png", images.png())]).read_bytes()[:-30]
        ),
        score,
        r"y\.zip",
    ),
    Kind("an empty zip", lambda r: files.zipped(r, []), score, "empty archive"),
    Kind("a zip in a zip", files.nested, score, "holds no image"),
    Kind(
        "a zip with .. in a name",
        lambda r: files.zipped(r, [("../../a.png", b"x"), ("b.png", b"y")]),
        score,
        r"x\.zip",
    ),
    Kind("a zip of 20,000 files that are no images", files.many, score, "holds no image"),
    Kind("a zip with a bomb of pixels", files.image_bomb, score, r"b\.png"),
    Kind("a tar that is text", text("x.tar", "no tar" * 200), score, r"x\.tar"),
    Kind(
        "a tar cut short",
        lambda r: files.write(
            r,
            "y.tar",
            files.tarred(r, [("a.png", images.png(64)), ("b.png", images.png(64, 1))]).read_bytes()[
                :13000
            ],
        ),
        score,
        r"y\.tar",
    ),
    Kind(
        "a tar of links",
        lambda r: files.tarred(
            r,
            [
                (files.special(b"2", link="/etc/passwd"), b""),
                (files.special(b"1", "y.png", "/etc/shadow"), b""),
            ],
        ),
        score,
        r"x\.png",
    ),
    Kind(
        "a tar of devices and pipes",
        lambda r: files.tarred(
            r, [(files.special(b"3"), b""), (files.special(b"6", "y.png"), b"")]
        ),
        score,
        "not a regular file",
    ),
    Kind(
        "a tar with absolute names",
        lambda r: files.tarred(r, [("/etc/a.png", b"x"), ("/etc/b.png", b"y")]),
        score,
        r"a\.png",
    ),
]

ARRAYS = [
    Kind("an npy that is text", text("x.npy", "no array"), score, r"x\.npy"),
    Kind("an npy of objects, a pickle", files.pickled, score, r"x\.npy"),
    Kind("an npz of objects, a pickle", files.pickle_in_npz, score, r"x\.npz"),
    Kind("a pickle called npy", lambda r: files.bare_pickle(r, "x.npy"), score, r"x\.npy"),
    Kind("a pickle called npz", lambda r: files.bare_pickle(r, "x.npz"), score, r"x\.npz"),
    Kind("a pickle called pt", lambda r: files.bare_pickle(r, "x.pt"), score, r"x\.pt"),
    Kind(
        "a pickle called safetensors",
        lambda r: files.bare_pickle(r, "x.safetensors"),
        score,
        r"x\.safetensors",
    ),
    Kind(
        "an npy that claims more than it has",
        text("x.npy", files.claimed((10**6, 64, 64, 3))),
        score,
        r"x\.npy",
    ),
    Kind(
        "an npy that claims 2^62 images",
        text("x.npy", files.claimed((2**62, 8, 8, 3))),
        score,
        r"x\.npy",
    ),
    Kind("an npy of negative size", text("x.npy", files.claimed((-1, 8, 8, 3))), score, r"x\.npy"),
    Kind("an npy of strings", text("x.npy", files.npy(np.array(["a", "b"]))), score, r"x\.npy"),
    Kind(
        "an npy of complex numbers",
        text("x.npy", files.npy(np.ones((4, 8, 8, 3), complex))),
        score,
        r"x\.npy",
    ),
    Kind("an npy of no dimension", text("x.npy", files.npy(np.float32(1))), score, r"x\.npy"),
    Kind(
        "an npy of five dimensions",
        text("x.npy", files.npy(np.ones((2, 2, 8, 8, 3), np.uint8))),
        score,
        r"x\.npy",
    ),
    Kind(
        "an npy of seven channels",
        text("x.npy", files.npy(np.ones((4, 8, 8, 7), np.uint8))),
        score,
        r"x\.npy",
    ),
    Kind(
        "an npy of no images",
        text("x.npy", files.npy(np.ones((0, 8, 8, 3), np.uint8))),
        score,
        "holds no image",
    ),
    Kind(
        "floats without a range",
        text("x.npy", files.npy(np.random.default_rng(0).random((4, 8, 8, 3), np.float32))),
        score,
        "value-range",
    ),
    Kind(
        "floats with NaN",
        text("x.npy", files.npy(np.full((4, 8, 8, 3), np.nan, np.float32))),
        lambda p: [*score(p), "--value-range", "0", "1"],
        r"x\.npy|NaN",
    ),
    Kind("an npz with changed pixels", files.inverted, score, r"x\.npz"),
    Kind("an npz with one name twice", files.twice, score, r"x\.npz"),
    Kind("an npz with nothing in it", lambda r: files.zipped(r, [], "x.npz"), score, r"x\.npz"),
    Kind(
        "an npz of foreign names",
        lambda r: files.npz(r, a=np.ones(3), b=np.ones(3)),
        score,
        r"x\.npz",
    ),
    Kind(
        "a safetensors of a huge header",
        lambda r: files.tensors(r, {}, size=2**60),
        score,
        r"x\.safetensors",
    ),
    Kind(
        "a safetensors of deep JSON",
        lambda r: files.tensors(r, files.deep()),
        score,
        r"x\.safetensors",
    ),
    Kind(
        "a safetensors beyond its data",
        lambda r: files.tensors(
            r, {"a": {"dtype": "U8", "shape": [9, 3, 8, 8], "data_offsets": [0, 1728]}}
        ),
        score,
        r"x\.safetensors",
    ),
]

STATISTICS = [
    Kind(
        "statistics with one axis too many",
        lambda r: files.npz(r, mu=np.ones((2, 2)), sigma=np.eye(2)),
        real,
        r"x\.npz",
    ),
    Kind(
        "statistics of two widths",
        lambda r: files.npz(r, mu=np.ones(3), sigma=np.eye(2)),
        real,
        r"x\.npz",
    ),
    Kind(
        "statistics of another width",
        lambda r: files.npz(r, mu=np.ones(3), sigma=np.eye(3)),
        real,
        r"x\.npz",
    ),
    Kind(
        "statistics of NaN",
        lambda r: files.npz(r, mu=np.full(192, np.nan), sigma=np.eye(192)),
        real,
        r"x\.npz",
    ),
    Kind(
        "statistics of infinity",
        lambda r: files.npz(r, mu=np.ones(192), sigma=np.full((192, 192), np.inf)),
        real,
        r"x\.npz",
    ),
    Kind(
        "a covariance that is not symmetric",
        lambda r: files.npz(r, mu=np.ones(192), sigma=np.triu(np.ones((192, 192)))),
        real,
        r"x\.npz",
    ),
    Kind(
        "an indefinite covariance",
        lambda r: files.npz(r, mu=np.ones(192), sigma=-np.eye(192)),
        real,
        r"x\.npz",
    ),
    Kind(
        "statistics without a covariance", lambda r: files.npz(r, mu=np.ones(192)), real, r"x\.npz"
    ),
    Kind(
        "statistics of strings",
        lambda r: files.npz(r, mu=np.array(["a"] * 192), sigma=np.eye(192)),
        real,
        r"x\.npz",
    ),
    Kind("a mean of two gigabytes", files.bomb, real, r"x\.npz"),
    Kind(
        "statistics as what is generated",
        lambda r: files.npz(r, mu=np.ones(192), sigma=np.eye(192)),
        lambda p: ["score", p, "--real", "REAL", "--features", "pixels:8", "--metrics", "kid"],
        r"x\.npz",
    ),
]

LOGS = [
    Kind("a run that is not there", lambda r: r / "nowhere", watch, "nowhere"),
    Kind("a log of zeros", log(b"\0" * 500 + b"\n{}\n", begun=False), watch, r"monitor\.jsonl"),
    Kind("a log of text", log("hello\nworld\n", begun=False), watch, r"monitor\.jsonl"),
    Kind("a log of deep JSON", log(files.deep() + b"\n{}\n"), watch, r"monitor\.jsonl"),
    Kind("a log whose lines are lists", log("[1]\n[2]\n"), watch, r"monitor\.jsonl"),
    Kind(
        "a log of signals that are words",
        log('{"type": "signals", "step": 1, "values": {"energy": "x"}}\n{}\n'),
        watch,
        r"monitor\.jsonl",
    ),
    Kind(
        "a log of another encoding",
        log(b"\xff\xfe{\0}\0\n\0{\n", begun=False),
        watch,
        r"monitor\.jsonl",
    ),
    Kind("a pipe as a log", fifo("x.jsonl"), watch, r"x\.jsonl"),
    Kind("a report of a folder without a log", lambda r: r, report, "."),
    Kind("a report of JSON that is none", text("x.json", "{"), report, r"x\.json"),
    Kind("a report of another schema", text("x.json", '{"schema": 99}'), report, r"x\.json"),
    Kind(
        "a report of foreign JSON",
        text("x.json", '{"schema": 1, "a": [NaN, Infinity]}'),
        report,
        r"x\.json",
    ),
    Kind("a report of deep JSON", text("x.json", files.deep()), report, r"x\.json"),
    Kind("a report of bytes", text("x.json", b"\xff\xfe"), report, r"x\.json"),
]

CHECKPOINTS = [
    Kind("a checkpoint of deep JSON", checkpoint(files.deep()), score, r"checkpoint\.json"),
    Kind("a checkpoint that is text", checkpoint("x"), score, r"checkpoint\.json"),
    Kind("a checkpoint that is a list", checkpoint("[]"), score, r"checkpoint\.json"),
    Kind(
        "a checkpoint at step infinity",
        checkpoint('{"step": 1e999, "loader": "reference_models"}'),
        score,
        r"checkpoint\.json",
    ),
    Kind("a checkpoint without fields", checkpoint("{}"), score, r"checkpoint\.json"),
    Kind(
        "a checkpoint of another loader",
        checkpoint('{"loader": "os.system", "step": 1, "format": 2}'),
        score,
        "os.system",
    ),
]

ARGUMENTS = [
    Kind(
        f"{name} {value}",
        lambda r: None,
        lambda _, n=name, v=value: ["score", "FAKE", "--real", "REAL", *HOW, n, *v.split(" ")],
        says,
    )
    for name, value, says in (
        ("--fail-above", "fid=nan", "nan"),
        ("--fail-above", "fid=inf", "inf"),
        ("--fail-above", "fdi=3", "fid"),
        ("--fail-above", "fid", "fid"),
        ("--fail-below", "=3", "=3"),
        ("--max-images", "1", "1"),
        ("--max-images", "-3", "-3"),
        ("--batch-size", "0", "0"),
        ("--workers", "-1", "-1"),
        ("--device", "quantum", "quantum"),
        ("--device", "meta", "meta"),
        ("--features", "inceptoin", "inception"),
        ("--features", "pixels:0", "pixels"),
        ("--features", "pixels:1e9", "pixels"),
        ("--features", "x.safetensors", r"x\.safetensors"),
        ("--metrics", "fdi", "fid"),
        ("--metrics", "fid(k=3)", "k"),
        ("--metrics", "prdc(k=0)", "k"),
        ("--metrics", "prdc(k=__import__('os'))", "k"),
        ("--metrics", "", "metric"),
        ("--protocol", "pytorch_fid", "pytorch-fid"),
        ("--value-range", "1 0", "range"),
        ("--value-range", "nan 1", "range|nan"),
        ("--seed", "-1", "-1"),
        ("--config", "nowhere.toml", r"nowhere\.toml"),
        ("--json", "nowhere/x.json", "nowhere"),
        ("--html", "REAL", "REAL|real"),
        ("--output-format", "yaml", "yaml"),
        ("--heldout", "nowhere", "nowhere"),
        ("--generator", "nowhere:make", "nowhere"),
        ("--gpu", "0", "--device"),
    )
]

HOSTILE = "a\x1b]0;owned\x07\x1b[31m<script>\r"
"""A name that a terminal would obey."""

NAMES = [
    Kind(
        "escapes in the name of a bad image",
        lambda r: images.beside(r, f"{HOSTILE}.png", b"x"),
        score,
        "owned",
    ),
    Kind("escapes in the name of a folder", lambda r: r / HOSTILE, score, "owned"),
    Kind(
        "escapes in the name of a member",
        lambda r: files.zipped(r, [(f"{HOSTILE}.png", b"x"), ("b.png", b"y")]),
        score,
        "owned",
    ),
    Kind(
        "escapes in the name of statistics",
        lambda r: files.npz(r, f"{HOSTILE}.npz", mu=np.ones(3)),
        real,
        "owned",
    ),
    Kind(
        "escapes in the name of weights",
        lambda r: r / f"{HOSTILE}.pth",
        lambda p: ["weights", "import", p],
        "owned",
    ),
    Kind(
        "escapes in the name of an output",
        lambda r: r / HOSTILE / "x.json",
        lambda p: ["score", "FAKE", "--real", "REAL", *HOW, "--json", p],
        "owned",
    ),
    Kind("escapes in the name of a run", lambda r: r / HOSTILE, watch, "owned"),
    Kind(
        "escapes in the name of a metric",
        lambda r: None,
        lambda _: [
            "score",
            "FAKE",
            "--real",
            "REAL",
            "--features",
            "pixels:8",
            "--metrics",
            HOSTILE,
        ],
        "owned",
    ),
    Kind(
        "escapes in the name of features",
        lambda r: None,
        lambda _: ["score", "FAKE", "--real", "REAL", "--features", HOSTILE],
        "owned",
    ),
    Kind("escapes in a recipe's name", lambda r: None, lambda _: ["train", HOSTILE], "owned"),
    Kind(
        "escapes in an alert of a log",
        log('{"type": "alert", "pathology": "\\u001b[31mx"}\n{}\n'),
        watch,
        r"monitor\.jsonl",
    ),
    Kind(
        "a name of no encoding", lambda r: os.fsdecode(os.fsencode(r) + b"/\xff\xfe"), score, "made"
    ),
]

OTHERS = [
    Kind(
        "a configuration that is no TOML",
        text("x.toml", "a = ["),
        lambda p: ["score", "FAKE", "--config", p],
        r"x\.toml",
    ),
    Kind(
        "a configuration of a foreign key",
        text("x.toml", "colour = 3\n"),
        lambda p: ["score", "FAKE", "--config", p],
        "colour",
    ),
    Kind(
        "a configuration of a wrong type",
        text("x.toml", "seed = 'x'\n"),
        lambda p: ["score", "FAKE", "--config", p],
        "seed",
    ),
    Kind(
        "a configuration of bytes",
        text("x.toml", b"\xff\xfe\0"),
        lambda p: ["score", "FAKE", "--config", p],
        r"x\.toml",
    ),
    Kind(
        "an output that is an input",
        lambda r: files.npz(r, arr_0=files.pixels()),
        lambda p: ["stats", p, "-o", p, "--features", "pixels:8"],
        r"x\.npz",
    ),
    Kind(
        "weights that are a pickle",
        lambda r: files.bare_pickle(r, "w.pth"),
        lambda p: ["weights", "import", p],
        r"w\.pth",
    ),
    Kind(
        "weights that are not there",
        lambda r: r / "w.pth",
        lambda p: ["weights", "import", p],
        r"w\.pth",
    ),
    Kind(
        "a recipe that is not there",
        lambda r: None,
        lambda _: ["train", "sngan-rign8"],
        "sngan-ring8",
    ),
    Kind(
        "a recipe.json of deep JSON",
        text("recipe.json", files.deep()),
        lambda p: ["train", p],
        r"recipe\.json",
    ),
    Kind(
        "a recipe.json of nonsense",
        text("recipe.json", '{"a": 1}'),
        lambda p: ["train", p],
        r"recipe\.json",
    ),
    Kind(
        "a seed of 2^63",
        lambda r: None,
        lambda _: ["train", "ns-ring8", "--seed", str(2**63), "--out", "run"],
        "seed",
    ),
    Kind(
        "a setting that is not there",
        lambda r: None,
        lambda _: ["train", "ns-ring8", "--set", "lr_dd=1"],
        "lr_d",
    ),
    Kind(
        "a setting of NaN",
        lambda r: None,
        lambda _: ["train", "ns-ring8", "--set", "lr_d=NaN", "--out", "run"],
        "lr_d",
    ),
    Kind(
        "an experiment that is not there",
        lambda r: None,
        lambda _: ["reproduce", "naem2020-prdc"],
        "naeem2020-prdc",
    ),
    Kind("a card that is not there", lambda r: None, lambda _: ["explain", "fdi"], "fid"),
    Kind(
        "a baseline of nonsense",
        text("old.json", "{}"),
        lambda p: ["compare", "FAKE", "--baseline", p, "--real", "REAL", *HOW],
        r"old\.json",
    ),
    Kind(
        "a baseline that is a list",
        text("old.json", "[]"),
        lambda p: ["compare", "FAKE", "--baseline", p, "--real", "REAL", *HOW],
        r"old\.json",
    ),
    Kind("a verb that is not there", lambda r: None, lambda _: ["scoer", "FAKE"], "score"),
]

CORPUS = (
    *IMAGES,
    *FOLDERS,
    *ARCHIVES,
    *ARRAYS,
    *STATISTICS,
    *LOGS,
    *CHECKPOINTS,
    *ARGUMENTS,
    *NAMES,
    *OTHERS,
)
