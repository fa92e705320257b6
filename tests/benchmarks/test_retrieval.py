"""The benchmark of search runs, and its figures are those of the protocol."""

import numpy as np
import pytest

from benchmarks import retrieval
from ogive.data import Dataset, load
from ogive.images.retrieval import retrieval_scores


@pytest.fixture
def digits(monkeypatch):
    """Let the benchmark find digits as pixels, of which few are enough."""

    def pixels(name, part="train"):
        rows = load("digits", part).take(range(240 if part == "train" else 120))
        X = (rows.X * 15.9375).astype(np.uint8)
        return Dataset(rows.name, X, rows.y, rows.classes, rows.image_shape)

    monkeypatch.setattr(retrieval, "load", pixels)
    monkeypatch.setattr(retrieval, "_TIMED", 3)
    return pixels


def test_every_embedding_is_measured(digits, capsys):
    assert retrieval.main(["--threads", "1", "--rows", "200", "--graphs", "pca"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digits: 200 indexed pictures, 120 queries"
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    assert [row[0] for row in rows[2:7]] == ["pixels", "pca", "patches", "model", "trained"]
    assert all(len(row) == 8 for row in rows[2:7])
    assert all(0.8 < float(row[5]) <= float(row[6]) <= 1 for row in rows[2:7])
    assert rows[-1][0] == "pca" and float(rows[-1][2]) > 0.95


def test_figures_are_those_of_the_protocol(digits):
    train, test = digits("", "train"), digits("", "test")
    made = retrieval.indexed("pixels", train, test, 0)
    vectors = made.embedder.embed(train.images())
    wanted = retrieval_scores(
        made.embedder.embed(test.images()), test.y, vectors, train.y, k=(1, 10)
    )
    figures = [f"{figure:.4f}" for figure in (*wanted.recall.values(), wanted.map_at_r)]
    assert made.row(train, test)[-3:] == figures
