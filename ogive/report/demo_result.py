"""What the demonstration found: plain values, ready to be printed, drawn or written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from ogive.kernels import Definiteness
from ogive.report.contact_sheet import SheetQuery


@dataclass(frozen=True)
class Score:
    """One line of a table: a model, what it reached and what it cost.

    Attributes
    ----------
    name : str
        "sigmoid", or "scikit-learn SVC".
    detail : str
        The kernel with its parameters, and how it was treated.
    rows : int
        Training rows.
    landmarks : int or None
        None if every row has a coefficient.
    accuracy : float
        On the test rows, 0 … 1.
    seconds : float
        To fit and to predict the test rows.
    peak_bytes : int
        Largest resident memory of the process meanwhile.
    """

    name: str
    detail: str
    rows: int
    landmarks: int | None
    accuracy: float
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Search:
    """Test pictures that were searched for among the training pictures.

    Attributes
    ----------
    pictures : int
        How many are indexed.
    embedding : str
        What the index compares: "pca", say.
    kernel : str
        The kernel whose values are told.
    seconds : float
        To fit the embedding, to index, and to search.
    queries : int
        Test pictures that were searched for, to count by.
    precision : float
        The share of the hits of those that are of the query's class.
    shown : tuple of SheetQuery
        Some of them with their hits; labels are class names.
    """

    pictures: int
    embedding: str
    kernel: str
    seconds: float
    queries: int
    precision: float
    shown: tuple[SheetQuery, ...] = field(repr=False)

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "shown"}


@dataclass(frozen=True)
class DrawnDigits:
    """Digits that a generator in closed form has made.

    Attributes
    ----------
    rows : int
        Digits that it was fitted on.
    kernel : str
        Of its regressions.
    fit_seconds, draw_seconds : float
        To fit it, and to draw all digits that are counted.
    drawn : int
        How many are counted.
    agreement : float
        The share of them that a classifier reads as the digit that was asked for.
    reader_accuracy : float
        That classifier's, on real digits that it has not seen.
    pictures : ndarray of shape (classes, n, height, width, 1)
        uint8, a row a class.
    classes : tuple of str
    """

    rows: int
    kernel: str
    fit_seconds: float
    draw_seconds: float
    drawn: int
    agreement: float
    reader_accuracy: float
    pictures: np.ndarray = field(repr=False)
    classes: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        hidden = ("pictures", "classes")
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}


@dataclass(frozen=True)
class DemoResult:
    """Everything the demonstration's table and page show.

    Attributes
    ----------
    data : str
        Name of the data set.
    data_note : str
        Which data these are, and how to get others; may be empty.
    classes : tuple of str
    train_rows, test_rows : int
    kernel : str
        The sigmoid kernel with its numbers.
    kernel_note : str
        Where the numbers come from.
    definiteness : Definiteness
        Of that kernel on a sample of training rows.
    treatment : str
        What was done about it.
    scores : tuple of Score
        The kernels on all training rows.
    comparison : tuple of Score
        scikit-learn's machines and Ogive's on the same few rows.
    matrix : ndarray of shape (k, k)
        Kernel matrix of a sample, ordered by class.
    matrix_classes : ndarray of shape (k,)
        Class codes of its rows.
    true, predicted : ndarray of shape (test_rows,)
        Class codes.
    margin : ndarray of shape (test_rows,)
        By how much the winning class won.
    images : ndarray of shape (test_rows, h, w, c)
        uint8, or floats in 0 … 1.
    search : Search or None
        None if the data are no pictures.
    digits : DrawnDigits
    command : str
        What was run.
    versions : dict of str to str
    seconds : float
        In all.
    """

    data: str
    data_note: str
    classes: tuple[str, ...]
    train_rows: int
    test_rows: int
    kernel: str
    kernel_note: str
    definiteness: Definiteness
    treatment: str
    scores: tuple[Score, ...]
    comparison: tuple[Score, ...]
    matrix: np.ndarray = field(repr=False)
    matrix_classes: np.ndarray = field(repr=False)
    true: np.ndarray = field(repr=False)
    predicted: np.ndarray = field(repr=False)
    margin: np.ndarray = field(repr=False)
    images: np.ndarray = field(repr=False)
    search: Search | None
    digits: DrawnDigits
    command: str
    versions: dict[str, str]
    seconds: float

    @property
    def accuracy(self) -> float:
        """Of the sigmoid kernel on all training rows."""
        return self.scores[0].accuracy

    def summary(self) -> dict[str, Any]:
        """Return the figures, without the arrays, as JSON holds them."""
        spectrum = self.definiteness
        return {
            "accuracy": self.accuracy,
            "data": self.data,
            "train_rows": self.train_rows,
            "test_rows": self.test_rows,
            "kernel": self.kernel,
            "definiteness": {
                "verdict": spectrum.verdict,
                "sample_size": spectrum.sample_size,
                "negative_count": spectrum.plain.negative_count,
                "negative_mass": spectrum.plain.negative_mass,
                "centred_negative_count": spectrum.centred.negative_count,
                "centred_negative_mass": spectrum.centred.negative_mass,
            },
            "treatment": self.treatment,
            "scores": [asdict(score) for score in self.scores],
            "comparison": [asdict(score) for score in self.comparison],
            "search": None if self.search is None else self.search.summary(),
            "digits": self.digits.summary(),
            "seconds": self.seconds,
            "versions": self.versions,
        }
