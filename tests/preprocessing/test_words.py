"""Words as scikit-learn's TF-IDF, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from ogive._errors import InvalidDataError
from ogive.preprocessing.words import Words

vocabulary = ["fox", "Hen", "the", "a", "größe", "x1", "don't", "漢字", "1984", ""]
texts = st.lists(
    st.lists(st.sampled_from(vocabulary), max_size=8).map(" ".join), min_size=3, max_size=12
)


def assert_same(found, expected):
    assert sparse.issparse(found) and found.dtype == np.float64
    assert found.shape == expected.shape
    assert (found != expected).nnz == 0


@given(texts, texts)
def test_equals_scikit_learn(training, later):
    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2)
    try:
        vectorizer.fit(training)
    except ValueError:
        with pytest.raises(InvalidDataError, match="column 'note' holds no words"):
            Words.fit("note", training)
        return
    words = Words.fit("note", training)
    assert words.terms == tuple(vectorizer.get_feature_names_out())
    assert words.width == len(words.terms)
    for given_texts in (training, later):
        assert_same(words.encode(given_texts), vectorizer.transform(given_texts))


def test_words_of_one_row_are_left_out_unless_there_are_few_rows():
    assert Words.fit("t", ["red fox", "red hen", "green"]).terms == ("red",)
    assert Words.fit("t", ["red fox", "red hen"]).terms == ("fox", "hen", "red")
    assert Words.fit("t", ["red fox"]).terms == ("fox", "red")


def test_unseen_words_count_nothing():
    words = Words.fit("t", ["red fox"] * 3)
    assert words.encode(["blue", ""]).nnz == 0
    np.testing.assert_allclose(words.encode(["red blue"]).toarray(), [[0, 1]])


def test_rows_have_unit_length_and_counts_are_dampened():
    words = Words.fit("t", ["red fox"] * 3)
    many = words.encode(["red red red red fox"]).toarray()[0]
    assert np.linalg.norm(many) == pytest.approx(1)
    assert many[1] / many[0] == pytest.approx(1 + np.log(4))
