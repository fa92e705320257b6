"""How good the answers of a model are: figures, tables and a plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ogive._writing import PathLike


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers beside the truth.

    Attributes
    ----------
    data : str
        Name of the data.
    target : str
        The name of what is predicted.
    classes : tuple of str
        Empty for regression.
    true, predicted : ndarray of shape (n,)
        Class codes, or values.

    Examples
    --------
    >>> found = Evaluation("a", "kind", ("cat", "dog"), np.array([0, 1, 1]), np.array([0, 1, 0]))
    >>> round(found.figures()["accuracy"], 3)
    0.667
    """

    data: str
    target: str
    classes: tuple[str, ...]
    true: np.ndarray
    predicted: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """How often each true class (row) was given each name (column)."""
        size = len(self.classes)
        pairs = self.true * size + self.predicted
        return np.bincount(pairs, minlength=size * size).reshape(size, size)

    def figures(self) -> dict[str, Any]:
        """Return the figures as plain values.

        Returns
        -------
        dict
            For classes: accuracy, balanced_accuracy (mean recall of the classes present), classes
            (for each: name, rows, precision, recall, f1; None where it is not defined) and
            confusion. For values: r2 (None if the target is constant), mean_absolute_error,
            root_mean_squared_error. Always: data, target, rows.
        """
        found: dict[str, Any] = {"data": self.data, "target": self.target, "rows": len(self.true)}
        return found | (self._class_figures() if self.classes else self._value_figures())

    def _class_figures(self) -> dict[str, Any]:
        counts = self.confusion
        hits, rows, named = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
        recall, precision = _share(hits, rows), _share(hits, named)
        f1 = _share(2 * hits, rows + named)
        return {
            "accuracy": float(hits.sum() / rows.sum()),
            "balanced_accuracy": float(np.mean([value for value in recall if value is not None])),
            "classes": [
                {
                    "name": name,
                    "rows": int(rows[i]),
                    "precision": precision[i],
                    "recall": recall[i],
                    "f1": f1[i],
                }
                for i, name in enumerate(self.classes)
            ],
            "confusion": counts.tolist(),
        }

    def _value_figures(self) -> dict[str, Any]:
        error = self.predicted - self.true
        spread = np.square(self.true - self.true.mean()).sum()
        varies = bool((self.true != self.true[0]).any())  # the mean of equal values is rounded
        return {
            "r2": float(1 - np.square(error).sum() / spread) if varies else None,
            "mean_absolute_error": float(np.abs(error).mean()),
            "root_mean_squared_error": float(np.sqrt(np.square(error).mean())),
        }

    def write_plot(self, path: PathLike) -> Path:
        """Draw the confusion matrix, or predicted over true values, into .png, .svg or .pdf."""
        from ogive.report import plots

        if self.classes:
            return plots.confusion.write(path, self.confusion, self.classes)
        return plots.predicted_against_true.write(path, self.true, self.predicted, self.target)


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Print the figures, the table of the classes, and the confusion matrix if it fits."""
    figures = evaluation.figures()
    rows = f"{figures['rows']:,} rows of {evaluation.data}"
    if not evaluation.classes:
        r2 = (
            "undefined (the target is constant)"
            if figures["r2"] is None
            else f"{figures['r2']:.4f}"
        )
        console.print(plain_text(f"R² {r2} on {rows}"))
        console.print(f"mean absolute error {figures['mean_absolute_error']:.5g}")
        console.print(f"root mean squared error {figures['root_mean_squared_error']:.5g}")
        return
    console.print(plain_text(f"accuracy {figures['accuracy']:.4f} on {rows}"))
    console.print(f"balanced accuracy {figures['balanced_accuracy']:.4f}\n")
    console.print(_class_table(figures["classes"]))
    matrix = _confusion_table(evaluation)
    unbounded = console.options.update(max_width=100_000)
    if console.measure(matrix, options=unbounded).maximum <= console.width:
        console.print(matrix)
    else:  # its counts would be cut off
        size = len(evaluation.classes)
        console.print(f"The matrix of {size} classes is wider than {console.width} characters.")


def _class_table(classes: list[Mapping[str, Any]]) -> Table:
    table = Table()
    table.add_column("class")
    for name in ("rows", "precision", "recall", "f1"):
        table.add_column(name, justify="right")
    for figures in classes:
        shares = [figures[name] for name in ("precision", "recall", "f1")]
        shown = ["-" if share is None else f"{share:.3f}" for share in shares]
        table.add_row(plain_text(figures["name"]), f"{figures['rows']:,}", *shown)
    return table


def _confusion_table(evaluation: Evaluation) -> Table:
    table = Table(title="true class (row), named as (column)", title_justify="left")
    table.add_column("", no_wrap=True, max_width=20)
    for index in range(len(evaluation.classes)):
        table.add_column(str(index), justify="right", no_wrap=True)
    for index, (name, counts) in enumerate(
        zip(evaluation.classes, evaluation.confusion, strict=True)
    ):
        cells = [str(count) if count else "·" for count in counts]
        cells[index] = f"[bold]{cells[index]}[/bold]"
        table.add_row(plain_text(f"{index} {name}"), *cells)
    return table


def plain_text(text: str) -> Text:
    """Return text that a terminal shows as it is: neither markup nor control characters."""
    return Text("".join(c if c.isprintable() else "\ufffd" for c in text))


def _share(part: np.ndarray, whole: np.ndarray) -> list[float | None]:
    return [float(p / w) if w else None for p, w in zip(part, whole, strict=True)]
