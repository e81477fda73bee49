"""Cards of warnings that come of networks, protocols and statistics, of metrics and of classes."""

from collections.abc import Mapping

from gandiag.cards.warning import Remark

OF_RUNS: Mapping[str, Remark] = {
    "unverified": Remark(
        title="weights that are not the published ones",
        seen="The network's weights have another SHA-256 than the published file.",
        why="Features of other weights are other features: the score may be of any size, and "
        "compares with none from elsewhere.",
        way="gandiag weights verify; gandiag weights fetch or import the published file.",
        fires="GANDIAG_WEIGHTS naming weights of one's own",
        quiet="weights that gandiag weights fetch brought",
    ),
    "precision": Remark(
        title="features of reduced precision",
        seen="Features were computed in tf32 or bf16.",
        why="They differ in their last digits from those in fp32, that of published numbers; "
        "small distances between close sets move most.",
        way="Leave out --precision for a number that is to be published or compared.",
        fires="--precision bf16",
        quiet="--precision fp32, the default",
    ),
    "no-bfloat16": Remark(
        title="bfloat16 that would be slower",
        seen="bf16 was asked for on a processor without instructions for bfloat16 (AVX-512 BF16, "
        "AMX, Arm's BF16).",
        why="It would convert every number there and back, and take several times as long as in "
        "fp32. So features are fp32, and the report says so wherever it names their precision.",
        way="Nothing need be done; leave out --precision, or run on a GPU.",
        fires="--precision bf16 --device cpu on a processor without AVX-512 BF16",
        quiet="--precision bf16 on a GPU",
    ),
    "out-of-domain": Remark(
        title="grey images on a network of photographs",
        seen="More than nine in ten images are grey, and the network learned from colour "
        "photographs.",
        why="Its features are made for other images. A better score need not look better, and "
        "faults that matter in this data may not be seen.",
        way="See whether another network ranks alike, such as a classifier of this data: "
        "--features digits, fashion-mnist, or a file.",
        fires="handwritten digits with --features inception",
        quiet="handwritten digits with --features digits",
    ),
    "cropped": Remark(
        title="borders that are not seen",
        seen="Images are no squares, and the network sees only their middle.",
        why="What is at the borders is not scored: a fault there goes unseen.",
        way="Crop to squares as the data is meant to be seen, or take a network that squeezes.",
        fires="photographs of 640 x 480 with --features clip",
        quiet="squares",
    ),
    "same-network": Remark(
        title="scored by its teacher",
        seen="The generator was trained with the network that scores it.",
        why="It has learned what that network sees: the score is better than the images are. "
        "The same holds, to a lesser degree, of a network that learned from the same data.",
        way="Choose a network that had no part in it, with --features.",
        fires="a generator trained with lite0, scored with --features lite0",
        quiet="the same, scored with --features inception",
    ),
    "protocol": Remark(
        title="how a protocol differs from its tool",
        seen="The protocol that was asked for has something to know before its numbers are set "
        "beside those of the tool.",
        why="Some tools draw unseeded, compute in half precision, or take images of another kind: "
        "the sentence says which, and where it is known how far it moves the number.",
        way="Read it before comparing with the tool's published numbers.",
        fires="--protocol adm",
        quiet="--protocol clean-fid",
    ),
    "published-minimum": Remark(
        title="published: the lowest of several runs",
        seen="The protocol's authors publish the lowest value of several runs.",
        why="The lowest of several is below what one run gives on average. One run set beside it "
        "looks worse than it is.",
        way="Score as many draws as they did, and take the lowest; or say that yours is one.",
        fires="--protocol edm",
        quiet="--protocol stylegan",
    ),
    "published-statistics": Remark(
        title="statistics that do not say how they were made",
        seen="The real images are a file of means and covariances without weights and resize.",
        why="If another network, resize or precision made them, the distance is between two kinds "
        "of features, and can be of any size.",
        way="Make them with gandiag stats, or make sure which tool did and use its --protocol.",
        fires="--real some_stats.npz with mu and sigma",
        quiet="--real a file that gandiag stats wrote",
    ),
    "other-protocol": Remark(
        title="statistics of another protocol",
        seen="The file of statistics is named as those of another tool are.",
        why="Features of two resizes are compared: the distance is larger than either tool's.",
        way="Use the --protocol that the sentence names.",
        fires="--real cifar10_legacy_tensorflow_train_32.npz with --protocol gandiag",
        quiet="the same with --protocol clean-fid-legacy-tensorflow",
    ),
    "left-out": Remark(
        title="a metric that could not be had",
        seen="A metric of the protocol, or of --metrics all, needs what was not given.",
        why="The report has no such row. A metric that was asked for by name ends the run instead.",
        way="The sentence ends with what to give or choose.",
        fires="--metrics all without --heldout: ct and fld are left out",
        quiet="--metrics ct without --heldout: an error, for it was named",
    ),
    "changed": Remark(
        title="written to while it was read",
        seen="Files changed while the images were read.",
        why="The score is of some images before and some after the change, and nobody can repeat "
        "it. Nothing was kept in the cache.",
        way="Score again when nothing writes there.",
        fires="a sampler that still saves to samples/",
        quiet="a folder that is complete",
    ),
    "not-cached": Remark(
        title="features that could not be kept",
        seen="The cache could not be written: a full disk, a folder without permission.",
        why="The score is right. The next run computes the features anew.",
        way="Make room, or say --no-cache.",
        fires="a cache folder on a full disk",
        quiet="--no-cache",
    ),
    "not-scored": Remark(
        title="a checkpoint without a score",
        seen="A checkpoint of a run could not be opened or scored, and was left out of the curve.",
        why="The best checkpoint is the best of the others.",
        way="The sentence says what is wrong with it.",
        fires="a checkpoint that is half written",
        quiet="a run whose checkpoints can all be read",
    ),
    "classes": Remark(
        title="classes that were not scored alone",
        seen="With --per-class, a class is missing in a set, has too few images, or the held-out "
        "images have no labels.",
        why="Means over classes (intra_fid) are of those that were scored.",
        way="Give images of each class in every set, in folders of the same names.",
        fires="--per-class, where no sample is of class 7",
        quiet="every class with enough images in every set",
    ),
    "no-classes": Remark(
        title="no labels to compare by",
        seen="cas was asked for, and labels are missing, differ in all names, or name one class.",
        why="There are no numbers of it in the report.",
        way="Put each class in a sub-folder of its name, alike in both sets, or add labels to the "
        "npz.",
        fires="--metrics cas with samples in one folder",
        quiet="samples/0, samples/1 ... against data/0, data/1 ...",
    ),
    "classes-lacking": Remark(
        title="classes that one set lacks",
        seen="Real images show classes that no sample has, or the other way round.",
        why="gan_train counts the real images of a missing class as wrong: of ten equal classes "
        "each missing one takes a tenth off. Samples of a class that is not real are left out.",
        way="Draw samples of every class, and name classes alike.",
        fires="samples of nine of the ten classes",
        quiet="all ten",
    ),
    "unknown-classes": Remark(
        title="labels that name no mode",
        seen="Labels of the samples are neither names nor numbers of the modes.",
        why="label_agreement was left out; modes and mode_kl are as they are.",
        way="Name the labels as the classifier's classes, or by their numbers from 0.",
        fires="labels cat and dog with --features digits",
        quiet="labels 0 to 9 with --features digits",
    ),
    "few-of-a-label": Remark(
        title="labels with too few images",
        seen="With pairs='label', a label has fewer than 3 generated images.",
        why="It has no pair and no interval, so it is not in diversity, which is the mean over the "
        "others.",
        way="Draw more samples of it, or choose pairs='all'.",
        fires="diversity(pairs=label) with two samples of class 7",
        quiet="with three",
    ),
    "short-block": Remark(
        title="a last block with fewer images",
        seen="The Inception Score by blocks has a last block that is not full.",
        why="Fewer images score lower, and that block weighs as much as the full ones.",
        way="Give a multiple of the block, 5,000 for --protocol adm.",
        fires="12,000 samples with --protocol adm: blocks of 5,000, 5,000 and 2,000",
        quiet="10,000 samples",
    ),
    "subsets-are-the-set": Remark(
        title="subsets that are the whole set",
        seen="Both sets are no larger than a subset of the kernel distance.",
        why="All subsets are the same images, so that their std would be rounding and look like a "
        "small error. It is not given.",
        way="Give more images or smaller subsets; or kid of all pairs, which has an interval.",
        fires="--protocol clean-fid with 800 images of each: its subsets have up to 1,000",
        quiet="--protocol gandiag, which takes all pairs",
    ),
    "line-bends": Remark(
        title="subsets too small for a line",
        seen="The smallest subset of fid_inf has fewer images than the features are wide.",
        why="There the bias is no line in 1/n, and the value at endless n comes out too low.",
        way="Give ten times as many generated images as the features are wide.",
        fires="5,000 samples with --features inception: the smallest subset has 500",
        quiet="50,000 samples: the smallest has 5,000, above the width of 2,048",
    ),
    "real-copies": Remark(
        title="real images with copies",
        seen="Real images have exact copies among them.",
        why="A real image with a copy has a neighbour at distance 0: every sample beside it "
        "counts as authentic unless it is one more exact copy. authenticity is too high.",
        way="Leave each real image in once.",
        fires="a data set that was repeated to be larger",
        quiet="real images that are all different",
    ),
}
