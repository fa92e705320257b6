"""How a training went: loss, accuracy and learning rate over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ogive._errors import InvalidDataError
from ogive.report.style import BLUE, FAINT, RED, Plot, new_figure

_WINDOW = 0.04  # share of the records that a smooth curve averages over
_FEW = 20  # up to so many records are drawn as points too: of one there is no line


@Plot
def training_curves(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the curves of a training from the records of its log.

    Faint: single batches. Blue: their running mean, or the batches where there are few. Red points:
    the accuracy on pictures held out, after each epoch, where it was measured. Hollow ones: loss
    and accuracy on those that tell when to stop; a line stands where their loss is lowest.

    Parameters
    ----------
    records : sequence of mapping
        With "step", and of "loss", "accuracy", "rate", "held_out_accuracy", "validation_loss" and
        "validation_accuracy" what there is.

    Raises
    ------
    InvalidDataError
        If no record holds any of these.
    """
    panels = [name for name in ("loss", "accuracy", "rate") if any(name in r for r in records)]
    if not panels:
        raise InvalidDataError("the log holds neither loss, accuracy nor rate: nothing to draw")
    figure = new_figure(640, 60 + 170 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for name, panel in zip(panels, axes, strict=True):
        steps, values = _series(records, name)
        if name == "rate":
            panel.plot(steps, values, _line(values), color=BLUE, linewidth=1.4, ms=3)
        else:
            _draw_batches(panel, steps, values)
        panel.set_title("learning rate" if name == "rate" else name)
        panel.grid(axis="y")
        _draw_validation(panel, records, name)
        if name == "accuracy":
            _draw_held_out(panel, records)
        else:
            panel.set_ylim(bottom=0)
    axes[-1].set_xlabel("step")
    axes[-1].set_xlim(left=0)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure


def _series(records: Sequence[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(record["step"], record[name]) for record in records if name in record]
    steps, values = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return steps, values


def _line(values: np.ndarray) -> str:
    return "o-" if len(values) <= _FEW else "-"


def _draw_batches(axes: Axes, steps: np.ndarray, values: np.ndarray) -> None:
    width = round(_WINDOW * len(values))
    if width < 2:
        axes.plot(steps, values, _line(values), color=BLUE, linewidth=1.4, ms=3, label="a batch")
        return
    axes.plot(steps, values, color=FAINT, linewidth=0.6, alpha=0.45, label="a batch")
    means = np.convolve(values, np.full(width, 1 / width), mode="valid")
    axes.plot(steps[width - 1 :], means, color=BLUE, linewidth=1.4, label=f"mean of {width}")


def _draw_validation(axes: Axes, records: Sequence[Mapping[str, Any]], name: str) -> None:
    steps, losses = _series(records, "validation_loss")
    if not len(steps):
        return
    axes.axvline(steps[losses.argmin()], color=FAINT, linewidth=0.8)
    steps, values = _series(records, f"validation_{name}")
    axes.plot(steps, values, "o", color=RED, ms=4, fillstyle="none", label="left out, averaged")
    if name == "loss" and len(steps):
        axes.legend(loc="upper right", fontsize=8)


def _draw_held_out(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    steps, values = _series(records, "held_out_accuracy")
    if len(steps):
        axes.plot(steps, values, "o", color=RED, ms=4, label="held out, averaged weights")
        text = f"{values[-1]:.4f}"
        axes.annotate(
            text, (steps[-1], values[-1]), (-4, -12), textcoords="offset points", ha="right",
            color=RED, size=9,
        )  # fmt: skip
    axes.legend(loc="lower right", fontsize=8)
