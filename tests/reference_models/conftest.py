"""One thread: these networks are small, and two threads wait for each other on a busy machine."""

import pytest

# Imported before a test looks at the global random state, which this import moves.
import sklearn.datasets  # noqa: F401
import torch


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
