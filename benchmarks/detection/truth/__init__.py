"""What is true of a run, from a judge that shares nothing with the detectors."""
