import pytest

# Its import brings rich along, which draws from `random` once; here no test takes the blame.
import sklearn.cluster  # noqa: F401
import torch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Small arrays: on a busy machine, threads that wait for each other cost eighty times."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
