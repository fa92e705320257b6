"""``python -m benchmarks.retrieval``: how well pictures find pictures of their class, and how soon.

Each embedding is fitted on the training pictures, which are then indexed; the test pictures are the
queries, and neither they nor their classes were seen before. recall@k is the share of queries with
one of their class among the first k, MAP@R the mean average precision at R, with R pictures of the
class (Musgrave, Belongie and Lim, A metric learning reality check, 2020). A query's milliseconds
are those of embedding one picture and of finding its ten nearest, one query at a time. The graph is
that of usearch; its recall is the share of the true ten nearest that it finds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.table import seconds_text
from benchmarks.threads import default_threads, fixed_threads
from ogive.data import Dataset, load
from ogive.estimators import PatchKernelClassifier
from ogive.images.approximate import ApproximateIndex, have_usearch
from ogive.images.embedding import Embedder, EmbeddingRecipe
from ogive.images.embedding_fit import fitted_embedder
from ogive.images.model_embedding import model_recipe
from ogive.images.recipe import ClosedForm
from ogive.images.retrieval import RetrievalScores, retrieval_scores
from ogive.images.vectors import ExactIndex

_K, _TIMED = 10, 200  # neighbours, and queries that are timed one by one
_EMBEDDINGS = ("pixels", "pca", "patches", "model", "trained")
_GRAPHS = ("patches", "trained")  # of which graphs are built too, by default
_HEADINGS = ("embedding", "numbers", "fit, s", "index, s", "query, ms")
_SCORES = ("recall@1", "recall@10", "MAP@R")


@dataclass(frozen=True)
class Indexed:
    """Training pictures in an index, and test pictures as queries."""

    name: str
    embedder: Embedder
    index: ExactIndex
    queries: np.ndarray
    fitting: float
    indexing: float
    embedding: float

    def row(self, train: Dataset, test: Dataset) -> list[str]:
        """Return the cells of the table."""
        scores = retrieval_scores(
            self.queries, test.y, self.index.vectors(self.index.ids), train.y, k=(1, _K)
        )
        seconds = self.embedding + _seconds_a_query(self.index, self.queries)
        times = [seconds_text(self.fitting), seconds_text(self.indexing)]
        return [
            *(self.name, str(self.embedder.width), *times, seconds_text(1000 * seconds)),
            *_score_cells(scores),
        ]

    def graph_row(self) -> list[str]:
        """Build the graph, compare its answers with the exact ones, and return the cells."""
        start = time.perf_counter()
        graph = ApproximateIndex.of(self.index)
        graph.link()
        linking = time.perf_counter() - start
        exact = self.index.search(self.queries, _K).ids
        found = graph.search(self.queries, _K).ids
        shared = [len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True)]
        recall = float(np.mean(shared)) / exact.shape[1]
        times = [1000 * _seconds_a_query(index, self.queries) for index in (self.index, graph)]
        return [self.name, seconds_text(linking), f"{recall:.4f}", *map(seconds_text, times)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    train, test = load(options.data), load(options.data, "test")
    if options.rows is not None:
        generator = np.random.default_rng(0)
        train, test = (
            part.take(np.sort(generator.permutation(len(part))[: options.rows]))
            for part in (train, test)
        )
    print(f"{train.name}: {len(train):,} indexed pictures, {len(test):,} queries\n")
    graphs: list[Indexed] = []
    with fixed_threads(options.threads):
        _line([*_HEADINGS, *_SCORES], header=True)
        for name in options.embeddings:
            made = indexed(name, train, test, options.seed)
            _line(made.row(train, test))
            if name in options.graphs:
                graphs.append(made)
        if graphs and have_usearch():
            print("\nAmong all, and by the graph:\n")
            headings = ("embedding", "linking, s", "recall@10 of the exact ten")
            _line([*headings, "exact, ms", "graph, ms"], header=True)
            for made in graphs:
                _line(made.graph_row())
    return 0


def indexed(name: str, train: Dataset, test: Dataset, seed: int) -> Indexed:
    """Fit an embedding on the training pictures, index them, and embed the test pictures."""
    fitting, embedder = _timed(lambda: _fitted(name, train, seed))
    indexing, vectors = _timed(lambda: embedder.embed(train.images()))
    index = ExactIndex(embedder.width)
    index.add(vectors)
    pictures = test.images()
    some = range(min(_TIMED, len(pictures)))
    embedding, _ = _timed(lambda: [embedder.embed(pictures[row : row + 1]) for row in some])
    queries = embedder.embed(pictures)
    return Indexed(name, embedder, index, queries, fitting, indexing, embedding / len(some))


def _fitted(name: str, train: Dataset, seed: int) -> Embedder:
    if name != "model":
        return fitted_embedder(EmbeddingRecipe(name), train, seed, None)
    assert train.image_shape is not None
    settings = ClosedForm(size="small").settled(train.image_shape)
    model = PatchKernelClassifier(settings.pop("filters"), **settings, random_state=seed)
    model.fit(train.images(), train.y)
    return fitted_embedder(model_recipe(model), train, seed, None)


def _seconds_a_query(index: ExactIndex | ApproximateIndex, queries: np.ndarray) -> float:
    """Return the median of queries one by one."""
    some = queries[:_TIMED]
    index.search(some[:1], _K)
    return float(np.median([_timed(partial(index.search, row[None], _K))[0] for row in some]))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def _score_cells(scores: RetrievalScores) -> list[str]:
    return [f"{figure:.4f}" for figure in (*scores.recall.values(), scores.map_at_r)]


def _line(cells: Sequence[str], *, header: bool = False) -> None:
    """Print a line of a table in Markdown."""
    print(f"| {' | '.join(cells)} |", flush=True)
    if header:
        print(f"| --- |{' ---: |' * (len(cells) - 1)}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    add = parser.add_argument
    add("--data", default="fashion-mnist", help="a named set or a path (default %(default)s)")
    add("--rows", type=int, help="only so many training pictures, and as many queries")
    add("--embeddings", nargs="+", choices=_EMBEDDINGS, default=_EMBEDDINGS, help="instead of all")
    add(
        "--graphs",
        nargs="*",
        choices=_EMBEDDINGS,
        default=_GRAPHS,
        help="build these graphs, or none",
    )
    add("--seed", type=int, default=0, help="default %(default)s")
    add("--threads", type=int, default=default_threads(), help="default %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
