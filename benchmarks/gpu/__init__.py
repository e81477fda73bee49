"""Checks and figures of one accelerator, with torch's own tools; see `benchmarks.gpu.__main__`."""
