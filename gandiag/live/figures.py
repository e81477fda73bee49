"""A recorded run as a figure."""


def plot_run() -> None:
    """."""
