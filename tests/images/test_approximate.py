"""The graph: recall beside the exact index, removals, records, and graphs that are not believed."""

import numpy as np
import pytest

pytest.importorskip("usearch")

from ogive._errors import InvalidModelError, MissingDependencyError
from ogive._record import RecordReader, RecordWriter
from ogive.images import approximate
from ogive.images.approximate import ApproximateIndex, read_vectors, write_vectors
from ogive.images.vectors import ExactIndex


def clustered(count, width, seed=0, clusters=40):
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(clusters, width))
    return centres[generator.integers(clusters, size=count)] + 0.5 * generator.normal(
        size=(count, width)
    )


def filled(count=3000, width=24, gone=()):
    index = ApproximateIndex(width)
    index.add(clustered(count, width))
    index.link()
    if len(gone):
        index.remove(gone)
    return index


def recall(index, queries, k=10):
    found, wanted = index.search(queries, k), index.exact.search(queries, k)
    same = [len(set(a) & set(b)) / k for a, b in zip(found.ids, wanted.ids, strict=True)]
    return np.mean(same)


QUERIES = clustered(100, 24, seed=1)


def test_nearly_all_of_the_nearest_are_found_with_exact_products():
    index = filled()
    assert recall(index, QUERIES) > 0.98
    found, wanted = index.search(QUERIES), index.exact.search(QUERIES)
    same = (found.ids == wanted.ids).all(axis=1)
    np.testing.assert_array_equal(found.products[same], wanted.products[same])
    assert (np.diff(found.products, axis=1) <= 0).all()


def test_what_was_removed_is_not_found():
    nearest = filled().exact.search(QUERIES[:1], 200).ids[0]
    index = filled(gone=nearest)  # all that the graph would find first
    assert len(index._linked) == 3000
    assert not np.isin(index.search(QUERIES).ids, nearest).any()
    assert recall(index, QUERIES) > 0.98 and recall(index, QUERIES[:1]) > 0.8
    index.add(clustered(50, 24, seed=2))
    assert recall(index, QUERIES) > 0.98 and len(index._linked) == 3050
    index.remove(index.ids[:800])
    assert len(index._linked) == 0  # too much is gone: built anew at the next search
    assert recall(index, QUERIES) > 0.98


def test_an_id_that_comes_back_names_the_new_vector():
    index = filled(gone=[5])
    index.add(QUERIES[:1], [5])
    assert index.search(QUERIES[:1], 1).ids.tolist() == [[5]]


def test_many_equal_vectors_and_large_k():
    index = ApproximateIndex(4)
    index.add(np.repeat(np.eye(4), 300, axis=0))
    found = index.search(np.eye(4)[:1], 5)
    assert np.allclose(found.products, 1) and (found.ids < 300).all()
    assert index.search(np.eye(4), 5000).ids.shape == (4, 1200)
    assert ApproximateIndex(4).search(np.eye(4)).ids.shape == (4, 0)


@pytest.mark.parametrize("gone", [[], list(range(0, 3000, 9))])
def test_a_record_keeps_the_graph(gone, monkeypatch):
    index = filled(gone=gone)
    writer = RecordWriter()
    write_vectors(index, writer)
    reader = RecordReader(writer.values, writer.arrays)
    again = read_vectors(reader)
    reader.finish()
    assert len(again._linked) == 3000
    np.testing.assert_array_equal(again.search(QUERIES).ids, index.search(QUERIES).ids)
    again.add(clustered(40, 24, seed=3))
    assert recall(again, QUERIES) > 0.98
    monkeypatch.setattr(approximate, "have_usearch", lambda: False)
    reader = RecordReader(writer.values, writer.arrays)
    exact = read_vectors(reader)
    reader.finish()
    assert isinstance(exact, ExactIndex) and len(exact) == len(index)


def test_an_empty_or_unlinked_record():
    for count in (0, 3):
        index = ApproximateIndex(2)
        index.add(np.ones((count, 2)))
        writer = RecordWriter()
        write_vectors(index, writer)
        assert len(read_vectors(RecordReader(writer.values, writer.arrays))) == count


def spoil(arrays, values, what):
    graph = "index.graph."
    links, levels = arrays[graph + "links"].copy(), arrays[graph + "levels"].copy()
    if what == "slot":
        links[1] = 10**6
    elif what == "count":
        links[0] = 60000
    elif what == "levels":
        levels[0] = 3
    elif what == "negative level":
        levels[0] = -1
    elif what == "above its level":  # a list on level 1 that names a slot that ends at level 0
        bottom = len(levels) * (1 + values["index"]["graph"]["connectivity_base"])
        links[bottom], links[bottom + 1] = 1, int(np.argmin(levels))
    elif what == "entry":
        values["index"]["graph"]["entry"] = int(np.argmin(levels))
    elif what == "connectivity":
        values["index"]["graph"]["connectivity"] = 10**9
    elif what == "keys":
        arrays[graph + "keys"] = np.zeros_like(arrays[graph + "keys"])
    elif what == "short":
        links = links[:-5]
    arrays[graph + "links"], arrays[graph + "levels"] = links, levels


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("slot", "slot that is not there"),
        ("count", "longer than its place"),
        ("levels", "do not fit its levels"),
        ("negative level", "levels are out of bounds"),
        ("above its level", "above its level"),
        ("entry", "entry is not on its top level"),
        ("connectivity", "connectivity is out of bounds"),
        ("keys", "a key twice"),
        ("short", "do not fit its levels"),
    ],
)
def test_a_graph_that_leads_out_of_memory_is_refused(what, words):
    writer = RecordWriter()
    write_vectors(filled(400), writer)
    spoil(writer.arrays, writer.values, what)
    with pytest.raises(InvalidModelError, match=words):
        read_vectors(RecordReader(writer.values, writer.arrays))


def test_another_usearch_builds_the_graph_again(monkeypatch):
    writer = RecordWriter()
    write_vectors(filled(400), writer)
    monkeypatch.setattr(approximate, "restored", lambda *_: None)
    again = read_vectors(RecordReader(writer.values, writer.arrays))
    assert len(again._linked) == 0 and recall(again, QUERIES) > 0.98


def test_without_usearch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    with pytest.raises(MissingDependencyError, match=r"ogive\[search\]"):
        ApproximateIndex(3)
