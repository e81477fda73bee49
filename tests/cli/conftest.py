import pytest
from folders import save
from toys import images

FAST = ("--features", "pixels:4")
"""48 features."""


@pytest.fixture
def folders(tmp_path):
    """40 generated images and 50 real ones, of 8 x 8 pixels."""
    return (
        save(tmp_path / "fake", images(40, seed=1, size=(8, 8))),
        save(tmp_path / "real", images(50, seed=2, size=(8, 8))),
    )


@pytest.fixture
def score(run, folders):
    """``code, out, err = score("--json", file)``: the two folders, FID of a few pixels."""
    fake, real = folders
    return lambda *more: run("score", fake, "--real", real, *FAST, "--metrics", "fid", *more)
