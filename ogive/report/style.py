"""The style of a report's figures: how they are drawn, shown in a page, and written to a file.

Line art and text are SVG whose ink follows the reader's light or dark mode. Figures are
matplotlib's, drawn without pyplot, so nothing is left open and no display is needed.
"""

from __future__ import annotations

import io
import re
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, ParamSpec

import matplotlib
from matplotlib.figure import Figure

from ogive._errors import InvalidParameterError
from ogive._writing import PathLike, write_bytes

P = ParamSpec("P")

PLOT_ENDINGS = (".png", ".svg", ".pdf")

# Blue and vermilion stay apart for colour-blind readers and in grey. Each tone becomes a CSS
# variable of the SVG, with another value on dark paper.
INK, FAINT, RULE, BLUE, RED = "#1d1f23", "#62656c", "#d9d5cb", "#1f5f99", "#c2500f"
_DARK = {INK: "#e8e5de", FAINT: "#a3a29d", RULE: "#3a3c42", BLUE: "#6ab0e8", RED: "#f2935c"}
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # real text: any script that the reader's machine can show
    "svg.hashsalt": "ogive",
    "text.parse_math": False,  # a class may be called $5
    "font.family": "DejaVu Sans",  # comes with matplotlib, and is wider than what will be shown
    **dict.fromkeys(("font.size", "axes.titlesize"), 10),
    **dict.fromkeys(("text.color", "axes.titlecolor"), INK),
    **dict.fromkeys(("axes.edgecolor", "grid.color", "xtick.color", "ytick.color"), RULE),
    **dict.fromkeys(("axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), FAINT),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor"), "none"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.frameon": False,
}
_DRAWING = threading.Lock()  # the style is matplotlib's global state while a figure is drawn


class Plot(Generic[P]):
    """A function that draws a figure, made to draw in the house style.

    Called, it returns the figure for a page; `write` puts it into a file.

    Parameters
    ----------
    draw : callable
        Returns a matplotlib figure.
    """

    def __init__(self, draw: Callable[P, Figure]) -> None:
        self._draw = draw
        self.__doc__ = draw.__doc__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the figure as a data: URI of SVG."""
        with _house_style():
            stream = io.StringIO()
            self._draw(*args, **kwargs).savefig(stream, format="svg", metadata={"Date": None})
        return _svg_uri(stream.getvalue())

    def write(self, path: PathLike, *args: P.args, **kwargs: P.kwargs) -> Path:
        """Draw into a .png, .svg or .pdf file, whole or not at all."""
        ending = check_plot_path(path)
        stream = io.BytesIO()
        with _house_style():
            figure = self._draw(*args, **kwargs)
            figure.set_facecolor("white")
            figure.savefig(stream, format=ending[1:], dpi=192)
        return write_bytes(path, stream.getvalue())


def check_plot_path(path: PathLike) -> str:
    """Return the ending of a plot's file, or raise InvalidParameterError if it is none."""
    ending = Path(path).suffix.lower()
    if ending not in PLOT_ENDINGS:
        raise InvalidParameterError(
            f"plot={str(path)!r} must end in {', '.join(PLOT_ENDINGS)}: name the file so"
        )
    return ending


@contextmanager
def _house_style() -> Iterator[None]:
    """Draw in the house style, whatever the user's matplotlibrc says."""
    style = {**matplotlib.rcParamsDefault, **_STYLE}
    del style["backend"]
    with _DRAWING, matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _svg_uri(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", _FONTS)
    for tone in _DARK:
        svg = re.sub(rf"(fill|stroke): {tone}", rf"\1: var(--{tone[1:]})", svg)
    light, dark = (
        "svg{" + "".join(f"--{tone[1:]}:{value};" for tone, value in tones) + "}"
        for tones in (zip(_DARK, _DARK, strict=True), _DARK.items())
    )
    style = f"<style>{light}@media(prefers-color-scheme:dark){{{dark}}}</style>"
    svg = re.sub(r"\n\s*", "\n", svg.replace("<defs>", f"{style}<defs>", 1))
    return "data:image/svg+xml," + urllib.parse.quote(svg, safe=" ;/?@=+$,!*()")


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of so many CSS pixels."""
    return Figure(figsize=(width / 96, height / 96), layout="constrained")


def label(text: object, limit: int = 18) -> str:
    """Return a name fit for an axis: printable and not too long."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"
