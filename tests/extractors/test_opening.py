"""Names, packages that add some, and what is no extractor."""

import pytest
import torch

from gandiag.errors import GandiagError
from gandiag.extractors import EXTRACTORS, STYLEGAN, FeatureExtractor, Preprocessing, open_extractor
from gandiag.extractors.small_classifiers import NAMES

CPU = torch.device("cpu")

MODULE = """
import torch

class Mean:
    canonical, features, logits = False, "mean", None
    layers = {"mean": 3}

    def __init__(self, name, device):
        self.name, self.device = name, device

    def provenance(self):
        return {"network": "none"}

    def prepare(self, images):
        return images.float()

    def __call__(self, prepared, layers):
        return dict.fromkeys(layers, prepared.mean((2, 3)))

def open(argument, *, device, precision):
    if argument == "broken":
        raise ZeroDivisionError("of mine\\nand a second line")
    if argument == "module":
        return torch.nn.Linear(1, 1, device="meta")
    return Mean(f"mean {argument}", device)
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package that registers the extractor `mean`, as an installer would leave it."""
    site = tmp_path / "site"
    facts = site / "mean_of_mine-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "mean_of_mine.py").write_text(MODULE)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mean-of-mine\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[gandiag.extractors]\n"
        "mean = mean_of_mine:open\npixels = mean_of_mine:open\ngone = mean_of_mine:gone\n"
    )
    monkeypatch.syspath_prepend(str(site))


def test_an_installed_package_adds_an_extractor(installed):
    extractor = open_extractor("mean:of all", device=CPU)
    assert (extractor.name, extractor.device) == ("mean of all", CPU)
    assert isinstance(extractor, FeatureExtractor)
    assert open_extractor("mean", device=CPU).name == "mean "
    assert open_extractor("pixels", device=CPU).name == "pixels"  # ours are not to be replaced


@pytest.mark.parametrize(
    ("spec", "options", "why"),
    [
        ("mean:broken", {}, r"mean_of_mine:open .*could not .* \(ZeroDivisionError: of mine\)"),
        ("gone", {}, "mean_of_mine:gone .* could not be opened .*AttributeError"),
        ("mean:module", {}, r"opened a Linear as mean, which lacks canonical, .*provenance"),
        ("mean", {"preprocessing": STYLEGAN}, "mean .* takes no resize of a protocol"),
        ("mean", {"weights": "file"}, "weights file are for inception, .*, not for mean"),
        ("meam", {}, "called 'meam', did you mean mean; choose .*, mean"),
    ],
)
def test_what_goes_wrong_with_another_package_is_one_sentence(installed, spec, options, why):
    with pytest.raises(GandiagError, match=why) as caught:
        open_extractor(spec, device=CPU, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (2, "features=2 is neither a name nor an extractor"),
        ([1, 2], r"features=\[1, 2\] is neither"),
        (None, "features=None is neither"),
        (torch.nn.Linear(1, 1, device="meta"), "the network Linear alone; wrap it .*Extractor"),
        (object(), "given a object, which lacks __call__, canonical, .* of gandiag.extractors"),
    ],
    ids=["number", "list", "none", "module", "object"],
)
def test_what_is_no_extractor_is_said_in_one_sentence(given, why):
    with pytest.raises(GandiagError, match=why) as caught:
        open_extractor(given, device=CPU)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("precision", ["fp8", None, "float32"])
def test_a_precision_that_there_is_not(precision):
    with pytest.raises(GandiagError, match="is none of fp32, tf32, bf16"):
        open_extractor("pixels", device=CPU, precision=precision)


def test_a_preprocessing_that_there_is_not():
    with pytest.raises(GandiagError, match="no resize 'lanczos'; choose tf1, tf1-grid"):
        Preprocessing("lanczos")
    with pytest.raises(GandiagError, match=r"no normalisation '127'; choose 128, 127\.5"):
        Preprocessing("tf1", "127")


def test_a_path_object_names_a_file(tmp_path):
    with pytest.raises(GandiagError, match="is not a saved classifier"):
        open_extractor(tmp_path / "none.safetensors", device=CPU)


def test_every_classifier_that_ships_has_a_row():
    assert {*NAMES} <= {*EXTRACTORS}
