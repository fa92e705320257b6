"""One column of text as weighted word counts: TF-IDF by scikit-learn, sparse throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ogive._errors import InvalidDataError
from ogive._record import RecordReader, RecordWriter


@dataclass(frozen=True, eq=False)
class Words:
    """TF-IDF of the words of a column: (1 + log count) · idf, rows of unit length.

    Attributes
    ----------
    column : str
        Its name.
    terms : tuple of str
        The words that occur in two training rows or more, in the order of the columns.
    idf : ndarray of shape (terms,)
        log((1 + n) / (1 + rows with the word)) + 1.

    References
    ----------
    Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, section 6.4.

    Examples
    --------
    >>> words = Words.fit("title", ["a red fox", "the red hen", "the fox"])
    >>> words.terms
    ('fox', 'red', 'the')
    >>> words.encode(["red fox, red fox", "unseen"]).toarray().round(3)
    array([[0.707, 0.707, 0.   ],
           [0.   , 0.   , 0.   ]])
    """

    column: str
    terms: tuple[str, ...]
    idf: np.ndarray

    @classmethod
    def fit(cls, column: str, cells: Sequence[str]) -> Words:
        """Collect the words and how rare they are.

        Raises
        ------
        InvalidDataError
            If no word is left.
        """
        # A word of one row cannot tell it from another row; for a handful of rows all are kept.
        vectorizer = _vectorizer(min_df=2 if len(cells) > 2 else 1)
        try:
            vectorizer.fit(cells)
        except ValueError as error:
            raise InvalidDataError(
                f"column {column!r} holds no words that occur in two rows: is it text?"
            ) from error
        terms = tuple(str(term) for term in vectorizer.get_feature_names_out())
        return cls(column, terms, np.asarray(vectorizer.idf_, dtype=np.float64))

    @property
    def width(self) -> int:
        """Number of columns it becomes."""
        return len(self.terms)

    def encode(self, cells: Sequence[str]) -> Any:
        """Return the TF-IDF rows as a CSR matrix of shape (n, terms), float64."""
        vectorizer = _vectorizer(vocabulary={term: i for i, term in enumerate(self.terms)})
        vectorizer.idf_ = self.idf
        return vectorizer.transform(cells)

    def write(self, writer: RecordWriter) -> None:
        """Write what `read` needs."""
        writer.value("column", self.column)
        writer.value("terms", list(self.terms))
        writer.array("idf", self.idf)

    @classmethod
    def read(cls, reader: RecordReader) -> Words:
        """Read what `write` wrote."""
        column, terms = reader.value("column", str), reader.strings("terms")
        if not terms or len(set(terms)) < len(terms):
            reader.fail("terms", "are not distinct")
        return cls(column, terms, reader.array("idf", (len(terms),)))


def _vectorizer(**options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, **options)
