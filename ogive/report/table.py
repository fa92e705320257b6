"""The demonstration's tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from ogive.report.demo_result import DemoResult, Score


def print_result(result: DemoResult, console: Console) -> None:
    """Print what was found: kernel and definiteness, the kernels' table, scikit-learn's."""
    if result.data_note:
        console.print(result.data_note + "\n", markup=False)
    console.print(f"{result.kernel}: {result.kernel_note}.", markup=False)
    console.print(f"On {result.definiteness.sample_size:,} rows it is {result.definiteness}.")
    console.print(f"{result.treatment}.\n", markup=False)
    title = f"{result.data}: {result.test_rows:,} test rows"
    console.print(_table(title, "kernel", result.scores))
    rows = result.comparison[0].rows
    console.print(_table(f"the sigmoid kernel on {rows:,} rows", "machine", result.comparison))


def _table(title: str, first: str, scores: Iterable[Score]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column(first)
    for heading in ("rows", "landmarks", "accuracy", "seconds", "peak memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in scores:
        table.add_row(
            f"{score.name}\n[dim]{score.detail}[/dim]",
            f"{score.rows:,}",
            "all rows" if score.landmarks is None else f"{score.landmarks:,}",
            f"{score.accuracy:.4f}",
            f"{score.seconds:.1f}",
            f"{score.peak_bytes / 1e9:.2f} GB",
        )
    return table
