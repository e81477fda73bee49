"""How memory and time grow with the number of images; see `benchmarks.scaling.__main__`."""
