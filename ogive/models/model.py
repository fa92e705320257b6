"""A model that can be put to use: an estimator with the preprocessing it was fitted behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive._record import RecordReader, RecordWriter
from ogive.images.estimator_record import read_any_estimator, write_any_estimator
from ogive.preprocessing import Preprocessing, read_preprocessing, write_preprocessing


@dataclass(frozen=True, eq=False)
class Model:
    """An estimator, the preprocessing it was fitted behind, and the names of its classes.

    Made by `fit_model` or ``ogive fit``; kept by `ogive.save`.

    Attributes
    ----------
    preprocessing : Preprocessing
        Fitted on the training data.
    estimator : object
        A fitted estimator of Ogive's; a classifier's classes are codes into ``classes``.
    classes : tuple of str
        Empty for regression, and for a transformer.
    target : str or None
        What it predicts: the name of the target column, "class" or "value". None for a
        transformer, which predicts nothing.
    summary : mapping
        How it was fitted: plain values for people, among them data, rows and seconds.
    """

    preprocessing: Preprocessing
    estimator: Any
    classes: tuple[str, ...]
    target: str | None
    summary: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, data: Any) -> np.ndarray:
        """Return the class name, or the value, of each row.

        Parameters
        ----------
        data : Dataset, Table, ndarray or csr_matrix
            As the preprocessing takes it.

        Returns
        -------
        ndarray of shape (n,)
            Of str (dtype object), or float64 for regression.

        Raises
        ------
        InvalidParameterError
            If it is a transformer.
        """
        answer = self.predict_codes(data)
        return np.array(self.classes, dtype=object)[answer] if self.classes else answer

    def predict_codes(self, data: Any) -> np.ndarray:
        """Return the class code (int64), or the value (float64), of each row."""
        self.require_target()
        return self.estimator.predict(self.preprocessing.transform(data))

    @property
    def transforms(self) -> bool:
        """Whether it is a transformer: `transform` works, and nothing is predicted."""
        return self.target is None

    def transform(self, data: Any) -> np.ndarray:
        """Return the coordinates that a transformer gives the rows, (n, components).

        Raises
        ------
        InvalidParameterError
            If it is none.
        """
        if not self.transforms:
            raise InvalidParameterError(
                f"the model is a {type(self.estimator).__name__} fitted to predict "
                f"{self.target!r}: use predict"
            )
        return self.estimator.transform(self.preprocessing.transform(data))

    def require_target(self) -> str:
        """Return the name of what it predicts.

        Raises
        ------
        InvalidParameterError
            If it is a transformer, which predicts nothing.
        """
        if self.target is None:
            raise InvalidParameterError(
                f"the model is a {type(self.estimator).__name__}, fitted without targets: it "
                "predicts nothing that could be compared with a truth; ask for its coordinates "
                "(ogive predict, or transform in Python)"
            )
        return self.target

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict_proba` works: kernel ridge regression, say, knows none."""
        return callable(getattr(self.estimator, "predict_proba", None))

    def predict_proba(self, data: Any) -> np.ndarray:
        """Return the probability of each class, (n, classes)."""
        return self.estimator.predict_proba(self.preprocessing.transform(data))

    def codes_of(self, y: np.ndarray, classes: tuple[str, ...], origin: str) -> np.ndarray:
        """Return the targets of other data in this model's terms.

        Parameters
        ----------
        y : ndarray of shape (n,)
        classes : tuple of str
            The names that ``y`` has codes into; empty for real values.
        origin : str
            The data, for messages.

        Returns
        -------
        ndarray of shape (n,)
            int64 codes into the model's classes, or float64 values.

        Raises
        ------
        InvalidDataError
            If the targets are of another kind, or a class is unknown to the model.
        """
        if not self.classes:
            return _values(y, classes, origin)
        if not classes:
            raise InvalidDataError(
                f"{origin}: the targets are real numbers, and the model predicts classes "
                f"({_some(self.classes)}): is it the right target column?"
            )
        code = {name: index for index, name in enumerate(self.classes)}
        present = [classes[c] for c in np.unique(y)]
        unknown = [name for name in present if name not in code]
        if unknown:
            raise InvalidDataError(
                f"{origin} has the class {unknown[0]!r}, which the model was not fitted on "
                f"({_some(self.classes)}): leave its rows out, or fit the model on them too"
            )
        return np.array([code.get(name, -1) for name in classes], dtype=np.int64)[y]

    def write(self, writer: RecordWriter) -> None:
        """Write the model for a file."""
        write_preprocessing(self.preprocessing, writer.part("preprocessing"))
        write_any_estimator(self.estimator, writer.part("estimator"))
        writer.value("classes", list(self.classes))
        writer.value("target", self.target)
        writer.value("summary", dict(self.summary))
        writer.value("preprocesses", self.preprocessing.describe())  # for whoever reads the header

    @classmethod
    def read(cls, reader: RecordReader) -> Model:
        """Read what `write` wrote.

        Raises
        ------
        InvalidModelError
            If something is missing, or its parts do not fit together.
        """
        preprocessing = read_preprocessing(reader.part("preprocessing"))
        estimator = read_any_estimator(reader.part("estimator"))
        classes = reader.strings("classes")
        if estimator.n_features_in_ != preprocessing.width:
            reader.fail(
                "estimator",
                f"takes {estimator.n_features_in_} columns, and preprocessing makes "
                f"{preprocessing.width}",
            )
        codes = estimator.classes_ if is_classifier(estimator) else np.zeros(0, dtype=np.int64)
        # Of integers: 0.0 and False are equal to 0, and index otherwise.
        numbered = codes.dtype.kind == "i" and codes.tolist() == list(range(len(classes)))
        if not numbered or len(set(classes)) < len(classes):
            reader.fail("classes", f"do not fit the estimator's {len(codes)}")
        target, summary = reader.value("target", (str, None)), reader.value("summary", dict)
        if (target is None) == (is_classifier(estimator) or is_regressor(estimator)):
            what = "nothing" if target is None else repr(target)
            reader.fail("target", f"is {what:.60}, and the estimator a {type(estimator).__name__}")
        reader.strings("preprocesses")
        return cls(preprocessing, estimator, classes, target, summary)


def _values(y: np.ndarray, classes: tuple[str, ...], origin: str) -> np.ndarray:
    if not classes:
        return y
    try:
        return np.array([float(int(name)) for name in classes])[y]  # they only looked like classes
    except ValueError:
        raise InvalidDataError(
            f"{origin}: the targets are classes ({_some(classes)}), and the model predicts "
            "numbers: is it the right target column?"
        ) from None


def _some(names: tuple[str, ...], limit: int = 10) -> str:
    shown = ", ".join(map(repr, names[:limit]))
    return shown if len(names) <= limit else f"{shown}, …"
