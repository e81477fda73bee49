"""Generators and discriminators whose resolution, width, classes and normalisation are arguments.

Every generator maps latents (n, latent) and labels (n,) to samples; every discriminator maps
samples and labels to (n, 1 + k): column 0 is the logit, the other k are an auxiliary classifier's
(k = 0 where there is none). A network without classes ignores the labels.
"""
