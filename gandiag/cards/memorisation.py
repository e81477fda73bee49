"""Cards of metrics that ask whether samples are copies of the training images."""

from collections.abc import Mapping

from gandiag.cards.metric import Note
from gandiag.cards.papers import ALAA, BAI, JIRALERSPONG, MEEHAN, STEIN

TRAINING = "Give the images that the generator was trained on as --real. "

MEMORISATION: Mapping[str, Note] = {
    "authenticity": Note(
        title="Authenticity",
        what="The share of samples that are no near-copies of a real image. " + TRAINING,
        how="A sample is authentic if it is further from its nearest real image than that one is "
        "from its own nearest other real image.",
        outputs={"authenticity": "A share, 0 (all copies) to 1 (far from all real images)."},
        catches="Copies of training images, and samples that lie closer to these than real images "
        "do to each other.",
        misses="Quality: noise is authentic. Copies that were changed so that the features move.",
        bias="It depends on the number of real images. Exact copies among the real ones make it "
        "blind beside these (warning real-copies).",
        interval="Over draws of the generated images, the real ones taken as fixed, "
        "Clopper-Pearson.",
        read="More is better up to what real images have from one another, which stands beside "
        "it. A perfect sampler has neither 1 nor a half: 1 in 3 on a line, 38 % in a plane, and "
        "more in more dimensions.",
        papers=(ALAA, STEIN),
        also=("authentic",),
    ),
    "near_copies": Note(
        title="Share of near-copies",
        what="The share of samples that are closer to a real image than nearly all real images "
        "are to each other. " + TRAINING + "--html shows the closest pairs side by side.",
        how="The share of generated images within a distance of a real one: the quantile (.01) of "
        "the real images' distances to their nearest others, or `within`.",
        outputs={"near_copies": "A share, 0 to 1."},
        catches="Copies, exact and nearly so; the pairs can be looked at.",
        misses="Copies that were changed so that the features move by more than that distance.",
        bias="None over the generated images; the distance depends on the real ones.",
        interval="Over draws of the generated images, the real ones and the distance fixed, "
        "Clopper-Pearson.",
        read="Less is better, beside that of real images, each judged by the others: about the "
        "quantile. What unseen real images have is shown with --heldout.",
        papers=(),
        also=("nearest_real",),
    ),
    "mifid": Note(
        title="Memorisation-informed Fréchet distance",
        what="fid, made larger where samples lie close to the training images; mifd on features "
        "other than the 2015 Inception's. " + TRAINING,
        how="fid / d where d, the mean over samples of the least 1 - |cosine| to a real image, is "
        "below the threshold (.1); else fid itself.",
        outputs={"mifid": "In squared units of the features, as fid; from 0 up."},
        catches="A good fid that was had by copying.",
        misses="Copies among many samples that are none: d is a mean. What fid misses.",
        bias="Upwards, as fid. It jumps where d crosses the threshold: below, fid is multiplied "
        "by ten and more. Of features that are all positive, as the Inception's, unseen real "
        "images can be below it too.",
        interval="None: the value jumps, and has the bias of fid.",
        read="Less is better. Read the distance d beside it, and what unseen real images have "
        "(--heldout).",
        papers=(BAI,),
        also=("mifd",),
    ),
    "ct": Note(
        title="Test for copying (C_T)",
        what="Whether samples lie closer to the training images than unseen real images do. It "
        "needs --heldout. " + TRAINING,
        how="In each of a few cells of the training images, Mann-Whitney's test of the distances "
        "to the nearest training image, of held-out against generated images; the mean of its z "
        "over the cells, weighted by the held-out images in them.",
        outputs={"ct": "In deviations: below 0 for copying, above 0 for samples too far away."},
        catches="Samples that lie closer to the training images than unseen ones do, region by "
        "region.",
        misses="Variety and quality. A few copies among many samples.",
        bias="None, but its size grows with the root of the counts: compare at equal ones. C_T is "
        "no standard normal; the z beside it is in deviations of no difference.",
        interval="Over draws of the held-out and of the generated images, the training images and "
        "cells fixed, by the delta method.",
        read="0 is best: more is better up to there only. z below -2 or so is copying. Held-out "
        "images must not be among the training images.",
        papers=(MEEHAN,),
    ),
    "fld": Note(
        title="Feature likelihood divergence",
        what="How likely unseen real images are under a mixture of Gaussians around the samples: "
        "quality, variety and copying in one number. It needs --heldout. " + TRAINING,
        how="A Gaussian around each sample, its variance fitted to the training images; 100 / "
        "width times the mean negative log-likelihood of the held-out images, less the same with "
        "half of the training images for samples.",
        outputs={"fld": "Hundredths of a nat per dimension; it can be below 0."},
        catches="Poor samples and missing kinds, both of which make unseen images unlikely; and "
        "copies, whose Gaussians shrink onto the training images and explain no others.",
        misses="Which of the three it is, but for the gap beside it.",
        bias="It depends on the number of samples and of training images: compare at equal ones.",
        interval="Over draws of the held-out images, all others taken as fixed, normal.",
        read="Less is better; 0 is what half of the training images get, and below 0 is better "
        "than that. A gap far below 0 is overfitting. Published values are of DINOv2's features.",
        papers=(JIRALERSPONG,),
    ),
}
