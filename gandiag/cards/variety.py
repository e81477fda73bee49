"""Cards of metrics of variety: how many different images, and which kinds."""

from collections.abc import Mapping

from gandiag.cards.metric import Note
from gandiag.cards.papers import (
    ARORA,
    FRIEDMAN,
    JALALI,
    LIN,
    ODENA,
    PASARKAR,
    RAVURI,
    RICHARDSON,
    SHMELKOV,
    SRIVASTAVA,
    WANG,
    ZHANG,
)

VARIETY: Mapping[str, Note] = {
    "vendi": Note(
        title="Vendi score",
        what="The effective number of different images among the samples, by the cosines of their "
        "features. It looks at no real image.",
        how="exp(-sum l log l) over the eigenvalues l of K / N, K_ij the cosine of the features of "
        "images i and j; of another order q, (sum l^q)^(1 / (1 - q)). The smaller q, the more "
        "rare kinds count.",
        outputs={"vendi": "A number of images: 1 (all alike) to N or the width + 1."},
        catches="Repetition: samples that all look alike.",
        misses="Quality: noise is varied. Kinds of real images that are missing, if others make "
        "up for them.",
        bias="Downwards, the more the fewer images and the smaller q. Compare at equal N and q.",
        interval="Over draws of the generated images, by the delta method, without the bias. None "
        "of fewer than three images a feature.",
        read="More is better, up to what as many real images of the same data have.",
        papers=(FRIEDMAN, PASARKAR),
    ),
    "rke": Note(
        title="Mode count by kernel entropy (RKE)",
        what="How many modes the samples have, modes being told apart at a scale of the real "
        "images.",
        how="1 / |K / N|_F^2, K_ij = exp(-|x_i - x_j|^2 / 2 sigma^2) between generated images; "
        "sigma is the median distance between two real images unless it is given. Of narrow modes "
        "far apart it is 1 / (sum of squared shares).",
        outputs={"rke": "A number of modes: 1 (all alike) to N (all far apart)."},
        catches="Mode collapse, and modes that hold nearly all samples.",
        misses="Rare modes, which hardly count; quality; modes that are nearer than sigma.",
        bias="Downwards, the more the nearer it is to N. Compare at equal N and equal sigma.",
        interval="Over draws of the generated images, sigma fixed, by the variance of the "
        "U-statistic, without the bias. None where it is above N / 2: nearly every image is then "
        "a mode of its own.",
        read="More is better up to what the real images have at the same sigma, which stands "
        "beside it.",
        papers=(JALALI,),
    ),
    "diversity": Note(
        title="Mean distance between two samples",
        what="How far two generated images are apart, on average, in the features given. With the "
        "distance of Zhang et al. it is called LPIPS diversity; here it is the plain distance.",
        how="The mean of |x_i - x_j| over all pairs; with pairs='label' over the pairs within "
        "each label, each label counting alike.",
        outputs={"diversity": "In the units of the features; from 0 up."},
        catches="Samples that are too much alike; with pairs='label', within their class.",
        misses="Quality: noise is diverse. Which kinds are missing.",
        bias="None. Values of other features, layers or pairings do not compare.",
        interval="Over draws of the generated images, by the jackknife. None of too few images.",
        read="More is better up to what real images have, which stands beside it.",
        papers=(ZHANG,),
    ),
    "ms_ssim": Note(
        title="Likeness of pairs of samples (MS-SSIM)",
        what="How alike two generated images are, pixel by pixel at several scales. It reads "
        "pixels: --features pixels:64.",
        how="MS-SSIM of disjoint random pairs of generated images, the mean: contrast and "
        "structure at each scale and luminance at the coarsest, under a Gaussian window of 11 "
        "pixels. Images of 176 pixels and more have all 5 scales, smaller ones fewer.",
        outputs={"ms_ssim": "0 to 1; 1 of equal images."},
        catches="Samples that share one layout: with pairs='label' within a class, as published.",
        misses="Images that vary in all else than layout; quality.",
        bias="None. Sizes differ in the number of scales: compare at equal size only.",
        interval="Over draws of the pairs of generated images, normal.",
        read="Less is better down to what real images have, which stands beside it.",
        papers=(WANG, ODENA),
    ),
    "ndb": Note(
        title="Number of statistically different bins",
        what="Whether samples fill the regions of the real images as real ones do.",
        how="K-means of one half of the real images makes the bins; the other half and the "
        "generated images are counted in them. ndb: the share of bins whose two shares differ at "
        "level alpha. ndb_js: the Jensen-Shannon divergence of the shares. ndb_entropy: the "
        "entropy of the generated shares.",
        outputs={
            "ndb": "A share of bins, 0 to 1.",
            "ndb_js": "In nats, 0 to log 2 = 0.69.",
            "ndb_entropy": "In nats, 0 to log of the number of bins.",
        },
        catches="Regions that are over- or underfilled, empty ones above all: mode collapse.",
        misses="What happens within a bin: poor samples land in the nearest one.",
        bias="ndb grows with N, for finer differences are then seen; ndb_js has a floor above 0; "
        "ndb_entropy lies about (K - 1) / 2N below that of endless samples.",
        interval="ndb: over bins, as if they were independent. ndb_js: none. ndb_entropy: over "
        "draws of the generated images, the bins fixed; none of fewer than five a bin.",
        read="Less is better of the first two: a perfect sampler has about alpha and the floor "
        "beside them. More is better of ndb_entropy up to that of the real images beside it.",
        papers=(RICHARDSON,),
    ),
    "birthday": Note(
        title="Support size by the birthday paradox",
        what="How many different images the generator can make, from how often two samples are "
        "near-copies of each other.",
        how="(pairs of samples) / (pairs that are near-copies): no further apart than the closest "
        "hundredth of the real images are from their nearest neighbours, unless a threshold is "
        "given.",
        outputs={"support": "A number of images, from 1 up: 1 / (sum of squared chances)."},
        catches="A generator that makes few images, over and over.",
        misses="Rare images, which hardly count; quality; a collapse onto modes that are "
        "themselves wide.",
        bias="Small where near-copies are found. Where none is, the value is the lower end only.",
        interval="Over draws of the generated images, the distance fixed, by the delta method. "
        "None without any near-copy, nor of too few samples.",
        read="More is better, beside the same number of the real images: those have near-copies "
        "by that rule too.",
        papers=(ARORA,),
    ),
    "modes": Note(
        title="Modes covered and their balance",
        what="Which modes of the data the samples reach, and in what proportions: classes by a "
        "classifier of the data, or for points the Gaussians of a mixture.",
        how="Each sample is counted for its most likely class, or for the mode it is nearest to, "
        "within 3 standard deviations. mode_kl is KL(shares of the samples || shares of the "
        "data).",
        outputs={
            "modes": "A count: modes with at least one sample.",
            "high_quality": "Of points, the share within 3 deviations of a mode, 0 to 1.",
            "mode_kl": "Reverse KL in nats, from 0 up.",
            "label_agreement": "Of labelled samples, the share taken for the class that was "
            "asked for, 0 to 1.",
        },
        catches="Missing modes, uneven ones, samples between modes, labels that are ignored.",
        misses="Variety within a mode. The classifier always answers: noise is counted as some "
        "class.",
        bias="modes grows with the number of samples. mode_kl has a floor of about (K - 1) / 2N "
        "for K modes: of 1,000 modes and 26,000 samples .0192.",
        interval="high_quality and label_agreement: over draws of the generated samples, "
        "Clopper-Pearson. "
        "mode_kl: over the samples in modes, by the delta method; the floor is not taken off; "
        "none of fewer than twenty a mode. modes: none.",
        read="A perfect sampler has all modes and a mode_kl near the floor beside it; of points in "
        "a plane its high_quality is .989, and a collapsed one can be above that.",
        papers=(SRIVASTAVA, LIN, SHMELKOV),
    ),
    "cas": Note(
        title="Classification accuracy: GAN-train and GAN-test",
        what="Are samples of a class like the real images of that class? Classifiers of generated "
        "and of real images are tried on each other. Both sets need labels.",
        how="gan_train: a classifier trained on generated images, its accuracy on half of the "
        "real ones. gan_test: one trained on the other half of the real images, its accuracy on "
        "the generated ones. Both are logistic regressions on features, where the papers train a "
        "ResNet on pixels.",
        outputs={
            "gan_train": "A share, 0 to 1: what samples teach of the real classes.",
            "gan_test": "A share, 0 to 1: whether samples look like their class.",
        },
        catches="Wrong labels and poor samples (gan_test); classes that are missing or show only "
        "some of their kinds (gan_train).",
        misses="What the features do not tell. A generator that repeats the real images has seen "
        "what gan_train is judged on.",
        bias="Both grow with the number of images trained on, which is equal for both classifiers.",
        interval="Over the images that are judged, Clopper-Pearson, the classifier fixed: for "
        "gan_train "
        "half of the real images, for gan_test the generated ones.",
        read="More is better up to the ceiling beside them: what the classifier of real images "
        "has on real ones. Accuracies do not compare with the papers'.",
        papers=(RAVURI, SHMELKOV),
    ),
}
