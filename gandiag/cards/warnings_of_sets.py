"""Cards of warnings that come of two sets beside each other, and of how many images they hold."""

from collections.abc import Mapping

from gandiag.cards.warning import Remark

OF_SETS: Mapping[str, Remark] = {
    "overlap": Remark(
        title="generated images that are real ones",
        seen="Some generated images are, pixel for pixel, among the real ones.",
        why="Copies of real images have the best score that a distance can give. A set that is "
        "real images alone has a fid near 0; each copy among samples draws the score towards it.",
        way="Look whether real images were put into the samples' folder. If the generator did "
        "make them, it memorises: read near_copies, authenticity and ct.",
        fires="ten files of data/ copied into samples/",
        quiet="samples that look like real images but differ in a pixel: near_copies finds these",
    ),
    "heldout-overlap": Remark(
        title="held-out images that are not held out",
        seen="Some of the held-out images are among the real ones too.",
        why="What held-out images get stands for a perfect sampler, and for no copying. Images "
        "that are in both sets make it too good: a generator looks worse beside it than it is, "
        "and copying is found where there is none (ct, fld).",
        way="Split the real images anew, with no image in both parts.",
        fires="--real data/ --heldout data/validation, a folder within data/",
        quiet="--real data/train --heldout data/validation",
    ),
    "duplicates": Remark(
        title="the same image more than once",
        seen="Images of one set are exact copies of others in it.",
        why="A repeated image counts as often as it is there: N is smaller than it seems, and "
        "intervals are too narrow. Among samples it is a sign of collapse; real images with "
        "copies have neighbours at distance 0, which shrinks the balls of prdc to a point and "
        "blinds authenticity.",
        way="Leave each real image in once. Of samples, look at the latents: the same seed "
        "drawn again gives the same image.",
        fires="50,000 samples drawn as 5 times the same 10,000 seeds",
        quiet="two photographs of one scene",
    ),
    "unequal-n": Remark(
        title="one set more than twice as large as the other",
        seen="The numbers of real and of generated images differ by more than a factor of two.",
        why="Scores that compare with real images depend on both counts: fid is biased by each, "
        "precision and recall by both. Published values were had at their own counts.",
        way="State both counts with the score, compare at equal ones, or draw with --max-images.",
        fires="10,000 samples against 50,000 real images",
        quiet="10,000 against 20,000",
    ),
    "small-sample": Remark(
        title="fewer images than features",
        seen="A set holds fewer images than the features are wide, and a Fréchet distance was "
        "computed.",
        why="A covariance of fewer rows than columns is singular, and the distance is biased "
        "upwards: often by more than generators differ. The bias is not the same for all "
        "generators, and the interval does not hold it.",
        way="Give more images than features (2,048 for the Inception), at best many times as many; "
        "or use kid, which has no such bias; or compare at equal N only.",
        fires="1,000 images with --features inception, of width 2,048",
        quiet="1,000 images with features of width 64",
    ),
    "lossy": Remark(
        title="compressed files on one side only",
        seen="The shares of lossy files (JPEG, JPEG 2000, lossy WebP) of the two sets differ by "
        "more than a hundredth.",
        why="Compression leaves traces that the network sees and people hardly do. They are "
        "scored as a fault of the generator, or hide one; how far depends on the quality setting.",
        way="Save samples as PNG. If the data is JPEG only, expect a part of the distance to be "
        "compression: compress samples alike, and see how far the score moves.",
        fires="samples saved as .jpg against real .png files",
        quiet="both sets as JPEG, though of different quality: that is not looked at",
    ),
    "sizes-differ": Remark(
        title="no size in common",
        seen="No generated image has a size that a real one has.",
        why="Every network resizes to its own input: what resizing does to each size is scored "
        "with the rest. Enlarged images look blurred beside shrunken ones.",
        way="Bring the real images to the generator's size by one antialiased resize, and keep "
        "them so; say with the score how it was done.",
        fires="samples of 64 x 64 against photographs of 256 x 256",
        quiet="real images of many sizes, the samples' size among them",
    ),
    "shapes-differ": Remark(
        title="another ratio of height to width",
        seen="Most images of one set have another shape than most of the other (by more than 5 %).",
        why="Networks take squares: both are squeezed, each in its own way, and people grow thin "
        "or wide on one side only.",
        way="Crop both sets to one shape before scoring.",
        fires="square samples against photographs of 178 x 218",
        quiet="square samples of 64 against squares of 256 (sizes-differ tells of those)",
    ),
    "enlarged": Remark(
        title="enlarged images beside others",
        seen="Some images are smaller than the network's input and others are not.",
        why="Enlarging makes blurred images. A set in which some are enlarged has a mixture of "
        "both, and its score compares with none of images of one size.",
        way="Score images of one size; or compare only with scores of the same sizes.",
        fires="a folder of 64 x 64 and of 512 x 512 images, the network's input being 299",
        quiet="all images of both sets of 32 x 32: all are enlarged alike",
    ),
    "quantisation": Remark(
        title="floats cut off on one side, rounded on the other",
        seen="White is level 254 in one set and 255 in the other, as where floats were cut off to "
        "bytes and not rounded.",
        why="Cutting off makes every pixel half a level darker on average. That is little to "
        "see, and a shift of all features in one direction, which adds to every distance.",
        way="Round on both sides: (x * 127.5 + 128).clamp(0, 255).to(torch.uint8) for x in -1..1.",
        fires="samples saved by ((x + 1) * 127.5).to(torch.uint8) against PNG photographs",
        quiet="both sets cut off in the same way; images with hardly any white pixel",
    ),
    "contrast": Remark(
        title="contrast stretched in each image",
        seen="Nearly all generated images (over 95 %) reach both black and white, and fewer than "
        "half of the real ones do.",
        why="Stretching each image to the full range changes its brightness and contrast by "
        "itself, which is scored as the generator's.",
        way="Save with one range for all: save_image(x, ..., normalize=True, value_range=(-1, 1)).",
        fires="samples saved with save_image(x, ..., normalize=True), an image at a time",
        quiet="real images that reach black and white too, as drawings do",
    ),
    "cut": Remark(
        title="larger sets cut to the smallest",
        seen="Sets of gandiag compare had different numbers of images, and as many were drawn of "
        "each as the smallest has.",
        why="Biased scores rank sets of different size by their size. At equal N they do not; "
        "but the intervals are those of the smaller N.",
        way="Give as many images of each set.",
        fires="gandiag compare with 50,000 and 10,000 samples",
        quiet="10,000 of each",
    ),
}
