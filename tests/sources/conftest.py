import pytest


@pytest.fixture
def root(tmp_path):
    """A folder that the test's cache is not in."""
    (tmp_path / "root").mkdir()
    return tmp_path / "root"
