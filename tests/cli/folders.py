"""Folders of pictures to score."""

from PIL import Image


def save(folder, pixels, start=0):
    """(n, 3, height, width) uint8 => NNN.png in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(pixels, start):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / f"{index:03d}.png")
    return folder
