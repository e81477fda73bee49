import random

import pytest
import torch

from gandiag.monitors.probing import random_states


@pytest.fixture
def seeded():
    """Trainers draw from the global generators, which other tests find as they were."""
    with random_states():
        random.seed(0)
        torch.default_generator.manual_seed(0)
        yield
