import json
import re
import zipfile

import numpy as np
import pytest
import torch
from folders import save
from toys import images

import gandiag
from gandiag.cli import VERBS
from gandiag.metrics import METRICS
from gandiag.scoring.protocols import PROTOCOLS
from gandiag.sources import folder as folder_source

SMALL = "pixels:4"  # 48 features
FAST = ("--features", SMALL)


@pytest.mark.parametrize("verb", [*VERBS, None])
def test_every_help_has_examples(run, verb):
    code, out, _ = run(*([verb] if verb else []), "--help")
    assert code == 0
    assert "Examples:" in out
    assert f"gandiag {verb or 'score'}" in out


def test_help_names_every_metric_and_protocol(run):
    words = re.sub(r"\s+", "", run("score", "--help")[1])
    for name in (*METRICS, *PROTOCOLS):
        assert name in words


def test_version(run):
    assert run("--version")[1].strip().endswith("0.1.0")


def test_the_table_says_what_was_scored(run, folders):
    fake, real = folders
    code, out, err = run("score", fake, "--real", real, *FAST)
    assert (code, err) == (0, "")
    for name in ("fd", "kd", "precision", "recall", "density", "coverage"):
        assert f"{name}[pixels:4]" in out
    assert "40 generated against 50 real images" in out
    assert "protocol gandiag" in out
    assert "is was left out" in out  # pixels have no class logits


def test_json_alone_on_standard_output(run, folders):
    fake, real = folders
    code, out, _ = run("score", fake, "--real", real, *FAST, "--json", "-")
    whole = json.loads(out)
    assert code == 0
    assert whole["schema"] == 1
    assert whole["scores"]["fd[pixels:4]"]["n_generated"] == 40
    assert whole["provenance"]["extractors"]["pixels:4"]["resize"] == "torch-antialias"


def test_json_and_html_files(run, folders, tmp_path):
    fake, real = folders
    files = tmp_path / "scores.json", tmp_path / "report.html"
    code, out, _ = run("score", fake, "--real", real, *FAST, "--json", files[0], "--html", files[1])
    assert code == 0
    assert "fd[pixels:4]" in out
    scores = json.loads(files[0].read_text())["scores"]
    page = files[1].read_text()
    assert all(name in page for name in scores)
    assert page.count("data:image/png;base64,") == 2
    assert "http://" not in page
    assert "https://" not in page


def test_the_library_and_the_command_line_agree(run, folders):
    fake, real = folders
    whole = json.loads(run("score", fake, "--real", real, *FAST, "--json", "-")[1])
    report = gandiag.score(fake, real, features=SMALL)
    assert {name: row["value"] for name, row in whole["scores"].items()} == {
        row.name: row.value for row in report.rows
    }


def test_fail_above(run, folders):
    fake, real = folders
    base = ("score", fake, "--real", real, *FAST, "--metrics", "fid")
    assert run(*base, "--fail-above", "fid=1e9")[0] == 0
    code, out, err = run(*base, "--fail-above", "fid=1e-9")
    assert code == 1
    assert "fd[pixels:4]" in out
    assert "above 1e-09" in err


def test_saved_statistics_stand_for_images(run, folders, tmp_path):
    fake, real = folders
    file = tmp_path / "real.npz"
    code, out, _ = run("stats", real, "-o", file, *FAST)
    assert code == 0
    assert "50 images" in out
    from_images = gandiag.score(fake, real, features=SMALL)
    from_file = gandiag.score(fake, file, features=SMALL)
    assert [row.value for row in from_file.rows] == [row.value for row in from_images.rows]
    assert from_file["fid"].n_real == 50


def test_saved_statistics_are_readable_elsewhere(run, folders, tmp_path):
    _, real = folders
    run("stats", real, "-o", tmp_path / "real.npz", *FAST, "--metrics", "fid")
    with np.load(tmp_path / "real.npz", allow_pickle=False) as file:
        assert file["mu"].shape == (48,)
        assert file["sigma"].shape == (48, 48)


def test_statistics_of_another_network_are_refused(run, folders, tmp_path):
    fake, real = folders
    run("stats", real, "-o", tmp_path / "real.npz", "--features", "pixels:5")
    code, _, err = run("score", fake, "--real", tmp_path / "real.npz", *FAST)
    assert code == 2
    assert "real.npz was made with pixels:5" in err


def test_published_statistics_are_taken_with_a_warning(folders, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(100, 30, (500, 48))
    np.savez(tmp_path / "published.npz", mu=rows.mean(0), sigma=np.cov(rows, rowvar=False))
    report = gandiag.score(folders[0], tmp_path / "published.npz", features=SMALL, metrics=("fid",))
    assert "published-statistics" in [each.code for each in report.warnings]
    assert report["fid"].n_real is None


def test_the_reals_are_not_read_again(folders, tmp_path, monkeypatch):
    fake, real = folders
    first = gandiag.score(fake, real, features=SMALL)
    opened = []
    decode = folder_source.decode
    monkeypatch.setattr(folder_source, "decode", lambda *file: opened.append(file) or decode(*file))
    gandiag.score(fake, real, features=SMALL, cache=False)
    assert len(opened) == 40 + 50  # every image comes through here
    opened.clear()
    assert gandiag.score(fake, real, features=SMALL)["fid"].value == first["fid"].value
    other = save(tmp_path / "other", images(30, seed=3, size=(8, 8)))
    gandiag.score(other, real, features=SMALL)
    assert len(opened) == 40 + 30


def test_heldout_shows_the_floor(folders, tmp_path):
    fake, real = folders
    heldout = save(tmp_path / "heldout", images(45, seed=4, size=(8, 8)))
    report = gandiag.score(fake, real, heldout=heldout, features=SMALL)
    alone = gandiag.score(heldout, real, features=SMALL)
    for row in report.rows:
        assert row.heldout == alone[row.name].value


def test_classes_are_scored_alone(tmp_path):
    def classes(root, seed):
        for index, label in enumerate(("cat", "dog")):
            save(root / label, images(20, seed=seed + index, size=(8, 8)))
        return root

    fake, real = classes(tmp_path / "fake", 0), classes(tmp_path / "real", 10)
    # At three features 20 images would have moments; classes are cut from features all the same.
    narrow = {"features": "pixels:1", "metrics": ("fid",)}
    report = gandiag.score(fake, real, **narrow, per_class=True)
    assert list(report.per_class) == ["cat", "dog"]
    alone = gandiag.score(fake / "dog", real / "dog", **narrow)
    for row, expected in zip(report.per_class["dog"], alone.rows, strict=True):
        assert row.value == pytest.approx(expected.value, rel=1e-12)
        assert row.n_generated == 20


def test_max_images_draws_by_seed(folders):
    fake, real = folders

    def drawn(seed):
        return gandiag.score(fake, real, features=SMALL, max_images=30, seed=seed)

    assert drawn(0)["fid"].value == drawn(0)["fid"].value != drawn(1)["fid"].value
    assert drawn(0)["fid"].n_generated == 30


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_batch_size_moves_no_score(folders, batch_size):
    fake, real = folders
    reference = gandiag.score(fake, real, features=SMALL, cache=False)
    report = gandiag.score(fake, real, features=SMALL, batch_size=batch_size, cache=False)
    for row in report.rows:
        # Pixels go through no network, so only float64 sums differ in their order.
        assert row.value == pytest.approx(reference[row.name].value, rel=1e-9)


def test_asking_for_one_metric_never_moves_another(folders):
    fake, real = folders
    whole = gandiag.score(fake, real, features=SMALL, metrics=("all",))
    # Others need logits, patches, more pixels, labels or held-out images.
    names = [n for n, each in METRICS.items() if any(out in whole for out in each.outputs)]
    assert len(names) > 20
    for name in names:
        alone = gandiag.score(fake, real, features=SMALL, metrics=(name,), cache=False)
        for row in alone.rows:
            assert row.value == whole[row.name].value


def test_tensors_and_batches_go_straight_in():
    fake, real = images(40, seed=1, size=(8, 8)), images(50, seed=2, size=(8, 8))
    report = gandiag.score(fake, list(real.split(7)), features=SMALL)
    assert report["fid"].n_real == 50


def test_the_order_of_images_moves_no_score():
    fake, real = images(40, seed=1, size=(8, 8)), images(50, seed=2, size=(8, 8))
    straight = gandiag.score(fake, real, features=SMALL)
    turned = gandiag.score(fake.flip(0), real.flip(0), features=SMALL)
    for row in straight.rows:
        assert turned[row.name].value == pytest.approx(row.value, rel=1e-9)


def test_output_is_quiet_off_a_terminal(run, folders):
    fake, real = folders
    _, out, err = run("score", fake, "--real", real, *FAST)
    assert err == ""
    assert "\x1b" not in out


@pytest.mark.fashion
def test_a_folder_a_zip_and_an_npz_give_the_same_numbers(tmp_path):
    """To the last digit: the same images in the same order make the same batches."""
    try:
        source = gandiag.open_source("dataset:fashion-mnist:test").limit(24, seed=0)
    except gandiag.GandiagError as absent:
        pytest.skip(str(absent))
    pixels = torch.cat([batch.images for batch in source.batches(64)])
    folder = save(tmp_path / "samples", pixels)
    with zipfile.ZipFile(tmp_path / "samples.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    np.savez(tmp_path / "samples.npz", pixels.permute(0, 2, 3, 1).numpy())
    real = "dataset:fashion-mnist:train"
    folder_scores, zip_scores, npz_scores = (
        {
            row.name: row.value
            for row in gandiag.score(each, real, features="lite0", max_images=24).rows
        }
        for each in (folder, tmp_path / "samples.zip", tmp_path / "samples.npz")
    )
    assert folder_scores == zip_scores == npz_scores
    assert "fd[lite0]" in folder_scores


def test_three_small_sources_are_one_warning(run, folders, tmp_path):
    heldout = save(tmp_path / "heldout", images(45, seed=4, size=(8, 8)))
    fake, real = folders
    out = run("score", fake, "--real", real, "--heldout", heldout, *FAST)[1]
    codes = re.findall(r"\(([a-z-]+)\)$", out, flags=re.M)
    assert codes.count("small-sample") == 1
    assert len(codes) == len(set(codes))


def test_images_below_the_network_s_size_are_no_news(tmp_path):
    """As all of CIFAR are: papers' scores of them are of enlarged images, too."""
    fake, real = images(20, seed=1, size=(32, 32)), images(20, seed=2, size=(32, 32))
    report = gandiag.score(fake, real, features="lite0", metrics="fid")
    assert [each.code for each in report.warnings] == ["small-sample"]


def test_long_names_of_classes_cut_no_number(tmp_path, run):
    names = ["x" * 150, "y" * 180]
    for root, seed in (("fake", 0), ("real", 10)):
        for index, name in enumerate(names):
            save(tmp_path / root / name, images(20, seed=seed + index, size=(8, 8)))
    words = ("score", tmp_path / "fake", "--real", tmp_path / "real", *FAST, "--per-class")
    out = run(*words, "--metrics", "fid,prdc")[1]
    whole = json.loads(run(*words, "--metrics", "fid,prdc", "--json", "-")[1])
    for name in names:
        line = next(line for line in out.splitlines() if line.startswith(name))
        values = [row["value"] for row in whole["per_class"][name].values()]
        assert line.split()[1:4] == ["20", "20", "10:10"]
        assert line.split()[4::2] == [f"{value:.6g}" for value in values]
