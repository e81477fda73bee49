"""Cards of distances between two sets by their features, and of the Inception Score."""

from collections.abc import Mapping

from gandiag.cards.metric import Note
from gandiag.cards.papers import (
    BARRATT,
    BINKOWSKI,
    CHONG,
    GRETTON,
    HEUSEL,
    JAYASUMANA,
    MIYATO,
    SALIMANS,
    STEIN,
)

DISTANCES: Mapping[str, Note] = {
    "fid": Note(
        title="Fréchet distance",
        what="How far the features of generated images are from those of real ones, each set "
        "described by its mean and covariance alone. On the features of the 2015 Inception network "
        "it is the FID; on any other it is printed as fd, and does not compare with published "
        "FIDs. The mean over classes of a report by class is intra_fid.",
        how="|m - m'|^2 + trace(S + S' - 2 (S S')^(1/2)), with m, S the mean and covariance of the "
        "real features and m', S' those of the generated ones.",
        outputs={"fid": "The squared distance, in squared units of the features; from 0 up."},
        catches="Wrong images and missing ones together: blur, noise, artefacts, a lack of "
        "variety, a shift of colour or contrast, another resize or compression.",
        misses="Whether quality or variety is at fault; copies of real images, which score well; "
        "whatever the network does not see; all that is not in means and covariances.",
        bias="Upwards, about as 1/N, by an amount that depends on the generator: at 50,000 images "
        "two generators can come out in the wrong order (Bińkowski et al. 2018, appendix D.2, have "
        "a pair with true distances 1123.0 and 1114.8 and estimates of 1133.7 and 1136.2). "
        "Compare at equal N only; fid_inf takes the bias of the generated images off.",
        interval="Over draws of the generated images, the real ones taken as fixed, by the delta "
        "method. The bias is not in it: it covers the mean at this N. None of moments alone, which "
        "do not tell how images vary, nor where it would not hold: of too few images, or where "
        "fifty of them carry most of the variance.",
        read="Less is better. A perfect sampler does not have 0 but what as many unseen real "
        "images have: give them with --heldout to see it.",
        papers=(HEUSEL, BINKOWSKI, STEIN, MIYATO),
        also=("fd", "sfid", "fd_dinov2"),
    ),
    "kid": Note(
        title="Kernel distance",
        what="The squared maximum mean discrepancy of features with a cubic kernel. On the "
        "features of the 2015 Inception network it is the KID, on any other it is printed as kd.",
        how="mean k(x, x') + mean k(y, y') - 2 mean k(x, y) over pairs of different images, "
        "k(a, b) = (a.b / width + 1)^3, x real and y generated. All pairs; protocols take means "
        "over random subsets, which estimate the same number.",
        outputs={
            "kid": "Without a unit; about 0 between equal distributions, below it by chance. "
            "Published tables often give it times 100 or 1,000."
        },
        catches="What fid catches, also of few images.",
        misses="What fid misses; and it weighs the kinds of fault otherwise, so that the two can "
        "rank generators differently.",
        bias="None: its mean is the distance itself at any N. Few images make it noisy, not wrong.",
        interval="Over draws of the real and of the generated images, by the variance of the "
        "U-statistic; of blocks by Student's t. None of subsets, which overlap: the std beside it "
        "is a spread of subsets and says little of the error.",
        read="Less is better; a perfect sampler has 0, and a value whose interval holds 0 tells no "
        "difference.",
        papers=(BINKOWSKI, GRETTON),
        also=("kd",),
    ),
    "is": Note(
        title="Inception Score",
        what="Whether single images are recognised with certainty and all together as many "
        "classes. It looks at no real image.",
        how="exp(mean over images of KL(p(class | image) || p(class))), p(class) the mean of "
        "p(class | image) over all images. Protocols take the mean over ten splits or blocks.",
        outputs={"is": "A number of classes: from 1 to as many as the network knows."},
        catches="Samples that are recognised as nothing, and classes that are never made.",
        misses="Lack of variety within a class, since one image of each class has the best score; "
        "copies; whatever is no matter of its classes. On data other than ImageNet's its classes "
        "mean little.",
        bias="Downwards: a perfect sampler of C classes has about C exp(-(C - 1) / 2N) on average, "
        "of 1,000 classes some 905 from 5,000 images and 990 from 50,000. Ten splits of 50,000 "
        "images score as 5,000 do. Compare at equal N and splits; is_inf takes the bias off.",
        interval="Over draws of the generated images, by the delta method, without the bias. None "
        "where there are too few images for it to hold.",
        read="More is better, and only beside the score of real images of the same data and N. It "
        "can be above theirs.",
        papers=(SALIMANS, BARRATT),
    ),
    "fid_inf": Note(
        title="Fréchet distance for endless samples",
        what="fid without the bias that comes of finitely many generated images; fd_inf on other "
        "features.",
        how="fid of 15 random subsets of growing size n is fitted by a line in 1/n; the value is "
        "the line at 1/n = 0. The real images stay as they are.",
        outputs={
            "fid_inf": "In squared units of the features, as fid; it can fall below 0 by its error."
        },
        catches="What fid catches, with values of different N to be compared.",
        misses="What fid misses. The bias of finitely many real images is still in it.",
        bias="None of the generated images' once the smallest subset has about as many of them as "
        "the features are wide; below that the line bends and the value is too low (warning "
        "line-bends).",
        interval="Over draws of the generated images, the real ones taken as fixed, by the delta "
        "method and the scatter about the line; without what bends the line. None of fewer than "
        "1,000 generated images, nor where fifty of them carry most of the variance.",
        read="Less is better. Beside it stand the slope, how far scores lie from the line, and "
        "the sizes: a poor fit is a poor value.",
        papers=(CHONG,),
        also=("fd_inf",),
    ),
    "is_inf": Note(
        title="Inception Score for endless samples",
        what="is without its bias from finite N.",
        how="is of 15 random subsets of growing size n, each in one split, is fitted by a line in "
        "1/n; the value is the line at 1/n = 0.",
        outputs={
            "is_inf": "A number of classes, from 1 up; its error can carry it past their number."
        },
        catches="What is catches, with values of different N to be compared.",
        misses="What is misses.",
        bias="Small where the score is a line in 1/n.",
        interval="Over draws of the generated images, by the delta method and the scatter about "
        "the line; without what bends the line. None of fewer than five images for each class "
        "in use.",
        read="More is better. It lies above published scores, which have the bias of 5,000 images "
        "a split: compare it with its own kind.",
        papers=(CHONG,),
    ),
    "mmd": Note(
        title="Squared MMD with a Gaussian kernel",
        what="A kernel distance as kid, with the kernel and scale of CMMD. On CLIP's embedding "
        "and with biased=True it is CMMD as its code prints it (--protocol cmmd).",
        how="scale (mean k(x, x') + mean k(y, y') - 2 mean k(x, y)) over pairs of different "
        "images, k(a, b) = exp(-|a - b|^2 / 2 sigma^2), rows scaled to length 1 where normalise "
        "is set.",
        outputs={"mmd": "Times 1,000; about 0 between equal distributions, below it by chance."},
        catches="Any difference of the feature distributions that is not much finer than sigma.",
        misses="What the features do not show. Of unit rows at sigma 10 the kernel is nearly a "
        "line in the squared distance: it then sees little more than the difference of the means.",
        bias="None by default. With biased=True, as CMMD's code has it, each set of N images adds "
        "scale (1 - k) / N, k its mean kernel: compare at equal N then.",
        interval="Over draws of the real and of the generated images, by the variance of the "
        "U-statistic. None of subsets, which overlap.",
        read="Less is better; a perfect sampler has 0. Values of another sigma, normalisation or "
        "layer do not compare.",
        papers=(GRETTON, JAYASUMANA),
        also=("cmmd", "kid_rbf"),
    ),
}
