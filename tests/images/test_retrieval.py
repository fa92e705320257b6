"""recall@k and MAP@R: by a naive oracle, by hand, and by figures of pytorch-metric-learning."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ogive._errors import InvalidDataError, InvalidParameterError
from ogive.images.retrieval import retrieval_scores


def oracle(queries, labels, references, reference_labels, own, counts):
    """Follow Musgrave et al. query by query; rows are unit rows."""
    firsts, precisions = [], []
    for place, (query, label) in enumerate(zip(queries, labels, strict=True)):
        others = [i for i in range(len(references)) if not (own and i == place)]
        ranked = sorted(others, key=lambda i: (-np.float32(references[i] @ query), i))
        same = [reference_labels[i] == label for i in ranked]
        relevant = sum(same)
        if relevant == 0:
            continue
        firsts.append(same.index(True))
        hits = [sum(same[: i + 1]) / (i + 1) for i in range(relevant) if same[i]]
        precisions.append(sum(hits) / relevant)
    return {k: np.mean([f < k for f in firsts]) for k in counts}, np.mean(precisions), len(firsts)


@given(
    seed=st.integers(0, 1000),
    queries=st.integers(2, 30),
    references=st.one_of(st.none(), st.integers(1, 30)),
    classes=st.integers(1, 6),
    memory=st.sampled_from(["1 B", "64 MB"]),
)
def test_scores_are_those_of_an_oracle(seed, queries, references, classes, memory):
    generator = np.random.default_rng(seed)
    # On a lattice of powers of two products are exact, and ties are the rule.
    draw = lambda n: np.eye(4)[generator.integers(0, 4, n)]  # noqa: E731
    X, y = draw(queries), generator.integers(0, classes, queries)
    own = references is None
    Z, z = (X, y) if own else (draw(references), generator.integers(0, classes, references))
    counts = (1, 3, 50)
    lone = all(sum(z == label) <= own for label in y)
    args = (X, y) if own else (X, y, Z, z)
    if lone:
        with pytest.raises(InvalidDataError, match="nothing to find"):
            retrieval_scores(*args, k=counts)
        return
    found = retrieval_scores(*args, k=counts, memory=memory)
    recall, precision, count = oracle(X, y, Z, z, own, counts)
    assert found.recall == pytest.approx(recall) and found.queries == count
    assert found.map_at_r == pytest.approx(precision) and found.lone == queries - count


def test_by_hand():
    """The example of the paper's figure: R = 3, hits at 1 and 3: (1 + 2/3) / 3."""
    angles = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = retrieval_scores(rows[:1], ["a"], rows[1:], ["a", "b", "a", "a"], k=(1,))
    assert found.map_at_r == pytest.approx((1 + 2 / 3) / 3) and found.recall == {1: 1.0}


def test_figures_of_pytorch_metric_learning():
    """Those of version 2.9.0 for the same rows, by its AccuracyCalculator in float64."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 40, size=500)
    y[:3] = [100, 101, 102]
    centres = generator.normal(size=(103, 16))
    x = centres[y] + 1.2 * generator.normal(size=(500, 16))
    found = retrieval_scores(torch.from_numpy(x), torch.from_numpy(y))
    assert found.map_at_r == pytest.approx(0.18902277234558065, abs=1e-9)
    assert found.recall[1] == pytest.approx(0.42052313883299797) and found.lone == 3
    found = retrieval_scores(x[:100], y[:100], x[100:], y[100:])
    assert found.map_at_r == pytest.approx(0.21025404068858142, abs=1e-9)
    assert found.recall[1] == pytest.approx(0.44329896907216493)


def test_negative_products_rank_below_positive_ones():
    rows = [[1, 0], [-1, 0.1], [-1, 0.2], [-0.5, 1], [0.1, 1]]
    for place in range(1, 5):
        labels = [1 if i == place else 0 for i in range(1, 5)]
        found = retrieval_scores(rows[:1], [1], rows[1:], labels, k=range(1, 5))
        assert [found.recall[k] for k in range(1, 5)] == [k >= 5 - place for k in range(1, 5)]


@pytest.mark.parametrize(
    ("args", "error", "words"),
    [
        (([[1, 0]], [0], [[1, 0]]), InvalidParameterError, "give both, or neither"),
        (([[1, 0]], [0, 1]), InvalidDataError, "labels has 2 entries for 1 vectors"),
        (([[1, 0]], [0], [[1, 0]], [0, 1]), InvalidDataError, "reference_labels has 2"),
        (([[1, 0]], [[0]]), InvalidDataError, "one dimension"),
        (([[1, 0]], [0], [[1, 0, 0]], [0]), InvalidDataError, "references has shape"),
        (([[1, 0]], [0]), InvalidDataError, "none of the 1 queries"),
    ],
)
def test_what_cannot_be_scored(args, error, words):
    with pytest.raises(error, match=words):
        retrieval_scores(*args)
    with pytest.raises(InvalidParameterError, match="k="):
        retrieval_scores([[1, 0], [0, 1]], [0, 0], k=(0,))
