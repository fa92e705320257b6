"""The report page: one HTML file that needs nothing else and says what the figures say."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from ogive._writing import write_text
from ogive.kernels import Definiteness
from ogive.kernels.spectrum import CONDITIONAL, POSITIVE
from ogive.report import plots
from ogive.report.demo_result import DemoResult, DrawnDigits, Score, Search
from ogive.report.page_pictures import digit_strips, search_lines
from ogive.report.style import label

_SPACE = "\u00a0"
_EMBEDDINGS = {"pca": "principal components", "patches": "patch features", "pixels": "pixels"}
_FORMULAS = {
    "sigmoid": "tanh(gamma ⟨x, y⟩ + coef0)",
    "tanh": "tanh(gamma ⟨x, y⟩ + coef0)",
    "logistic": "1 / (1 + exp(−gamma ⟨x, y⟩ − coef0))",
}


def render_page(result: DemoResult) -> str:
    """Return the report as one self-contained HTML document.

    It asks for nothing from outside: style and images are inline, and there are no scripts.

    Parameters
    ----------
    result : DemoResult

    Returns
    -------
    str
    """
    return _environment().get_template("report.html").render(_context(result))


def write_report(result: DemoResult, folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` to a folder, whole or not at all.

    Parameters
    ----------
    result : DemoResult
    folder : path
        Created if it is not there.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    OutputError
        If it cannot be written; a report that was there is untouched.
    """
    return write_text(Path(folder) / "report.html", render_page(result))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ogive.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=count,
        percent=percent,
        seconds=seconds,
        memory=memory,
        rounded=rounded,
        sentence=sentence,
    )
    return environment


def _context(result: DemoResult) -> dict[str, Any]:
    classes = [label(name, 60) for name in result.classes]
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (result.true, result.predicted), 1)
    right, wrong = plots.examples(result.images, result.true, result.predicted, result.margin)
    own = [not _is_peer(score) for score in result.comparison]
    bars = [
        (name, score.accuracy, ours)
        for name, score, ours in zip(
            _bar_names(result.comparison), result.comparison, own, strict=True
        )
    ]
    return {
        "result": result,
        "classes": classes,
        "baseline": counts.sum(axis=1).max() / max(len(result.true), 1),
        "scores": score_sentences(result.scores, result.test_rows),
        "scores_own": [place == 0 for place in range(len(result.scores))],
        "comparison": comparison_sentence(result.comparison),
        "comparison_own": own,
        "formula": _formula(result.kernel),
        "definiteness": definiteness_sentences(result.definiteness),
        "numbered": plots.NUMBERED_CLASSES,
        "confusion": confusion_sentence(counts, classes),
        "wrong_count": int((result.true != result.predicted).sum()),
        "coarse": max(result.images.shape[1:3]) < 48,
        "right": right,
        "wrong": wrong,
        "bars_plot": plots.accuracy_bars(bars) if bars else "",
        "spectrum_plot": plots.spectrum(result.definiteness),
        "matrix_plot": plots.kernel_matrix(result.matrix, result.matrix_classes, classes),
        "search": "" if result.search is None else search_sentences(result.search),
        "search_lines": [] if result.search is None else search_lines(result.search),
        "digits": digit_sentences(result.digits),
        "digit_strips": digit_strips(result.digits),
        "matrix_signs": bool(result.matrix.min() < 0 < result.matrix.max()),
        "confusion_plot": plots.confusion(counts, classes),
    }


def score_sentences(scores: Sequence[Score], test_rows: int) -> str:
    """Say where the first kernel stands among the others, and what a difference is worth."""
    first, others = scores[0], scores[1:]
    parts = []
    if others:
        best = max(others, key=lambda score: score.accuracy)
        gap = points(first.accuracy, best.accuracy)
        if gap > 0:
            parts.append(
                f"{_kernel(first)} is ahead of the others, {_points(gap)} above {_kernel(best)}."
            )
        elif gap < 0:
            parts.append(
                f"{_kernel(first)} is not the best here: {_kernel(best)} gets {_points(-gap)} more."
            )
        else:
            parts.append(f"{_kernel(first)} and {_kernel(best)} come out level.")
    spread = 100 * interval(first.accuracy, test_rows)
    parts.append(
        f"With {count(test_rows)} test pictures, chance alone moves an accuracy by about "
        f"±{_points(spread)}, so smaller differences mean little."
    )
    text = " ".join(parts)
    return text[0].upper() + text[1:]


def comparison_sentence(scores: Sequence[Score]) -> str:
    """Say what the best machines of either library reached, and by how much they differ."""
    peers = [score for score in scores if _is_peer(score)]
    ours = [score for score in scores if not _is_peer(score)]
    if not peers or not ours:
        return ""
    peer, own = (max(group, key=lambda score: score.accuracy) for group in (peers, ours))
    gap = points(own.accuracy, peer.accuracy)
    verdict = (
        f"{_points(abs(gap))} {'more' if gap > 0 else 'fewer'}" if gap else "level to 0.1 points"
    )
    rows = {score.rows for score in scores}
    where = f"the same {count(rows.pop())} training pictures" if len(rows) == 1 else "few pictures"
    names = {
        id(score): name.removeprefix("scikit-learn ").removeprefix("Ogive ")
        for score, name in zip(scores, _bar_names(scores), strict=True)
    }
    return (
        f"On {where}, the best of scikit-learn’s machines ({names[id(peer)]}) gets "
        f"{percent(peer.accuracy)} right; the best of Ogive’s ({names[id(own)]}) gets "
        f"{percent(own.accuracy)}, {verdict}."
    )


def definiteness_sentences(found: Definiteness) -> str:
    """Say in words whether the kernel is positive definite, and what follows from it."""
    size = count(found.sample_size)
    if found.verdict == POSITIVE:
        return (
            f"On a sample of {size} training pictures the kernel is positive definite: none of "
            "the eigenvalues of its matrix is negative, so the classical theory of kernels holds "
            "as it stands."
        )
    plain, centred = found.plain, found.centred
    opening = (
        f"On a sample of {size} training pictures, {count(plain.negative_count)} of the {size} "
        f"eigenvalues of its matrix are negative; they carry {share(plain.negative_mass)} of the "
        "mass (the sum of all absolute eigenvalues)."
    )
    if found.verdict == CONDITIONAL:
        return (
            f"{opening} Centring the matrix removes them, so the kernel is conditionally positive "
            "definite: a machine with a free intercept may treat it like a classical kernel."
        )
    return (
        f"{opening} Centring leaves {count(centred.negative_count)}, with "
        f"{share(centred.negative_mass)} of the mass. So the kernel is indefinite, and methods "
        "made for positive definite kernels promise nothing here."
    )


def confusion_sentence(counts: np.ndarray, classes: Sequence[str]) -> str:
    """Name the most frequent mistakes, at most three."""
    mistakes = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    order = np.argsort(-mistakes, axis=None, kind="stable")[:3]
    places = [np.unravel_index(place, counts.shape) for place in order]
    told = [
        f"“{classes[row]}” named “{classes[column]}” ({count(int(mistakes[row, column]))}×)"
        for row, column in places
        if mistakes[row, column] > 0
    ]
    return f"Most often mistaken: {', '.join(told)}." if told else "No picture was mistaken."


def search_sentences(search: Search) -> str:
    """Say what was searched for among what, and how often the class was right."""
    return (
        f"The {count(search.pictures)} training pictures are an index: each is a vector of length "
        f"one, of its {_EMBEDDINGS.get(search.embedding, search.embedding)}. A picture is searched "
        "for by comparing its vector with all of these. Of the pictures most alike to each of "
        f"{count(search.queries)} test pictures, {percent(search.precision)} are of its class. "
        f"Indexing and searching took {seconds(search.seconds)} seconds."
    )


def digit_sentences(digits: DrawnDigits) -> str:
    """Say how the digits were made, and what a classifier thinks of them."""
    return (
        f"Kernel ridge regressions, fitted in {seconds(digits.fit_seconds)} seconds to "
        f"{count(digits.rows)} of scikit-learn’s digits, tell the way from noise to a digit that "
        f"is asked for. Of {count(digits.drawn)} that were drawn so in "
        f"{seconds(digits.draw_seconds)} seconds, a classifier reads {percent(digits.agreement)} "
        f"as what was asked for; of real digits that it has not seen, it reads "
        f"{percent(digits.reader_accuracy)} correctly."
    )


def points(first: float, second: float) -> float:
    """Return the difference in percentage points of two accuracies as they are printed."""
    return round(round(100 * first, 1) - round(100 * second, 1), 1)


def interval(accuracy: float, rows: int) -> float:
    """Return half the width of Wilson's 95 % interval of an accuracy measured on so many rows."""
    z, n = 1.96, max(rows, 1)
    return z / (1 + z * z / n) * math.sqrt(accuracy * (1 - accuracy) / n + (z / (2 * n)) ** 2)


def count(value: int) -> str:
    """Return 60000 as 60,000."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Return 0.8651 as 86.5 %."""
    return f"{100 * value:.1f}{_SPACE}%"


def share(value: float) -> str:
    """Return a share to two digits: 16 %, 3.2 %, 0.031 %."""
    return f"{100 * value:.2g}{_SPACE}%" if value < 0.995 else f"100{_SPACE}%"


def seconds(value: float) -> str:
    """Return a duration in seconds to two or three digits."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def memory(value: int) -> str:
    """Return a number of bytes as 312 MB or 1.4 GB."""
    return f"{value / 1e6:,.0f}{_SPACE}MB" if value < 999.5e6 else f"{value / 1e9:.1f}{_SPACE}GB"


def rounded(text: str) -> str:
    """Return text with its long decimal numbers cut to four digits."""
    return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", text)


def sentence(text: str) -> str:
    """Return text that ends with a full stop or another mark, with no line break before %."""
    text = text.strip().replace(" %", f"{_SPACE}%")
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def _points(value: float) -> str:
    return f"{value:.1f}{_SPACE}points"


def _is_peer(score: Score) -> bool:
    return "scikit-learn" in score.name.lower() or "sklearn" in score.name.lower()


def _kernel(score: Score) -> str:
    return score.name if "kernel" in score.name.lower() else f"the {score.name} kernel"


def _bar_names(scores: Sequence[Score]) -> list[str]:
    """Return the names, with the details where two machines share a name."""
    names = [score.name for score in scores]
    return [
        score.name if names.count(score.name) == 1 else f"{score.name}: {rounded(score.detail)}"
        for score in scores
    ]


def _formula(kernel: str) -> str:
    lowered = kernel.lower()
    return next((text for start, text in _FORMULAS.items() if lowered.startswith(start)), "")
