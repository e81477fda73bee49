"""Evaluators' twins on the same files: what was written from a tool's source in its place."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from random_inception import RandomInception
from twins import more_evaluators, progan
from twins.evaluators import EVALUATORS, Inception, Networks, inception_of, torch_legacy, vgg16_of
from twins.evaluators import prdc as prdc_twin
from twins.random_clip import RandomClip
from twins.random_vgg16 import random_vgg16

from benchmarks.agreement_inputs import Folders, at_most_half, pixels
from benchmarks.agreement_tools import Scores, Tool
from gandiag.metrics.drawing import drawn_order

Arrays = tuple[np.ndarray, np.ndarray]


@functools.cache
def twin_inception(path: Path) -> Inception:
    """The twins' network; what it makes of a folder's images under a preparation is kept."""
    run = inception_of(torch.load(path, weights_only=True))
    known: dict[tuple[bytes, Any], Any] = {}

    def remembered(images: Any, prepare: Any) -> Any:
        key = images.tobytes(), prepare
        if key not in known:
            known[key] = run(images, prepare)
        return known[key]

    return remembered


def networks_of(weights: RandomInception) -> Networks:
    """For twins that want no VGG-16."""
    return Networks(twin_inception(weights.full))


def real_and_generated(folders: Folders) -> Arrays:
    """In the order that twins take them."""
    generated, real = (pixels(folder).numpy() for folder in folders)
    return real, generated


SIMPLE = EVALUATORS | {
    "iqa-pytorch": more_evaluators.iqa_pytorch,
    "mimicry": more_evaluators.mimicry,
    "pytorch-image-generation-metrics": more_evaluators.image_generation_metrics,
}
"""Twins that take images and networks and nothing else."""


def twin(protocol: str) -> Tool:
    """One of `SIMPLE`."""

    def run(folders: Folders, weights: RandomInception) -> Scores:
        return SIMPLE[protocol](*real_and_generated(folders), networks_of(weights))

    return run


def stylegan_on_vgg16(folders: Folders, weights: RandomInception) -> Scores:
    """StyleGAN's precision and recall, by its twin, with exact distances."""
    real, generated = real_and_generated(folders)
    network = vgg16_of(random_vgg16())
    found = prdc_twin(network(real), network(generated), 3, np.less_equal)
    return {name: found[name] for name in ("precision", "recall")}


def dgm_eval(folders: Folders, weights: RandomInception) -> Scores:
    """On Inception; the tool leaves the draws of `fid_inf` to chance, so they are gandiag's."""
    real, generated = real_and_generated(folders)
    networks = networks_of(weights)
    order = drawn_order(torch.from_numpy(networks.inception(generated, torch_legacy).pool), 0)
    random, n = np.random.default_rng(0), len(generated)
    sizes = more_evaluators.sizes_of_dgm_eval(n)
    draws = [order.numpy()[random.choice(n, size, replace=False)] for size in sizes]
    return more_evaluators.dgm_eval(real, generated, networks, draws)


def mmd_gan(folders: Folders, weights: RandomInception) -> Scores:
    """With its option for smaller subsets where there are fewer than 1,000 images."""
    real, generated = real_and_generated(folders)
    size = at_most_half(len(generated))
    return more_evaluators.mmd_gan(real, generated, networks_of(weights), size)


def cmmd(folders: Folders, weights: RandomInception) -> Scores:
    """A small random network stands for CLIP on both sides."""
    return more_evaluators.cmmd_of_images(*real_and_generated(folders), RandomClip())


def progan_swd(folders: Folders, weights: RandomInception) -> Scores:
    """The tool leaves positions and directions to chance, so they are as gandiag documents its."""
    real, generated = real_and_generated(folders)
    directions = progan.unit_directions(len(progan.places_of_contents(real[0])))
    value, _levels = progan.swd(real, generated, progan.places_of_contents, directions)
    return {"swd_patches": value}
