"""The results for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.measure import CaseResult, WayResult

_WIDTH = 140  # where there is no terminal to ask: no row is folded


def console_for_results() -> Console:
    """Return a console that writes to standard output and folds no row of a table there."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDTH
    return console


def print_result(result: CaseResult, console: Console) -> None:
    """Print a case's table, how its answers agreed, and what must be known to judge it."""
    console.print(f"\n{result.name}: {result.title}", style="bold")
    console.print(_table(result))
    for agreement in result.agreements:
        console.print(f"  {agreement}")
    for note in result.notes:
        console.print(f"  {note}")


def _table(result: CaseResult) -> Table:
    baselines = list(result.ways[0].ratios)
    figures = list(dict.fromkeys(name for way in result.ways for name in way.figures))
    table = Table()
    table.add_column("way", no_wrap=True)
    headings = ["seconds", "min–max", *(f"of {name}" for name in baselines), *figures]
    for heading in [*headings, "peak memory", "beyond the data"]:
        table.add_column(heading, justify="right")
    for way in result.ways:
        table.add_row(way.name, *_cells(way, figures, result.prepared_bytes))
    return table


def _cells(way: WayResult, figures: Sequence[str], prepared: int | None) -> list[str]:
    peak = way.peak_bytes
    extra = None if peak is None or prepared is None else max(0, peak - prepared)
    return [
        seconds_text(way.times.median),
        f"{seconds_text(way.times.fastest)}–{seconds_text(way.times.slowest)}",
        *(f"{ratio:.3g}" for ratio in way.ratios.values()),
        *(_figure_text(way.figures[name]) if name in way.figures else "" for name in figures),
        bytes_text(peak),
        bytes_text(extra),
    ]


def _figure_text(figure: float) -> str:
    return f"{figure:,.0f}" if figure > 1 and figure == round(figure) else f"{figure:.4f}"


def seconds_text(seconds: float) -> str:
    """Return seconds with three digits that mean something."""
    return f"{seconds:.2f}" if seconds >= 1 else f"{seconds:.3g}"


def bytes_text(count: int | None) -> str:
    """Return a number of bytes in megabytes or gigabytes; a dash where it was not measured."""
    if count is None:
        return "–"
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
