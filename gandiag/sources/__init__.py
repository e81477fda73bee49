"""Images from anywhere: `open_source` finds out what it was given."""

from gandiag.sources.base import Batch, ImageSource, Note, Points, classes, labelled, points_of
from gandiag.sources.checkpoint import checkpoints
from gandiag.sources.datasets import dataset_names, fetch_dataset
from gandiag.sources.generated import Draw, GeneratedImages, Generator, Sample
from gandiag.sources.notes import ValueRange
from gandiag.sources.opening import open_source
from gandiag.sources.zipped import StatisticsFile, images_of

__all__ = [
    "Batch",
    "Draw",
    "GeneratedImages",
    "Generator",
    "ImageSource",
    "Note",
    "Points",
    "Sample",
    "StatisticsFile",
    "ValueRange",
    "checkpoints",
    "classes",
    "dataset_names",
    "fetch_dataset",
    "images_of",
    "labelled",
    "open_source",
    "points_of",
]
