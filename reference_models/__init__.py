"""Reference GANs that the diagnostics are tried on and that a reader can learn from."""
