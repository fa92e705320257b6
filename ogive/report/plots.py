"""The plots of a report: arrays in, an image as a ``data:`` URI out; pictures are PNG."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, StrMethodFormatter
from PIL import Image

from ogive.kernels import Definiteness
from ogive.report.style import BLUE, FAINT, INK, RED, RULE, Plot, label, new_figure

_MATRIX_PIXELS = 360
_PICTURE_PIXELS = 72
NUMBERED_CLASSES = 16


@dataclass(frozen=True)
class Example:
    """A test picture as a ``data:`` URI, and the codes of its classes."""

    uri: str
    true: int
    predicted: int


@Plot
def kernel_matrix(matrix: np.ndarray, codes: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a kernel matrix, its rows and columns ordered by class.

    Values of both signs get a diverging colour map centred at 0, others a sequential one.

    Parameters
    ----------
    matrix : ndarray of shape (k, k)
    codes : ndarray of shape (k,)
        Class codes of the rows.
    classes : sequence of str
    """
    order = np.argsort(codes, kind="stable")
    codes, size = np.asarray(codes)[order], len(order)
    shown = _averaged(np.asarray(matrix, dtype=np.float64)[np.ix_(order, order)])
    low, high = np.quantile(shown, [0.002, 0.998])
    name = "RdBu_r" if low < 0 < high else "cividis"
    if low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    colours = matplotlib.colormaps[name].resampled(65)  # few tones pack well; odd: one for 0
    figure = new_figure(540, 480)
    axes = figure.add_subplot()
    norm, extent = Normalize(low, high), (0, size, size, 0)
    drawing = axes.imshow(shown, colours, norm, interpolation="none", extent=extent)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1, [size]])
    for line in (axes.axhline, axes.axvline):
        for edge in edges[1:-1]:
            line(edge, color="#00000066", linewidth=0.6)
    wide = np.diff(edges) >= 0.035 * size  # a thinner band has no room for its name
    starts, ends = edges[:-1][wide], edges[1:][wide]
    _name_axes(axes, (starts + ends) / 2, [classes[codes[start]] for start in starts])
    bar = figure.colorbar(drawing, ax=axes, shrink=0.6, aspect=28, pad=0.02)
    bar.outline.set_visible(False)
    return figure


def _averaged(matrix: np.ndarray) -> np.ndarray:
    """Return means over square blocks, so that a side has at most `_MATRIX_PIXELS`."""
    step = -(-len(matrix) // _MATRIX_PIXELS)
    starts = np.arange(0, len(matrix), step)
    counts = np.diff([*starts, len(matrix)])
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    return np.asarray(sums / np.outer(counts, counts))


def _name_axes(axes: Axes, positions: Any, names: Sequence[str]) -> None:
    labels = [label(name) for name in names]
    axes.set_xticks(positions, labels)
    axes.set_yticks(positions, labels)
    for text in axes.get_xticklabels() if max(map(len, labels), default=0) > 3 else ():
        text.set(rotation=45, horizontalalignment="right", rotation_mode="anchor")
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


@Plot
def spectrum(found: Definiteness) -> Figure:
    """Draw the eigenvalues of a kernel matrix, plain and centred, by falling absolute value.

    Each sign is ranked by itself; those within the tolerance count as zero and are left out.
    """
    figure = new_figure(540, 480)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    parts = {"as it is": found.plain, "centred": found.centred}
    for axes, (title, part) in zip(panels, parts.items(), strict=True):
        floor = found.tolerance * np.abs(part.eigenvalues).max(initial=0.0)
        mass = f", {100 * part.negative_mass:.2g} % of the mass" if part.negative_count else ""
        for sign, colour, name, note in ((1, BLUE, "positive", ""), (-1, RED, "negative", mass)):
            values = np.sort(sign * part.eigenvalues)[::-1]
            values = values[values > floor]
            ranks, marker = np.arange(1, len(values) + 1), "o" if sign > 0 else "v"
            text = f"{name}: {len(values):,}{note}"
            axes.plot(ranks, values, marker, color=colour, ms=3, mew=0, label=text)
        axes.set(xscale="log", yscale="log", title=title, ylabel="absolute value")
        axes.grid(axis="y")
        axes.legend(loc="lower left", markerscale=2, handletextpad=0.2)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(_power))
        axes.minorticks_off()
    panels[1].set_xlabel("rank among those of its sign")
    return figure


def _power(value: float, _: object) -> str:
    exponent = f"{np.log10(value):.0f}"
    return "10" + exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@Plot
def confusion(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw how often each true class (row) was given each name (column).

    Parameters
    ----------
    counts : integer ndarray of shape (classes, classes)
        Coloured by the share of the row; beyond `NUMBERED_CLASSES` the numbers are left out.
    classes : sequence of str
    """
    size = len(counts)
    rgb = np.where(np.eye(size, dtype=bool)[..., None], (0.08, 0.29, 0.5), (0.58, 0.2, 0.0))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    strength = np.sqrt(share)  # so that a few per cent can be seen
    figure = new_figure(540, 500)
    axes = figure.add_subplot()
    axes.imshow(np.dstack([rgb, strength]), interpolation="none")
    if size <= NUMBERED_CLASSES:
        font = min(10.0, 360 / (max(len(str(counts.max())), 3) * size))
        for row, column in np.ndindex(counts.shape):
            tone = "white" if strength[row, column] > 0.7 else INK if counts[row, column] else FAINT
            text = axes.text(column, row, str(counts[row, column]), color=tone, size=font)
            text.set(horizontalalignment="center", verticalalignment="center_baseline")
    step = -(-size // 26)  # more names than this would overlap
    _name_axes(axes, np.arange(0, size, step), classes[::step])
    for edge in np.arange(size - 1) + 0.5:
        axes.axhline(edge, color=RULE, linewidth=0.6)
        axes.axvline(edge, color=RULE, linewidth=0.6)
    axes.set(xlabel="named", ylabel="true class")
    return figure


@Plot
def predicted_against_true(true: np.ndarray, predicted: np.ndarray, target: str) -> Figure:
    """Draw predicted values over true ones, and the line on which they would agree.

    Parameters
    ----------
    true, predicted : ndarray of shape (n,)
    target : str
        The name of what is predicted.
    """
    figure = new_figure(540, 500)
    axes = figure.add_subplot()
    size = 4 if len(true) <= 2000 else 2
    axes.plot(true, predicted, "o", color=BLUE, ms=size, mew=0, alpha=0.5, rasterized=True)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, color=RED, linewidth=1)
    axes.set(xlabel=f"true {label(target, 40)}", ylabel="predicted")
    axes.grid()
    return figure


@Plot
def accuracy_bars(bars: Sequence[tuple[str, float, bool]]) -> Figure:
    """Draw accuracies as bars that start at 0, each with its name above and its value behind.

    Parameters
    ----------
    bars : sequence of (name, accuracy, emphasis)
        From top to bottom; with emphasis in blue, otherwise grey.
    """
    figure = new_figure(540, 46 + 50 * len(bars))
    axes = figure.add_subplot()
    for place, (name, accuracy, emphasis) in enumerate(bars):
        axes.barh(place, accuracy, 0.4, color=BLUE if emphasis else FAINT)
        axes.text(0, place - 0.29, label(name, 64), va="baseline")
        value = f"{100 * accuracy:.1f} %"
        axes.text(accuracy + 0.012, place, value, va="center_baseline", weight="bold")
    axes.set(xlim=(0, 1.14), ylim=(len(bars) - 0.6, -0.75), yticks=[])
    axes.set_xticks(np.linspace(0, 1, 6), [f"{value} %" for value in range(0, 101, 20)])
    axes.get_xticklabels()[0].set_horizontalalignment("left")
    axes.spines[:].set_visible(False)
    axes.grid(axis="x")
    axes.tick_params(length=0)
    return figure


def examples(
    images: np.ndarray, true: np.ndarray, predicted: np.ndarray, margin: np.ndarray, count: int = 12
) -> tuple[list[Example], list[Example]]:
    """Return test pictures that were surely named right, and surely named wrong.

    The right ones are the surest of each class in turn; the wrong ones the surest of all.

    Parameters
    ----------
    images : ndarray of shape (n, h, w, c)
        uint8, or floats in 0 … 1.
    true, predicted : ndarray of shape (n,)
        Class codes.
    margin : ndarray of shape (n,)
    count : int
        At most so many of each.
    """
    surest = np.argsort(-np.asarray(margin), kind="stable")
    hit = (true == predicted)[surest]
    hits, misses = surest[hit], surest[~hit]
    rank = np.zeros(len(hits), dtype=np.int64)
    for code in np.unique(true[hits]):
        of_class = true[hits] == code
        rank[of_class] = np.arange(of_class.sum())
    right, wrong = (
        [Example(picture(images[i]), int(true[i]), int(predicted[i])) for i in chosen[:count]]
        for chosen in (hits[np.argsort(rank, kind="stable")], misses)
    )
    return right, wrong


def picture(image: np.ndarray) -> str:
    """Return one picture (h, w, c), uint8 or floats in 0 … 1, as a PNG in a data: URI."""
    pixels = np.asarray(image)
    if len(pixels) == 1:  # the numbers of a table's row: a strip, high enough to be seen
        pixels = np.repeat(pixels, max(pixels.shape[1] // 6, 1), axis=0)
    if pixels.dtype != np.uint8:
        pixels = np.rint(255 * np.clip(np.nan_to_num(pixels), 0, 1)).astype(np.uint8)
    drawn = Image.fromarray(pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., 0])
    drawn.thumbnail((_PICTURE_PIXELS, _PICTURE_PIXELS), Image.Resampling.BOX)
    stream = io.BytesIO()
    drawn.save(stream, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
