"""Cards of metrics that tell quality from variety, mostly by nearest neighbours."""

from collections.abc import Mapping

from gandiag.cards.metric import Note
from gandiag.cards.papers import ALAA, HAN, KYNKAANNIEMI, NAEEM, PARK, SAJJADI

JACKKNIFE = (
    "Over draws of the real and of the generated images, by leaving out a twentieth of either at a "
    "time. "
)

NEIGHBOURS: Mapping[str, Note] = {
    "prdc": Note(
        title="Precision, recall, density, coverage",
        what="Quality and variety apart. Around each image of a set a ball reaches to its k-th "
        "nearest neighbour in that set; the balls of all are where the set is.",
        how="precision: the share of generated images in some ball of a real one. recall: the "
        "share of real images in some ball of a generated one. density: the number of real balls "
        "that hold a generated image, on average, over k. coverage: the share of real images "
        "whose own ball holds a generated one.",
        outputs={
            "precision": "A share, 0 to 1: are samples like some real image?",
            "recall": "A share, 0 to 1: is what is real like some sample?",
            "density": "From 0 up: do samples lie where real images are dense?",
            "coverage": "A share, 0 to 1: how many real images have a sample near?",
        },
        catches="Samples unlike any real image lower precision and density; kinds of images that "
        "are never made lower recall and coverage.",
        misses="Wrong proportions, while every kind is there. An outlier has a large ball: a real "
        "one lifts precision, a generated one lifts recall. Copies of real images score well.",
        bias="All four depend on both counts and on k, and so does what a perfect sampler has. "
        "Compare at equal counts and equal k.",
        interval="Over draws of the real and of the generated images: of precision, recall and "
        "density from the images in balls and from balls that are left out, of coverage from "
        "random halves of both sets. Of shares it is Wilson's interval with that deviation. Of "
        "density and coverage none where few neighbourhoods hold most of the samples.",
        read="More is better; density above 1 says that samples crowd where real images are "
        "dense, as with truncation. A perfect sampler has less than 1 of the three shares: give "
        "unseen real images with --heldout to see what it has.",
        papers=(KYNKAANNIEMI, NAEEM),
        also=("in_real_ball",),
    ),
    "p_pr": Note(
        title="P-precision and P-recall",
        what="Precision and recall that outliers move less: all balls of a set have one radius, "
        "and belonging to one fades towards its rim.",
        how="An image at distances d_i from the other set lies in its support with probability "
        "1 - product over i of (1 - max(0, 1 - d_i / R)), R = a times that set's mean distance to "
        "the k-th neighbour; the mean over the generated images (in the real support) or over the "
        "real ones (in the generated).",
        outputs={
            "p_precision": "A mean probability, 0 to 1: are samples like some real image?",
            "p_recall": "A mean probability, 0 to 1: is what is real like some sample?",
        },
        catches="What precision and recall catch, with less reward for a few outliers.",
        misses="Wrong proportions, and copies. One radius for all suits sets of uneven density "
        "badly.",
        bias="R shrinks as N grows: compare at equal N only.",
        interval=JACKKNIFE + "None within five images' worth of 0 or 1.",
        read="More is better. Equal distributions do not have 1: give unseen real images with "
        "--heldout to see what they have.",
        papers=(PARK,),
        also=("in_real_support",),
    ),
    "alpha": Note(
        title="Alpha-precision and beta-recall",
        what="How typical the samples are, and of what: one set is compared with the most typical "
        "part of the other, for parts of every size.",
        how="P(alpha): the share of generated images within the ball about the mean real image "
        "that holds alpha of the real ones. R(beta): the share of real images with a sample of "
        "the beta most typical ones no further off than their nearest other real image. Each "
        "curve becomes 1 - 2 times its area from the diagonal.",
        outputs={
            "alpha_precision": "0 to 1: do samples lie as far from the mean as real images do?",
            "beta_recall": "0 to 1: do samples reach all real images, from the typical ones out?",
        },
        catches="Samples that are too typical, or too odd; parts of the data without samples.",
        misses="Alpha-precision sees distances from one centre only: quite other images at the "
        "right distance score well. The paper embeds images by a network first; here the features "
        "are taken as they are.",
        bias="Beta-recall depends on both counts. Compare at equal ones.",
        interval="alpha_precision: over draws of the real and of the generated images, by leaving "
        "out a twentieth of either at a time; none near 1, where its spread is not normal. "
        "beta_recall: none, for leaving images out moves nearest neighbours more than new draws "
        "do.",
        read="More is better. Equal distributions have alpha-precision near 1, and beta-recall far "
        "below it: read that beside what unseen real images have (--heldout). The third number of "
        "the paper is authenticity.",
        papers=(ALAA,),
    ),
    "realism": Note(
        title="Realism, and rarity of single samples",
        what="How well single samples fit among the real images; the number of a set is their "
        "median. --per-sample gives each image's realism, and its rarity.",
        how="realism: the largest of (radius of a real image's ball) / (distance to that image), "
        "over the half of the balls with smaller radii; 1 or more says that the sample lies in "
        "one. rarity: the smallest radius of the real balls that hold the sample, missing where "
        "none does.",
        outputs={"realism": "A ratio, from 0 up; copies of real images have infinity."},
        catches="Samples far from real images; by --per-sample, which ones.",
        misses="Variety: one good image, repeated, scores well. Copies score best.",
        bias="It depends on the number of real images, whose balls shrink as there are more.",
        interval="Over draws of the generated images, the real ones taken as fixed, by order "
        "statistics. None of fewer than six images.",
        read="More is better up to what real images have from one another, which stands beside "
        "it: below, samples lie far from real ones; above, they lie where these are dense, or are "
        "copies.",
        papers=(KYNKAANNIEMI, HAN),
        also=("rarity",),
    ),
    "prd": Note(
        title="Precision and recall of clusters (PRD)",
        what="The trade of precision against recall as a curve, from how both sets fill the same "
        "clusters.",
        how="Both sets, at equal N, are clustered together by K-means; with shares P (real) and Q "
        "(generated) of the clusters, precision = sum min(l P, Q) and recall = sum min(P, Q / l) "
        "for all l > 0, the mean over runs. f8 and f1_8 are the largest F-scores on the curve.",
        outputs={
            "f8": "0 to 1: F_8, which weighs recall.",
            "f1_8": "0 to 1: F_1/8, which weighs precision.",
        },
        catches="Kinds of images that are never made (f8) and kinds that are not real (f1_8), as "
        "far as clusters tell kinds apart.",
        misses="What happens within a cluster; copies.",
        bias="Downwards: shares vary from draw to draw, so that equal sets do not have 1.",
        interval="None: new draws would have other clusters.",
        read="More is better, up to what stands beside it: what two sets have that are dealt out "
        "of all images together.",
        papers=(SAJJADI,),
    ),
}
