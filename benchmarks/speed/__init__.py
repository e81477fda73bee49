"""gandiag beside its peers on the same work: see `python -m benchmarks.speed --help`."""
