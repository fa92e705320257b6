"""The plots of a report: arrays in, an image as a ``data:`` URI out.

Line art and text are SVG whose ink follows the reader's light or dark mode; pictures are PNG.
Figures are matplotlib's, drawn without pyplot, so nothing is left open and no display is needed.
"""

from __future__ import annotations

import base64
import functools
import io
import re
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from ogive.kernels import Definiteness

P = ParamSpec("P")

# Blue and vermilion stay apart for colour-blind readers and in grey. Each tone is drawn in its
# light variant and becomes a CSS variable of the SVG: (name, on light paper, on dark paper).
INK, FAINT, RULE, BLUE, RED = "#1d1f23", "#62656c", "#d9d5cb", "#1f5f99", "#c2500f"
_TONES = (
    ("ink", INK, "#e8e5de"),
    ("faint", FAINT, "#a3a29d"),
    ("rule", RULE, "#3a3c42"),
    ("blue", BLUE, "#6ab0e8"),
    ("red", RED, "#f2935c"),
)
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_STYLE = {
    "svg.fonttype": "none",  # real text: any script that the reader's machine can show
    "svg.hashsalt": "ogive",
    "text.parse_math": False,  # a class may be called $5
    "font.family": "DejaVu Sans",  # comes with matplotlib, and is wider than what will be shown
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "legend.frameon": False,
    "axes.unicode_minus": True,
}
_DRAWING = threading.Lock()  # the style is matplotlib's global state while a figure is drawn
_MATRIX_PIXELS = 360
_PICTURE_PIXELS = 72
_NUMBERED_CLASSES = 20


@dataclass(frozen=True)
class Example:
    """A test picture as a ``data:`` URI, with the codes of its true and its predicted class."""

    uri: str
    true: int
    predicted: int
    coarse: bool  # so few pixels that each should be shown as a square


def _styled(draw: Callable[P, Figure]) -> Callable[P, str]:
    """Draw in the house style, whatever the user's matplotlibrc says, and return a data: URI."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        plain = {k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"}
        with _DRAWING, matplotlib.rc_context({**plain, **_STYLE}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            stream = io.StringIO()
            draw(*args, **kwargs).savefig(stream, format="svg", metadata={"Date": None})
        return _svg_uri(stream.getvalue())

    return drawn


def _svg_uri(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, count=0, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", _FONTS)
    for name, light, _ in _TONES:
        svg = re.sub(rf"(fill|stroke): {light}", rf"\1: var(--{name})", svg)
    light = "".join(f"--{name}:{tone};" for name, tone, _ in _TONES)
    dark = "".join(f"--{name}:{tone};" for name, _, tone in _TONES)
    style = f"svg{{{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}"
    svg = svg.replace("<defs>", f"<style>{style}</style><defs>", 1)
    svg = re.sub(r"\n\s*", "\n", svg)
    return "data:image/svg+xml," + urllib.parse.quote(svg, safe=" ;/?@=+$,!*()")


def _figure(width: float, height: float) -> Figure:
    """Return a figure of so many CSS pixels."""
    return Figure(figsize=(width / 96, height / 96), layout="constrained")


def label(text: object, limit: int = 18) -> str:
    """Return a name fit for an axis: printable and not too long."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


@_styled
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
    if low < 0 < high:
        edge = max(-low, high)
        low, high, name = -edge, edge, "RdBu_r"
    else:
        name = "cividis"
    colours = matplotlib.colormaps[name].resampled(65)  # few tones pack well; odd: one for 0
    figure = _figure(540, 520)
    axes = figure.add_subplot()
    drawing = axes.imshow(
        shown, cmap=colours, norm=Normalize(low, high), interpolation="none",
        extent=(0, size, size, 0),
    )  # fmt: skip
    edges = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1, [size]])
    for edge in edges[1:-1]:
        axes.axhline(edge, color="#00000066", linewidth=0.6)
        axes.axvline(edge, color="#00000066", linewidth=0.6)
    wide = np.diff(edges) >= 0.035 * size  # a thinner band has no room for its name
    middles = ((edges[:-1] + edges[1:]) / 2)[wide]
    _name_axes(axes, middles, [classes[codes[start]] for start in edges[:-1][wide]])
    bar = figure.colorbar(drawing, ax=axes, shrink=0.6, aspect=28, pad=0.02)
    bar.outline.set_visible(False)  # type: ignore[operator]
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
    longest = max(map(len, labels), default=0)
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if longest > 3 else {}
    axes.set_xticks(positions, labels, **turn)
    axes.set_yticks(positions, labels)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)


@_styled
def spectrum(found: Definiteness) -> Figure:
    """Draw the eigenvalues of a kernel matrix, plain and centred, by falling absolute value.

    Those within the tolerance of `found` count as zero and are left out.
    """
    figure = _figure(540, 500)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    for axes, (title, part) in zip(
        panels, {"as it is": found.plain, "centred": found.centred}.items(), strict=True
    ):
        values = part.eigenvalues[np.argsort(-np.abs(part.eigenvalues), kind="stable")]
        floor = found.tolerance * np.abs(values).max(initial=0.0)
        share = f"{part.negative_count:,}, {100 * part.negative_mass:.2g} % of the mass"
        for keep, colour, marker, name in (
            (values > floor, BLUE, "o", f"positive: {int((values > floor).sum()):,}"),
            (values < -floor, RED, "v", f"negative: {share}" if part.negative_count else ""),
        ):
            if keep.any():
                ranks = np.flatnonzero(keep) + 1
                axes.plot(
                    ranks, np.abs(values[keep]), marker, color=colour, markersize=2.6,
                    markeredgewidth=0, label=name,
                )  # fmt: skip
        if not part.negative_count:
            axes.plot([], [], "v", color=RED, label="negative: none")
        axes.set_yscale("log")
        axes.set_title(title, color=INK, fontweight="bold")
        axes.grid(axis="y", color=RULE, linewidth=0.6)
        axes.legend(loc="upper right", markerscale=2.4, handletextpad=0.2)
    figure.supylabel("size of the eigenvalue", color=FAINT, fontsize=10)
    panels[1].set_xlabel("rank")
    return figure


@_styled
def confusion(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw how often each true class (row) was given each name (column).

    Parameters
    ----------
    counts : ndarray of shape (classes, classes)
        Colours are by the share of the row: blue if right, vermilion if wrong. Beyond twenty
        classes the numbers are left out.
    classes : sequence of str
    """
    size = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rgb = np.where(np.eye(size, dtype=bool)[..., None], (0.08, 0.29, 0.5), (0.68, 0.25, 0.02))
    strength = np.sqrt(share)  # so that a few per cent can be seen
    figure = _figure(540, 500)
    axes = figure.add_subplot()
    axes.imshow(np.dstack([rgb, strength]), interpolation="none")
    if size <= _NUMBERED_CLASSES:
        digits = len(str(int(counts.max())))
        font = min(10.0, 10 * 36 / (max(digits, 3) * size))
        for row, column in np.ndindex(counts.shape):
            tone = "white" if strength[row, column] > 0.7 else INK if counts[row, column] else FAINT
            axes.text(
                column, row, f"{int(counts[row, column])}", color=tone, fontsize=font,
                ha="center", va="center_baseline",
            )  # fmt: skip
    step = -(-size // 26)
    _name_axes(axes, np.arange(0, size, step), classes[::step])
    axes.set_xticks(np.arange(size - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(size - 1) + 0.5, minor=True)
    axes.grid(which="minor", color=RULE, linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("named")
    axes.set_ylabel("true class")
    return figure


@_styled
def accuracy_bars(bars: Sequence[tuple[str, float, bool]]) -> Figure:
    """Draw accuracies as bars that start at 0, each with its name above and its value behind.

    Parameters
    ----------
    bars : sequence of (name, accuracy, emphasis)
        From top to bottom; with emphasis in blue, otherwise grey.
    """
    figure = _figure(540, 46 + 50 * len(bars))
    axes = figure.add_subplot()
    for place, (name, accuracy, emphasis) in enumerate(bars):
        axes.barh(place, accuracy, 0.4, color=BLUE if emphasis else FAINT)
        axes.text(0, place - 0.29, label(name, 64), va="baseline")
        axes.text(
            accuracy + 0.012, place, f"{100 * accuracy:.1f} %", va="center_baseline",
            fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(0, 1.14)
    axes.set_ylim(len(bars) - 0.6, -0.75)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
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
    count : int, default 12
        At most so many of each.
    """
    surest = np.argsort(-np.asarray(margin), kind="stable")
    hit = (true == predicted)[surest]
    right, wrong = surest[hit], surest[~hit]
    seen: dict[int, int] = {}
    turn = [seen.setdefault(code, 0) or seen[code] for code in map(int, true[right])]
    for place, code in enumerate(map(int, true[right])):
        turn[place] = seen[code]
        seen[code] += 1
    right = right[np.argsort(turn, kind="stable")]
    return tuple(  # type: ignore[return-value]
        [
            Example(picture(images[i]), int(true[i]), int(predicted[i]), max(images[i].shape) < 48)
            for i in chosen[:count]
        ]
        for chosen in (right, wrong)
    )


def picture(image: np.ndarray) -> str:
    """Return one picture (h, w, c), uint8 or floats in 0 … 1, as a PNG in a data: URI."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        pixels = np.rint(255 * np.clip(np.nan_to_num(pixels), 0, 1)).astype(np.uint8)
    if pixels.shape[-1] not in (1, 3):
        pixels = pixels[..., :3] if pixels.shape[-1] == 4 else pixels[..., :1]
    drawn = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    drawn.thumbnail((_PICTURE_PIXELS, _PICTURE_PIXELS), Image.Resampling.BOX)
    stream = io.BytesIO()
    drawn.save(stream, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
