"""What people type, and code of theirs: understood, or one sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from test_outputs import one_sentence

from gandiag.cli import AGAIN, VERBS, cli
from gandiag.cli.helpful import FOREIGN, MEANT, TOOLS
from gandiag.cli.terminal import bar, rate, transfer
from gandiag.monitors import Context
from gandiag.monitors.sinks import JsonLines
from gandiag.scoring import PROTOCOLS

ROOT = Path(__file__).parents[2]


def test_a_misspelt_verb(run):
    code, _, err = run("scor", "a")
    assert code == 2
    assert "did you mean score?" in err
    code, _, err = run("frobnicate")
    assert code == 2
    assert all(verb in err for verb in VERBS)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("precision,recall", ["precision[pixels:4]", "recall[pixels:4]"]),
        ("FID", ["fd[pixels:4]"]),
        ("fd", ["fd[pixels:4]"]),
    ],
)
def test_names_as_people_type_them(run, folders, asked, names):
    fake, real = folders
    words = ("score", fake, "--real", real, "--features", "pixels:4", "--json", "-")
    gate = f"{'fid' if asked == 'fd' else asked.partition(',')[0]}=1e9"
    code, out, err = run(*words, "--metrics", asked, "--fail-above", gate)
    assert (code, err) == (0, "")
    assert set(names) <= set(json.loads(out)["scores"])


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("a", "b"), "gandiag score a --real b"),
        (("a", "--num-workers", "4"), "--workers N"),
        (("a", "--num_workers", "4"), "--workers N"),
        (("a", "--dims", "64"), "fid(layer="),
        (("a", "--save-stats"), "gandiag stats SRC -o FILE.npz"),
        (("--gpu", "0", "a"), "--device cuda:0"),
        (("--input1", "a", "--input2", "b"), "gandiag score FAKE --real REAL"),
        (("a", "--batchsize", "4"), "--batch-size"),
        (("a", "--num_workers=4", "--gpu", "0"), "--num_workers, --gpu; use --workers N, --device"),
        (("--gpu", "0", "--fid", "--input1", "A", "--input2", "B"), "--metrics fid"),
    ],
)
def test_people_from_other_tools(run, words, hint):
    code, _, err = run("score", *words)
    assert code == 2
    assert hint in err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("pytorch-fid", "A", "B"), "gandiag score A --real B --protocol pytorch-fid"),
        (("pytorch_fid",), "gandiag score FAKE --real REAL --protocol pytorch-fid"),
        (
            ("fidelity", "--gpu", "0", "--fid", "--input1", "A", "--input2", "B"),
            "gandiag score A --real B --protocol torch-fidelity",
        ),
        (("calc_metrics.py", "--data"), "--protocol stylegan"),
        (("fid", "a", "b"), "did you mean score?"),
        (("help",), "did you mean --help?"),
        (("weights", "lst"), "did you mean list?"),
        (("cache", "zzz"), "choose from list, clear"),
        (("weights", "fetch", "incepton"), "did you mean inception?"),
        (("train", "sngan-rng8"), "did you mean sngan-ring8"),
        (("train", "sngan-ring8", "--set", "lrd=1"), "did you mean lr_d?"),
        (("train", "sngan-ring8", "--data", "dijits"), "did you mean digits?"),
        (("train", "--gpu", "0"), "use --device cuda:0"),
        (("watch", "x", "--singals", "y"), "--signals"),
        (("score", "x", "--real", "dataset:cifr10"), "did you mean dataset:cifar10?"),
        (("score", "x", "--metrics", "fdi"), "did you mean fid?"),
    ],
)
def test_what_was_meant(run, words, hint):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert hint in err


def test_what_another_tool_has_and_this_command_not(run):
    """No option is named that the command does not know."""
    code, _, err = run("watch", "x", "--gpu", "0")
    assert code == 2
    assert "--device" not in err


def test_protocols_of_other_tools_exist():
    assert set(TOOLS.values()) <= set(PROTOCOLS)
    assert {each for each in MEANT.values() if not each.startswith("--")} <= set(VERBS)
    assert not {*TOOLS, *MEANT} & set(VERBS)


# --- one language for all verbs ---


def commands(group=cli, context=None, path=()):
    """Each command and those of groups, by its words."""
    context = context or click.Context(cli, info_name="gandiag")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            inner = click.Context(command, parent=context, info_name=name)
            yield from commands(command, inner, (*path, name))


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", COMMANDS)
def test_every_help_runs_and_has_an_example(words):
    done = CliRunner().invoke(cli, [*words.split(), "--help"])
    assert done.exit_code == 0
    assert re.search(rf"Examples?:\n +.*gandiag {words}", done.output)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_option_has_a_line_of_help(words):
    for each in COMMANDS[words].params:
        if isinstance(each, click.Option):
            assert each.help, each.opts


def kind(option):
    """What may stand behind it, as a person sees it."""
    numbers = (click.types.IntParamType, click.types.FloatParamType)
    what = "number" if isinstance(option.type, numbers) else option.metavar or option.type.name
    return what.partition(".")[0], option.nargs, option.is_flag  # a FILE of any format


def test_options_of_several_commands_are_the_same():
    """The same help, or at least the same kind of value."""
    found = {}
    for words, command in COMMANDS.items():
        for each in command.params:
            for name in (
                (*each.opts, *each.secondary_opts) if isinstance(each, click.Option) else ()
            ):
                if name.startswith("--"):
                    found.setdefault(name, {})[words] = each
    assert len(found["--json"]) >= 5
    for name, there in found.items():
        alike = {each.help for each in there.values()}, {kind(each) for each in there.values()}
        assert 1 in map(len, alike), (name, there)


def test_verbs_with_options_of_scoring_can_be_quiet():
    long = ("score", "compare", "stats", "latent", "train", "reproduce", "demo", "weights fetch")
    for words in long:
        assert any("--quiet" in each.opts for each in COMMANDS[words].params), words


def test_what_is_named_for_other_tools_exists(run):
    """Every option in the table's right column is one of `gandiag score`, and none of the left."""
    ours = {name for each in COMMANDS["score"].params for name in each.opts}
    for old, new in FOREIGN.items():
        assert old not in ours
        assert set(re.findall(r"--[a-z][a-z-]+", new)) <= ours | {"--metrics"}


# --- code of the user's ---


@pytest.fixture
def module(tmp_path, monkeypatch, folders):
    """Score a file of weights by a module of this text; ``code, out, err``."""
    count = iter(range(100))
    root = str(tmp_path)

    def score(text, *more, state=None, function="make", weights=None):
        name = f"user_module_{next(count)}"
        (tmp_path / f"{name}.py").write_text(text)
        path = weights or tmp_path / "g.safetensors"
        if weights is None:
            save_file(state or {"w": torch.ones(3)}, path)
        words = [path, "--real", folders[1], "--generator", f"{name}:{function}", *more]
        quick = ["--features", "pixels:4", "--metrics", "fid", "--json", "-"]
        done = subprocess.run(
            [sys.executable, "-m", "gandiag", "score", *map(str, words), *quick],
            capture_output=True,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return score


WORKS = """
import torch
print("hello from the module")
def make(state, device):
    print("made")
    def sample(rngs):
        print("sampled")
        return torch.stack([torch.rand(3, 8, 8, generator=rng) * 2 - 1 for rng in rngs])
    return sample
"""


def test_what_a_module_prints_never_comes_before_the_json(module):
    code, out, err = module(WORKS)
    assert code == 0
    assert json.loads(out)["scores"]
    for word in ("hello from the module", "made", "sampled"):
        assert word in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys; sys.exit(0)", ("SystemExit", "user_module_0")),
        ("raise RuntimeError('no such thing')", ("RuntimeError: no such thing", "user_module_0")),
        ("def make(:", ("SyntaxError", "user_module_0")),
        ("import absent_module_of_theirs", ("absent_module_of_theirs", "user_module_0")),
        ("def mak(state, device): pass", ("did you mean mak?",)),
        ("make = 3", ("make",)),
        ("def make(state, device): raise KeyError('conv.weight')", ("KeyError", "conv.weight")),
        ("def make(state, device):\n import sys; sys.exit(0)", ("SystemExit",)),
        (
            "def make(state, device):\n def sample(rngs): raise ValueError('odd')\n return sample",
            ("ValueError", "odd"),
        ),
    ],
)
def test_what_a_module_raises_is_one_sentence(module, text, words):
    code, out, err = module(text)
    assert (code, out) == (2, "")
    for word in words:
        assert word in one_sentence(err)


def test_a_module_that_is_not_there(run, folders):
    code, _, err = run("score", "x", "--real", folders[1], "--generator", "absent_one:make")
    assert code == 2
    assert "there is no module absent_one here" in one_sentence(err)


def test_a_nested_checkpoint(module, tmp_path):
    torch.save({"g_ema": {"conv.weight": torch.ones(3)}, "step": 3}, tmp_path / "nested.pt")
    text = "def make(state, device): return state['conv.weight']"
    code, _, err = module(text, weights=tmp_path / "nested.pt")
    assert code == 2
    assert "nested.pt" in one_sentence(err)


def test_too_few_images_shows_no_internals(run, folders, tmp_path):
    code, _, err = run(
        "score", folders[0], "--real", folders[1], "--features", "pixels:4",
        "--metrics", "kid(subsets=subsets(size=45))",
    )  # fmt: skip
    assert code in (0, 2)
    assert "KernelDistance(" not in err


# --- long work without a terminal ---


def test_progress_without_a_terminal_is_a_line_a_tenth(capsys, monkeypatch):
    seconds = iter(range(1000))
    monkeypatch.setattr("gandiag.cli.terminal.monotonic", lambda: float(next(seconds)))
    with bar("real: data/", 5_000) as advance:
        for _ in range(100):
            advance(50)
    lines = capsys.readouterr().err.splitlines()
    # Ten seconds after the beginning, here with the tenth batch, and then at each tenth.
    # 50 images a second, by this clock.
    tenths = [
        f"real: data/: {done:,} of 5,000, 50/s, {(5_000 - done) // 50}s left"
        for done in range(500, 5_001, 500)
    ]
    assert lines == tenths


def test_long_work_is_told_of_before_its_first_tenth(capsys, monkeypatch):
    seconds = iter((0, 60, 120, 180))
    monkeypatch.setattr("gandiag.cli.terminal.monotonic", lambda: float(next(seconds)))
    with bar("real: data/", 5_000) as advance:
        for _ in range(3):
            advance(50)
    told = ["real: data/: 50 of 5,000, 50/min, 99min left"]
    assert capsys.readouterr().err.splitlines() == told


def test_short_work_without_a_terminal_is_quiet(capsys):
    for total in (100, None):
        with bar("real: data/", total) as advance:
            advance(100)
    assert capsys.readouterr().err == ""


def test_a_download_is_told_of_in_bytes_and_time_left(capsys, monkeypatch):
    seconds = iter((0, 5, 20, 20, 40))
    monkeypatch.setattr("gandiag.cli.terminal.monotonic", lambda: float(next(seconds)))
    with transfer("inception") as tell:
        for done in (10, 40, 41, 80):
            tell(done << 20, 100 << 20)
    assert capsys.readouterr().err.splitlines() == [
        "inception: 40 of 100 MiB, 2.0/s, 30s left",
        "inception: 80 of 100 MiB, 2.0/s, 10s left",
    ]


@pytest.mark.parametrize(
    ("speed", "words"), [(1234.4, "1,234/s"), (3.46, "3.5/s"), (0.2, "12/min"), (0.001, "0.06/min")]
)
def test_rates(speed, words):
    assert rate(speed) == words


def test_a_bar_shows_rate_and_time_left(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with bar("real: data/", 5_000) as advance:
        for _ in range(3):
            advance(50)
    assert "150/5000" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)


@pytest.mark.parametrize("flag", ["--quiet", "-q"])
def test_quiet_shows_no_progress(run, folders, monkeypatch, flag):
    monkeypatch.setattr("gandiag.cli.terminal.PATIENCE", -1.0)
    words = ("score", *folders[:1], "--real", folders[1], "--features", "pixels:4", "--no-cache")
    _, out, err = run(*words, "--metrics", "fid")
    assert "generated" in err  # what takes long is told of
    assert run(*words, "--metrics", "fid", flag) == (0, out, "")


def test_no_color_is_heeded(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    file = JsonLines(tmp_path / "monitor.jsonl")
    file.write("start", {"schema": 1, "context": Context().to_json()})
    file.signals(20, {"energy": 0.5})
    file.close()
    colour = re.compile(r"\x1b\[(\d+;)*(3[0-7]|9[0-7]|38)[;m]")
    assert colour.search(run("watch", tmp_path, "--once")[1])
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colour.search(run("watch", tmp_path, "--once")[1])


@pytest.mark.parametrize(
    ("line", "found"),
    [("gandiag s", ["score", "stats"]), ("gandiag watch --o", ["--once"]), ("gandiag x", [])],
)
def test_the_shell_completes(line, found, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COMPLETES],
        env={**os.environ, "PYTHONPATH": str(ROOT), "_GANDIAG_COMPLETE": "bash_complete",
             "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [each.partition(",")[2] for each in done.stdout.split()] == found
    assert ("torch" in done.stderr) == ("watch" in line)


COMPLETES = """
import sys
sys.argv[0] = "gandiag"
from gandiag.cli import main
try:
    main()
finally:
    print(*[name for name in sys.modules if name == "torch"], file=sys.stderr)
"""


@pytest.mark.parametrize("verb", [*AGAIN])
def test_an_interruption_says_how_to_go_on(run, monkeypatch, verb):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("gandiag.cli.cli.main", stop)
    code, out, err = run(verb, "x")
    assert (code, out) == (130, "")
    assert err == f"gandiag: stopped; {AGAIN[verb]}\n"


def test_every_long_verb_says_how_to_go_on():
    quick = {"explain", "cache"}
    assert set(AGAIN) == set(VERBS) - quick - {"train"}  # which names its own command


def test_weights_are_listed_whole(run, monkeypatch):
    from gandiag.extractors import WEIGHTS

    monkeypatch.setenv("COLUMNS", "80")
    out = run("weights", "list")[1]
    for row in WEIGHTS.values():
        assert row.name in out


def test_data_are_fetched_by_the_same_verb(run, monkeypatch, tmp_path):
    asked = []

    def fetch(name, tell=None, **_more):
        tell(1, 2)
        asked.append(name)
        return tmp_path

    monkeypatch.setattr("gandiag.cli.weights.fetch_dataset", lambda *a, **k: fetch(*a, **k))
    code, out, _ = run("weights", "fetch", "dataset:cifar10")
    assert (code, asked) == (0, ["dataset:cifar10"])
    assert str(tmp_path) in out
    monkeypatch.setattr("gandiag.cli.weights.fetch_weights", lambda *a, **k: fetch(*a, **k))
    assert run("weights", "fetch", "dinov2")[0] == 0
    assert asked[-1] == "dinov2"
    monkeypatch.undo()
    code, _, err = run("weights", "fetch", "inceptoin")
    assert code == 2
    assert "inceptoin" in one_sentence(err)
