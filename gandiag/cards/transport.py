"""Cards of Wasserstein distances: what it costs to move one set onto the other."""

from collections.abc import Mapping

from gandiag.cards.metric import Note
from gandiag.cards.papers import (
    ARJOVSKY,
    BONNEEL,
    DESHPANDE,
    FEYDY,
    GENEVAY,
    GULRAJANI,
    KARRAS,
    WEED,
)

REDRAWN = (
    "Over draws of both sets, by the delta method over the mass moved from each row. It covers the "
    "mean at this N, with its bias. None where few rows carry its variance, as of heavy tails "
    "or of few rows. "
)
FLOOR = (
    "Less is better, and only beside the floor: the distance of two halves of the real images, "
    "which is what a perfect sampler would have at their N. Where a half is smaller than the sets, "
    "the value at that size stands beside it, to be compared with the floor. "
)

TRANSPORT: Mapping[str, Note] = {
    "swd": Note(
        title="Sliced Wasserstein distance",
        what="The mean cost of moving one set of features onto the other, seen along random lines.",
        how="Project both sets on each of 512 random directions t and take the exact distance on "
        "the line, by sorting: (mean over t of W_p(t.X, t.Y)^p)^(1/p), p = 1 and 2.",
        outputs={
            "sw1": "Order 1, in the units of the features; from 0 up.",
            "sw2": "Order 2, which weighs long ways more; from 0 up.",
        },
        catches="Differences of shape and place that show along most directions.",
        misses="A fault in one direction among many, which the mean dilutes: a shift by s has s / "
        "sqrt(width) at order 2. max_swd looks for that direction.",
        bias="Upwards, between equal distributions about as N^(-1/2), whatever the width.",
        interval=REDRAWN + "The directions are kept; the error that they add stands beside it. "
        "Near the floor it is wider than it need be.",
        read=FLOOR + "Values of features of different widths do not compare.",
        papers=(BONNEEL,),
    ),
    "max_swd": Note(
        title="Max-sliced Wasserstein distance",
        what="The Wasserstein distance along the one line where the two sets differ most.",
        how="Climb from several directions to the one with the largest W_2(t.X, t.Y) on half of "
        "the images, and take the distance there on the other half.",
        outputs={"max_sw2": "Order 2, in the units of the features; from 0 up."},
        catches="One direction that is wrong among many that are right, which swd averages away.",
        misses="What does not show along a single line; and a direction that half of the images "
        "do not tell from noise. The search finds a good direction, not surely the best.",
        bias="Upwards, by the N of a half, as the distance on any line. The search adds none, "
        "since it never sees the half that the distance is taken on; the published form, which "
        "takes it where the direction was found, grows with the width.",
        interval="None: which direction is found changes from draw to draw, by more than the "
        "distance along it.",
        read=FLOOR,
        papers=(DESHPANDE,),
    ),
    "emd": Note(
        title="Earth mover's distance",
        what="The exact Wasserstein distance between two samples of features.",
        how="The least (sum of P_ij |x_i - y_j|^p)^(1/p) over all ways P to move one sample onto "
        "the other, by the network simplex, checked to be optimal. At most `size` rows of each "
        "set are drawn.",
        outputs={"emd": "Of order `order`, in the units of the features; from 0 up."},
        catches="Every difference of the two samples: nothing is projected or smoothed.",
        misses="A small difference, in many dimensions: the bias is then nearly all of it.",
        bias="Upwards, and it fades as N^(-1/width) only: of wide features more images hardly "
        "help. Compare at one `size` only.",
        interval=REDRAWN,
        read=FLOOR,
        papers=(WEED,),
    ),
    "sinkhorn": Note(
        title="Sinkhorn divergence",
        what="A transport distance that is smoothed over a length, the blur, and freed of what the "
        "smoothing adds.",
        how="(OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2)^(1/p), OT the least cost E |X - Y|^p + "
        "blur^p KL(coupling || a x b). The blur is a fifth of the median distance between real "
        "images unless it is given. At most `size` rows of each set are drawn.",
        outputs={"sinkhorn": "Of order `order`, in the units of the features; from 0 up."},
        catches="Differences that are coarser than the blur.",
        misses="Differences that are much finer than the blur.",
        bias="Upwards, fading as N^(-1/2), with a constant that grows as the blur shrinks. "
        "Compare at one blur and one `size` only: the blur that was used stands beside the value.",
        interval=REDRAWN + "The blur is kept.",
        read=FLOOR,
        papers=(FEYDY, GENEVAY),
    ),
    "critic": Note(
        title="Wasserstein-1 from below, by a critic",
        what="A network is trained to tell the two sets of features apart; what it can tell, "
        "divided by how steep it is, is a lower bound of their Wasserstein-1 distance.",
        how="Train D on one half of the rows to maximise mean D(real) - mean D(generated) with a "
        "gradient penalty (or spectral normalisation); on the other half, divide that gap by the "
        "steepest slope met (or by the slope that the layers certify).",
        outputs={
            "critic_w1": "In the units of the features; about 0 between equal distributions, "
            "below it by chance."
        },
        catches="Differences that a network of this size learns from the rows that are given.",
        misses="What the critic does not learn: how far below the distance it stays depends on "
        "the network, the steps and the rows. The gap of a WGAN in training is no such bound, for "
        "its slope is not known.",
        bias="It is below the distance, and the gap itself has none, since the rows are held out.",
        interval="With penalty='spectral' over the held-out rows of both sets, the critic fixed. "
        "None with a gradient penalty: the steepest slope met is the maximum of a sample.",
        read="Less is better; 0 says that the critic learned nothing. Beside it stand the gap, the "
        "slopes, the floor between two draws of real images, and of at most 2,000 held-out rows a "
        "side the exact distance of the same rows. Compare values of equal settings only.",
        papers=(ARJOVSKY, GULRAJANI),
    ),
    "swd_patches": Note(
        title="Sliced Wasserstein distance of patches (ProGAN)",
        what="How far the texture of generated images is from that of real ones, scale by scale. "
        "It reads patches of Laplacian pyramids: --features laplacian.",
        how="From each level of each image's pyramid 128 patches of 7 x 7 pixels; each set's "
        "patches are normalised channel by channel; the mean |difference of sorted projections| "
        "over 512 directions, times 1,000; the mean over levels.",
        outputs={"swd_patches": "Times 1,000, in deviations of the patches; from 0 up."},
        catches="Wrong texture; the levels beside it tell at which scale, by their side in pixels.",
        misses="Content: images that are cut up and put together otherwise keep nearly all their "
        "patches. A cast of colour and the contrast of a whole set, which are normalised away.",
        bias="Upwards, at small N more. The floor is of half of the real images, and there some "
        "1.4 times what it would be at all of them.",
        interval="None: patches of one image are not independent.",
        read="Less is better, at equal N only, beside the floor.",
        papers=(KARRAS,),
    ),
}
