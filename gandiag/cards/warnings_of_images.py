"""Cards of warnings that come of how images were read."""

from collections.abc import Mapping

from gandiag.cards.warning import Remark

OF_IMAGES: Mapping[str, Remark] = {
    "alpha": Remark(
        title="transparency dropped",
        seen="Images had transparent pixels.",
        why="What lies under them appears, as in the published tools: often black, or colours that "
        "nobody was meant to see. It is scored as a part of the image.",
        way="Lay them on the background that is meant, and save without transparency.",
        fires="a PNG logo with a transparent border",
        quiet="a PNG with an alpha channel that is opaque everywhere",
    ),
    "cmyk": Remark(
        title="print colours converted",
        seen="Images were CMYK and were converted to RGB without a colour profile.",
        why="Colours come out otherwise than a viewer with the profile shows them.",
        way="Convert them to RGB with their profile first, if there are more than a few.",
        fires="a JPEG made for print",
        quiet="an ordinary RGB JPEG",
    ),
    "16-bit": Remark(
        title="16 bits a channel scaled to 8",
        seen="Images had 16 bits a channel.",
        why="Here they are scaled to 8 bits. Published tools clip grey ones at 255, which makes "
        "nearly all of the image white: their number is another.",
        way="Nothing, for scores of gandiag. To repeat another tool's number, give it and gandiag "
        "the same 8-bit files.",
        fires="a 16-bit grey PNG of a microscope",
        quiet="an 8-bit PNG",
    ),
    "exif-rotated": Remark(
        title="turned as the camera says",
        seen="Images say by EXIF how they are to be turned, and were turned.",
        why="Viewers turn them too, published tools do not: there a part of the data lies on its "
        "side, and their number is another.",
        way="Nothing, for scores of gandiag. To repeat another tool's number, save the images "
        "turned, without the mark.",
        fires="photographs of a telephone that was held upright",
        quiet="photographs whose orientation says that nothing is to be done",
    ),
    "animated": Remark(
        title="first frames of animations",
        seen="Files held several frames or pages, and the first was taken.",
        why="The other frames are not scored; the first is often a title or a blank.",
        way="Save the frames that are meant as images of their own.",
        fires="a GIF of 30 frames",
        quiet="a GIF of one",
    ),
    "mislabelled": Remark(
        title="another format than the name says",
        seen="Files have the extension of another format. They were read as what they are.",
        why="Rarely does it mislead by itself. But a JPEG called .png has lost what PNG keeps.",
        way="Rename them, or save them anew from the originals.",
        fires="a JPEG file called image.png",
        quiet="a JPEG file called image.jpeg",
    ),
    "mixed-sizes": Remark(
        title="images of several sizes",
        seen="Images differ in size from most of the others. It stands in the provenance, and is "
        "no line of its own.",
        why="Resizing differs between sizes, so that a set of several is scored as a mixture.",
        way="Bring all to one size by one antialiased resize, where that can be had.",
        fires="a folder of photographs as they came from several cameras",
        quiet="a folder of crops of one size",
    ),
    "skipped": Remark(
        title="images that could not be read",
        seen="Images could not be read and were left out, as --on-bad-image skip asks.",
        why="The score is of the others. It misleads if damage is no matter of chance: if all "
        "files of one class, or the last written, are damaged.",
        way="See the names in the provenance; mend the files, or score those that are whole.",
        fires="a download that broke off in the middle of a file",
        quiet="without --on-bad-image skip: the run ends at the first such file",
    ),
    "passed-over": Remark(
        title="files that are no images",
        seen="Files beside the images are none by their names, and were passed over.",
        why="If they are images by another name, they are not scored.",
        way="See the first of them; rename what is an image.",
        fires="a folder with notes.txt, or with images called a.tiff_ or a.jpg.bak",
        quiet="a folder of images alone",
    ),
    "first-of-stream": Remark(
        title="the first of a stream",
        seen="A stream gave the images, and the first of them were taken: there is no drawing at "
        "random from a stream.",
        why="Streams are often in an order, by class or by date: the first are then no picture of "
        "all, and the score is of those kinds alone.",
        way="Shuffle the stream, or give a folder or a dataset that can be indexed.",
        fires="--max-images with an iterable of batches",
        quiet="--max-images with a folder",
    ),
    "half-range": Remark(
        title="floats of 0 to 1 where -1 to 1 was said",
        seen="The stated range of floats begins below 0, and no image has a value in its lower "
        "half.",
        why="If they are 0 to 1, all images were taken for twice as bright: grey at the least, "
        "with half of the contrast. No score of them means anything.",
        way="State value_range=(0, 1).",
        fires="images from torchvision's ToTensor with value_range=(-1, 1)",
        quiet="the same with value_range=(0, 1)",
    ),
    "two-levels": Remark(
        title="levels 0 and 1 alone",
        seen="All images are of bytes 0 and 1 only.",
        why="Floats in 0 to 1 that were cast to bytes look like that: all is lost but the "
        "brightest pixels, and the images are black. No score of them means anything.",
        way="Multiply by 255 and round before the cast, or give the floats themselves.",
        fires="ToTensor's images after .to(torch.uint8)",
        quiet="black and white drawings of the levels 0 and 255",
    ),
    "not-reproducible": Remark(
        title="samples that cannot be drawn again",
        seen="A generator gave other samples when it was asked for the same ones again.",
        why="It ignores the random generators that it is given, so that a score cannot be "
        "repeated, and two passes over the samples see different ones.",
        way="Draw all randomness from the generators that the function is handed.",
        fires="a function that calls torch.randn without generator=",
        quiet="the same with generator=",
    ),
    "trained-with": Remark(
        title="a generator that learned from a network",
        seen="The generator was trained with the features of a network that could score it. It "
        "stands in the provenance; if that network does score it, same-network says so.",
        why="It has learned what that network sees, and scores by it flatter it.",
        way="Score with a network that had no part in the training.",
        fires="a checkpoint.json that says trained_with: [lite0]",
        quiet="a generator whose discriminator learned from images alone",
    ),
}
