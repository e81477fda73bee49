"""How often the monitors' warnings are right: a corpus of GAN training runs labelled by outcome.

cases -> loop -> (signals, oracle) -> labels -> score. The detectors see the signals alone; labels
come from an oracle that knows the true distribution, by rules that were fixed before any threshold
was tuned.
"""
